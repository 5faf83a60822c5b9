// Fills the document store from the log, behind the commits and at its own pace. When it breaks, appends go
// on.

import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { parseEntry } from '@ledgerstone/core/block'
import { type Bytes, formatHex } from '@ledgerstone/core/bytes'
import { decodeHeader, splitEnvelope } from '@ledgerstone/core/envelope'
import { parseStatement } from '@ledgerstone/core/statement'
import { leafHash } from '@ledgerstone/core/tree'
import type { Bucket } from './bucket.ts'
import type { BlockDocument, Documents } from './documents.ts'
import type { Report } from './event.ts'
import { type Readable, readEntries, readEnvelopes } from './read.ts'

const blocksPerBatch = 256
const envelopeBytesPerBatch = 4_194_304
const retryMsMax = 10_000

export class DocumentsFiller {
  readonly #documents: Documents
  readonly #report: Report
  readonly #unsubscribe: (() => void)[] = []
  /** Buckets whose documents are behind. */
  readonly #behind = new Set<Bucket>()
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined

  constructor(documents: Documents, report: Report) {
    this.#documents = documents
    this.#report = report
  }

  /** Fills in what is missing of the bucket, now and after each commit. */
  follow(bucket: Bucket): void {
    const wake = (): void => {
      this.#behind.add(bucket)
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined
      })
    }
    this.#unsubscribe.push(bucket.subscribe((event) => event.kind === 'block' && wake()))
    if (bucket.state.kind === 'open') wake()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const end of this.#unsubscribe) end()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    let retryMs = 100
    while (this.#behind.size > 0 && !signal.aborted) {
      for (const bucket of [...this.#behind]) {
        try {
          if (await this.#step(bucket)) this.#behind.delete(bucket)
          retryMs = 100
        } catch (error) {
          if (signal.aborted) return
          this.#report({ kind: 'documents-failed', bucket: bucket.name, error })
          await sleep(retryMs, undefined, { signal }).catch(() => undefined)
          retryMs = Math.min(2 * retryMs, retryMsMax)
        }
      }
      await setImmediate()
    }
  }

  /** One batch of one bucket; true when there is nothing more to do. */
  async #step(bucket: Bucket): Promise<boolean> {
    const from = await this.#documents.complete(bucket.name)
    const documents = await readDocuments(bucket, from, blocksPerBatch)
    if (documents.length === 0) return true
    await this.#documents.put(bucket.name, from, documents)
    const complete = from + documents.length
    if (complete < bucket.head.size) return false
    this.#report({ kind: 'documents-filled', bucket: bucket.name, complete })
    return true
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
  const envelopes = cutEnvelopes(await readEnvelopes(bucket, from, wanted, envelopeBytesPerBatch))
  const entries = await readEntries(bucket, from, envelopes.length)
  return entries.map((entry, i) => documentOf(entry, envelopes[i] as Bytes))
}

/** The document of a block: what its entry and its envelope's header say in clear. */
export function documentOf(entry: Bytes, envelopeBytes: Bytes): BlockDocument {
  const { index, time, statement: jws } = parseEntry(entry)
  const { header, payload } = parseStatement(jws)
  const block = {
    index,
    hash: formatHex(leafHash(entry)),
    time,
    type: payload.type,
    id: payload.id,
    sender: header.kid,
  }
  if (envelopeBytes.length === 0) return { ...block, receivers: [], meta: {} }
  const { suite, receivers, labels } = decodeHeader(splitEnvelope(envelopeBytes).header)
  const { media, actor, meta } = labels
  return {
    ...block,
    suite,
    receivers: receivers.map(({ kid }) => kid),
    media,
    ...(actor !== undefined && { actor: actorText(actor) }),
    meta: Object.fromEntries(Object.entries(meta ?? {}).map(([name, value]) => [name, String(value)])),
  }
}

function actorText({ client, sub }: { readonly client: string; readonly sub?: string }): string {
  return sub === undefined || sub === client ? client : `${client} ${sub}`
}

/** The envelopes of `u32 n | n bytes` frames, without their lengths. */
export function cutEnvelopes(framed: Bytes): readonly Bytes[] {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength)
  const envelopes: Bytes[] = []
  for (let at = 0; at < framed.length; ) {
    const start = at + 4
    at = start + view.getUint32(at)
    envelopes.push(framed.subarray(start, at))
  }
  return envelopes
}
