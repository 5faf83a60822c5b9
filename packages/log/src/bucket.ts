// One bucket: one chain, one sequencer. Records are admitted, wait in the pool, and while one commit is on the disk the
// next batch gathers. A head is signed only when it is known to be committed, and callers are answered only then.
import { AssertionError } from 'node:assert'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hash } from '@ledgerstone/core/bytes'
import { limits } from '@ledgerstone/core/limits'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import type { Policy } from '@ledgerstone/core/policy'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import { decodeEntries } from '@ledgerstone/core/tile'
import { type Admitted, admit, identify, judgeAgain, type Submission } from './admit.ts'
import { HeadSigner, type LogSigner } from './checkpoint.ts'
import type { Report } from './event.ts'
import { lookUp } from './known.ts'
import type { Accept, LiveRegistry } from './live-registry.ts'
import type { MldsaThread } from './mldsa.ts'
import { type Pending, Pool, type Settle } from './pool.ts'
import { type Cosign, type Final, Publisher } from './publish.ts'
import { checkBeforeWrite, type Outcome, type Placed, type Plan, planBatch } from './sequence.ts'
import type { Head, Store } from './store.ts'
import { readTip, type Tip } from './tip.ts'
import type { Verifiers } from './verify.ts'

/** A committed block, and a note that covers it. `duplicate`: an earlier try had made it. */
export type Appended = {
  readonly index: number
  readonly hash: Hash
  readonly prev: Hash
  /** Milliseconds since 1970. */
  readonly time: number
  /** The head that the note signs: committed, of at least `index + 1` blocks. */
  readonly head: Head
  /** Ed25519 note on `head`. */
  readonly checkpoint: string
  readonly duplicate: boolean
}

export type BucketState =
  | { readonly kind: 'open' }
  | { readonly kind: 'read-only'; readonly code: RefusalCode; readonly detail: string }

/** `block`: blocks from `from` up to `head.size` were committed. `final`: `bucket.final` has moved on. */
export type BucketEvent =
  | { readonly kind: 'block'; readonly from: number; readonly head: Head }
  | { readonly kind: 'final'; readonly final: Final }

/** What all buckets of a log share. */
export type BucketContext = {
  readonly ledger: string
  readonly store: Store
  readonly registry: LiveRegistry
  readonly verifiers: Verifiers
  readonly mldsa: MldsaThread
  readonly policy: Policy
  readonly cosign: Cosign | undefined
  readonly now: () => number
  readonly publishIntervalMs: number
  readonly publishAgeMsMax: number
  readonly report: Report
  /** Throws when `keys` is broken: nothing can be admitted without it. */
  readonly checkKeys: () => void
}

/** How far this process may be behind the newest block before it refuses to sequence. */
const clockLagMsMax = 5000
const reopenMsMax = 5000

export class Bucket {
  readonly name: string
  readonly origin: string
  /** Verifier keys of the log, as announced in `keys`. */
  readonly vkeys: readonly string[]
  readonly store: Store
  readonly #context: BucketContext
  readonly #signer: HeadSigner
  readonly #publisher: Publisher
  readonly #pool = new Pool()
  readonly #listeners = new Set<(event: BucketEvent) => void>()
  #state: BucketState = { kind: 'open' }
  /** Where the chain goes on; only the run loop touches it. Dropped whenever an outcome is unknown. */
  #tip: Tip | undefined
  /** The newest head that was signed, and so is committed whatever happens: what readers and admission go by. */
  #signed: { readonly head: Head; readonly note: string; readonly time: number } | undefined
  #running: Promise<void> | undefined
  #isClosing = false

