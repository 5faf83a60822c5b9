// Fills the document store from the log, behind the commits and at its own pace. When it breaks, appends
// go on.

import { setTimeout as sleep } from 'node:timers/promises'
import { parseEntry } from '@ledgerstone/core/block'
import type { Bytes } from '@ledgerstone/core/bytes'
import { decodeHeader, splitEnvelope } from '@ledgerstone/core/envelope'
import { parseStatement } from '@ledgerstone/core/statement'
import { leafHash } from '@ledgerstone/core/tree'
import type { Bucket } from './bucket.ts'
import type { BlockDocument, Documents } from './documents.ts'
import { describeBlock, FreshDocuments } from './documents-fresh.ts'
import type { Report } from './event.ts'
import { cutFrames } from './frames.ts'
import { type Readable, readEntries, readEnvelopes } from './read.ts'

const blocksPerBatch = 64
/** Of those that need no reading. */
const freshPerBatch = 512
/** Of one bucket; when filling is further behind, it reads the log. */
const freshMax = 8192
const envelopeBytesPerBatch = 4_194_304
const retryMsMax = 10_000
/** How long closing waits for what the document store was asked last. */
const answerMsMax = 5000
/** While records wait to be committed, filling rests this many times as long as it works. */
const restFactor = 4

export class DocumentsFiller {
  readonly #documents: Documents
  readonly #report: Report
  readonly #followed = new Map<Bucket, () => void>()
  /** Buckets whose documents are known to be of the history that the log has. */
  readonly #compared = new WeakSet<Bucket>()
  /** Buckets whose documents may be behind. */
  readonly #behind = new Set<Bucket>()
  readonly #fresh = new Map<Bucket, FreshDocuments>()
  readonly #retryMs = new Map<Bucket, number>()
  readonly #closing = new AbortController()
  readonly #closeMsMax: number
  #running: Promise<void> | undefined
  #isRunning = false
  /** Whose batch is filled in now. */
  #filling: Bucket | undefined

  constructor(documents: Documents, report: Report, closeMsMax: number = answerMsMax) {
    this.#documents = documents
    this.#report = report
    this.#closeMsMax = closeMsMax
  }

  /** Fills in what is missing of the bucket, now and after each commit. */
  follow(bucket: Bucket): void {
    const fresh = new FreshDocuments(freshMax)
    this.#fresh.set(bucket, fresh)
    const unsubscribe = bucket.subscribe((event) => {
      if (event.kind !== 'block') return
      fresh.add(event.from, event.blocks)
      this.#wake(bucket)
    })
    this.#followed.set(bucket, unsubscribe)
    if (bucket.state.kind === 'open') this.#wake(bucket)
  }

  /** Forgets the documents of a bucket and fills them in again, while everything else goes on. */
  async rebuild(bucket: Bucket): Promise<void> {
    await this.#documents.drop(bucket.name)
    this.#wake(bucket)
  }

  /** Ends filling. A document store that does not answer is left, which is reported. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const unsubscribe of this.#followed.values()) unsubscribe()
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, this.#closeMsMax)
    try {
      await Promise.race([this.#running, late.promise])
    } finally {
      clearTimeout(timer)
    }
    if (!this.#isRunning || this.#filling === undefined) return
    const error = new Error(`the document store has not answered for ${this.#closeMsMax} ms`)
    this.#report({ kind: 'documents-failed', bucket: this.#filling.name, error })
  }

  #wake(bucket: Bucket): void {
    this.#behind.add(bucket)
    if (this.#isRunning || this.#closing.signal.aborted) return
    this.#isRunning = true
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    for (let [bucket] = this.#behind; bucket !== undefined && !signal.aborted; [bucket] = this.#behind) {
      // Taken out first: a commit that comes while this batch is filled in puts it back.
      this.#behind.delete(bucket)
      this.#filling = bucket
      const began = performance.now()
      try {
        if (!(await this.#step(bucket))) this.#behind.add(bucket)
        this.#retryMs.delete(bucket)
      } catch (error) {
        this.#retryLater(bucket, error)
      }
      const isBusy = [...this.#followed.keys()].some(({ poolBytes }) => poolBytes > 0)
      const restMs = isBusy ? restFactor * (performance.now() - began) : 0
      await sleep(restMs, undefined, { signal }).catch(() => undefined)
    }
    this.#isRunning = false
  }

  #retryLater(bucket: Bucket, error: unknown): void {
    if (this.#closing.signal.aborted) return
    this.#report({ kind: 'documents-failed', bucket: bucket.name, error })
    const retryMs = this.#retryMs.get(bucket) ?? 100
    this.#retryMs.set(bucket, Math.min(2 * retryMs, retryMsMax))
    setTimeout(() => this.#wake(bucket), retryMs).unref()
  }

  /** One batch of one bucket; true when there is nothing more to do. */
  async #step(bucket: Bucket): Promise<boolean> {
    if (!this.#compared.has(bucket)) {
      await this.#dropForeign(bucket)
      this.#compared.add(bucket)
    }
    const from = await this.#documents.complete(bucket.name)
    const fresh = this.#fresh.get(bucket)?.take(from, freshPerBatch) ?? []
    const documents = fresh.length > 0 ? fresh : await readDocuments(bucket, from, blocksPerBatch)
    if (documents.length === 0) return true
    await this.#documents.put(bucket.name, from, documents)
    const complete = from + documents.length
    if (complete < bucket.head.size) return false
    this.#report({ kind: 'documents-filled', bucket: bucket.name, complete })
    return true
  }

  /**
   * Where an older copy of the log was put back, there are documents of blocks that it has not, and they
   * would stay in the places of later ones. The newest tells: its hash covers all before it.
   */
  async #dropForeign(bucket: Bucket): Promise<void> {
    const complete = await this.#documents.complete(bucket.name)
    if (complete === 0) return
    const [theirs] = await this.#documents.read(bucket.name, complete - 1, 1)
    const [ours] = await readDocuments(bucket, complete - 1, 1)
    if (theirs?.hash !== ours?.hash) await this.#documents.drop(bucket.name)
  }
}

/** The documents of up to `count` blocks, as the log has them: fewer when their envelopes are large. */
export async function readDocuments(
  bucket: Readable,
  from: number,
  count: number,
): Promise<readonly BlockDocument[]> {
  const wanted = Math.min(count, bucket.head.size - from)
  if (wanted <= 0) return []
  const envelopes = cutFrames(await readEnvelopes(bucket, from, wanted, envelopeBytesPerBatch))
  const entries = await readEntries(bucket, from, envelopes.length)
  return entries.map((entry, i) => documentOf(entry, envelopes[i] as Bytes))
}

/** The document of a block, as its stored bytes say. */
export function documentOf(entry: Bytes, envelopeBytes: Bytes): BlockDocument {
  const { index, time, statement } = parseEntry(entry)
  const header = envelopeBytes.length === 0 ? undefined : decodeHeader(splitEnvelope(envelopeBytes).header)
  return describeBlock({ index, hash: leafHash(entry), time }, parseStatement(statement), header)
}
