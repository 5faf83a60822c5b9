import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { type Bytes, concat, utf8 } from '@ledgerstone/core/bytes'
import { appendTiles, emptyEdge, encodeEntries, frontierOf } from '@ledgerstone/core/tile'
import { type Head, leafHash } from '@ledgerstone/core/tree'
import fc from 'fast-check'
import { codeOf } from '../../log/test/sample.ts'
import { inOrder } from '../src/ordered.ts'
import { type LogReader, proveConsistency, proveInclusion, readEntries } from '../src/tiles.ts'

type MadeLog = LogReader & {
  readonly head: Head
  readonly entries: readonly Bytes[]
  readonly tiles: Bytes[]
}

/** A log of small entries, with all its tiles; `salt` makes another history. */
function logOf(size: number, salt = ''): MadeLog {
  const entries = Array.from({ length: size }, (_, i) => utf8(`entry ${i}${salt}`))
  const { tiles, edge } = appendTiles(emptyEdge, entries.map(leafHash))
  const copies = tiles.map((tile) => tile.slice())
  return {
    entries,
    tiles: copies,
    head: frontierOf(edge).head(),
    checkpoint: () => assert.fail('no checkpoint is needed'),
    async tile({ level, index, width }) {
      const from = index * 256
      if (level === 'entries') return encodeEntries(entries.slice(from, from + width))
      const hashes = copies[level]?.slice(from * 32, (from + width) * 32) ?? new Uint8Array(0)
      return hashes.length === width * 32 ? hashes : undefined
    },
  }
}

test('proves inclusion and consistency between any sizes', async () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 1500 }), fc.nat(), fc.nat())
  await fc.assert(
    fc.asyncProperty(sizes, async ([size, a, b]) => {
      const log = logOf(size)
      const index = a % size
      await proveInclusion(log, leafHash(log.entries[index] as Bytes), index, log.head)
      const old = logOf(b % (size + 1))
      await proveConsistency(log, old.head, log.head)
    }),
    { numRuns: 60 },
  )
})

test('tells another history from a damaged tile, for any sizes', async () => {
  const sizes = fc.tuple(fc.integer({ min: 2, max: 1500 }), fc.nat())
  await fc.assert(
    fc.asyncProperty(sizes, async ([size, b]) => {
      const old = logOf(1 + (b % size), ' of another history')
      assert.equal(await codeOf(proveConsistency(logOf(size), old.head, logOf(size).head)), 'forked')
    }),
    { numRuns: 40 },
  )
  const log = logOf(1000)
  for (const tile of log.tiles) tile[0] = (tile[0] as number) ^ 1
  assert.equal(await codeOf(proveConsistency(log, logOf(700).head, log.head)), 'bad-proof')
  assert.equal(await codeOf(proveConsistency(log, logOf(1001).head, log.head)), 'rolled-back')
  assert.equal(await codeOf(proveConsistency(log, logOf(1000, 'x').head, log.head)), 'forked')
})

test('streams any range of entries, in order', async () => {
  const log = logOf(1100)
  const ranges = fc.tuple(fc.integer({ min: 0, max: 1100 }), fc.integer({ min: 0, max: 1100 }))
  await fc.assert(
    fc.asyncProperty(ranges, async ([a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      const read: Bytes[] = []
      for await (const bundle of readEntries(log, { from, to, size: 1100 }, 3)) {
        assert.equal(bundle.from, from + read.length)
        read.push(...bundle.entries)
      }
      assert.deepEqual(concat(...read), concat(...log.entries.slice(from, to)))
    }),
    { numRuns: 40 },
  )
})

test('works at most so many at a time, and hands on in order', async () => {
  let running = 0
  let most = 0
  const results: number[] = []
  const work = async (n: number): Promise<number> => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, (7 * n) % 5))
    running--
    return n
  }
  for await (const n of inOrder([...Array(20).keys()], 3, work)) results.push(n)
  assert.deepEqual(results, [...Array(20).keys()])
  assert.equal(most, 3)
})

test('throws the first failure in order, that of an item included, and stops the others', async () => {
  const stopped: number[] = []
  const work = async (n: number, signal: AbortSignal): Promise<number> => {
    signal.addEventListener('abort', () => stopped.push(n))
    await new Promise((resolve) => setTimeout(resolve, n === 1 ? 20 : 1))
    if (n > 0) throw new Error(`${n} failed`)
    return n
  }
  const items = function* (): Generator<number> {
    yield* [0, 1, 2]
    throw new Error('there is no fourth')
  }
  const read = async (): Promise<void> => {
    for await (const _ of inOrder(items(), 8, work));
  }
  await assert.rejects(read(), { message: '1 failed' })
  assert.deepEqual(stopped, [0, 1, 2])
})
