// The shell around the core's tile plans: reads tiles of a log under one checkpoint and has the core compute.
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { limits } from '@ledgerstone/core/limits'
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
import { type Head, verifyConsistency, verifyInclusion } from '@ledgerstone/core/tree'
import { inOrder } from './ordered.ts'

/**
 * Where a log's checkpoint and tiles are read: a ledger, a mirror, a folder of files. Nothing it gives is
 * believed.
 */
export type LogReader = {
  /** The newest final checkpoint. */
  checkpoint(): Promise<string>
  /** The bytes of a tile or bundle, as wide as asked for or wider; undefined when it is not there. */
  tile(name: TileName, signal?: AbortSignal): Promise<Bytes | undefined>
}

/** Entries one after the other, the first being block `from`. */
export type Bundle = { readonly from: number; readonly entries: readonly Bytes[] }

const hashBytes = 32

/**
 * The inclusion proof of block `index` in the tree of `head`, checked for `leaf`, its hash. Throws
 * `bad-proof`.
 */
export async function proveInclusion(
  reader: LogReader,
  leaf: Hash,
  index: number,
  head: Head,
): Promise<readonly Hash[]> {
  const tiles = await readTiles(reader, planInclusion(index, head.size), head.size)
  const proof = buildInclusion(index, head.size, tiles)
  verifyInclusion(leaf, index, head.size, proof, head.root)
  return proof
}

/**
 * Proves that the history of `next` begins with that of `old`. Throws `rolled-back` when it is shorter,
 * `forked` when it is another one, and `bad-proof` when the tiles are not those of `next`, so that nothing is
 * shown.
 */
export async function proveConsistency(reader: LogReader, old: Head, next: Head): Promise<readonly Hash[]> {
  if (old.size > next.size) {
    throw new Refused('rolled-back', `the log has ${next.size} blocks; it had ${old.size} before`)
  }
  const tiles = await readTiles(reader, planConsistency(old.size, next.size), next.size)
  const proof = buildConsistency(old.size, next.size, tiles)
  try {
    verifyConsistency(old, next, proof)
  } catch (cause) {
    if (await isOfOther(reader, old, next, proof)) {
      throw new Refused('forked', `the first ${old.size} blocks are not those of before`, { cause })
    }
    throw cause
  }
  return proof
}

/**
 * Whether `next` contains, at the old size, another root than the one remembered: then there are two
 * histories.
 */
async function isOfOther(reader: LogReader, old: Head, next: Head, proof: readonly Hash[]): Promise<boolean> {
  if (old.size === next.size) return true
  const edge = await readTiles(reader, planEdge(old.size), next.size)
  const root = buildFrontier(old.size, edge).root()
  try {
    verifyConsistency({ size: old.size, root }, next, proof)
    return true
  } catch {
    return false
  }
}

/**
 * Tiles in the order of the plan, from a tree of `size`: each as wide as it is there, which is what is
 * served.
 */
async function readTiles(reader: LogReader, tiles: readonly Tile[], size: number): Promise<readonly Bytes[]> {
  const hashes: Bytes[] = []
  const read = (tile: Tile, signal: AbortSignal): Promise<Bytes> =>
    readTile(reader, { ...tile, width: widthOf(tile.level, tile.index, size) }, signal)
  for await (const bytes of inOrder(tiles, 8, read)) hashes.push(bytes)
  return hashes
}

/** The entries of blocks `from` up to, not including, `to` of a tree of `size`, bundle by bundle. */
export async function* readEntries(
  reader: LogReader,
  range: { readonly from: number; readonly to: number; readonly size: number },
  concurrency = 8,
): AsyncGenerator<Bundle> {
  const { from, to, size } = range
  const indexes = function* (): Generator<number> {
    for (let index = Math.floor(from / tileWidth); index * tileWidth < to; index++) yield index
  }
  const read = (index: number, signal: AbortSignal): Promise<Bundle> =>
    readBundle(reader, index, size, signal)
  for await (const bundle of inOrder(indexes(), concurrency, read)) {
    const start = Math.max(from - bundle.from, 0)
    const end = Math.min(to - bundle.from, bundle.entries.length)
    yield { from: bundle.from + start, entries: bundle.entries.slice(start, end) }
  }
}

/**
 * One whole bundle of a tree of `size`. Throws `malformed` when it does not hold the entries that it should.
 */
export async function readBundle(
  reader: LogReader,
  index: number,
  size: number,
  signal?: AbortSignal,
): Promise<Bundle> {
  const width = widthOf(0, index, size)
  const bytes = await readTile(reader, { level: 'entries', index, width }, signal)
  const entries = decodeEntries(bytes)
  if (entries.length < width) {
    throw new Refused('malformed', `entry bundle ${index} has ${entries.length} entries, not ${width}`)
  }
  return { from: index * tileWidth, entries: entries.slice(0, width) }
}

/** The leaf hashes of one tile of level 0 of a tree of `size`, as the log has it. */
export async function readLeaves(reader: LogReader, index: number, size: number): Promise<readonly Hash[]> {
  const width = widthOf(0, index, size)
  const bytes = await readTile(reader, { level: 0, index, width })
  return Array.from({ length: width }, (_, i) => bytes.slice(i * hashBytes, (i + 1) * hashBytes))
}

/** The most bytes that a tile or bundle can have. */
export function tileBytesMax({ level }: TileName): number {
  return level === 'entries' ? tileWidth * (2 + limits.entryBytesMax) : tileWidth * hashBytes
}

/** A partial tile may be gone once the full one is there (C2SP tlog-tiles), which then holds it. */
async function readTile(reader: LogReader, name: TileName, signal?: AbortSignal): Promise<Bytes> {
  const bytes =
    (await reader.tile(name, signal)) ??
    (name.width < tileWidth ? await reader.tile({ ...name, width: tileWidth }, signal) : undefined)
  if (bytes === undefined) {
    throw new Refused('gap', `tile ${name.level}/${name.index} of width ${name.width} is not there`)
  }
  const widthBytes = name.level === 'entries' ? 0 : name.width * hashBytes
  if (bytes.length < widthBytes || bytes.length > tileBytesMax(name)) {
    throw new Refused('malformed', `tile ${name.level}/${name.index} has ${bytes.length} bytes`)
  }
  return bytes
}
