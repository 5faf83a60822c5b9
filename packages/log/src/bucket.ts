// One bucket, as its callers see it: records go in and are answered when their block is durable and signed
// for.
import type { Hash } from '@ledgerstone/core/bytes'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import type { Policy } from '@ledgerstone/core/policy'
import { Refused } from '@ledgerstone/core/refused'
import { signedPartsOf } from '@ledgerstone/core/statement'
import { bytesOf } from './admit.ts'
import { HeadSigner, type LogSigner } from './checkpoint.ts'
import type { Committed } from './documents-fresh.ts'
import type { Report } from './event.ts'
import type { LiveRegistry } from './live-registry.ts'
import type { MldsaThread } from './mldsa.ts'
import type { Pending, Settle } from './pool.ts'
import { type Cosign, type Final, Publisher } from './publish.ts'
import { bucketRules, keysRules, type Rules } from './rules.ts'
import type { Placed } from './sequence.ts'
import { type BucketState, Sequencer } from './sequencer.ts'
import type { Head, Store } from './store.ts'
import type { Submission } from './submission.ts'
import type { Verdict, Verifiers } from './verify.ts'

/** A committed block, and a note that covers it. */
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
  /** An earlier try had made the block. */
  readonly duplicate: boolean
}

/**
 * `block`: blocks from `from` up to `head.size` were committed; `blocks` are these, or none when this process
 * has only read that they are there. `final`: `bucket.final` has moved on.
 */
export type BucketEvent =
  | {
      readonly kind: 'block'
      readonly from: number
      readonly head: Head
      readonly blocks: readonly Committed[]
    }
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
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly publishIntervalMs: number
  readonly publishAgeMsMax: number
  readonly report: Report
  /** Throws when `keys` is broken: nothing can be admitted without it. */
  readonly checkKeys: () => void
}

export class Bucket {
  readonly name: string
  readonly origin: string
  /** Verifier keys of the log, as they are announced in `keys`. */
  readonly vkeys: readonly string[]
  readonly store: Store
  readonly #context: BucketContext
  readonly #rules: Rules
  readonly #sequencer: Sequencer
  readonly #publisher: Publisher
  readonly #listeners = new Set<(event: BucketEvent) => void>()
  #isClosing = false

  private constructor(name: string, keys: LogSigner, context: BucketContext) {
    const { ledger, store, registry, checkKeys, now, report, policy, cosign } = context
    const signer = new HeadSigner(originOf(ledger, name), keys, context.mldsa)
    this.name = name
    this.origin = signer.origin
    this.vkeys = signer.vkeys.map(({ text }) => text)
    this.store = store
    this.#context = context
    this.#rules =
      name === keysBucket
        ? keysRules(this.origin, registry, store)
        : bucketRules(this.origin, registry, store, checkKeys)
    this.#publisher = new Publisher({
      ...{ bucket: name, signer, policy, cosign, now, report },
      intervalMs: context.publishIntervalMs,
      ageMsMax: context.publishAgeMsMax,
      onFinal: (final) => this.#emit({ kind: 'final', final }),
    })
    this.#sequencer = new Sequencer({
      ...{ bucket: name, store, rules: this.#rules, signer, now, report },
      checkLogKeys: () => this.#checkLogKeys(),
      onHead: (from, { head, note }, blocks) => {
        this.#emit({ kind: 'block', from, head, blocks })
        this.#publisher.offer(head, note)
      },
    })
  }

  /** Opens a bucket of the store, also an empty one. One that cannot be read is read-only: see `state`. */
  static async open(name: string, keys: LogSigner, context: BucketContext): Promise<Bucket> {
    const bucket = new Bucket(name, keys, context)
    await bucket.#sequencer.open()
    return bucket
  }

  get state(): BucketState {
    return this.#sequencer.state
  }

  /** The newest committed head. Throws why the bucket could not be opened, if so. */
  get head(): Head {
    return this.#sequencer.signed.head
  }

  /** Ed25519 note on `head`. */
  get headNote(): string {
    return this.#sequencer.signed.note
  }

  /** The newest published checkpoint that satisfies the policy. */
  get final(): Final | undefined {
    return this.#publisher.final
  }

  /** Bytes of records whose callers wait. */
  get poolBytes(): number {
    return this.#sequencer.pool.bytes
  }

  /**
   * Announces a request of so many bytes, whose records are still to be decoded: a commit waits a little for
   * them. The function that it returns is called once, when they are there or will not come. Throws
   * `stopping`, `read-only`, `pool-full`.
   */
  expect(bytes: number): () => void {
    this.#checkOpen()
    return this.#sequencer.pool.expect(bytes)
  }

  /**
   * Appends a record; resolves when its block is durable and signed for. `caller` is who must not starve
   * others. Throws what `admit` throws, `bad-signature`, `id-reused`, `case-moved`, `pool-full`,
   * `store-full`, `read-only`, `stopping`, and `outcome-unknown`: ask again with the same id.
   */
  append(submission: Submission, caller: string): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#submit(submission, caller, (outcome) => {
        if (outcome.kind === 'refused') reject(outcome.error)
        else resolve(this.#answer(outcome))
      })
    })
  }

  /** Appends records in their order. Each has its own result in the same place; never rejects. */
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
    await this.#sequencer.close()
    await this.#publisher.close()
  }

  #submit(submission: Submission, caller: string, settle: Settle): void {
    let pending: Pending
    try {
      pending = this.#admit(submission, caller, settle)
    } catch (error) {
      settle({ kind: 'refused', error: error as Error })
      return
    }
    if (this.#rules.verifiesAhead) this.#verify(pending, caller)
    else this.#sequencer.ready(pending)
  }

  #checkOpen(): void {
    const { state } = this.#sequencer
    if (this.#isClosing) throw new Refused('stopping', 'the ledger is stopping')
    if (state.kind === 'read-only') throw new Refused('read-only', state.detail)
  }

  /** Cheap refusals first; the record then has its place in the caller's line. */
  #admit(submission: Submission, caller: string, settle: Settle): Pending {
    this.#checkOpen()
    const { pool } = this.#sequencer
    pool.checkRoom(bytesOf(submission))
    const { head, time: last } = this.#sequencer.signed
    const time = Math.max(this.#context.now(), last)
    const admitted = this.#rules.admit(submission, { bucket: this.name, index: head.size, time })
    return pool.add(admitted, caller, settle)
  }

  #verify(pending: Pending, caller: string): void {
    const settle: Verdict = (isGood, cause) => {
      if (isGood) return this.#sequencer.ready(pending)
      const error =
        cause === undefined
          ? new Refused('bad-signature', 'the statement is not signed by the key that it names')
          : new Error('the signature could not be checked', { cause })
      this.#sequencer.refuse(pending, error)
    }
    const { statement, spki, isSigned } = pending
    if (isSigned === undefined) {
      const signed = { header: statement.header, ...signedPartsOf(statement.jws) }
      this.#context.verifiers.verify(signed, spki, caller, settle)
    } else settle(isSigned)
  }

  #answer({ index, hash, prev, time, duplicate }: Placed): Appended {
    const { head, note } = this.#sequencer.signed
    return { index, hash, prev, time, head, checkpoint: note, duplicate }
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

  #emit(event: BucketEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
