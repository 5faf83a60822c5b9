import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { FairQueue } from '../src/fair-queue.ts'

function queueOf(lines: Readonly<Record<string, number>>): FairQueue<string> {
  const queue = new FairQueue<string>()
  for (const [caller, count] of Object.entries(lines)) {
    for (let i = 0; i < count; i++) queue.push(caller, `${caller}${i}`)
  }
  return queue
}

test('callers take turns, each in its own order', () => {
  const queue = queueOf({ a: 4, b: 1, c: 2 })
  assert.deepEqual(
    queue.take(10, () => 'take'),
    ['a0', 'b0', 'c0', 'a1', 'c1', 'a2', 'a3'],
  )
  assert.equal(queue.size, 0)
})

test('one caller gets no more than its share of a round', () => {
  const queue = queueOf({ a: 1000, b: 1 })
  assert.equal(queue.take(256, () => 'take').length, 257)
  assert.equal(queue.size, 744)
})

test('a caller that waits holds up its own items only', () => {
  const queue = queueOf({ a: 2, b: 2 })
  assert.deepEqual(
    queue.take(10, (item) => (item === 'a0' ? 'wait' : 'take')),
    ['b0', 'b1'],
  )
  assert.deepEqual(
    queue.take(10, () => 'take'),
    ['a0', 'a1'],
  )
})

test('dropped items use up nobody’s turn', () => {
  const queue = queueOf({ a: 3, b: 1 })
  assert.deepEqual(
    queue.take(1, (item) => (item === 'a0' ? 'drop' : 'take')),
    ['a1', 'b0'],
  )
  assert.equal(queue.size, 1)
})

test('whoever was cut off is first in the next round', () => {
  const queue = queueOf({ a: 3, b: 3, c: 3 })
  let room = 4
  assert.deepEqual(
    queue.take(10, () => (room-- > 0 ? 'take' : 'stop')),
    ['a0', 'b0', 'c0', 'a1'],
  )
  assert.deepEqual(
    queue.take(1, () => 'take'),
    ['b1', 'c1', 'a2'],
  )
})

test('a long line is given out whole', () => {
  const queue = queueOf({ a: 5000 })
  const taken: string[] = []
  while (queue.size > 0) taken.push(...queue.take(7, () => 'take'))
  assert.deepEqual(
    taken,
    Array.from({ length: 5000 }, (_, i) => `a${i}`),
  )
})

test('draining gives everything and leaves nothing', () => {
  const queue = queueOf({ a: 2, b: 1 })
  queue.take(1, (item) => (item === 'a0' ? 'take' : 'wait'))
  assert.deepEqual(queue.drain().sort(), ['a1', 'b0'])
  assert.equal(queue.size, 0)
})
