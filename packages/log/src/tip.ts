// Where a bucket's chain goes on: all that the next block depends on, rebuilt from the store in constant time.
import { type Block, noHash, parseEntry } from '@ledgerstone/core/block'
import { equalBytes, type Hash } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { buildEdge, decodeEntries, type Edge, emptyEdge, frontierOf, planEdge } from '@ledgerstone/core/tile'
import { emptyRoot, Frontier, leafHash } from '@ledgerstone/core/tree'
import type { Head, Store } from './store.ts'

export type Tip = {
  readonly head: Head
  readonly frontier: Frontier
  readonly edge: Edge
  /** Hash of the newest block; 32 zero bytes when there is none. */
  readonly prev: Hash
  /** Time of the newest block, milliseconds since 1970; 0 when there is none. */
  readonly time: number
  /** `keys` of the newest block; 0 when there is none. */
  readonly keys: number
}

export const emptyTip: Tip = {
  head: { size: 0, root: emptyRoot },
  frontier: new Frontier(),
  edge: emptyEdge,
  prev: noHash,
  time: 0,
  keys: 0,
}

/**
 * Reads the head, the right-edge tiles and the newest block, and checks them against each other: a torn or changed tail
 * must not be signed. Throws `unknown-bucket`, `damaged-store`.
 */
export async function readTip(store: Store, bucket: string): Promise<Tip> {
  const head = await store.head(bucket)
  if (head.size === 0) return emptyTip
  const tiles = await Promise.all(
    planEdge(head.size).map(({ level, index, width }) => store.hashes(bucket, level, index * 256, width)),
  )
  const edge = buildEdgeOf(bucket, head.size, tiles)
  const frontier = frontierOf(edge)
  if (!equalBytes(frontier.root(), head.root)) {
    throw new Refused('damaged-store', `the tiles of ${bucket} do not have the root of its head`)
  }
  const index = head.size - 1
  const [entry] = decodeEntries(await store.entries(bucket, index, 1), 1)
  const hash = leafHash(entry as Uint8Array)
  if (!equalBytes(hash, await store.hashes(bucket, 0, index, 1))) {
    throw new Refused('damaged-store', `block ${index} of ${bucket} does not have the hash of its leaf`)
  }
  const block = parseEntry(entry as Uint8Array)
  await checkTail(store, block, bucket, index)
  return { head, frontier, edge, prev: hash, time: block.time, keys: block.keys }
}

function buildEdgeOf(bucket: string, size: number, tiles: readonly Uint8Array<ArrayBuffer>[]): Edge {
  try {
    return buildEdge(size, tiles)
  } catch (cause) {
    throw new Refused('damaged-store', `the tiles of ${bucket} are cut short`, { cause })
  }
}

async function checkTail(store: Store, block: Block, bucket: string, index: number): Promise<void> {
  const prev = index === 0 ? noHash : await store.hashes(bucket, 0, index - 1, 1)
  if (block.bucket !== bucket || block.index !== index || !equalBytes(block.prev, prev)) {
    throw new Refused('damaged-store', `block ${index} of ${bucket} does not follow the block before it`)
  }
}
