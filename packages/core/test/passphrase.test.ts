// The primitives under encrypted private keys, in both implementations.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatHex, utf8 } from '../src/bytes.ts'
import * as node from '../src/primitives/node.ts'
import type { Bytes } from '../src/primitives/primitives.d.ts'
import * as web from '../src/primitives/web.ts'
import { hex } from './vectors.ts'

type Primitives = typeof import('../src/primitives/primitives.d.ts')
const both: [string, Primitives][] = [
  ['node', node],
  ['web', web],
]

for (const [name, primitives] of both) {
  describe(`${name}: keys out of passphrases`, () => {
    test('gives scrypt of RFC 7914’s section 12', async () => {
      const cases = [
        ['', '', 16, 1, 1, '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442'],
        ['password', 'NaCl', 1024, 8, 16, 'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162'],
        [
          ...(['pleaseletmein', 'SodiumChloride', 16_384, 8, 1] as const),
          '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2',
        ],
      ] as const
      for (const [passphrase, salt, cost, blockSize, parallelization, key] of cases) {
        const derived = primitives.scrypt(
          utf8(passphrase),
          utf8(salt),
          { cost, blockSize, parallelization },
          32,
        )
        assert.equal(formatHex(await derived), key)
      }
    })

    test('gives PBKDF2 of RFC 7914’s section 11', async () => {
      const cases = [
        ['passwd', 'salt', 1, '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc'],
        ['Password', 'NaCl', 80_000, '4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56'],
      ] as const
      for (const [passphrase, salt, iterations, key] of cases) {
        const derived = primitives.pbkdf2Sha256(utf8(passphrase), utf8(salt), iterations, 32)
        assert.equal(formatHex(await derived), key)
      }
    })

    test('takes 128 MiB for scrypt', async () => {
      const cost = { cost: 131_072, blockSize: 8, parallelization: 1 }
      const key = await primitives.scrypt(utf8('a'), utf8('b'), cost, 32)
      assert.deepEqual(key, await node.scrypt(utf8('a'), utf8('b'), cost, 32))
    })
  })

  describe(`${name}: AES-256-CBC`, () => {
    const key = hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4')
    const iv = hex('000102030405060708090a0b0c0d0e0f')

    test('gives the first blocks of NIST SP 800-38A’s F.2.5, and padding', async () => {
      const text = hex('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51')
      const ciphertext = await primitives.encryptAes256Cbc(key, iv, text)
      assert.equal(ciphertext.length, 48)
      assert.equal(
        formatHex(ciphertext.subarray(0, 32)),
        'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d',
      )
    })

    test('is read back by both, and refused when its padding is wrong', async () => {
      for (const text of ['', 'a', '0123456789abcdef', 'a longer text than one block has']) {
        const ciphertext = await primitives.encryptAes256Cbc(key, iv, utf8(text))
        for (const [, other] of both)
          assert.deepEqual(await other.decryptAes256Cbc(key, iv, ciphertext), utf8(text))
      }
      const ciphertext = await primitives.encryptAes256Cbc(key, iv, utf8('padding'))
      const wrongIv = hex('000102030405060708090a0b0c0d0eff')
      const wrong = async (): Promise<Bytes> => primitives.decryptAes256Cbc(key, wrongIv, ciphertext)
      await assert.rejects(wrong)
    })
  })
}