  private constructor(name: string, signer: LogSigner, context: BucketContext) {
    this.name = name
    this.origin = originOf(context.ledger, name)
    this.store = context.store
    this.#context = context
    this.#signer = new HeadSigner(this.origin, signer, context.mldsa)
    this.vkeys = this.#signer.vkeys.map(({ text }) => text)
    const { policy, cosign, now, report, publishIntervalMs: intervalMs, publishAgeMsMax: ageMsMax } = context
    const onFinal = (final: Final): void => this.#emit({ kind: 'final', final })
    const options = { bucket: name, signer: this.#signer, policy, cosign, now, intervalMs, ageMsMax }
    this.#publisher = new Publisher({ ...options, onFinal, report })
  }

  /** Opens a bucket of the store, also an empty one. One that cannot be read is quarantined: see `state`. */
  static async open(name: string, signer: LogSigner, context: BucketContext): Promise<Bucket> {
    const bucket = new Bucket(name, signer, context)
    try {
      await bucket.#load()
    } catch (error) {
      bucket.#stop(error)
    }
    return bucket
  }

  get state(): BucketState {
    return this.#state
  }

  /** The newest committed head. Throws why the bucket could not be opened, if so. */
  get head(): Head {
    return this.#opened().head
  }

  /** Ed25519 note on `head`. */
  get headNote(): string {
    return this.#opened().note
  }

  get final(): Final | undefined {
    return this.#publisher.final
  }

  /** Bytes of records that wait. */
  get poolBytes(): number {
    return this.#pool.bytes
  }

  /**
   * Appends a record; resolves when its block is durable and signed for. `caller` is who must not starve others.
   * Throws what `admit` throws, `bad-signature`, `id-reused`, `case-moved`, `pool-full`, `store-full`, `read-only`,
   * `stopping`, and `outcome-unknown`: ask again with the same id.
   */
  append(submission: Submission, caller: string): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#submit(submission, caller, (outcome) => {
        if (outcome.kind === 'refused') reject(outcome.error)
        else resolve(this.#answer(outcome))
      })
    })
  }

  /** Appends records in their order, each with its own result in the same place; never rejects. */
  appendBatch(submissions: readonly Submission[], caller: string): Promise<readonly (Appended | Error)[]> {
    return new Promise((resolve) => {
      const results: (Appended | Error)[] = new Array(submissions.length)
      let open = submissions.length
      if (open === 0) resolve(results)
      for (const [i, submission] of submissions.entries()) {
        this.#submit(submission, caller, (outcome) => {
          results[i] = outcome.kind === 'refused' ? outcome.error : this.#answer(outcome)
          if (--open === 0) resolve(results)
        })
      }
    })
  }

  /** Calls the listener after every commit and publication; returns the function that ends it. */
  subscribe(listener: (event: BucketEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Takes no more records, commits those that wait, publishes, stops. */
  async close(): Promise<void> {
    this.#isClosing = true
    while (this.#pool.bytes > 0 && this.#state.kind === 'open') await sleep(1)
    await this.#running
    this.#pool.refuseAll(new Refused('stopping', 'the ledger is stopping'))
    await this.#publisher.close()
  }

  #submit(submission: Submission, caller: string, settle: Settle): void {
    let pending: Pending
    try {
      pending = this.#pool.add(this.#admit(submission), caller, settle)
    } catch (error) {
      settle({ kind: 'refused', error: error as Error })
      return
    }
    // Blocks of keys are judged whole by the registry, signature and all, when their place is known.
    if (this.name === keysBucket) this.#ready(pending)
    else {
      const { statement, spki } = pending
      this.#context.verifiers.verify(statement, spki, caller, (isGood, error) => {
        if (isGood) this.#ready(pending)
        else this.#refuse([pending], error === undefined ? badSignature() : unverifiable(error))
      })
    }
  }

  #admit(submission: Submission): Admitted {
    if (this.#isClosing) throw new Refused('stopping', 'the ledger is stopping')
    if (this.#state.kind === 'read-only') throw new Refused('read-only', this.#state.detail)
    const { registry } = this.#context
    this.#pool.checkRoom(submission.statement.jws.length + (submission.envelope?.ciphertext.length ?? 0))
    if (this.name === keysBucket) {
      if (registry.size === 0) return identify(submission, genesisSigner, this.origin)
      return identify(submission, registry.registry.key(submission.statement.header.kid), this.origin)
    }
    this.#context.checkKeys()
    const { head, time: last } = this.#opened()
    const time = Math.max(this.#context.now(), last)
    const place = { bucket: this.name, index: head.size, time, keys: registry.size }
    return admit(submission, place, this.origin, registry.registry)
  }

  #ready(pending: Pending): void {
    this.#pool.makeReady(pending)
    // Verdicts of one message come one after the other: the microtask lets the batch see them all.
    this.#running ??= Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined
      })
  }

  async #run(): Promise<void> {
    const recordsMax = this.name === keysBucket ? 1 : limits.commitRecordsMax
    while (this.#pool.ready > 0 && this.#state.kind === 'open') {
      const taken = this.#pool.take(recordsMax)
      if (taken.length === 0) return
      while (!(await this.#tryCommit(taken))) this.#context.report({ kind: 'head-moved', bucket: this.name })
    }
  }

  /** False: another process came first, nothing was written, and the same records are to be chained anew. */
  async #tryCommit(taken: readonly Pending[]): Promise<boolean> {
    try {
      await this.#commit(taken)
      return true
    } catch (error) {
      return this.#recover(error, taken)
    }
  }

  /** One commit: plan, check, write, and only then sign and answer. */
  async #commit(taken: readonly Pending[]): Promise<void> {
    const began = performance.now()
    const tip = this.#tip
    if (tip === undefined) throw new Error(`bucket ${this.name} is not open`)
    const plan = await this.#plan(tip, taken)
    if (plan === undefined) return
    const { batch, next, outcomes } = plan
    if (batch !== undefined) {
      checkBeforeWrite(tip, batch, next)
      const accept = await this.#judgeKeys(batch.entries, taken)
      if (accept === 'refused') return
      await this.store.append(this.name, tip.head, batch, next.head)
      accept?.()
      await this.#sign(next)
    }
    for (const [i, pending] of taken.entries()) this.#pool.settle(pending, outcomes[i] as Outcome)
    if (batch === undefined) return
    const bytes = batch.entries.length + batch.envelopes.length
    const ms = performance.now() - began
    this.#context.report({ kind: 'committed', bucket: this.name, count: batch.count, bytes, ms })
    this.#emit({ kind: 'block', from: batch.from, head: next.head })
    this.#publisher.offer(next.head, this.headNote)
  }

  async #plan(tip: Tip, taken: readonly Pending[]): Promise<Plan | undefined> {
    const { registry, now } = this.#context
    const lagMs = tip.time - now()
    if (lagMs > clockLagMsMax) {
      this.#context.report({ kind: 'clock-behind', bucket: this.name, ms: lagMs })
      this.#refuse(taken, new Refused('read-only', `the clock is ${lagMs} ms behind the newest block`))
      return undefined
    }
    const known = await lookUp(this.store, this.name, taken)
    const time = Math.max(now(), tip.time)
    if (this.name === keysBucket) {
      const setting = { bucket: this.name, time, keys: tip.head.size, judge: () => undefined }
      return planBatch(tip, taken, known, setting)
    }
    const live = registry.registry
    return planBatch(tip, taken, known, {
      bucket: this.name,
      time,
      keys: live.size,
      judge: (record, place) => judgeAgain(record, place, live),
    })
  }

  /** For the one block of a commit to `keys`: the registry's verdict. */
  async #judgeKeys(
    entries: Uint8Array<ArrayBuffer>,
    taken: readonly Pending[],
  ): Promise<Accept | 'refused' | undefined> {
    if (this.name !== keysBucket) return undefined
    try {
      const [entry] = decodeEntries(entries, 1)
      return await this.#context.registry.judge(entry as Uint8Array)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.#refuse(taken, error)
      return 'refused'
    }
  }

  /** A commit has failed. What is in memory is dropped, and the store is asked what is true. */
  async #recover(error: unknown, taken: readonly Pending[]): Promise<boolean> {
    if (error instanceof Refused) {
      if (error.code === 'head-moved') {
        await this.#reopen()
        if (this.#state.kind === 'open') return false
      }
      this.#refuse(taken, error)
      if (error.code !== 'head-moved' && error.code !== 'store-full') await this.#reopen()
      return true
    }
    this.#context.report({ kind: 'outcome-unknown', bucket: this.name, error })
    this.#refuse(taken, outcomeUnknown(error))
    if (error instanceof AssertionError) this.#stop(error)
    else await this.#reopen()
    return true
  }

  /** Opens the bucket anew by the code that opened it first; as long as the store fails, again and again. */
  async #reopen(): Promise<void> {
    this.#tip = undefined
    for (let waitMs = 20; ; waitMs = Math.min(2 * waitMs, reopenMsMax)) {
      try {
        await this.#load()
        this.#context.report({ kind: 'reopened', bucket: this.name, size: this.head.size })
        return
      } catch (error) {
        if (error instanceof Refused || error instanceof AssertionError) return this.#stop(error)
        this.#context.report({ kind: 'outcome-unknown', bucket: this.name, error })
        this.#state = { kind: 'read-only', code: 'outcome-unknown', detail: 'the store cannot be read now' }
        this.#pool.refuseAll(new Refused('read-only', this.#state.detail))
        if (this.#isClosing) return
        await sleep(waitMs)
      }
    }
  }

  /** The store's truth, checked and signed: how every bucket opens, whatever happened before. */
  async #load(): Promise<void> {
    const { registry, checkKeys } = this.#context
    const before = this.#signed?.head.size
    if (this.name !== keysBucket) checkKeys()
    const tip = await readTip(this.store, this.name)
    if (this.name === keysBucket || tip.keys > registry.size) await registry.follow(this.store)
    if (tip.keys > registry.size) {
      throw new Refused(
        'rolled-back',
        `${this.name} names ${tip.keys} blocks of keys, there are ${registry.size}`,
      )
    }
    this.#checkLogKeys()
    this.#signer.checkHead(tip.head)
    await this.#sign(tip)
    this.#state = { kind: 'open' }
    if (before !== undefined && before < tip.head.size)
      this.#emit({ kind: 'block', from: before, head: tip.head })
    this.#publisher.offer(tip.head, this.headNote)
  }

  /** Signs a head that is known to be committed, and goes on from it. */
  async #sign(tip: Tip): Promise<void> {
    const note = await this.#signer.signCommitted(tip.head)
    this.#signed = { head: tip.head, note, time: tip.time }
    this.#tip = tip
  }

  /** The keys at hand must be those that `keys` announces, or nobody could verify what they sign. */
  #checkLogKeys(): void {
    const { registry } = this.#context
    if (registry.size === 0) return
    const announced = registry.registry.logKeysAt(this.origin, registry.size)
    if (announced.toSorted().join() !== this.vkeys.toSorted().join()) {
      throw new Refused('wrong-key', `the log keys of ${this.name} are not those that keys announces`)
    }
  }

  /** Quarantine: no more appends in this process. Other buckets go on. */
  #stop(error: unknown): void {
    const code = error instanceof Refused ? error.code : 'read-only'
    const detail = error instanceof Error ? error.message : String(error)
    this.#state = { kind: 'read-only', code, detail: `${this.name} takes no appends: ${detail}` }
    this.#pool.refuseAll(new Refused('read-only', this.#state.detail))
    this.#context.report({ kind: 'stopped', bucket: this.name, code, detail, error })
  }

  #opened(): { readonly head: Head; readonly note: string; readonly time: number } {
    if (this.#signed !== undefined) return this.#signed
    const { code, detail } = this.#state.kind === 'open' ? opening : this.#state
    throw new Refused(code, detail)
  }

  #answer({ index, hash, prev, time, duplicate }: Placed): Appended {
    const { head, note } = this.#opened()
    return { index, hash, prev, time, duplicate, head, checkpoint: note }
  }

  #refuse(pendings: readonly Pending[], error: Error): void {
    for (const pending of pendings) this.#pool.settle(pending, { kind: 'refused', error })
  }

  #emit(event: BucketEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

const opening = { code: 'read-only', detail: 'the bucket is being opened' } as const

/** Signs the genesis of `keys`, which is judged by the registry that it founds. */
const genesisSigner = { owner: 'ledger', spki: new Uint8Array(0) }

function badSignature(): Refused {
  return new Refused('bad-signature', 'the statement is not signed by the key that it names')
}

function outcomeUnknown(cause: unknown): Refused {
  return new Refused(
    'outcome-unknown',
    'the record may or may not be committed: ask again with the same id',
    {
      cause,
    },
  )
}

function unverifiable(cause: unknown): Error {
  return new Error('the signature could not be checked', { cause })
}
