// The contract of a store, beside its one consumer. A store keeps buckets; it knows nothing of what the bytes
// mean.
import type { Bytes, Hash } from '@ledgerstone/core/bytes'

/** The head of a bucket: its number of blocks and the RFC 6962 root over their entries. */
export type Head = { readonly size: number; readonly root: Hash }

/**
 * All that one commit adds to a bucket, as the very bytes to write.
 *
 *     entries     count x ( u16 n | n bytes )           the layout of a tlog-tiles entry bundle
 *     envelopes   count x ( u32 n | n bytes )           n = 0: the block has none
 *     identities  count x ( 32 identity | 32 case )     see identity.ts; 32 zero bytes: no case
 *     tiles[l]    any number of 32-byte hashes          what this batch appends to level l of the tiles;
 *                                                       tiles[0] holds the count leaf hashes
 *
 * After it level l holds floor(size / 256^l) hashes (C2SP tlog-tiles), l from 0 to 5; levels that get none
 * may be left out at the end. When an identity appears twice the first block keeps it; of a case the newest
 * block counts.
 */
export type Batch = {
  readonly from: number
  readonly count: number
  readonly entries: Bytes
  readonly envelopes: Bytes
  readonly identities: Bytes
  readonly tiles: readonly Bytes[]
}

/**
 * A store of buckets.
 *
 * Writing is `create` and `append`, nothing else. `append` is one atomic compare-and-swap on the whole head:
 * when the stored head equals `expected` in size *and* root, then the batch and `next` become durable
 * together and the promise resolves; otherwise nothing changes and it rejects with `head-moved`. A rejection
 * with any other `Refused` (`store-full`, `read-only`, `unknown-bucket`, `damaged-store`) also means that
 * nothing was changed.
 *
 * Every other error leaves the outcome unknown. The bucket then refuses appends with `read-only` until `head`
 * is called, which reads the durable truth again: the caller drops what it holds in memory and goes on from
 * that head.
 *
 * The buffers of a batch belong to the store until the promise settles. Appends to one bucket may be called
 * concurrently (by several processes, where the store allows several); at most one of those with the same
 * `expected` wins. A batch that does not lead from `expected` to `next` (see `Batch`) is a bug and an
 * assertion.
 *
 * Reading gives committed data only, never part of a batch. Reads past the head give what there is.
 */
export interface Store extends AsyncDisposable {
  /** Names of all buckets, sorted. */
  buckets(): Promise<readonly string[]>
  /** Makes an empty bucket (size 0, root SHA-256 of nothing). Throws `bucket-exists`. */
  create(bucket: string): Promise<void>
  /** Throws `head-moved`, `store-full`, `read-only`; any other error: outcome unknown, see above. */
  append(bucket: string, expected: Head, batch: Batch, next: Head): Promise<void>

  /**
   * The committed head; after an append of unknown outcome, read anew. Throws `unknown-bucket`,
   * `damaged-store`.
   */
  head(bucket: string): Promise<Head>
  /** Up to `count` entries from index `from`, each with its u16 length: a (part of an) entry bundle. */
  entries(bucket: string, from: number, count: number): Promise<Bytes>
  /**
   * Up to `count` envelopes from index `from`, each with its u32 length; fewer (at least one) when over
   * `bytesMax`.
   */
  envelopes(bucket: string, from: number, count: number, bytesMax: number): Promise<Bytes>
  /** Up to `count` 32-byte hashes of one level of the tiles, from position `from` of that level. */
  hashes(bucket: string, level: number, from: number, count: number): Promise<Bytes>
  /** For each 32-byte identity the index of its block, if there is one. */
  find(bucket: string, identities: readonly Uint8Array[]): Promise<readonly (number | undefined)[]>
  /** The index of the newest block of a case (32-byte case key), if there is one. */
  newestOfCase(bucket: string, key: Uint8Array): Promise<number | undefined>
}
