import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { describeGrowth, drawGrowth, sampleIndexes } from '../src/pages/overview/growth.ts'

test('few blocks are looked at, from the first to the newest', async () => {
  assert.deepEqual(sampleIndexes(0), [])
  assert.deepEqual(sampleIndexes(1), [0])
  assert.deepEqual(sampleIndexes(3), [0, 1, 2])
  await fc.assert(
    fc.property(fc.integer({ min: 2, max: 10_000_000 }), (size) => {
      const indexes = sampleIndexes(size)
      assert.ok(indexes.length <= 26)
      assert.equal(indexes[0], 0)
      assert.equal(indexes.at(-1), size - 1)
      assert.deepEqual(
        indexes,
        [...new Set(indexes)].sort((a, b) => a - b),
      )
    }),
  )
})

test('a bucket that grows asks for few blocks that were not asked for before', () => {
  const before = new Set(sampleIndexes(1_000_000))
  assert.ok(sampleIndexes(1_000_100).filter((index) => !before.has(index)).length <= 1)
})

test('the line begins at the first block and ends at the newest', () => {
  const drawing = drawGrowth(
    [
      { timeMs: 100, count: 1 },
      { timeMs: 200, count: 4 },
    ],
    100,
    40,
  )
  assert.equal(drawing?.line, 'M0.0 30.0L100.0 0.0')
  assert.equal(drawing?.area, 'M0.0 30.0L100.0 0.0L100 40L0 40Z')
  assert.deepEqual([drawing?.fromMs, drawing?.toMs], [100, 200])
})

test('blocks of one moment are drawn, one block is not', () => {
  const moment = [
    { timeMs: 5, count: 1 },
    { timeMs: 5, count: 2 },
  ]
  assert.doesNotMatch(drawGrowth(moment, 10, 10)?.line ?? 'NaN', /NaN|Infinity/)
  assert.equal(drawGrowth([{ timeMs: 5, count: 1 }], 10, 10), undefined)
})

test('the words say how many, from when to when, and when the half was there', () => {
  const points = [1, 2, 9, 10].map((count, i) => ({ timeMs: i, count }))
  assert.equal(
    describeGrowth(points, (ms) => `t${ms}`),
    '10 blocks between t0 and t3; half of them by t2.',
  )
  assert.equal(describeGrowth([], String), 'No blocks yet.')
})
