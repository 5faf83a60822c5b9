import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { checkUuid } from '../src/names.ts'
import { importId, liveId, registrationId } from '../src/uuid.ts'

describe('ids', () => {
  test('of live records are UUIDs of version 7 that sort by time', () => {
    const ids = [0, 1, 2 ** 32, 1_795_403_820_000, 2 ** 47].map((ms) => checkUuid(liveId(ms), 'it'))
    assert.deepEqual(ids, ids.toSorted())
    assert.ok(ids.every((id) => id[14] === '7'))
    assert.equal(
      liveId(1_795_403_820_000).slice(0, 13),
      (1_795_403_820_000)
        .toString(16)
        .padStart(12, '0')
        .replace(/^(.{8})/, '$1-'),
    )
    assert.notEqual(liveId(5), liveId(5))
  })
  test('of registrations are UUIDs of version 8, one for each exchange and key', () => {
    const id = checkUuid(registrationId('a', 'b'), 'it')
    assert.equal(id[14], '8')
    assert.equal(registrationId('a', 'b'), id)
    assert.equal(new Set([id, registrationId('ab', ''), registrationId('a', 'c')]).size, 3)
  })
  test('of imports are UUIDs of version 8, the same ones each time', () => {
    const digest = utf8('digest')
    const id = checkUuid(importId(digest, 7, 'orders'), 'it')
    assert.equal(id[14], '8')
    assert.equal(importId(digest, 7, 'orders'), id)
    const others = [
      importId(digest, 8, 'orders'),
      importId(digest, 7, 'payments'),
      importId(utf8('x'), 7, 'orders'),
    ]
    assert.equal(new Set([id, ...others]).size, 4)
  })
})
