import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sha256 } from '#primitives'
import type { Bytes, Hash } from '../src/bytes.ts'
import { concat, utf8 } from '../src/bytes.ts'
import type { Edge, Tile, TileName } from '../src/tile.ts'
import {
  appendTiles,
  buildConsistency,
  buildEdge,
  buildFrontier,
  buildInclusion,
  decodeEntries,
  emptyEdge,
  encodeEntries,
  frontierOf,
  parseTilePath,
  planConsistency,
  planEdge,
  planInclusion,
  tilePath,
  widthOf,
} from '../src/tile.ts'
import type { Head } from '../src/tree.ts'
import { Frontier, leafHash, verifyConsistency, verifyInclusion } from '../src/tree.ts'
import type { Case } from './vectors.ts'
import { hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Vectors = {
  size: number
  paths: { valid: (Case & TileName & { path: string })[]; invalid: (Case & { path: string; code: string })[] }
  tiles: (Case & Tile & { path: string; sha256: string })[]
  levels: (Case & { level: number; hashes: number; sha256: string })[]
  bundles: {
    valid: (Case & { bundle: string; entries: string[] })[]
    invalid: (Case & { bundle: string; code: string })[]
  }
}

const vectors = readVectors<Vectors>('tile')
const leaves: readonly Hash[] = Array.from({ length: vectors.size }, (_, i) => leafHash(utf8(`${i}`)))

/**
 * The hash file of each level, as a store would keep it, after appending the leaves in batches of these
 * sizes.
 */
function levelFiles(size: number, batches: readonly number[]): { files: readonly Bytes[]; edge: Edge } {
  const parts: Bytes[][] = []
  let edge = emptyEdge
  for (let turn = 0; edge.size < size; turn++) {
    const count = Math.min(batches[turn % batches.length] as number, size - edge.size)
    const appended = appendTiles(edge, leaves.slice(edge.size, edge.size + count))
    for (const [level, hashes] of appended.tiles.entries()) {
      parts[level] ??= []
      parts[level].push(hashes)
    }
    edge = appended.edge
  }
  return { files: parts.map((part) => concat(...part)), edge }
}

const { files } = levelFiles(vectors.size, [1000, 1, 300])

/** A reader that gives exactly the tile asked for, or all of it that there is. */
const read = (tiles: readonly Tile[], wide = false): Bytes[] =>
  tiles.map(({ level, index, width }) =>
    (files[level] as Bytes).slice(index * 8192, index * 8192 + (wide ? 256 : width) * 32),
  )

const heads: Head[] = []
const growing = new Frontier()
for (let size = 0; size <= 1200; size++) {
  heads.push(growing.head())
  growing.append(leaves[size] as Hash)
}
const headOf = (size: number): Head => heads[size] as Head

describe('tile paths', () => {
  testEach(vectors.paths.valid, ({ path, level, index, width }) => {
    assert.equal(tilePath({ level, index, width }), path)
    assert.deepEqual(parseTilePath(path), { level, index, width })
  })
  testEach(vectors.paths.invalid, ({ path, code }) => {
    assert.throws(() => parseTilePath(path), refusedAs(code))
  })

  test('any tile has a path that gives it back', () => {
    const level = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const))
    const index = fc.oneof(fc.maxSafeNat(), fc.nat({ max: 2000 }))
    fc.assert(
      fc.property(
        fc.record({ level, index, width: fc.integer({ min: 1, max: 256 }) }, { noNullPrototype: true }),
        (tile) => {
          assert.deepEqual(parseTilePath(tilePath(tile)), tile)
        },
      ),
    )
  })
})

describe('entry bundles', () => {
  testEach(vectors.bundles.valid, ({ bundle, entries }) => {
    assert.deepEqual(encodeEntries(entries.map(hex)), hex(bundle))
    assert.deepEqual(decodeEntries(hex(bundle), entries.length), entries.map(hex))
  })
  testEach(vectors.bundles.invalid, ({ bundle, code }) => {
    assert.throws(() => decodeEntries(hex(bundle)), refusedAs(code))
  })

  test('holds the largest entry and none larger', () => {
    const largest = new Uint8Array(65_535).fill(9)
    assert.deepEqual(decodeEntries(encodeEntries([largest, largest])), [largest, largest])
    assert.throws(() => encodeEntries([new Uint8Array(65_536)]), RangeError)
  })

  test('refuses another number of entries than was asked for', () => {
    const bundle = encodeEntries([utf8('a'), utf8('b')])
    assert.throws(() => decodeEntries(bundle, 1), refusedAs('malformed'))
    assert.throws(() => decodeEntries(bundle, 3), refusedAs('malformed'))
  })
})

