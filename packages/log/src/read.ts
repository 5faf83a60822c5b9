// Reading a bucket: entries, envelopes, tiles, and the proofs built out of tiles. Static data below the
// committed head, so every answer is right whenever it is given; the core plans which tiles it needs, the
// store gives them, the core computes.
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { formatEvidence } from '@ledgerstone/core/evidence'
import { keysBucket } from '@ledgerstone/core/names'
import { formatReceipt } from '@ledgerstone/core/receipt'
import { Refused } from '@ledgerstone/core/refused'
import {
  buildConsistency,
  buildFrontier,
  buildInclusion,
  decodeEntries,
  planConsistency,
  planEdge,
  planInclusion,
  type Tile,
  type TileName,
  tileWidth,
  widthOf,
} from '@ledgerstone/core/tile'
import type { Final } from './publish.ts'
import type { Head, Store } from './store.ts'
import { readStoredBlock, type StoredBlock } from './stored-block.ts'

/** What of a bucket reading needs; `head` is committed. */
export type Readable = { readonly name: string; readonly store: Store; readonly head: Head }

/** A bucket whose newest final checkpoint is known. */
export type Published = Readable & { readonly final: Final | undefined }

/** Throws `unknown-block`, `damaged-store`. */
export async function readBlock(bucket: Readable, index: number): Promise<StoredBlock> {
  checkIndex(bucket, index)
  return readStoredBlock(bucket.store, bucket.name, index)
}

/** Up to `count` entries from index `from`; fewer at the head, none beyond it. */
export async function readEntries(bucket: Readable, from: number, count: number): Promise<readonly Bytes[]> {
  const wanted = Math.min(count, bucket.head.size - from)
  if (wanted <= 0) return []
  return decodeEntries(await bucket.store.entries(bucket.name, from, wanted), wanted)
}

/** The hash of a block, without its entry. Throws `unknown-block`. */
export async function readHash(bucket: Readable, index: number): Promise<Hash> {
  checkIndex(bucket, index)
  return bucket.store.hashes(bucket.name, 0, index, 1)
}

/** The envelope's bytes; undefined for a block that has none. Throws `unknown-block`. */
export async function readEnvelope(bucket: Readable, index: number): Promise<Bytes | undefined> {
  checkIndex(bucket, index)
  const framed = await bucket.store.envelopes(bucket.name, index, 1, 0)
  const envelope = framed.subarray(4)
  return envelope.length === 0 ? undefined : envelope
}

/**
 * Envelopes from index `from`, each as u32 n | n bytes (n = 0: none): at most `count`, at most `bytesMax`
 * unless it is one.
 */
export async function readEnvelopes(
  bucket: Readable,
  from: number,
  count: number,
  bytesMax: number,
): Promise<Bytes> {
  const wanted = Math.min(count, bucket.head.size - from)
  if (wanted <= 0) return new Uint8Array(0)
  return bucket.store.envelopes(bucket.name, from, wanted, bytesMax)
}

/**
 * A tile of hashes or a bundle of entries, of exactly the width asked for: any up to the committed one, since
 * a partial tile is the beginning of the full one. Throws `unknown-block` when there are not that many.
 */
export async function readTile(bucket: Readable, { level, index, width }: TileName): Promise<Bytes> {
  const { name, store, head } = bucket
  const there = widthOf(level === 'entries' ? 0 : level, index, head.size)
  if (width > there)
    throw new Refused('unknown-block', `${name} has ${there} of the ${width} hashes of this tile`)
  const from = index * tileWidth
  return level === 'entries' ? store.entries(name, from, width) : store.hashes(name, level, from, width)
}

/** The inclusion proof of a block in the tree of a smaller or equal size. Throws `unknown-block`. */
export async function readInclusion(bucket: Readable, index: number, size: number): Promise<readonly Hash[]> {
  checkSize(bucket, size)
  if (index >= size) throw new Refused('unknown-block', `block ${index} is not among the first ${size}`)
  return buildInclusion(index, size, await readTiles(bucket, planInclusion(index, size)))
}

/** The consistency proof between two sizes, both committed. Throws `unknown-block`, `bad-query`. */
export async function readConsistency(
  bucket: Readable,
  oldSize: number,
  size: number,
): Promise<readonly Hash[]> {
  checkSize(bucket, size)
  if (oldSize > size) throw new Refused('bad-query', `size ${oldSize} is not before size ${size}`)
  return buildConsistency(oldSize, size, await readTiles(bucket, planConsistency(oldSize, size)))
}

/** The root that the tree had at a size. Throws `unknown-block`. */
export async function readRoot(bucket: Readable, size: number): Promise<Hash> {
  checkSize(bucket, size)
  return buildFrontier(size, await readTiles(bucket, planEdge(size))).root()
}

/**
 * The receipt (C2SP tlog-proof) of a block under the newest final checkpoint, or under another one of this
 * bucket. Throws `unknown-block`, and `no-quorum` for a block that is not final yet.
 */
export async function readReceipt(bucket: Published, index: number, under?: Final): Promise<string> {
  checkIndex(bucket, index)
  const covering = under ?? bucket.final
  if (covering === undefined || index >= covering.head.size) {
    throw new Refused('no-quorum', `block ${index} of ${bucket.name} is not final yet`)
  }
  const proof = await readInclusion(bucket, index, covering.head.size)
  return formatReceipt({ index, proof, checkpoint: covering.checkpoint })
}

/**
 * Evidence of a block: with its receipt and the whole registry, both final. Throws `unknown-block`,
 * `no-quorum`, `too-large`.
 */
export async function readEvidence(
  ledger: string,
  bucket: Published,
  keys: Published,
  index: number,
): Promise<string> {
  const receipt = await readReceipt(bucket, index)
  const { block, entry } = await readBlock(bucket, index)
  const { final } = keys
  const needed = bucket.name === keysBucket ? index + 1 : block.keys
  if (final === undefined || final.head.size < needed) {
    throw new Refused('no-quorum', `the first ${needed} blocks of keys are not final yet`)
  }
  const entries: Bytes[] = []
  while (entries.length < final.head.size) {
    const wanted = Math.min(tileWidth, final.head.size - entries.length)
    entries.push(...(await readEntries(keys, entries.length, wanted)))
  }
  const envelope = await readEnvelope(bucket, index)
  const registry = { entries, checkpoint: final.checkpoint }
  return formatEvidence({ ledger, bucket: bucket.name, index, entry, envelope, receipt, keys: registry })
}

function readTiles({ name, store }: Readable, tiles: readonly Tile[]): Promise<readonly Bytes[]> {
  return Promise.all(
    tiles.map(({ level, index, width }) => store.hashes(name, level, index * tileWidth, width)),
  )
}

function checkIndex({ name, head }: Readable, index: number): void {
  if (!Number.isSafeInteger(index) || index < 0 || index >= head.size) {
    throw new Refused('unknown-block', `${name} has no block ${index}`)
  }
}

function checkSize({ name, head }: Readable, size: number): void {
  if (!Number.isSafeInteger(size) || size < 0 || size > head.size) {
    throw new Refused('unknown-block', `${name} does not have ${size} blocks`)
  }
}
