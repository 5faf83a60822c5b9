// A log of many buckets over one store: opens them all, keeps them apart when one breaks, closes them in
// order.
import { checkPolicyOf } from '@ledgerstone/core/evidence'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { checkBucketName, keysBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import type { Trust } from '@ledgerstone/core/trust'
import { Bucket, type BucketContext } from './bucket.ts'
import type { LogSigner } from './checkpoint.ts'
import type { Documents } from './documents.ts'
import { DocumentsFiller } from './documents-fill.ts'
import type { Report } from './event.ts'
import { announcement, type BucketMakers, genesisOf } from './genesis.ts'
import { LiveRegistry } from './live-registry.ts'
import { MldsaThread } from './mldsa.ts'
import type { Cosign } from './publish.ts'
import type { Store } from './store.ts'
import { submissionOf } from './submission.ts'
import { Verifiers } from './verify.ts'

export type LogOptions = {
  /** The pinned trust file: ledger name, genesis, policy. */
  readonly trust: Trust
  /** Belongs to the caller, who closes it after the log. */
  readonly store: Store
  /** Filled from the log, when given. Belongs to the caller too. */
  readonly documents?: Documents
  /**
   * The private log keys of a bucket. What it throws, opening throws: a service without its keys does not
   * start.
   */
  readonly signers: (bucket: string) => Promise<LogSigner>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Threads that verify statements; 0: the main thread does. */
  readonly verifyWorkers: number
  /** At most one checkpoint is published per bucket in this time. */
  readonly publishIntervalMs: number
  /** A checkpoint is published again after this time, also when nothing happens; 60 s when absent. */
  readonly publishAgeMsMax?: number
  readonly cosign?: Cosign
  readonly report: Report
}

export class Log implements AsyncDisposable {
  readonly ledger: string
  readonly #options: LogOptions
  readonly #context: BucketContext
  readonly #buckets = new Map<string, Bucket>()
  readonly #filler: DocumentsFiller | undefined

  private constructor(options: LogOptions) {
    const { trust, store, documents, now, verifyWorkers, publishIntervalMs, report, cosign } = options
    this.ledger = trust.ledger
    this.#options = options
    this.#context = {
      ...{ ledger: trust.ledger, store, policy: trust.policy, cosign, now, publishIntervalMs, report },
      registry: new LiveRegistry(trust.ledger, trust.genesis),
      verifiers: new Verifiers(verifyWorkers, report),
      mldsa: new MldsaThread(),
      publishAgeMsMax: options.publishAgeMsMax ?? 60_000,
      checkKeys: () => this.#checkKeys(),
    }
    this.#filler = documents === undefined ? undefined : new DocumentsFiller(documents, report)
  }

  /**
   * Replays and verifies `keys`, then opens every bucket in the store. A broken bucket is read-only and
   * leaves the others alone; without `keys` nothing opens. Throws `unknown-bucket`, `wrong-ledger`,
   * `bad-policy`, `damaged-store` and why a block of `keys` may not stand.
   */
  static async open(options: LogOptions): Promise<Log> {
    const log = new Log(options)
    try {
      await log.#openAll()
      return log
    } catch (error) {
      await log[Symbol.asyncDispose]()
      throw error
    }
  }

  /** All committed blocks of `keys`. */
  get registry(): Registry {
    return this.#context.registry.registry
  }

  /** Sorted by name. */
  buckets(): readonly Bucket[] {
    return [...this.#buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Throws `unknown-bucket`. */
  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name)
    if (bucket === undefined)
      throw new Refused('unknown-bucket', `there is no bucket ${JSON.stringify(name)}`)
    return bucket
  }

  /**
   * Adds a bucket: log keys announced in `keys`, then created, then its genesis. A creation that was cut
   * short is finished. Throws `bucket-exists`, `bad-name`, and `not-approved` as long as the announcement
   * lacks registrars.
   */
  async createBucket(name: string, { registrar, ledgerKey }: BucketMakers): Promise<Bucket> {
    checkBucketName(name)
    const { store, now } = this.#context
    const present = this.#buckets.get(name)
    if (present !== undefined && present.head.size > 0) {
      throw new Refused('bucket-exists', `bucket ${name} exists`)
    }
    const signer = await this.#options.signers(name)
    await this.#announce(name, signer, registrar)
    if (present === undefined && !(await store.buckets()).includes(name)) await store.create(name)
    const bucket = present ?? (await this.#open(name, signer))
    const statement = await genesisOf(this.ledger, name, ledgerKey, now())
    await bucket.append(submissionOf({ statement }), ledgerKey.kid)
    return bucket
  }

  /**
   * Forgets the documents of a bucket and fills them in again, while everything else goes on; resolves when
   * they are forgotten. Throws `unknown-bucket`, and `documents-unavailable` without a document store.
   */
  async rebuildDocuments(name: string): Promise<void> {
    if (this.#filler === undefined) throw new Refused('documents-unavailable', 'there is no document store')
    await this.#filler.rebuild(this.bucket(name))
  }

  /**
   * Commits what waits, publishes, and ends all threads, also when something of it fails. The stores stay
   * open.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    // The last comes first.
    await using closing = new AsyncDisposableStack()
    closing.use(this.#context.mldsa)
    closing.use(this.#context.verifiers)
    closing.defer(() => this.#filler?.close())
    closing.defer(() => this.#buckets.get(keysBucket)?.close())
    closing.defer(() => closeAll(this.buckets().filter(({ name }) => name !== keysBucket)))
  }

  async #openAll(): Promise<void> {
    const { store, trust, signers } = this.#options
    const keys = await this.#open(keysBucket, await signers(keysBucket))
    if (keys.state.kind === 'read-only') throw new Refused(keys.state.code, keys.state.detail)
    if (keys.head.size === 0) throw new Refused('unknown-bucket', 'the bucket keys has no genesis')
    checkPolicyOf(this.registry, trust)
    for (const name of await store.buckets()) {
      if (name !== keysBucket) await this.#open(name, await signers(name))
    }
  }

  async #open(name: string, signer: LogSigner): Promise<Bucket> {
    const bucket = await Bucket.open(name, signer, this.#context)
    this.#buckets.set(name, bucket)
    this.#filler?.follow(bucket)
    return bucket
  }

  /** Has the bucket's log keys in `keys` and in force, or says that registrars have yet to approve them. */
  async #announce(name: string, signer: LogSigner, registrar: OwnKey): Promise<void> {
    const origin = originOf(this.ledger, name)
    const isAsked = (): boolean =>
      [...this.registry.requests().values()].some(
        (asked) => asked.kind === 'log-keys' && asked.log === origin,
      )
    if (!this.registry.origins().includes(origin) && !isAsked()) {
      const statement = await announcement(this.ledger, name, signer, registrar, this.#options.now())
      await this.bucket(keysBucket).append(submissionOf({ statement }), registrar.kid)
    }
    if (isAsked()) throw new Refused('not-approved', `registrars have yet to approve the log keys of ${name}`)
  }

  #checkKeys(): void {
    if (this.#buckets.get(keysBucket)?.state.kind !== 'open') {
      throw new Refused('read-only', 'the bucket keys is broken, and nothing can be admitted without it')
    }
  }
}

async function closeAll(buckets: readonly Bucket[]): Promise<void> {
  const closed = await Promise.allSettled(buckets.map((bucket) => bucket.close()))
  const failed = closed.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  if (failed.length > 0) throw new AggregateError(failed, 'buckets could not be closed')
}
