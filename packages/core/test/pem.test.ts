import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, test } from 'node:test'
import { ownKeyOf } from '../src/key-pair.ts'
import { formatPrivateKeyPem, formatPublicKeyPem, parsePrivateKeyPem, parsePublicKeyPem } from '../src/pem.ts'
import { keyNamed } from './sample-ledger.ts'
import { type Case, hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Pem = Case & { pem: string }
type Vectors = {
  pem: { valid: (Pem & { spki: string })[]; invalid: (Pem & { code: string })[] }
  privatePem: { valid: (Pem & { spki: string })[]; invalid: (Pem & { code: string })[] }
}
const vectors = readVectors<Vectors>('spki')

describe('public keys in PEM', () => {
  testEach(vectors.pem.valid, ({ pem, spki }) => assert.deepEqual(parsePublicKeyPem(pem), hex(spki)))
  testEach(vectors.pem.invalid, ({ pem, code }) => {
    assert.throws(() => parsePublicKeyPem(pem), refusedAs(code))
  })
})

describe('private keys in PEM', () => {
  testEach(vectors.privatePem.valid, async ({ pem, spki }) => {
    assert.deepEqual((await ownKeyOf(parsePrivateKeyPem(pem))).spki, hex(spki))
  })
  testEach(vectors.privatePem.invalid, ({ pem, code }) => {
    assert.throws(() => parsePrivateKeyPem(pem), refusedAs(code))
  })
})

test('PEM of more than 16 KiB is refused before it is read', () => {
  const long = formatPublicKeyPem(new Uint8Array(13_000))
  assert.throws(() => parsePublicKeyPem(long), refusedAs('malformed'))
  assert.throws(() => parsePublicKeyPem(formatPublicKeyPem(new Uint8Array(11_000))), refusedAs('wrong-key'))
})

test('PEM is written as OpenSSL writes it', async () => {
  for (const name of ['alice', 'alice-rsa', 'alice-p256', 'alice-mldsa']) {
    const { spki, pkcs8 } = await keyNamed(name)
    const [publicPem, privatePem] = [formatPublicKeyPem(spki), formatPrivateKeyPem(pkcs8)]
    assert.equal(createPublicKey(publicPem).export({ type: 'spki', format: 'pem' }), publicPem)
    assert.equal(createPrivateKey(privatePem).export({ type: 'pkcs8', format: 'pem' }), privatePem)
    assert.deepEqual(parsePublicKeyPem(publicPem), spki)
    assert.deepEqual(parsePrivateKeyPem(privatePem), pkcs8)
  }
})
