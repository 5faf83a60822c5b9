import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describePolicy } from '../src/policy.ts'
import { createTrust, formatTrust, parseTrust } from '../src/trust.ts'
import type { Case } from './vectors.ts'
import { hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Vectors = {
  valid: (Case & { trust: string; ledger: string; genesis: string; description: string })[]
  invalid: (Case & { trust: string; code: string })[]
}
const vectors = readVectors<Vectors>('trust')

describe('trust files', () => {
  testEach(vectors.valid, ({ trust: text, ledger, genesis, description }) => {
    const trust = parseTrust(text)
    assert.equal(trust.ledger, ledger)
    assert.deepEqual(trust.genesis, hex(genesis))
    assert.equal(trust.keysVkey.name, `${ledger}/keys`)
    assert.equal(describePolicy(trust.policy), description)
    assert.equal(formatTrust(trust), text)
    assert.deepEqual(createTrust(ledger, hex(genesis), trust.policy.text), trust)
  })
  testEach(vectors.invalid, ({ trust, code }) => {
    assert.throws(() => parseTrust(trust), refusedAs(code))
  })

  test('are not made with a genesis that is no hash', () => {
    const { ledger, policy } = parseTrust(vectors.valid[0]?.trust ?? '')
    assert.throws(() => createTrust(ledger, new Uint8Array(31), policy.text), RangeError)
  })
})
