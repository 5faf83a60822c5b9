import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generateKeyPair, signerOf } from '#primitives'
import { utf8 } from '../src/bytes.ts'
import type { VkeyType } from '../src/vkey.ts'
import { checkKeyName, parseVkey, verifierOfVkey, vkeyOf } from '../src/vkey.ts'
import type { Case } from './vectors.ts'
import { readVectors, refusedAs, testEach } from './vectors.ts'

type Valid = Case & { vkey: string; name: string; id: string; type: VkeyType; publicKey: string }
const vectors = readVectors<{ valid: Valid[]; invalid: (Case & { vkey: string; code: string })[] }>('vkey')

describe('verifier keys', () => {
  testEach(vectors.valid, ({ vkey: text, name, id, type, publicKey }) => {
    const vkey = parseVkey(text)
    assert.deepEqual(
      { ...vkey, publicKey: vkey.publicKey.toHex() },
      { name, type, id: Number.parseInt(id, 16), publicKey, text },
    )
  })
  testEach(vectors.invalid, ({ vkey, code }) => {
    assert.throws(() => parseVkey(vkey), refusedAs(code))
  })

  test('are made from a public key and verify what its private key signs', async () => {
    const message = utf8('message')
    for (const [type, kind] of [
      ['note', 'Ed25519'],
      ['cosignature', 'Ed25519'],
      ['mldsa', 'ML-DSA-44'],
    ] as const) {
      const pair = await generateKeyPair(kind)
      const vkey = vkeyOf('example.com/key', type, pair.spki)
      assert.deepEqual(parseVkey(vkey.text), vkey)
      const sign = await signerOf(kind, pair.pkcs8)
      const verify = await verifierOfVkey(vkey)
      const signature = await sign(message)
      assert.equal(await verify(message, signature), true)
      assert.equal(await verify(utf8('another'), signature), false)
      assert.equal(await verifierOfVkey(parseVkey(vkey.text)), verify, 'the key is parsed once')
    }
  })

  test('one key has another key ID for each type and name', async () => {
    const { spki } = await generateKeyPair('Ed25519')
    const ids = [vkeyOf('a', 'note', spki), vkeyOf('a', 'cosignature', spki), vkeyOf('b', 'note', spki)].map(
      ({ id }) => id,
    )
    assert.equal(new Set(ids).size, 3)
  })

  test('are not made from a key of another algorithm', async () => {
    const ed25519 = await generateKeyPair('Ed25519')
    const mldsa65 = await generateKeyPair('ML-DSA-65')
    assert.throws(() => vkeyOf('a', 'mldsa', ed25519.spki), refusedAs('wrong-key'))
    assert.throws(() => vkeyOf('a', 'mldsa', mldsa65.spki), refusedAs('wrong-key'))
    assert.throws(() => vkeyOf('a', 'note', mldsa65.spki), refusedAs('wrong-key'))
  })

  test('verifiers are kept in a bounded number', async () => {
    const { spki } = await generateKeyPair('Ed25519')
    const first = vkeyOf('first', 'note', spki)
    const verify = await verifierOfVkey(first)
    for (let i = 0; i < 1024; i++) await verifierOfVkey(vkeyOf(`other-${i}`, 'note', spki))
    assert.notEqual(await verifierOfVkey(first), verify)
  })

  test('names have no spaces, no plus, no control characters and no half characters', () => {
    for (const name of ['a', 'example.com/log/payments~2', 'żubr.example', 'n'.repeat(255)])
      assert.equal(checkKeyName(name), name)
    for (const name of [
      '',
      ' ',
      'a b',
      'a\u2003b',
      'a\u0085b',
      'a+b',
      'a\nb',
      'a\x7fb',
      '\ud800',
      'ż'.repeat(128),
    ]) {
      assert.throws(() => checkKeyName(name), refusedAs('malformed'), JSON.stringify(name))
    }
  })
})
