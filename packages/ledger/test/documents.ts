// A document store in memory that polices the contract, and that can be made to lag or to break.
import { strict as assert } from 'node:assert'
import type { BlockDocument, DocumentFilter, DocumentPage, Documents } from '@ledgerstone/log/documents'

export class MemoryDocuments implements Documents {
  readonly #buckets = new Map<string, BlockDocument[]>()
  /** Puts beyond this many documents fail, so that the store lags. */
  documentsMax = Number.POSITIVE_INFINITY
  broken = false

  async complete(bucket: string): Promise<number> {
    return this.#of(bucket).length
  }

  async put(bucket: string, from: number, documents: readonly BlockDocument[]): Promise<void> {
    const kept = this.#of(bucket)
    assert.equal(from, kept.length, 'documents are put where the store is complete')
    if (from + documents.length > this.documentsMax) throw new Error('the disk is full')
    for (const [i, { index }] of documents.entries()) assert.equal(index, from + i)
    this.#buckets.set(bucket, [...kept, ...documents])
  }

  async find(
    bucket: string,
    filter: DocumentFilter,
    page: { readonly from: number; readonly limit: number; readonly order?: 'ascending' | 'descending' },
  ): Promise<DocumentPage> {
    const kept = this.#of(bucket)
    const ordered = page.order === 'descending' ? kept.toReversed() : kept
    const within = ordered.filter(({ index }) =>
      page.order === 'descending' ? index <= page.from : index >= page.from,
    )
    const matching = within.filter((document) => matches(document, filter)).map(({ index }) => index)
    const next = matching[page.limit]
    const indexes = matching.slice(0, page.limit)
    return { indexes, complete: kept.length, ...(next !== undefined && { next }) }
  }

  async findHash(bucket: string, hash: string): Promise<number | undefined> {
    return this.#of(bucket).find((document) => document.hash === hash)?.index
  }

  async read(bucket: string, from: number, limit: number): Promise<readonly BlockDocument[]> {
    return this.#of(bucket).slice(from, from + limit)
  }

  async drop(bucket: string): Promise<void> {
    this.#buckets.delete(bucket)
  }

  async faults(): Promise<readonly string[]> {
    return []
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #of(bucket: string): readonly BlockDocument[] {
    if (this.broken) throw new Error('the file is not a database')
    return this.#buckets.get(bucket) ?? []
  }
}

function matches(document: BlockDocument, filter: DocumentFilter): boolean {
  const { type, sender, receiver, timeFrom, timeTo, meta = {} } = filter
  return (
    (type === undefined || document.type === type) &&
    (sender === undefined || document.sender === sender) &&
    (receiver === undefined || document.receivers.includes(receiver)) &&
    (timeFrom === undefined || document.time >= timeFrom) &&
    (timeTo === undefined || document.time <= timeTo) &&
    Object.entries(meta).every(([name, value]) => document.meta[name] === value)
  )
}
