import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { formatHex } from '../src/bytes.ts'
import { element } from '../src/der.ts'
import { checkSpki, keyIdOf, rawOf, spkiOf } from '../src/spki.ts'
import { type Case, hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Vectors = {
  valid: (Case & { spki: string; kind: string; kid: string })[]
  invalid: (Case & { spki: string; code: string })[]
}
const { valid, invalid } = readVectors<Vectors>('spki')

describe('public keys', () => {
  testEach(valid, ({ spki, kind, kid }) => {
    assert.equal(checkSpki(hex(spki)), kind)
    assert.equal(keyIdOf(hex(spki)), kid)
    assert.equal(createHash('sha256').update(hex(spki)).digest('base64url'), kid)
  })
  testEach(invalid, ({ spki, code }) => assert.throws(() => checkSpki(hex(spki)), refusedAs(code)))

  // The raw key may be any, so only the DER around it and the numbers with a fixed form are held to this.
  test('have no other spelling by one changed bit outside of the key', () => {
    const outside = { Ed25519: 12, 'P-256': 27, RSA: 33, 'ML-DSA-44': 22, 'ML-DSA-65': 22 } as Record<
      string,
      number
    >
    for (const { spki, kind, comment } of valid) {
      const bytes = hex(spki)
      for (let bit = 0; bit < (outside[kind] as number) * 8; bit++) {
        const changed = bytes.slice()
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
        assert.throws(() => checkSpki(changed), refusedAs('wrong-key'), `${comment}, bit ${bit}`)
      }
    }
  })
  test('are refused after any one byte more or less', () => {
    for (const { spki } of valid) {
      const bytes = hex(spki)
      assert.throws(() => checkSpki(bytes.slice(1)), refusedAs('wrong-key'))
      assert.throws(() => checkSpki(bytes.slice(0, -1)), refusedAs('wrong-key'))
      assert.throws(() => checkSpki(hex(`${spki}00`)), refusedAs('wrong-key'))
      assert.throws(() => checkSpki(hex(`00${spki}`)), refusedAs('wrong-key'))
    }
  })
})

describe('raw keys', () => {
  for (const kind of ['Ed25519', 'ML-DSA-44', 'ML-DSA-65'] as const) {
    test(`of ${kind} come back`, () => {
      const spki = hex(valid.find((row) => row.kind === kind)?.spki ?? '')
      assert.deepEqual(spkiOf(kind, rawOf(kind, spki)), spki)
    })
  }
  test('of another kind or length are refused', () => {
    const rsa = hex(valid.find(({ kind }) => kind === 'RSA')?.spki ?? '')
    assert.throws(() => rawOf('Ed25519', rsa), refusedAs('wrong-key'))
    assert.throws(() => spkiOf('Ed25519', new Uint8Array(31)), refusedAs('malformed'))
    assert.throws(() => spkiOf('ML-DSA-44', new Uint8Array(32)), refusedAs('malformed'))
  })
})

test('DER lengths take their shortest form', () => {
  assert.equal(formatHex(element(0x04, new Uint8Array(0))), '0400')
  assert.equal(formatHex(element(0x04, new Uint8Array(127)).slice(0, 2)), '047f')
  assert.equal(formatHex(element(0x04, new Uint8Array(128)).slice(0, 3)), '048180')
  assert.equal(formatHex(element(0x04, new Uint8Array(256)).slice(0, 4)), '04820100')
  assert.throws(() => element(0x04, new Uint8Array(65_536)), RangeError)
})
