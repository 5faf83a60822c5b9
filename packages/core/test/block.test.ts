import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatEntry, noHash, parseEntry, scanEntry } from '../src/block.ts'
import { formatHex, parseBase64, utf8 } from '../src/bytes.ts'
import { Refused } from '../src/refused.ts'
import { formatTime } from '../src/time.ts'
import { leafHash } from '../src/tree.ts'
import { type Case, readVectors, refusedAs, testEach } from './vectors.ts'

type Fields = { bucket: string; index: number; time: string; prev: string; keys: number; statement: string }
type Vectors = {
  valid: (Case & { entry: string; hash: string; block: Fields })[]
  invalid: (Case & { entry: string; code: string })[]
}
const vectors = readVectors<Vectors>('block')

const blocks = fc.record(
  {
    bucket: fc.stringMatching(/^[a-z][a-z0-9-]{0,62}(~[1-9][0-9]{0,3})?$/),
    index: fc.maxSafeNat(),
    time: fc.integer({ min: 0, max: 253_402_300_799_999 }),
    prev: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((value) => new Uint8Array(value)),
    keys: fc.maxSafeNat(),
    statement: fc.stringMatching(/^[A-Za-z0-9_.-]{1,200}$/),
  },
  { noNullPrototype: true },
)

describe('entries', () => {
  testEach(vectors.valid, ({ entry, hash, block: { time, prev, ...fields } }) => {
    const bytes = utf8(entry)
    const block = parseEntry(bytes)
    assert.deepEqual(
      { ...block, time: formatTime(block.time), prev: formatHex(block.prev) },
      { ...fields, time, prev },
    )
    assert.deepEqual(formatEntry(block), bytes)
    assert.equal(formatHex(leafHash(bytes)), hash)
    assert.equal(createHash('sha256').update('\0').update(bytes).digest('hex'), hash)
    assert.deepEqual(JSON.parse(entry), { v: 1, ...fields, time, prev })
  })
  testEach(vectors.invalid, ({ entry, code }) => {
    assert.throws(() => parseEntry(parseBase64(entry, 'the entry')), refusedAs(code))
  })

  test('come back as the block that they were', () => {
    fc.assert(
      fc.property(blocks, (block) => {
        const entry = formatEntry(block)
        assert.deepEqual(parseEntry(entry), block)
        const { index, keys, ...rest } = scanEntry(entry)
        assert.deepEqual([Number(index), Number(keys)], [block.index, block.keys])
        assert.equal(rest.statement, block.statement)
      }),
    )
  })
  test('have one spelling: after any one change of a byte they are another block or refused', () => {
    const entry = utf8((vectors.valid[0] as { entry: string }).entry)
    for (let at = 0; at < entry.length; at++) {
      for (let value = 0; value < 256; value++) {
        const changed = entry.slice()
        changed[at] = value
        try {
          assert.deepEqual(formatEntry(parseEntry(changed)), changed, `byte ${at}, value ${value}`)
        } catch (error) {
          assert.ok(error instanceof Refused, `byte ${at}, value ${value}: ${error}`)
        }
      }
    }
  })
  test('have at most 65,535 bytes', () => {
    const block = { bucket: 'a', index: 0, time: 0, prev: noHash, keys: 0, statement: 'x' }
    const room = 65_535 - formatEntry(block).length
    const greatest = formatEntry({ ...block, statement: 'x'.repeat(1 + room) })
    assert.equal(greatest.length, 65_535)
    assert.equal(parseEntry(greatest).statement.length, 1 + room)
    assert.throws(() => formatEntry({ ...block, statement: 'x'.repeat(2 + room) }), refusedAs('too-large'))
    assert.throws(() => parseEntry(new Uint8Array(65_536)), refusedAs('too-large'))
  })
})
