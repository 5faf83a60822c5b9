// Batches for tests. The store does not know what its bytes mean, so hashes here are made up, but of the
// right number.
import { hash, randomBytes } from 'node:crypto'
import type { Bytes } from '@ledgerstone/core/bytes'
import { concat, utf8 } from '@ledgerstone/core/bytes'
import type { Batch, Head, Store } from '@ledgerstone/log/store'
import { tileHashes, tileLevels } from '../src/batch.ts'

/** What a test says of one block; `identity` and `case` are any text. */
export type TestBlock = {
  readonly entry: string
  readonly envelope?: string
  readonly identity?: string
  readonly case?: string
}

export type TestBatch = { readonly batch: Batch; readonly next: Head }

export function digestOf(text: string): Bytes {
  return new Uint8Array(hash('sha256', text, 'buffer'))
}

export function frame16(bytes: Uint8Array): Bytes {
  return concat(new Uint8Array([bytes.length >> 8, bytes.length & 255]), bytes)
}

export function frame32(bytes: Uint8Array): Bytes {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return concat(length, bytes)
}

/** The made-up hash at a position of a level; the same in every test. */
export function tileHash(level: number, position: number): Bytes {
  return digestOf(`tile ${level} ${position}`)
}

export function tileRange(level: number, from: number, to: number): Bytes {
  return concat(...Array.from({ length: to - from }, (_, i) => tileHash(level, from + i)))
}

/** A batch of these blocks after a head; a root that nobody else has unless `root` is given. */
export function batchOf(from: number, blocks: readonly TestBlock[], root?: Bytes): TestBatch {
  const size = from + blocks.length
  const rows = blocks.map((block, i) =>
    concat(
      digestOf(`identity ${block.identity ?? `of block ${from + i}`}`),
      block.case === undefined ? new Uint8Array(32) : digestOf(`case ${block.case}`),
    ),
  )
  const batch: Batch = {
    from,
    count: blocks.length,
    entries: concat(...blocks.map(({ entry }) => frame16(utf8(entry)))),
    envelopes: concat(...blocks.map(({ envelope }) => frame32(utf8(envelope ?? '')))),
    identities: concat(...rows),
    tiles: Array.from({ length: tileLevels }, (_, level) =>
      tileRange(level, tileHashes(from, level), tileHashes(size, level)),
    ),
  }
  return { batch, next: { size, root: root ?? new Uint8Array(randomBytes(32)) } }
}

/** `count` different small blocks. */
export function blocksOf(count: number, label = 'block'): TestBlock[] {
  return Array.from({ length: count }, (_, i) => ({
    entry: `${label} ${i}`,
    envelope: `envelope of ${label} ${i}`,
  }))
}

/** Appends blocks after the stored head and gives the new one. */
export async function appendBlocks(
  store: Store,
  bucket: string,
  blocks: readonly TestBlock[],
): Promise<Head> {
  const head = await store.head(bucket)
  const { batch, next } = batchOf(head.size, blocks)
  await store.append(bucket, head, batch, next)
  return next
}

export function identityOf(text: string): Bytes {
  return digestOf(`identity ${text}`)
}

export function caseOf(text: string): Bytes {
  return digestOf(`case ${text}`)
}
