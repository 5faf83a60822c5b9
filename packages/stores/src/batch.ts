// What every store asks of a batch before it writes a byte of it. A wrong batch is our own bug, never a
// caller's.
import { strict as assert } from 'node:assert'
import { hash } from 'node:crypto'
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { limits } from '@ledgerstone/core/limits'
import type { Batch, Head } from '@ledgerstone/log/store'

/** Levels 0 to 5 of the tiles: a bucket ends before 256^6 = 2^48 blocks. */
export const tileLevels = 6
export const hashBytes = 32
/** One row of identities: 32 bytes of identity, 32 bytes of case key. */
export const identityRowBytes = 64

/**
 * The most bytes of entries, and of envelopes, in one batch: what a commit may leave behind when it is cut
 * off.
 */
export const batchBytesMax: number = 2 * limits.commitBytesMax

/** A bucket's name, also of a successor or lane (`~N`), and so the name of its folder. */
export const storedName: RegExp = /^[a-z][a-z0-9-]{0,62}(~[1-9][0-9]{0,3})?$/

/** RFC 6962 section 2.1: the root of nothing is the SHA-256 of nothing. */
export const emptyHead: Head = { size: 0, root: new Uint8Array(hash('sha256', new Uint8Array(), 'buffer')) }

/**
 * How many hashes level `level` of the tiles has at a size (C2SP tlog-tiles: one for each full tile below).
 */
export function tileHashes(size: number, level: number): number {
  return Math.floor(size / 256 ** level)
}

/** The end of each frame, relative to the start of the batch. */
export type Ends = { readonly entries: readonly number[]; readonly envelopes: readonly number[] }

/** Throws an assertion when the batch is not exactly what leads from `expected` to `next`. */
export function checkBatch(expected: Head, batch: Batch, next: Head): Ends {
  const { from, count } = batch
  assert.equal(from, expected.size, 'a batch begins at the size of the expected head')
  assert(Number.isSafeInteger(count) && count > 0, `a batch of ${count} blocks`)
  assert(count <= limits.commitRecordsMax, `a batch of ${count} blocks is too large`)
  assert.equal(next.size, from + count, 'the next head counts the blocks of the batch')
  assert(next.size < 256 ** tileLevels, 'a bucket holds less than 2^48 blocks')
  checkHash(expected.root)
  checkHash(next.root)
  assert.equal(batch.identities.length, count * identityRowBytes, 'one row of identities for each block')
  assert(batch.tiles.length <= tileLevels, `${batch.tiles.length} levels of tiles`)
  for (let level = 0; level < tileLevels; level++) {
    const hashes = tileHashes(next.size, level) - tileHashes(from, level)
    const bytes = batch.tiles[level]?.length ?? 0
    assert.equal(bytes, hashes * hashBytes, `tiles of level ${level} from ${from} to ${next.size}`)
  }
  assert(batch.entries.length <= batchBytesMax && batch.envelopes.length <= batchBytesMax, 'batch bytes')
  const entries = frameEnds(batch.entries, 2, count, 'entries')
  const envelopes = frameEnds(batch.envelopes, 4, count, 'envelopes')
  for (let i = 0, start = 0; i < count; start = entries[i++] as number) {
    assert((entries[i] as number) - start > 2, `entry ${from + i} is empty`)
  }
  return { entries, envelopes }
}

/** Whether two heads are the same in size and root. */
export function equalHeads(a: Head, b: Head): boolean {
  return a.size === b.size && Buffer.compare(a.root, b.root) === 0
}

/**
 * Ends of `count` frames with a big-endian length of `width` bytes each; asserts that they fill the bytes
 * exactly.
 */
function frameEnds(framed: Bytes, width: 2 | 4, count: number, what: string): number[] {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength)
  const ends: number[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    assert(at + width <= framed.length, `${what} of the batch hold ${i} of ${count} frames`)
    at += width + (width === 2 ? view.getUint16(at) : view.getUint32(at))
    ends.push(at)
  }
  assert.equal(at, framed.length, `${what} of the batch end with their last frame`)
  return ends
}

function checkHash(root: Hash): void {
  assert.equal(root.length, hashBytes, 'a root is a SHA-256 value')
}
