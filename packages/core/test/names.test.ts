import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  bucketOfOrigin,
  checkBucketName,
  checkLedgerName,
  checkTypeName,
  checkUuid,
  isReservedBucket,
  isReservedType,
  originOf,
} from '../src/names.ts'
import { type Case, readVectors, refusedAs, testEach } from './vectors.ts'

const checks = {
  ledger: checkLedgerName,
  bucket: checkBucketName,
  type: checkTypeName,
  uuid: (text: string): string => checkUuid(text, 'it'),
}
type Name = Case & { what: keyof typeof checks; text: string }
type Vectors = {
  valid: Name[]
  invalid: (Name & { code: string })[]
  origins: {
    ledger: string
    valid: (Case & { text: string; bucket: string })[]
    invalid: (Case & { text: string; code: string })[]
  }
}
const { valid, invalid, origins } = readVectors<Vectors>('names')

describe('names', () => {
  testEach(valid, ({ what, text }) => assert.equal(checks[what](text), text))
  testEach(invalid, ({ what, text, code }) => assert.throws(() => checks[what](text), refusedAs(code)))

  test('are cut in the message that refuses them', () => {
    assert.throws(
      () => checkBucketName('x'.repeat(10_000)),
      (error) => (error as Error).message.length < 200,
    )
  })
  test('are checked in time that grows with their length only', () => {
    const start = performance.now()
    for (const bad of ['a'.repeat(100_000), 'a.'.repeat(50_000), 'a/'.repeat(50_000), 'a-'.repeat(50_000)]) {
      assert.throws(() => checkLedgerName(bad), refusedAs('bad-name'))
    }
    assert.ok(performance.now() - start < 2000)
  })
})

describe('origins', () => {
  testEach(origins.valid, ({ text, bucket }) => {
    assert.equal(bucketOfOrigin(text, origins.ledger), bucket)
    assert.equal(originOf(origins.ledger, bucket), text)
  })
  testEach(origins.invalid, ({ text, code }) => {
    assert.throws(() => bucketOfOrigin(text, origins.ledger), refusedAs(code))
  })
})

test('keys, its successors and ledgerstone-* are reserved, and no other bucket', () => {
  for (const name of ['keys', 'keys~2', 'ledgerstone-audit', 'ledgerstone-'])
    assert.ok(isReservedBucket(name), name)
  for (const name of ['payments', 'keys2', 'key', 'keysx', 'ledgerstone'])
    assert.ok(!isReservedBucket(name), name)
})

test('types that begin with ledgerstone. are reserved', () => {
  assert.ok(isReservedType('ledgerstone.genesis'))
  for (const type of ['ledgerstone', 'ledgerstones.x', 'payment.ledgerstone.x'])
    assert.ok(!isReservedType(type))
})
