import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import {
  decryptPrivateKey,
  encryptedPrivateKeyPem,
  encryptPrivateKey,
  openPrivateKeyPem,
} from '../src/encrypted-key.ts'
import { formatPrivateKeyPem, isEncryptedPem, parsePrivateKeyPem } from '../src/pem.ts'
import { keyNamed } from './sample-ledger.ts'
import { type Case, hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Encrypted = Case & { readonly encrypted: string; readonly passphrase: string }
type Vectors = {
  valid: (Encrypted & { readonly pkcs8: string })[]
  invalid: (Encrypted & { readonly code: string })[]
}
const vectors = readVectors<Vectors>('encrypted-key')

describe('encrypted private keys that are read', () => {
  testEach(vectors.valid, async ({ encrypted, passphrase, pkcs8 }) => {
    assert.deepEqual(await decryptPrivateKey(hex(encrypted), passphrase), hex(pkcs8))
  })
})

describe('encrypted private keys that are refused', () => {
  testEach(vectors.invalid, async ({ encrypted, passphrase, code }) => {
    await assert.rejects(decryptPrivateKey(hex(encrypted), passphrase), refusedAs(code))
  })
})

test('whatever bytes come, they are refused with a code', async () => {
  const { encrypted } = vectors.valid[0] as Encrypted
  const beginnings = fc.nat({ max: encrypted.length / 2 - 1 }).map((end) => hex(encrypted).slice(0, end))
  const anything = fc.uint8Array({ maxLength: 200 })
  const spliced = fc.tuple(beginnings, anything).map(([head, tail]) => new Uint8Array([...head, ...tail]))
  await fc.assert(
    fc.asyncProperty(fc.oneof(anything, spliced), async (bytes) => {
      await assert.rejects(decryptPrivateKey(bytes, 'secret12'), { name: 'Refused' })
    }),
  )
})

describe('encrypted private keys that are written', () => {
  test('are opened by OpenSSL with the same passphrase, whatever the kind of key', async () => {
    for (const name of ['alice', 'alice-rsa', 'alice-p256', 'alice-mldsa']) {
      const { pkcs8 } = await keyNamed(name)
      const key = await encryptedPrivateKeyPem(pkcs8, 'a passphrase, ☂')
      const opened = createPrivateKey({ key, passphrase: 'a passphrase, ☂' })
      const original = createPrivateKey(formatPrivateKeyPem(pkcs8))
      assert.ok(opened.equals(original), name)
    }
  })

  test('have another salt and another IV each time', async () => {
    const { pkcs8 } = await keyNamed('alice')
    const [one, other] = [
      await encryptPrivateKey(pkcs8, 'secret12'),
      await encryptPrivateKey(pkcs8, 'secret12'),
    ]
    assert.notDeepEqual(one, other)
    assert.deepEqual(await decryptPrivateKey(one, 'secret12'), await decryptPrivateKey(other, 'secret12'))
  })

  test('need a passphrase that is not empty and not over 1,024 bytes', async () => {
    const { pkcs8 } = await keyNamed('alice')
    await assert.rejects(encryptPrivateKey(pkcs8, ''), refusedAs('wrong-passphrase'))
    await assert.rejects(encryptPrivateKey(pkcs8, 'é'.repeat(513)), refusedAs('too-large'))
  })

  test('never show a passphrase or a key in a refusal', async () => {
    for (const { encrypted, passphrase } of vectors.invalid) {
      const refusal = await decryptPrivateKey(hex(encrypted), passphrase).catch(
        (error: Error) => error.message,
      )
      assert.ok(typeof refusal === 'string' && (passphrase === '' || !refusal.includes(passphrase)))
    }
  })
})

describe('private keys in PEM', () => {
  test('are opened with or without passphrase, which is asked for only when it is needed', async () => {
    const { pkcs8 } = await keyNamed('alice')
    const unasked = (): never => assert.fail('a passphrase was asked for')
    assert.deepEqual(await openPrivateKeyPem(formatPrivateKeyPem(pkcs8), unasked), pkcs8)
    const encrypted = await encryptedPrivateKeyPem(pkcs8, 'secret12')
    assert.ok(isEncryptedPem(encrypted) && !isEncryptedPem(formatPrivateKeyPem(pkcs8)))
    assert.deepEqual(await openPrivateKeyPem(encrypted, async () => 'secret12'), pkcs8)
    assert.throws(() => parsePrivateKeyPem(encrypted), refusedAs('wrong-key'))
  })
})
