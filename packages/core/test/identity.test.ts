import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { formatHex, utf8 } from '../src/bytes.ts'
import { caseKeyOf, identityOf } from '../src/identity.ts'
import { isSameRecord, retryValueOf } from '../src/retry.ts'
import { hex } from './vectors.ts'

describe('identities', () => {
  test('differ by log, owner and id, however the joints are moved', () => {
    const texts = [
      identityOf('a', 'b', 'c'),
      identityOf('ab', '', 'c'),
      identityOf('a', 'bc', ''),
      identityOf('', 'ab', 'c'),
      identityOf('a', 'c', 'b'),
      caseKeyOf('a', 'b'),
      caseKeyOf('ab', ''),
    ].map(formatHex)
    assert.equal(new Set(texts).size, texts.length)
  })
  test('are SHA-256 over parts with their lengths', () => {
    const parts = ['ledgerstone identity v1', 'l.example/log/payments', 'alice', 'id'].map((part) => {
      return Buffer.concat([Buffer.from([0, part.length]), Buffer.from(part)])
    })
    const expected = createHash('sha256').update(Buffer.concat(parts)).digest('hex')
    assert.equal(formatHex(identityOf('l.example/log/payments', 'alice', 'id')), expected)
  })
})

describe('retry values', () => {
  const key = new Uint8Array(32).fill(7)
  const value = retryValueOf(key, 'id', utf8('record'))

  test('are 16 bytes of an HMAC over id and digest of the record', () => {
    const digest = createHash('sha256').update('record').digest()
    const mac = createHmac('sha256', key).update('id').update(digest).digest('hex')
    assert.equal(formatHex(value), mac.slice(0, 32))
  })
  test('differ by key, id and record', () => {
    const others = [
      retryValueOf(new Uint8Array(32), 'id', utf8('record')),
      retryValueOf(key, 'ie', utf8('record')),
      retryValueOf(key, 'id', utf8('recorc')),
    ]
    for (const other of others) assert.ok(!isSameRecord(value, other))
    assert.ok(isSameRecord(value, retryValueOf(key, 'id', utf8('record'))))
  })
  test('mark no record as the same when there is none', () => {
    assert.ok(!isSameRecord(undefined, undefined))
    assert.ok(!isSameRecord(value, undefined))
    assert.ok(!isSameRecord(undefined, value))
    assert.ok(!isSameRecord(value, hex('')))
  })
})
