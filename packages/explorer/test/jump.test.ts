import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTarget } from '../src/pages/chain/jump.ts'

const hash = '0123456789abcdef'.repeat(4)

test('an index, with its sign and its commas', () => {
  for (const text of ['1204', ' #1204 ', '1,204', '#1 204']) {
    assert.deepEqual(parseTarget(text), { kind: 'index', index: 1204 })
  }
})

test('a hash, in small letters or capitals', () => {
  assert.deepEqual(parseTarget(hash), { kind: 'hash', hash })
  assert.deepEqual(parseTarget(hash.toUpperCase()), { kind: 'hash', hash })
})

test('a day or a time, of the person’s zone or of UTC', () => {
  assert.deepEqual(parseTarget('2026-11-23'), { kind: 'time', ms: new Date(2026, 10, 23).getTime() })
  assert.deepEqual(parseTarget('2026-11-23 09:06'), {
    kind: 'time',
    ms: new Date(2026, 10, 23, 9, 6).getTime(),
  })
  assert.deepEqual(parseTarget('2026-11-23T09:06:47.123Z'), {
    kind: 'time',
    ms: Date.UTC(2026, 10, 23, 9, 6, 47, 123),
  })
  assert.deepEqual(parseTarget('2026-11-23 09:06 UTC'), { kind: 'time', ms: Date.UTC(2026, 10, 23, 9, 6) })
})

test('anything else is none', () => {
  for (const text of [
    '',
    'x',
    '-1',
    '1.5e3',
    hash.slice(1),
    '2026-13-45',
    '99999999999999999999',
    '2026-1-2',
  ]) {
    assert.equal(parseTarget(text), undefined, text)
  }
})
