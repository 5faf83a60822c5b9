import assert from 'node:assert/strict'
import { createDecipheriv } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { encryptAes256Cfb } from '#primitives'
import { concat, utf8 } from '../src/bytes.ts'
import { suiteNamed, suiteOfId } from '../src/suites.ts'
import { refusedAs } from './vectors.ts'

describe('suites', () => {
  test('are found by name and by id, and have one of each', () => {
    const found = [1, 2, 3].map((id) => suiteOfId(id))
    assert.deepEqual(
      found.map(({ name }) => name),
      ['rsa-aes-cfb', 'hpke-mlkem768-x25519-v1', 'article-block'],
    )
    for (const suite of found) assert.equal(suiteNamed(suite.name), suite)
  })
  test('of a later version are refused', () => {
    for (const id of [0, 4, 255]) assert.throws(() => suiteOfId(id), refusedAs('unknown-version'))
    for (const name of ['', 'rsa', 'RSA-AES-CFB', 'toString']) {
      assert.throws(() => suiteNamed(name), refusedAs('unknown-version'))
    }
  })
})

describe('rsa-aes-cfb', () => {
  const { encrypt, decrypt } = suiteNamed('rsa-aes-cfb')
  assert.ok(encrypt && decrypt)

  test('gives back every record', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (record) => {
        const { key, ciphertext } = encrypt(record)
        assert.deepEqual(decrypt(key, ciphertext), new Uint8Array(record))
      }),
    )
  })
  test('is AES-256-CFB of the base64 with the IV first, as the article has it', () => {
    const { key, ciphertext } = encrypt(utf8('{"a":1.10}'))
    assert.equal(key.length, 32)
    const decipher = createDecipheriv('aes-256-cfb', key, ciphertext.subarray(0, 16))
    assert.equal(decipher.update(ciphertext.subarray(16), undefined, 'utf8'), btoa('{"a":1.10}'))
  })
  test('draws a new key and a new IV each time', () => {
    const [a, b] = [encrypt(utf8('x')), encrypt(utf8('x'))]
    assert.notDeepEqual(a.key, b.key)
    assert.notDeepEqual(a.ciphertext.slice(0, 16), b.ciphertext.slice(0, 16))
  })
  test('refuses what does not decrypt to strict base64', () => {
    const key = new Uint8Array(32)
    const iv = new Uint8Array(16)
    for (const text of ['QQ', 'QR==', 'QQ==\n', 'QQ= =', 'hello!', '\u00e9']) {
      const ciphertext = concat(iv, encryptAes256Cfb(key, iv, utf8(text)))
      assert.throws(() => decrypt(key, ciphertext), refusedAs('malformed'), text)
    }
    const raw = concat(iv, encryptAes256Cfb(key, iv, new Uint8Array([0xff, 0xfe])))
    assert.throws(() => decrypt(key, raw), refusedAs('malformed'))
  })
})
