// Tiles of a transparency log, as in C2SP tlog-tiles: 256 hashes of one level in a file.
//
//     tile/<L>/<N>[.p/<W>]         hashes: level L, the N-th tile of it, W of its hashes when not all 256
//     tile/entries/<N>[.p/<W>]     the entries under tile 0/<N>, each u16 n | n bytes
//
// A hash of level L is the root of 256^L entries, so level L holds floor(size / 256^L) hashes. A partial tile
// is the beginning of the full one: wherever a tile is asked for here, a wider one does too.
//
// The core plans which tiles a task needs, the caller reads them in that order, the core computes.
import type { Bytes, Hash } from './bytes.ts'
import { concat } from './bytes.ts'
import { Refused } from './refused.ts'
import type { Range, Subtree } from './tree.ts'
import { consistencyRanges, Frontier, foldRight, inclusionRanges, nodeHash, subtreesOf } from './tree.ts'

/** A tile of hashes: `width` of them (1 to 256), the first being hash `index * 256` of `level`. */
export type Tile = { readonly level: number; readonly index: number; readonly width: number }

/** A resource under `tile/`: a tile of hashes or, with the level `entries`, an entry bundle. */
export type TileName = { readonly level: number | 'entries'; readonly index: number; readonly width: number }

export const tileWidth = 256
const hashBytes = 32
const levelMax = 63

/** The path below the log's prefix, `tile/0/x001/x234/067.p/8`. */
export function tilePath({ level, index, width }: TileName): string {
  let digits = `${index}`
  digits = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = digits.match(/.{3}/g) as string[]
  const last = groups.length - 1
  const path = groups.map((group, i) => (i === last ? group : `x${group}`)).join('/')
  return `tile/${level}/${path}${width === tileWidth ? '' : `.p/${width}`}`
}

/** Strict: every tile has one path. Throws `malformed`. */
export function parseTilePath(path: string): TileName {
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(
    path,
  )
  if (match === null) throw new Refused('malformed', 'not the path of a tile')
  const level: TileName['level'] = match[1] === 'entries' ? 'entries' : Number(match[1])
  const index = Number((match[2] as string).replace(/[x/]/g, ''))
  const width = match[3] === undefined ? tileWidth : Number(match[3])
  const tile = { level, index, width }
  const isBounded =
    (level === 'entries' || level <= levelMax) && Number.isSafeInteger(index) && width >= 1 && width <= 256
  if (!isBounded || tilePath(tile) !== path) throw new Refused('malformed', 'not the path of a tile')
  return tile
}

/** How many hashes tile `index` of `level` has in a tree of `size`: 0 to 256. */
export function widthOf(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / 256 ** level)
  return Math.max(0, Math.min(tileWidth, hashes - index * tileWidth))
}

/** Entries one after the other, each as u16 n | n bytes. */
export function encodeEntries(entries: readonly Uint8Array[]): Bytes {
  let length = 0
  for (const entry of entries) length += 2 + entry.length
  const out = new Uint8Array(length)
  let at = 0
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new RangeError(`an entry of ${entry.length} bytes does not fit a bundle`)
    out[at] = entry.length >> 8
    out[at + 1] = entry.length & 0xff
    out.set(entry, at + 2)
    at += 2 + entry.length
  }
  return out
}

/**
 * The entries of a bundle, or of any run of entries, as views of `bytes`. With `count` there must be exactly
 * so many. Throws `malformed`.
 */
export function decodeEntries(bytes: Bytes, count?: number): readonly Bytes[] {
  const entries: Bytes[] = []
  let at = 0
  while (at < bytes.length) {
    // A length that is cut short reads as too small, and still ends behind the last byte.
    const start = at + 2
    at = start + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
    if (at > bytes.length)
      throw new Refused('malformed', `entry ${entries.length} of the bundle is cut short`)
    entries.push(bytes.subarray(start, at))
  }
  if (count !== undefined && entries.length !== count) {
    throw new Refused('malformed', `the bundle has ${entries.length} entries, not ${count}`)
  }
  return entries
}

/**
 * The partial tiles at the right edge of a tree: all that is needed to go on appending, at most 255 hashes a
 * level. `levels[l]` is the hashes of the partial tile of level l, one after the other; empty when the last
 * tile is full.
 */
export type Edge = { readonly size: number; readonly levels: readonly Bytes[] }

export const emptyEdge: Edge = { size: 0, levels: [] }

export function planEdge(size: number): readonly Tile[] {
  const tiles: Tile[] = []
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / tileWidth)) {
    const width = hashes % tileWidth
    if (width > 0) tiles.push({ level, index: Math.floor(hashes / tileWidth), width })
  }
  return tiles
}

/**
 * The edge of a tree of `size` from the tiles of `planEdge(size)`. Throws `malformed` when a tile is too
 * short.
 */
export function buildEdge(size: number, tiles: readonly Bytes[]): Edge {
  const levels: Bytes[] = []
  for (const [i, tile] of planEdge(size).entries()) {
    while (levels.length < tile.level) levels.push(new Uint8Array(0))
    levels.push(checkTile(tile, tiles[i]).slice(0, tile.width * hashBytes))
  }
  return { size, levels }
}

