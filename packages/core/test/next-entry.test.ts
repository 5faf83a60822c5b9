// A replay compares most entries with what it expects, without decoding them. Here it is held against a
// reader that knows of nothing but the form and the rules.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatEntry, noHash, scanEntry } from '../src/block.ts'
import { type Bytes, utf8 } from '../src/bytes.ts'
import { NextEntry } from '../src/next-entry.ts'
import { Refused } from '../src/refused.ts'
import { BucketReplay } from '../src/replay.ts'
import { decodeEntries, encodeEntries } from '../src/tile.ts'
import { leafHash } from '../src/tree.ts'
import { now } from './sample-ledger.ts'

/** How many blocks were taken, and the code of the refusal of the next. */
type Outcome = { readonly taken: number; readonly code: string | undefined }

const form = new RegExp(
  '^\\{"v":1,"bucket":"([a-z][a-z0-9-]{0,62}(?:~[1-9][0-9]{0,3})?)","index":(0|[1-9][0-9]{0,15}),' +
    '"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z)","prev":"([0-9a-f]{64})",' +
    '"keys":(0|[1-9][0-9]{0,15}),"statement":"([A-Za-z0-9_.-]+)"\\}$',
)

function readPlainly(entries: readonly Uint8Array[]): Outcome {
  let before = { prev: '0'.repeat(64), time: '', keys: 0 }
  for (const [taken, entry] of entries.entries()) {
    const text = Buffer.from(entry).toString('latin1')
    const [, bucket, index, time = '', prev, keys] = form.exec(text) ?? []
    if (text.length > 65_535) return { taken, code: 'too-large' }
    if (bucket === undefined) {
      const isOther = text.startsWith('{"v":') && !text.startsWith('{"v":1,')
      return { taken, code: isOther ? 'unknown-version' : 'malformed' }
    }
    const ms = Date.parse(time)
    if (Number.isNaN(ms) || ms < 0 || new Date(ms).toISOString() !== time) return { taken, code: 'malformed' }
    const follows = bucket === 'payments' && index === `${taken}` && prev === before.prev
    if (!follows || time < before.time) return { taken, code: 'bad-link' }
    if (Number(keys) > Number.MAX_SAFE_INTEGER) return { taken, code: 'malformed' }
    if (Number(keys) < before.keys) return { taken, code: 'bad-link' }
    const hash = createHash('sha256').update('\0').update(entry).digest('hex')
    before = { prev: hash, time, keys: Number(keys) }
  }
  return { taken: entries.length, code: undefined }
}

function replay(entries: readonly Uint8Array[]): Outcome {
  const replay = new BucketReplay('payments')
  try {
    for (const entry of entries) replay.add(entry)
    return { taken: replay.size, code: undefined }
  } catch (error) {
    assert(error instanceof Refused)
    return { taken: replay.size, code: error.code }
  }
}

