import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { cutFrames, encodeFrames } from '../src/frames.ts'

test('byte strings of all lengths come out of their frames as they went in', async () => {
  const strings = fc.array(fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes)))
  await fc.assert(
    fc.asyncProperty(strings, async (all) => assert.deepEqual(cutFrames(encodeFrames(all)), all)),
  )
  const long = [new Uint8Array(0), new Uint8Array(70_000).fill(1), Uint8Array.of(2)]
  assert.deepEqual(cutFrames(encodeFrames(long)), long)
  assert.deepEqual([...encodeFrames([Uint8Array.of(7, 8)])], [0, 0, 0, 2, 7, 8])
})