/** The frontier of the tree that an edge belongs to. */
export function frontierOf(edge: Edge): Frontier {
  const hashes = subtreesOf({ start: 0, end: edge.size }).map(({ height, index }) => {
    const level = Math.floor(height / 8)
    const count = 2 ** (height % 8)
    return perfectRoot(edge.levels[level] as Bytes, (index * count) % tileWidth, count)
  })
  return Frontier.from(edge.size, hashes)
}

/**
 * What leaf hashes add to the hash file of each level: `tiles[0]` is the leaves themselves, and each 256
 * hashes that fill a tile add one to the level above. Nothing given is changed.
 */
export function appendTiles(
  edge: Edge,
  leaves: readonly Hash[],
): { readonly tiles: readonly Bytes[]; readonly edge: Edge } {
  const tiles: Bytes[] = []
  const levels = edge.levels.slice()
  let added = concat(...leaves)
  for (let level = 0; added.length > 0; level++) {
    tiles.push(added)
    const hashes = concat(levels[level] ?? new Uint8Array(0), added)
    const full = Math.floor(hashes.length / hashBytes / tileWidth)
    const above = new Uint8Array(full * hashBytes)
    for (let i = 0; i < full; i++) above.set(perfectRoot(hashes, i * tileWidth, tileWidth), i * hashBytes)
    levels[level] = hashes.slice(full * tileWidth * hashBytes)
    added = above
  }
  return { tiles, edge: { size: edge.size + leaves.length, levels } }
}

/** The tiles that hold the inclusion proof of entry `index` in a tree of `size`. */
export function planInclusion(index: number, size: number): readonly Tile[] {
  return planRanges(inclusionRanges(index, size), size)
}

/** The proof from the tiles of `planInclusion`, in its order, each that wide or wider. Throws `malformed`. */
export function buildInclusion(index: number, size: number, tiles: readonly Bytes[]): readonly Hash[] {
  return buildRanges(inclusionRanges(index, size), size, tiles)
}

/** The tiles that hold the consistency proof between two sizes. */
export function planConsistency(oldSize: number, size: number): readonly Tile[] {
  return planRanges(consistencyRanges(oldSize, size), size)
}

/**
 * The proof from the tiles of `planConsistency`, in its order, each that wide or wider. Throws `malformed`.
 */
export function buildConsistency(oldSize: number, size: number, tiles: readonly Bytes[]): readonly Hash[] {
  return buildRanges(consistencyRanges(oldSize, size), size, tiles)
}

/**
 * The frontier, hence the root, of a tree of `size`: it needs the tiles of `planEdge(size)`. Throws
 * `malformed`.
 */
export function buildFrontier(size: number, tiles: readonly Bytes[]): Frontier {
  return frontierOf(buildEdge(size, tiles))
}

/** The tiles in which the roots of ranges are found, each once, in the order of first use. */
function planRanges(ranges: readonly Range[], size: number): readonly Tile[] {
  const tiles = new Map<string, Tile>()
  for (const range of ranges) {
    for (const subtree of subtreesOf(range)) {
      const { level, index } = placeOf(subtree)
      tiles.set(`${level}/${index}`, { level, index, width: widthOf(level, index, size) })
    }
  }
  return [...tiles.values()]
}

function buildRanges(ranges: readonly Range[], size: number, tiles: readonly Bytes[]): readonly Hash[] {
  const hashes = new Map<string, Bytes>()
  for (const [i, tile] of planRanges(ranges, size).entries()) {
    hashes.set(`${tile.level}/${tile.index}`, checkTile(tile, tiles[i]))
  }
  return ranges.map((range) =>
    foldRight(
      subtreesOf(range).map((subtree) => {
        const { level, index, offset, count } = placeOf(subtree)
        return perfectRoot(hashes.get(`${level}/${index}`) as Bytes, offset, count)
      }),
    ),
  )
}

/** Where the hashes lie from which a subtree's root is computed: always within one tile. */
function placeOf({ height, index }: Subtree): {
  level: number
  index: number
  offset: number
  count: number
} {
  const level = Math.floor(height / 8)
  const count = 2 ** (height % 8)
  const perTile = tileWidth / count
  return { level, index: Math.floor(index / perTile), offset: (index % perTile) * count, count }
}

/** The root over `count` hashes, a power of two, from hash `from` of `hashes`. */
function perfectRoot(hashes: Bytes, from: number, count: number): Hash {
  let row: Hash[] = []
  for (let i = from; i < from + count; i++) row.push(hashes.subarray(i * hashBytes, (i + 1) * hashBytes))
  if (count === 1) return new Uint8Array(row[0] as Hash)
  while (row.length > 1) {
    const above: Hash[] = []
    for (let i = 0; i < row.length; i += 2) above.push(nodeHash(row[i] as Hash, row[i + 1] as Hash))
    row = above
  }
  return row[0] as Hash
}

function checkTile(tile: Tile, bytes: Bytes | undefined): Bytes {
  const length = bytes?.length ?? 0
  if (
    bytes === undefined ||
    length < tile.width * hashBytes ||
    length > tileWidth * hashBytes ||
    length % hashBytes !== 0
  ) {
    throw new Refused(
      'malformed',
      `tile ${tile.level}/${tile.index} has ${length} bytes, not those of ${tile.width} hashes`,
    )
  }
  return bytes
}