/** What may be done to one entry; `at` and `byte` say where and with what. */
const changes: Record<string, (entry: Uint8Array, at: number, byte: number) => Uint8Array> = {
  nothing: (entry) => entry,
  version: (entry) => replaced(entry, /(?<="v":)1/g, 0, '2'),
  set: (entry, at, byte) => entry.with(at % entry.length, byte),
  digit: (entry, at) => replaced(entry, /[0-9]/g, at, `${at % 10}`),
  time: (entry, at) => replaced(entry, /(?<=:)[0-9]{2}(?=[:.])/g, at, `${10 + (at % 90)}`),
  prev: (entry, at) => replaced(entry, /(?<="prev":"[0-9a-f]*)[0-9a-f]/g, at, 'F'),
  keys: (entry, at) => replaced(entry, /(?<="keys":)[0-9]+/g, 0, ['9007199254740993', '007', ''][at % 3]),
  insert: (entry, at, byte) => spliced(entry, at % (entry.length + 1), 0, byte),
  remove: (entry, at) => spliced(entry, at % entry.length, 1),
  cut: (entry, at) => entry.subarray(0, at % entry.length),
  empty: (entry) => replaced(entry, /(?<="statement":").*(?="})/g, 0, ''),
}

function replaced(entry: Uint8Array, what: RegExp, at: number, by = ''): Uint8Array {
  const text = Buffer.from(entry).toString('latin1')
  const found = [...text.matchAll(what)]
  const { index, 0: old } = found[at % found.length] ?? { index: 0, 0: '' }
  return Buffer.from(text.slice(0, index) + by + text.slice(index + old.length), 'latin1')
}

function spliced(entry: Uint8Array, at: number, remove: number, ...bytes: number[]): Uint8Array {
  return Uint8Array.from([...entry].toSpliced(at, remove, ...bytes))
}

const step = fc.record({
  ms: fc.constantFrom(0, 0, 0, 1, 999, 60_000, 86_400_000, -1),
  keys: fc.constantFrom(0, 0, 0, 0, 1, 100, -1),
  length: fc.integer({ min: 1, max: 40 }),
})
const change = fc.record({
  what: fc.constantFrom(...Object.keys(changes)),
  block: fc.nat(),
  at: fc.nat({ max: 5000 }),
  byte: fc.nat({ max: 255 }),
})

describe('a replay', () => {
  test('takes and refuses what a plain reader does, with the same codes', () => {
    const codes = new Set<string | undefined>()
    const chains = fc.array(step, { minLength: 1, maxLength: 120 })
    fc.assert(
      fc.property(chains, change, fc.boolean(), (steps, { what, block, at, byte }, isLinked) => {
        const entries: Bytes[] = []
        let place = { time: now, keys: 50, prev: noHash }
        for (const [index, { ms, keys, length }] of steps.entries()) {
          const statement = 'aZ09_.-'.repeat(6).slice(0, length)
          place = { ...place, time: place.time + ms, keys: place.keys + keys }
          const formatted = formatEntry({ bucket: 'payments', index, statement, ...place })
          const isOne = index === block % steps.length
          const entry = new Uint8Array(
            isOne ? (changes[what]?.(formatted, at, byte) ?? formatted) : formatted,
          )
          entries.push(entry)
          // What comes after the changed one names it, or the one that it was.
          place.prev = leafHash(isLinked ? entry : formatted)
        }
        // Views of one buffer, at odd and even places.
        const views = decodeEntries(encodeEntries(entries))
        const outcome = replay(views)
        codes.add(outcome.code)
        assert.deepEqual(outcome, readPlainly(views))
      }),
      { numRuns: 2000 },
    )
    const all = ['bad-link', 'malformed', 'unknown-version', undefined]
    assert.deepEqual([...codes].sort(), [...all].sort())
  })

  test('refuses a block too long, after one that it knows', () => {
    const first = formatEntry({
      bucket: 'payments',
      index: 0,
      time: now,
      prev: noHash,
      keys: 1,
      statement: 'x',
    })
    const place = { bucket: 'payments', index: 1, time: now, prev: leafHash(first), keys: 1 }
    const room = 65_535 - formatEntry({ ...place, statement: '' }).length
    const longest = formatEntry({ ...place, statement: 'x'.repeat(room) })
    const longer = utf8(new TextDecoder().decode(longest).replace('"}', 'x"}'))
    assert.deepEqual(replay([first, longest]), { taken: 2, code: undefined })
    assert.deepEqual(replay([first, longer]), { taken: 1, code: 'too-large' })
  })
})

describe('the next entry', () => {
  test('is known after one of the same number of digits, at any time', () => {
    const place = { bucket: 'payments', time: now, prev: noHash, keys: 1, statement: 'a.b.c' }
    const entry = formatEntry({ ...place, index: 108 })
    const next = new NextEntry(entry, scanEntry(entry), leafHash(entry))
    const follows = { ...place, prev: leafHash(entry), index: 109 }
    assert.equal(next.timeOf(formatEntry(follows)), '2026-11-23T03:17:00.000Z')
    assert.equal(next.timeOf(formatEntry({ ...follows, time: now + 1 })), '2026-11-23T03:17:00.001Z')
    assert.equal(next.timeOf(formatEntry({ ...follows, index: 108 })), undefined)
    next.advance(noHash)
    assert.equal(next.timeOf(formatEntry({ ...place, index: 110 })), '2026-11-23T03:17:00.000Z')
  })
  test('keeps nothing of a Buffer that it is made of, and writes nothing to it', () => {
    const place = { bucket: 'payments', index: 0, time: now, prev: noHash, keys: 1, statement: 'a.b.c' }
    const entry = Buffer.from(formatEntry(place))
    const copy = Buffer.from(entry)
    const next = new NextEntry(entry, scanEntry(entry), leafHash(entry))
    assert.deepEqual(entry, copy)
    entry.fill(0)
    assert.notEqual(next.timeOf(formatEntry({ ...place, index: 1, prev: leafHash(copy) })), undefined)
  })
})
