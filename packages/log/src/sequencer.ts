// The run loop of one bucket: plan, check, commit, sign, answer, again. While one commit is on the disk the
// next batch gathers in the pool. Recovery is the code that opens.
//
//     opening ----> open ----> committing ----> open          every record answered, the head signed
//        ^            |            |
//        |            |            +-- head-moved ----------> opening, then the same records again
//        |            |            +-- outcome unknown -----> records answered 503, opening
//        |            |            +-- assertion -----------> read-only, until the process starts anew
//        +-- store cannot be read: read-only meanwhile, tried again
//        +-- damaged-store, rolled-back, forked, wrong-key -> read-only, until the process starts anew
import { AssertionError } from 'node:assert'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import type { HeadSigner } from './checkpoint.ts'
import type { Committed } from './documents-fresh.ts'
import type { Report } from './event.ts'
import { lookUp } from './known.ts'
import { type Pending, Pool } from './pool.ts'
import type { Rules } from './rules.ts'
import { checkBeforeWrite, type Outcome, type Plan, planBatch } from './sequence.ts'
import type { Head, Store } from './store.ts'
import { readTip, type Tip } from './tip.ts'

export type BucketState =
  | { readonly kind: 'open' }
  | { readonly kind: 'read-only'; readonly code: RefusalCode; readonly detail: string }

/** A head that is committed and has its Ed25519 note. `time`: of its newest block. */
export type Signed = { readonly head: Head; readonly note: string; readonly time: number }

export type SequencerOptions = {
  readonly bucket: string
  readonly store: Store
  readonly rules: Rules
  readonly signer: HeadSigner
  readonly now: () => number
  readonly report: Report
  /** Throws `wrong-key` unless the signer's keys are the ones that `keys` announces. */
  readonly checkLogKeys: () => void
  /**
   * Called when the committed head has moved on from size `from`, and once when the bucket is opened;
   * `blocks` are those of the commit, none when the head was read from the store.
   */
  readonly onHead: (from: number, signed: Signed, blocks: readonly Committed[]) => void
}

/**
 * A commit costs as much as signing for dozens of records, however few are in it. So it waits for those that
 * are being decoded or verified, if any, until so many are ready, and never longer than this.
 */
const gatherRecords = 32
const gatherMsMax = 2

/** How far this process may be behind the newest block before it refuses to sequence. */
const clockLagMsMax = 5000
const reopenMsMax = 5000

export class Sequencer {
  readonly pool: Pool = new Pool()
  readonly #options: SequencerOptions
  #state: BucketState = { kind: 'open' }
  /** Where the chain goes on; only the run loop touches it. Dropped whenever an outcome is unknown. */
  #tip: Tip | undefined
  #signed: Signed | undefined
  #running: Promise<void> | undefined
  #isRunning = false
  #isClosing = false
  /** Ends the wait for more records. */
  #gathered: (() => void) | undefined

  constructor(options: SequencerOptions) {
    this.#options = options
  }

  get state(): BucketState {
    return this.#state
  }

  /**
   * The newest committed head: what readers and admission go by, whatever happens now. Throws as long as
   * there is none.
   */
  get signed(): Signed {
    if (this.#signed !== undefined) return this.#signed
    const { code, detail } = this.#state.kind === 'open' ? opening : this.#state
    throw new Refused(code, detail)
  }

  /** Reads the store's truth. A bucket that cannot be opened is read-only from then on. */
  async open(): Promise<void> {
    try {
      await this.#load()
    } catch (error) {
      this.#stop(error)
    }
  }

  /** The record's signature is good: it may go into the next commit. */
  ready(pending: Pending): void {
    this.pool.makeReady(pending)
    this.#wake()
  }

  /** The record is refused; those of its caller that came after it may go on. */
  refuse(pending: Pending, error: Error): void {
    this.pool.settle(pending, { kind: 'refused', error })
    this.#wake()
  }

  /** Commits what waits, and ends. */
  async close(): Promise<void> {
    this.#isClosing = true
    while (this.pool.bytes > 0 && this.#state.kind === 'open') await sleep(1)
    await this.#running
    this.pool.refuseAll(new Refused('stopping', 'the ledger is stopping'))
  }

  #wake(): void {
    if (this.#isGathered) this.#gathered?.()
    if (this.#isRunning || this.pool.ready === 0) return
    this.#isRunning = true
    // Verdicts of one message come one after the other: the microtask lets the batch see them all.
    this.#running = Promise.resolve().then(() => this.#run())
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        await this.#gather()
        const taken = this.#take()
        if (taken.length === 0) return
        await this.#round(taken)
      }
    } finally {
      // In the same step as the last look at the pool, or a record that comes in between would wait for ever.
      this.#isRunning = false
    }
  }

  get #isGathered(): boolean {
    const { ready, coming } = this.pool
    return ready === 0 || ready >= gatherRecords || coming === 0
  }

  /** Lets the next commit fill up. */
  async #gather(): Promise<void> {
    if (this.#isGathered) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, gatherMsMax)
    this.#gathered = resolve
    await promise
    this.#gathered = undefined
    clearTimeout(timer)
  }

