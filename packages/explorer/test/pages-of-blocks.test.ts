import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  movedPart,
  pageBlocks,
  pagesBetween,
  partAround,
  partRowsMax,
} from '../src/pages/chain/pages-of-blocks.ts'

test('a window is on the pages that hold it, and on no other', () => {
  assert.deepEqual(pagesBetween(0, 0), [0])
  assert.deepEqual(pagesBetween(pageBlocks - 1, pageBlocks), [0, 1])
  assert.deepEqual(pagesBetween(-3, pageBlocks - 1), [0])
  assert.deepEqual(pagesBetween(0, -1), [])
})

test('a part shows the block, ends with the chain, and is never longer than a browser bears', async () => {
  await fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000_000 }), fc.nat({ max: 4_999_999 }), (size, nth) => {
      const index = nth % size
      const { top, rows } = partAround(index, size)
      assert.ok(top < size && rows <= partRowsMax && top - rows + 1 >= 0)
      assert.ok(index <= top && index > top - rows)
      if (size <= partRowsMax / 2) assert.deepEqual({ top, rows }, { top: size - 1, rows: size })
    }),
  )
})

test('scrolling down to the first block and up to the newest never runs out of the part', () => {
  const size = 100_000
  for (const step of [1500, -1500]) {
    let index = step > 0 ? size - 1 : 0
    let part = partAround(index, size)
    let moves = 0
    while (step > 0 ? index > 0 : index < size - 1) {
      index = Math.max(0, Math.min(size - 1, index - step))
      const row = part.top - index
      assert.ok(row >= 0 && row < part.rows, `block ${index} is not in the part`)
      const moved = movedPart(part, row, size)
      if (moved !== part) moves++
      part = moved
    }
    assert.ok(moves > 5 && moves < 60, `${moves}`)
  }
})

test('a part that holds the whole chain stays', () => {
  const part = partAround(500, 1000)
  for (const row of [0, 500, 999]) assert.equal(movedPart(part, row, 1000), part)
})
