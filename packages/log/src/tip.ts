// Where a bucket's chain goes on: all that the next block depends on, rebuilt from the store in constant
// time.
import { noHash } from '@ledgerstone/core/block'
import { type Bytes, equalBytes, type Hash } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { buildEdge, type Edge, emptyEdge, frontierOf, planEdge, tileWidth } from '@ledgerstone/core/tile'
import { emptyRoot, Frontier } from '@ledgerstone/core/tree'
import type { Head, Store } from './store.ts'
import { readStoredBlock } from './stored-block.ts'

export type Tip = {
  readonly head: Head
  readonly frontier: Frontier
  /** The same again, never shared with the first: the second computation of each root goes on from here. */
  readonly second: Frontier
  readonly edge: Edge
  /** Hash of the newest block; 32 zero bytes when there is none. */
  readonly prev: Hash
  /** Time of the newest block, milliseconds since 1970; 0 when there is none. */
  readonly time: number
  /** `keys` of the newest block; 0 when there is none. */
  readonly keys: number
}

const emptyTip: Tip = {
  head: { size: 0, root: emptyRoot },
  frontier: new Frontier(),
  second: new Frontier(),
  edge: emptyEdge,
  prev: noHash,
  time: 0,
  keys: 0,
}

/**
 * Reads the head, the tiles at the right edge and the newest block, and checks them against each other: a
 * torn or changed tail must not be signed. Throws `unknown-bucket`, `damaged-store`.
 */
export async function readTip(store: Store, bucket: string): Promise<Tip> {
  const head = await store.head(bucket)
  const index = head.size - 1
  if (index < 0) return emptyTip
  const plan = planEdge(head.size)
  const tiles = await Promise.all(
    plan.map((tile) => store.hashes(bucket, tile.level, tile.index * tileWidth, tile.width)),
  )
  const edge = edgeOf(bucket, head.size, tiles)
  const frontier = frontierOf(edge)
  checkSame(frontier.root(), head.root, `the tiles of ${bucket} do not have the root of its head`)

  const { block, hash } = await readStoredBlock(store, bucket, index)
  const leaf = await store.hashes(bucket, 0, index, 1)
  checkSame(hash, leaf, `block ${index} of ${bucket} does not have the hash of its leaf`)
  const prev = index === 0 ? noHash : await store.hashes(bucket, 0, index - 1, 1)
  checkSame(block.prev, prev, `block ${index} of ${bucket} does not name the block before it`)
  return { head, frontier, second: frontierOf(edge), edge, prev: hash, time: block.time, keys: block.keys }
}

function edgeOf(bucket: string, size: number, tiles: readonly Bytes[]): Edge {
  try {
    return buildEdge(size, tiles)
  } catch (cause) {
    throw new Refused('damaged-store', `the tiles of ${bucket} are cut short`, { cause })
  }
}

function checkSame(found: Hash, expected: Hash, message: string): void {
  if (!equalBytes(found, expected)) throw new Refused('damaged-store', message)
}