  #take(): readonly Pending[] {
    return this.#state.kind === 'open' ? this.pool.take(this.#options.rules.recordsMax) : []
  }

  /** The records of one commit, until each is answered. */
  async #round(taken: readonly Pending[]): Promise<void> {
    for (;;) {
      const done = await this.#commit(taken).catch((error: unknown) => this.#recover(error, taken))
      if (done === 'moved') continue
      if (done !== 'failed') this.#answer(taken, done)
      return
    }
  }

  /** One commit: plan, check, write, and only then sign. */
  async #commit(taken: readonly Pending[]): Promise<Done> {
    const { bucket, store, rules } = this.#options
    const began = performance.now()
    const tip = this.#tip
    if (tip === undefined) throw new Error(`bucket ${bucket} is not open`)
    const { batch, next, outcomes } = await this.#plan(tip, taken)
    if (batch === undefined) return { outcomes, count: 0, bytes: 0, ms: 0 }
    const checked = checkBeforeWrite(tip, batch, next)
    const accept = await rules.approve(batch)
    await store.append(bucket, tip.head, batch, checked.head)
    accept()
    await this.#sign(checked)
    const bytes = batch.entries.length + batch.envelopes.length
    return { outcomes, count: batch.count, bytes, ms: performance.now() - began }
  }

  async #plan(tip: Tip, taken: readonly Pending[]): Promise<Plan> {
    const { bucket, store, rules, now, report } = this.#options
    const lagMs = tip.time - now()
    if (lagMs > clockLagMsMax) {
      report({ kind: 'clock-behind', bucket, ms: lagMs })
      throw new Refused('read-only', `the clock is ${lagMs} ms behind the newest block of ${bucket}`)
    }
    const known = await lookUp(store, bucket, taken)
    return planBatch(tip, taken, known, { bucket, time: Math.max(now(), tip.time), ...rules.setting(tip) })
  }

  #answer(taken: readonly Pending[], { outcomes, count, bytes, ms }: Done): void {
    const { bucket, report, onHead } = this.#options
    const blocks: Committed[] = []
    for (const [i, pending] of taken.entries()) {
      const outcome = outcomes[i] as Outcome
      this.pool.settle(pending, outcome)
      if (outcome.kind === 'refused' || outcome.duplicate) continue
      blocks.push({ place: outcome, statement: pending.statement, envelope: pending.envelope })
    }
    if (count === 0) return
    report({ kind: 'committed', bucket, count, bytes, ms })
    onHead(this.signed.head.size - count, this.signed, blocks)
  }

  /** A commit has failed: `moved` asks for the same records again, which nobody has written. */
  async #recover(error: unknown, taken: readonly Pending[]): Promise<'moved' | 'failed'> {
    const { bucket, report } = this.#options
    if (!(error instanceof Refused)) {
      report({ kind: 'outcome-unknown', bucket, error })
      this.#refuse(taken, outcomeUnknown(error))
      if (error instanceof AssertionError) this.#stop(error)
      else await this.#reopen()
      return 'failed'
    }
    if (error.code === 'head-moved') {
      report({ kind: 'head-moved', bucket })
      await this.#reopen()
      if (this.#state.kind === 'open') return 'moved'
    }
    this.#refuse(taken, error)
    if (error.code === 'damaged-store') await this.#reopen()
    return 'failed'
  }

  /**
   * Opens the bucket anew, by the code that opened it first; as long as the store cannot be read, again and
   * again.
   */
  async #reopen(): Promise<void> {
    const { bucket, report } = this.#options
    this.#tip = undefined
    for (let waitMs = 20; ; waitMs = Math.min(2 * waitMs, reopenMsMax)) {
      try {
        await this.#load()
        return report({ kind: 'reopened', bucket, size: this.signed.head.size })
      } catch (error) {
        if (error instanceof Refused || error instanceof AssertionError) return this.#stop(error)
        report({ kind: 'outcome-unknown', bucket, error })
        this.#state = { kind: 'read-only', code: 'read-only', detail: `${bucket} cannot be read now` }
        this.pool.refuseAll(new Refused('read-only', this.#state.detail))
        if (this.#isClosing) return
        await sleep(waitMs)
      }
    }
  }

  /** The store's truth, checked and signed: how every bucket opens, whatever happened before. */
  async #load(): Promise<void> {
    const { bucket, store, rules, signer, checkLogKeys, onHead } = this.#options
    const before = this.#signed?.head.size
    const tip = await readTip(store, bucket)
    await rules.catchUp(tip)
    checkLogKeys()
    signer.checkHead(tip.head)
    await this.#sign(tip)
    this.#state = { kind: 'open' }
    if (before === undefined || before < tip.head.size) onHead(before ?? 0, this.signed, [])
  }

  /** Signs a head that is known to be committed, and goes on from it. */
  async #sign(tip: Tip): Promise<void> {
    const note = await this.#options.signer.signCommitted(tip.head)
    this.#signed = { head: tip.head, note, time: tip.time }
    this.#tip = tip
  }

  /** Quarantine: no more appends in this process. Other buckets go on. */
  #stop(error: unknown): void {
    const { bucket, report } = this.#options
    const code = error instanceof Refused ? error.code : 'read-only'
    const reason = error instanceof Error ? error.message : String(error)
    this.#state = { kind: 'read-only', code, detail: `${bucket} takes no appends: ${reason}` }
    this.pool.refuseAll(new Refused('read-only', this.#state.detail))
    report({ kind: 'stopped', bucket, code, detail: reason, error })
  }

  #refuse(pendings: readonly Pending[], error: Error): void {
    for (const pending of pendings) this.pool.settle(pending, { kind: 'refused', error })
  }
}

/** What became of the records; the head that covers them is signed. */
type Done = {
  readonly outcomes: readonly Outcome[]
  readonly count: number
  readonly bytes: number
  readonly ms: number
}

const opening = { code: 'read-only', detail: 'the bucket is being opened' } as const

function outcomeUnknown(cause: unknown): Refused {
  const message = 'the record may or may not be committed: ask again with the same id'
  return new Refused('outcome-unknown', message, { cause })
}
