import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sha256 } from '#primitives'
import type { Hash } from '../src/bytes.ts'
import { concat, utf8 } from '../src/bytes.ts'
import type { Head, Range } from '../src/tree.ts'
import {
  consistencyRanges,
  emptyRoot,
  Frontier,
  inclusionRanges,
  leafHash,
  nodeHash,
  subtreesOf,
  verifyConsistency,
  verifyInclusion,
} from '../src/tree.ts'
import type { Case } from './vectors.ts'
import { hex, readVectors, refusedAs, testEach } from './vectors.ts'

type HeadText = { size: number; root: string }
type Inclusion = Case & {
  index: number
  size: number
  leaf: string
  root: string
  proof: string[]
  code?: string
}
type Consistency = Case & { old: HeadText; new: HeadText; proof: string[]; code?: string }
type Vectors = {
  leaves: (Case & { entry: string; hash: string })[]
  nodes: (Case & { left: string; right: string; hash: string })[]
  roots: (Case & HeadText)[]
  inclusion: { valid: Inclusion[]; invalid: Inclusion[] }
  consistency: { valid: Consistency[]; invalid: Consistency[] }
}

const vectors = readVectors<Vectors>('tree')
const leaves: readonly Hash[] = Array.from({ length: 70_000 }, (_, i) => leafHash(utf8(`${i}`)))

/** RFC 6962 section 2.1 as it is written, to compare with. */
function mth(range: readonly Hash[]): Hash {
  if (range.length === 0) return sha256(new Uint8Array(0))
  if (range.length === 1) return range[0] as Hash
  let split = 1
  while (split * 2 < range.length) split *= 2
  return nodeHash(mth(range.slice(0, split)), mth(range.slice(split)))
}

const rootsOf = (ranges: readonly Range[]): Hash[] =>
  ranges.map(({ start, end }) => mth(leaves.slice(start, end)))
const headOf = (size: number): Head => ({ size, root: mth(leaves.slice(0, size)) })
const parseHead = ({ size, root }: HeadText): Head => ({ size, root: hex(root) })

describe('leaf and node hashes', () => {
  testEach(vectors.leaves, ({ entry, hash }) => assert.deepEqual(leafHash(hex(entry)), hex(hash)))
  testEach(vectors.nodes, ({ left, right, hash }) =>
    assert.deepEqual(nodeHash(hex(left), hex(right)), hex(hash)),
  )

  test('hashes entries of every length, from views too', () => {
    for (const length of [0, 1, 63, 64, 65, 65_534, 65_535, 65_536, 100_000]) {
      const entry = new Uint8Array(length + 3).fill(7).subarray(2, length + 2)
      assert.deepEqual(leafHash(entry), sha256(concat(Uint8Array.of(0), entry)))
    }
  })
})

describe('roots', () => {
  testEach(vectors.roots, ({ size, root }) => {
    const frontier = new Frontier()
    for (const leaf of leaves.slice(0, size)) frontier.append(leaf)
    assert.deepEqual(frontier.head(), { size, root: hex(root) })
  })

  test('100,000 appends give, at every size, the roots that one pinned hash accumulates', () => {
    const frontier = new Frontier()
    let accumulated: Hash = emptyRoot
    for (let i = 0; i < 100_000; i++) {
      frontier.append(leafHash(utf8(`${i}`)))
      accumulated = sha256(concat(accumulated, frontier.root()))
    }
    assert.equal(accumulated.toHex(), 'ec608f1bcfe4548f9f360f1ff3c2749578f30551887de09d642fbe93a857e451')
  })

  test('a clone goes its own way', () => {
    const frontier = new Frontier()
    for (const leaf of leaves.slice(0, 5)) frontier.append(leaf)
    const clone = frontier.clone()
    for (const leaf of leaves.slice(5, 9)) clone.append(leaf)
    assert.deepEqual(frontier.head(), headOf(5))
    assert.deepEqual(clone.head(), headOf(9))
  })

  test('a frontier continues from the hashes of its subtrees', () => {
    for (const size of [0, 1, 2, 3, 6, 7, 8, 100, 255, 256, 257]) {
      const frontier = Frontier.from(size, rootsOf(subtreesOf({ start: 0, end: size }).map(rangeOf)))
      assert.deepEqual(frontier.head(), headOf(size))
      frontier.append(leaves[size] as Hash)
      assert.deepEqual(frontier.head(), headOf(size + 1))
    }
  })

  test('a frontier refuses hashes that are not as many as its size has subtrees', () => {
    assert.throws(() => Frontier.from(3, [emptyRoot]), RangeError)
    assert.throws(() => Frontier.from(2 ** 53, [emptyRoot]), RangeError)
    assert.throws(() => Frontier.from(-1, []), RangeError)
  })

  test('appends at the end of what a number can count, and not past it', () => {
    const size = Number.MAX_SAFE_INTEGER - 1
    const frontier = Frontier.from(size, Array<Hash>(52).fill(emptyRoot))
    frontier.append(emptyRoot)
    assert.equal(frontier.size, Number.MAX_SAFE_INTEGER)
    assert.equal(frontier.hashes().length, 53)
    assert.throws(() => frontier.append(emptyRoot), RangeError)
    assert.equal(frontier.size, Number.MAX_SAFE_INTEGER)
    assert.equal(frontier.hashes().length, 53)
  })
})

function rangeOf({ height, index }: { height: number; index: number }): Range {
  return { start: index * 2 ** height, end: (index + 1) * 2 ** height }
}

