import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Block, formatEntry, noHash } from '../src/block.ts'
import { type Bytes, utf8 } from '../src/bytes.ts'
import { BucketReplay } from '../src/replay.ts'
import { Frontier, type Head, leafHash } from '../src/tree.ts'
import { now } from './sample-ledger.ts'
import { refusedAs } from './vectors.ts'

/** Seven blocks in good order; `change` may say what is else with one of them. */
function chain(change: (block: Block) => Partial<Block> = () => ({})): Bytes[] {
  const entries: Bytes[] = []
  for (let index = 0; index < 7; index++) {
    const prev = entries[index - 1]
    const block = {
      ...{ bucket: 'payments', index, time: now + index * 1000, keys: 5 + Math.floor(index / 3) },
      ...{ prev: prev === undefined ? noHash : leafHash(prev), statement: `a.${index}.c` },
    }
    entries.push(formatEntry({ ...block, ...change(block) }))
  }
  return entries
}
function headOf(entries: readonly Bytes[]): Head {
  const frontier = new Frontier()
  for (const entry of entries) frontier.append(leafHash(entry))
  return frontier.head()
}
function replay(entries: readonly Uint8Array[], head: Head): Head {
  const replay = new BucketReplay('payments')
  for (const entry of entries) replay.add(entry)
  return replay.finish(head)
}
const good = chain()
const head = headOf(good)
const except = (at: number, change: Partial<Block>) => (block: Block) => (block.index === at ? change : {})

describe('a replay', () => {
  test('ends in the head', () => {
    assert.deepEqual(replay(good, head), head)
    const one = good.slice(0, 1)
    assert.deepEqual(replay(one, headOf(one)), headOf(one))
  })
  test('goes on from where another stood, and neither disturbs the other', () => {
    const first = new BucketReplay('payments')
    for (const entry of good.slice(0, 3)) first.add(entry)
    const state = first.state
    for (const _ of [1, 2]) {
      const second = new BucketReplay('payments', state)
      for (const entry of good.slice(3)) second.add(entry)
      assert.deepEqual(second.finish(head), head)
    }
    assert.equal(first.size, 3)
    for (const entry of good.slice(3)) first.add(entry)
    assert.deepEqual(first.finish(head), head)
  })

  const links: [string, readonly Bytes[], number][] = [
    ['another bucket', chain(except(3, { bucket: 'orders' })), 3],
    ['an index that is one too high', chain(except(3, { index: 4 })), 3],
    ['an index that is one too low', chain(except(3, { index: 2 })), 3],
    ['a prev that is not the block before', chain(except(3, { prev: leafHash(utf8('x')) })), 3],
    ['a first block with a prev', chain(except(0, { prev: leafHash(utf8('x')) })), 0],
    ['a later block without a prev', chain(except(3, { prev: noHash })), 3],
    ['a time before the last', chain(except(3, { time: now })), 3],
    ['fewer keys than before', chain(except(4, { keys: 5 })), 4],
    ['a block left out', [...good.slice(0, 3), ...good.slice(4)], 3],
    ['the first block left out', good.slice(1), 0],
    ['a block twice', [...good.slice(0, 3), ...good.slice(2)], 3],
    ['two blocks swapped', [...good.slice(0, 2), good[3] as Bytes, good[2] as Bytes, ...good.slice(4)], 2],
    ['a block from elsewhere', [...good.slice(0, 3), chain(() => ({ time: now + 9000 }))[3] as Bytes], 3],
  ]
  for (const [what, entries, at] of links) {
    test(`is refused at ${what}, at block ${at}`, () => {
      const replay = new BucketReplay('payments')
      assert.throws(() => {
        for (const entry of entries) replay.add(entry)
      }, refusedAs('bad-link'))
      assert.equal(replay.size, at)
    })
  }
  test('takes equal times and equal keys', () => {
    const entries = chain(() => ({ time: now, keys: 5 }))
    assert.deepEqual(replay(entries, headOf(entries)), headOf(entries))
  })
  test('is refused at a time that is none, although it comes later as a text', () => {
    const text = new TextDecoder().decode(good[0])
    const bad = utf8(text.replace('2026-11-23T03:17:00.000Z', '2026-11-99T03:17:00.000Z'))
    assert.throws(() => new BucketReplay('payments').add(bad), refusedAs('malformed'))
  })
  test('is refused at a time that is none also in a block that is else what has to follow', () => {
    const replay = new BucketReplay('payments')
    replay.add(good[0] as Bytes)
    const text = new TextDecoder().decode(good[1])
    const bad = utf8(text.replace('2026-11-23T03:17:01.000Z', '2026-99-23T03:17:01.000Z'))
    assert.notDeepEqual(bad, good[1])
    assert.throws(() => replay.add(bad), refusedAs('malformed'))
    assert.equal(replay.size, 1)
  })
  test('is refused at keys over 2^53', () => {
    const text = new TextDecoder().decode(good[0])
    const bad = utf8(text.replace('"keys":5', '"keys":9007199254740993'))
    assert.throws(() => new BucketReplay('payments').add(bad), refusedAs('malformed'))
  })
  test('is refused at a byte order mark before an entry', () => {
    const bad = Uint8Array.from([0xef, 0xbb, 0xbf, ...(good[0] as Bytes)])
    assert.throws(() => new BucketReplay('payments').add(bad), refusedAs('malformed'))
  })
  test('is refused when a changed block was linked again to the end, by the head alone', () => {
    const other = chain(except(2, { statement: 'x.y.z' }))
    assert.throws(() => replay(other, head), refusedAs('forked'))
  })
  test('is refused under a head of another root, a cut, a longer or an empty one', () => {
    assert.throws(() => replay(good, { size: 7, root: leafHash(utf8('x')) }), refusedAs('forked'))
    assert.throws(() => replay(good.slice(0, 6), head), refusedAs('gap'))
    assert.throws(() => replay(good, headOf(good.slice(0, 6))), refusedAs('gap'))
    assert.throws(() => replay([], headOf([])), refusedAs('nothing-checked'))
    assert.throws(() => replay([], head), refusedAs('nothing-checked'))
  })
  test('is refused after any one changed byte of any block', () => {
    for (const [at, entry] of good.entries()) {
      for (let i = 0; i < entry.length; i++) {
        const changed = entry.slice()
        changed[i] = (changed[i] as number) ^ 1
        const entries = good.with(at, changed)
        assert.throws(() => replay(entries, head), { name: 'Refused' }, `block ${at}, byte ${i}`)
      }
    }
  })
})