describe('the tiles of a growing tree', () => {
  testEach(vectors.levels, ({ level, hashes, sha256: expected }) => {
    assert.equal(files[level]?.length, hashes * 32)
    assert.equal(sha256(files[level] as Bytes).toHex(), expected)
  })
  testEach(vectors.tiles, ({ path, level, index, width, sha256: expected }) => {
    assert.deepEqual(parseTilePath(path), { level, index, width })
    assert.equal(widthOf(level, index, vectors.size), width)
    assert.equal(sha256(read([{ level, index, width }])[0] as Bytes).toHex(), expected)
  })

  test('beyond the right edge a tile has no hashes', () => {
    assert.equal(widthOf(0, 273, 70_000), 112)
    assert.equal(widthOf(0, 274, 70_000), 0)
    assert.equal(widthOf(3, 0, 70_000), 0)
  })

  test('there are no more levels than the vectors name', () =>
    assert.equal(files.length, vectors.levels.length))

  test('batches of any sizes give the same files and edge as single appends', () => {
    const single = levelFiles(700, [1])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 8 }), (batches) => {
        assert.deepEqual(levelFiles(700, batches), single)
      }),
      { numRuns: 40 },
    )
  })

  test('an edge built from the tiles equals the edge that grew', () => {
    for (const size of [0, 1, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 65_792, 70_000]) {
      const grown = levelFiles(size, [4096]).edge
      assert.deepEqual(buildEdge(size, read(planEdge(size))), grown)
      assert.deepEqual(buildEdge(size, read(planEdge(size), true)), grown)
    }
  })

  test('the example of C2SP tlog-tiles: 70,000 entries end in three partial tiles', () => {
    assert.deepEqual(planEdge(70_000), [
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ])
    assert.deepEqual(planEdge(256), [{ level: 1, index: 0, width: 1 }])
    assert.deepEqual(planEdge(0), [])
  })

  test('appending changes nothing that it was given', () => {
    const { edge } = levelFiles(300, [300])
    const before = structuredClone(edge)
    appendTiles(edge, leaves.slice(300, 600))
    assert.deepEqual(edge, before)
  })

  test('the frontier of an edge is the frontier of the tree, at every size', () => {
    for (let size = 0; size <= 1200; size++) {
      const frontier = buildFrontier(size, read(planEdge(size)))
      assert.deepEqual(frontier.head(), headOf(size))
      assert.deepEqual(frontierOf(buildEdge(size, read(planEdge(size)))).hashes(), frontier.hashes())
    }
    const whole = new Frontier()
    for (const leaf of leaves) whole.append(leaf)
    assert.deepEqual(buildFrontier(vectors.size, read(planEdge(vectors.size))).head(), whole.head())
  })
})

describe('proofs out of tiles', () => {
  test('inclusion holds for random entries and sizes, from exact and from wider tiles', () => {
    const position = fc
      .integer({ min: 1, max: 1200 })
      .chain((size) => fc.tuple(fc.nat({ max: size - 1 }), fc.constant(size)))
    fc.assert(
      fc.property(position, fc.boolean(), ([index, size], wide) => {
        const proof = buildInclusion(index, size, read(planInclusion(index, size), wide))
        verifyInclusion(leaves[index] as Hash, index, size, proof, headOf(size).root)
      }),
      { numRuns: 300 },
    )
  })

  test('consistency holds for random pairs of sizes, from exact and from wider tiles', () => {
    const sizes = fc.tuple(fc.nat({ max: 1200 }), fc.nat({ max: 1200 }))
    fc.assert(
      fc.property(sizes, fc.boolean(), ([a, b], wide) => {
        const oldSize = Math.min(a, b)
        const size = Math.max(a, b)
        const proof = buildConsistency(oldSize, size, read(planConsistency(oldSize, size), wide))
        verifyConsistency(headOf(oldSize), headOf(size), proof)
      }),
      { numRuns: 300 },
    )
  })

  test('no proof needs more than a tile a level and the right edge', () => {
    for (let index = 0; index < vectors.size; index += 997) {
      assert.ok(planInclusion(index, vectors.size).length <= 6)
      assert.ok(planConsistency(index + 1, vectors.size).length <= 6)
    }
    assert.ok(planInclusion(0, Number.MAX_SAFE_INTEGER).length <= 14)
    assert.deepEqual(planInclusion(0, 1), [])
    assert.deepEqual(planConsistency(0, 1000), [])
    assert.deepEqual(planConsistency(1000, 1000), [])
  })

  test('only tiles that the tree has are planned, as wide as it has them', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        const size = Math.max(a, b, 1)
        const tiles = [
          ...planInclusion(Math.min(a, size - 1), size),
          ...planConsistency(Math.min(a, b), size),
          ...planEdge(size),
        ]
        for (const { level, index, width } of tiles) {
          assert.equal(width, widthOf(level, index, size))
          assert.ok(width >= 1 && width <= 256)
        }
      }),
    )
  })

  test('a tile that is missing, too short, too long or no whole number of hashes is refused', () => {
    const plan = planInclusion(300, 1000)
    const tiles = read(plan)
    const [first, ...rest] = tiles as [Bytes, ...Bytes[]]
    buildInclusion(300, 1000, tiles)
    for (const wrong of [
      first.slice(32),
      first.slice(1),
      concat(first, new Uint8Array(32 * 256)),
      new Uint8Array(0),
    ]) {
      assert.throws(() => buildInclusion(300, 1000, [wrong, ...rest]), refusedAs('malformed'))
    }
    assert.throws(() => buildInclusion(300, 1000, tiles.slice(0, -1)), refusedAs('malformed'))
    assert.throws(() => buildFrontier(1000, read(planEdge(1000)).slice(0, -1)), refusedAs('malformed'))
    const ragged = read(planEdge(1000)).map((tile) => concat(tile, new Uint8Array(1)))
    assert.throws(() => buildFrontier(1000, ragged), refusedAs('malformed'))
    assert.throws(
      () =>
        buildFrontier(
          1000,
          read(planEdge(1000)).map((tile) => tile.slice(32)),
        ),
      refusedAs('malformed'),
    )
  })
})