describe('inclusion', () => {
  const run = ({ leaf, index, size, proof, root }: Inclusion): void =>
    verifyInclusion(hex(leaf), index, size, proof.map(hex), hex(root))

  testEach(vectors.inclusion.valid, (each) => {
    run(each)
    assert.deepEqual(rootsOf(inclusionRanges(each.index, each.size)), each.proof.map(hex))
  })
  testEach(vectors.inclusion.invalid, (each) => {
    assert.throws(() => run(each), refusedAs(each.code ?? ''))
  })

  test('holds for random entries and sizes, and for no other index, size, leaf or root', () => {
    const position = fc
      .integer({ min: 1, max: 600 })
      .chain((size) => fc.tuple(fc.nat({ max: size - 1 }), fc.constant(size)))
    fc.assert(
      fc.property(position, fc.nat({ max: 599 }), ([index, size], other) => {
        const leaf = leaves[index] as Hash
        const { root } = headOf(size)
        const proof = rootsOf(inclusionRanges(index, size))
        verifyInclusion(leaf, index, size, proof, root)
        if (other === index) return
        assert.throws(() => verifyInclusion(leaf, other, size, proof, root), refusedAs('bad-proof'))
        assert.throws(
          () => verifyInclusion(leaves[other] as Hash, index, size, proof, root),
          refusedAs('bad-proof'),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('is refused after a change of any one bit', () => {
    const index = 77
    const size = 100
    const parts = [leaves[index] as Hash, headOf(size).root, ...rootsOf(inclusionRanges(index, size))]
    const verify = ([leaf, root, ...proof]: readonly Hash[]): void =>
      verifyInclusion(leaf as Hash, index, size, proof, root as Hash)
    verify(parts)
    const bits = forEachBit(parts, (changed) => assert.throws(() => verify(changed), refusedAs('bad-proof')))
    assert.equal(bits, 256 * parts.length)
  })

  test('handles the largest sizes without losing a bit', () => {
    const size = Number.MAX_SAFE_INTEGER
    assert.deepEqual(inclusionRanges(size - 1, size).at(-1), { start: 0, end: 2 ** 52 })
    assert.deepEqual(inclusionRanges(0, size).at(-1), { start: 2 ** 52, end: size })
    assert.equal(inclusionRanges(0, size).length, 53)
    assert.throws(
      () => verifyInclusion(emptyRoot, 0, size, Array<Hash>(53).fill(emptyRoot), emptyRoot),
      /another root/,
    )
    assert.throws(
      () => verifyInclusion(emptyRoot, 0, size, Array<Hash>(52).fill(emptyRoot), emptyRoot),
      /too short/,
    )
    assert.throws(
      () => verifyInclusion(emptyRoot, 0, size, Array<Hash>(54).fill(emptyRoot), emptyRoot),
      /too long/,
    )
  })

  test('there is no proof for an entry outside of the tree', () => {
    assert.throws(() => inclusionRanges(0, 0), RangeError)
    assert.throws(() => inclusionRanges(5, 5), RangeError)
    assert.throws(() => inclusionRanges(-1, 5), RangeError)
  })
})

describe('consistency', () => {
  const run = (each: Consistency): void =>
    verifyConsistency(parseHead(each.old), parseHead(each.new), each.proof.map(hex))

  testEach(vectors.consistency.valid, (each) => {
    run(each)
    assert.deepEqual(rootsOf(consistencyRanges(each.old.size, each.new.size)), each.proof.map(hex))
  })
  testEach(vectors.consistency.invalid, (each) => {
    assert.throws(() => run(each), refusedAs(each.code ?? ''))
  })

  test('holds for random pairs of sizes, and for no other old size', () => {
    const sizes = fc.tuple(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 600 }))
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 600 }), ([a, b], other) => {
        const old = headOf(Math.min(a, b))
        const next = headOf(Math.max(a, b))
        const proof = rootsOf(consistencyRanges(old.size, next.size))
        verifyConsistency(old, next, proof)
        if (other === old.size) return
        assert.throws(
          () => verifyConsistency({ size: other, root: old.root }, next, proof),
          refusedAs('bad-proof'),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('is refused after a change of any one bit', () => {
    for (const [oldSize, size] of [
      [70, 100],
      [64, 100],
      [99, 100],
    ] as const) {
      const parts = [headOf(oldSize).root, headOf(size).root, ...rootsOf(consistencyRanges(oldSize, size))]
      const verify = ([old, root, ...proof]: readonly Hash[]): void =>
        verifyConsistency({ size: oldSize, root: old as Hash }, { size, root: root as Hash }, proof)
      verify(parts)
      const bits = forEachBit(parts, (changed) =>
        assert.throws(() => verify(changed), refusedAs('bad-proof')),
      )
      assert.equal(bits, 256 * parts.length)
    }
  })

  test('there is no proof from a larger tree', () => {
    assert.throws(() => consistencyRanges(6, 5), RangeError)
    assert.throws(() => consistencyRanges(0, 2 ** 53), RangeError)
  })
})

/** Calls with every one-bit change of these hashes; gives the number of calls. */
function forEachBit(parts: readonly Hash[], run: (changed: readonly Hash[]) => void): number {
  let calls = 0
  for (const [at, part] of parts.entries()) {
    for (let bit = 0; bit < part.length * 8; bit++) {
      const changed = new Uint8Array(part)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      run(parts.with(at, changed))
      calls++
    }
  }
  return calls
}
