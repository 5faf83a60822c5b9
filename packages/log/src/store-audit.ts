// What the audit asks of a store: to be read as it lies there, beside a writer or without one, and to check
// its own structure. What the bytes mean (hashes, identities, statements, envelopes) is checked by the audit.
import type { Bytes } from '@ledgerstone/core/bytes'
import type { Head } from './store.ts'

/** Bytes that are not what they should be. */
export type Finding = {
  readonly bucket?: string
  /** Path within the store. */
  readonly file: string
  /** Of the first byte concerned, where it can be told. */
  readonly offset?: number
  /** Index of the block concerned, where it is one. */
  readonly block?: number
  readonly what: string
}

export interface StoreAudit extends AsyncDisposable {
  buckets(): Promise<readonly string[]>
  /** What lies beside the buckets and does not belong there. */
  strays(): Promise<readonly Finding[]>
  /** Throws `unknown-bucket`; `damaged-store` when a file is missing or there is no sound head to go by. */
  open(bucket: string): Promise<BucketAudit>
}

/** One bucket as of its last sound head when it was opened. */
export interface BucketAudit extends AsyncDisposable {
  readonly head: Head
  /**
   * Whether the store was closed properly. If not, bytes behind the head may belong to a commit under way.
   */
  readonly isClosed: boolean
  /**
   * How many of the head's blocks only a journal has, of a store that was not closed and that nobody has
   * open. They are read as a start will find them.
   */
  readonly journalled: number
  /**
   * Checks lengths, chains and frames; after it every byte is known to belong to one block, head or hash.
   * Where two places tell a length differently, what is read later goes by the one that is believed.
   */
  checkStructure(): AsyncGenerator<Finding>
  /**
   * Compares the index of identities and cases with the identities, row by row; with `rows` in place of those
   * of some blocks, by index.
   */
  checkIndex(rows: ReadonlyMap<number, Bytes>): AsyncGenerator<Finding>
  /** Every committed head, in order. */
  heads(): AsyncGenerator<Head>
  /** As in `Store`. */
  entries(from: number, count: number): Promise<Bytes>
  envelopes(from: number, count: number, bytesMax: number): Promise<Bytes>
  hashes(level: number, from: number, count: number): Promise<Bytes>
  /** Up to `count` rows of 64 bytes, as in `Batch`. */
  identities(from: number, count: number): Promise<Bytes>
}
