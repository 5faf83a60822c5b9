import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { concat, formatHex, parseHex, utf8 } from '../src/bytes.ts'
import * as node from '../src/primitives/node.ts'
import { libsodiumVerifier, opensslVerifier } from '../src/primitives/node-ed25519.ts'
import type {
  Awaitable,
  Bytes,
  KeyKind,
  KeyPair,
  SignatureAlgorithm,
  Verify,
} from '../src/primitives/primitives.d.ts'
import { isSmallOrder } from '../src/primitives/small-order.ts'
import * as web from '../src/primitives/web.ts'
import { type Case, readVectors, testEach } from './vectors.ts'

// Assigning both modules to the contract's type is the check that they keep it.
type Primitives = typeof import('../src/primitives/primitives.d.ts')
const implementations: Record<'node' | 'web', Primitives> = { node, web }
const both = Object.entries(implementations)
const pairs = both.flatMap(([a, first]) =>
  both.map(([b, second]) => ({ title: `${a} and ${b}`, first, second })),
)

type Ed25519Case = Case & { readonly publicKey: string; readonly message: string; readonly signature: string }
const ed25519 = readVectors<{ valid: Ed25519Case[]; invalid: Ed25519Case[] }>('ed25519')

const hex = (text: string): Bytes => parseHex(text.replaceAll(' ', ''), 'a vector')
const flip = (bytes: Uint8Array, bit: number): Bytes => {
  const out = new Uint8Array(bytes)
  out[bit >> 3] = (out[bit >> 3] as number) ^ (1 << (bit & 7))
  return out
}
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => new Uint8Array(array))

describe('the contract', () => {
  test('is kept with the same names by both, and nothing more', () => {
    assert.deepEqual(Object.keys(web).sort(), Object.keys(node).sort())
  })
})

for (const [name, primitives] of both) {
  describe(`${name}: hashes`, () => {
    test('gives SHA-256 of FIPS 180-4’s examples', () => {
      assert.equal(
        formatHex(primitives.sha256(utf8('abc'))),
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      )
      assert.equal(
        formatHex(primitives.sha256(new Uint8Array())),
        'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      )
    })

    test('gives HMAC-SHA-256 of RFC 4231’s cases 1, 2 and 6', () => {
      const cases = [
        [
          new Uint8Array(20).fill(0x0b),
          'Hi There',
          'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
        ],
        [
          utf8('Jefe'),
          'what do ya want for nothing?',
          '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
        ],
        [
          new Uint8Array(131).fill(0xaa),
          'Test Using Larger Than Block-Size Key - Hash Key First',
          '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
        ],
      ] as const
      for (const [key, text, mac] of cases)
        assert.equal(formatHex(primitives.hmacSha256(key, utf8(text))), mac)
    })

    test('gives as many random bytes as asked for, more than 65,536 too, and never the same', () => {
      for (const count of [0, 16, 65_536, 70_000]) {
        const [a, b] = [primitives.randomBytes(count), primitives.randomBytes(count)]
        assert.equal(a.length, count)
        if (count > 0) assert.notDeepEqual(a, b)
      }
      assert.ok(
        primitives
          .randomBytes(70_000)
          .subarray(65_536)
          .some((byte) => byte !== 0),
      )
    })
  })

  describe(`${name}: AES-256-CFB`, () => {
    // NIST SP 800-38A, F.3.17 and F.3.18 (CFB128-AES256)
    const key = hex('603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4')
    const iv = hex('000102030405060708090a0b0c0d0e0f')
    const plaintext = hex(
      '6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51' +
        '30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710',
    )
    const ciphertext = hex(
      'dc7e84bfda79164b7ecd8486985d3860 39ffed143b28b1c832113c6331e5407b' +
        'df10132415e54b92a13ed0a8267ae2f9 75a385741ab9cef82031623d55b1e471',
    )

    test('encrypts and decrypts NIST’s example', () => {
      assert.deepEqual(primitives.encryptAes256Cfb(key, iv, plaintext), ciphertext)
      assert.deepEqual(primitives.decryptAes256Cfb(key, iv, ciphertext), plaintext)
    })

    test('cuts the last block to the length of the text', () => {
      for (const length of [0, 1, 15, 16, 17, 63]) {
        const cut = ciphertext.subarray(0, length)
        assert.deepEqual(
          primitives.encryptAes256Cfb(key, iv, plaintext.subarray(0, length)),
          new Uint8Array(cut),
        )
      }
    })

    test('takes no key but one of 32 bytes and no IV but one of 16', () => {
      assert.throws(() => primitives.encryptAes256Cfb(key.subarray(16), iv, plaintext))
      assert.throws(() => primitives.decryptAes256Cfb(key.subarray(8), iv, plaintext))
      assert.throws(() => primitives.encryptAes256Cfb(key, iv.subarray(4), plaintext))
      assert.throws(() => primitives.decryptAes256Cfb(key, concat(iv, iv), plaintext))
    })
  })
}

/** In Node one of two libraries verifies, by platform; both are there to be tested where this test runs. */
const ed25519Verifiers: Record<string, (spki: Bytes) => Awaitable<Verify>> = {
  node: (spki) => node.verifierOf('Ed25519', spki),
  'node, by OpenSSL': (spki) => opensslVerifier(ed25519Key(spki)),
  'node, by libsodium': (spki) => libsodiumVerifier(ed25519Key(spki)) as Verify,
  web: (spki) => web.verifierOf('Ed25519', spki),
}

const ed25519Key = (spki: Bytes): KeyObject =>
  createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })

for (const [name, verifierOf] of Object.entries(ed25519Verifiers)) {
  const verify = async ({ publicKey, message, signature }: Ed25519Case): Promise<boolean> => {
    const spki = hex(`302a300506032b6570032100${publicKey}`)
    return (await verifierOf(spki))(hex(message), hex(signature))
  }
  describe(`${name}: Ed25519`, () => {
    testEach(ed25519.valid, async (each) => assert.equal(await verify(each), true))
    testEach(ed25519.invalid, async (each) => assert.equal(await verify(each), false))
  })
}

test('points of small order are known in all their spellings, and no other point is taken for one', () => {
  const weak = ed25519.invalid.filter(({ comment }) => / of order [1248]/.test(comment))
  assert.equal(weak.length, 20)
  for (const { publicKey, signature, comment } of weak) {
    const [suspect, other] = comment.includes('public key') ? [publicKey, signature] : [signature, publicKey]
    assert.equal(isSmallOrder(hex(suspect.slice(0, 64))), true, comment)
    assert.equal(isSmallOrder(hex(other.slice(0, 64))), false, comment)
  }
  for (const { publicKey } of ed25519.valid) assert.equal(isSmallOrder(hex(publicKey)), false)
})

test('both compute the same hashes, MACs and ciphertexts', async () => {
  const shifted = fc.integer({ min: 0, max: 7 }) // views that start anywhere in their buffer
  await fc.assert(
    fc.property(bytes, bytes, shifted, (text, secret, shift) => {
      const message = concat(new Uint8Array(shift), text).subarray(shift)
      const key = node.sha256(secret)
      const iv = key.subarray(shift, shift + 16)
      assert.deepEqual(web.sha256(message), node.sha256(message))
      assert.deepEqual(web.hmacSha256(secret, message), node.hmacSha256(secret, message))
      const sealed = node.encryptAes256Cfb(key, iv, message)
      assert.deepEqual(web.encryptAes256Cfb(key, iv, message), sealed)
      assert.deepEqual(web.decryptAes256Cfb(key, iv, sealed), node.decryptAes256Cfb(key, iv, sealed))
    }),
  )
})

/** Algorithm, kind of key, bytes of a signature. */
const signatures: readonly (readonly [SignatureAlgorithm, KeyKind, number])[] = [
  ['Ed25519', 'Ed25519', 64],
  ['ES256', 'P-256', 64],
  ['PS256', 'RSA-2048', 256],
  ['RS256', 'RSA-2048', 256],
  ['ML-DSA-44', 'ML-DSA-44', 2420],
  ['ML-DSA-65', 'ML-DSA-65', 3309],
]

for (const { title, first, second } of pairs) {
  describe(`${title}: signatures`, () => {
    for (const [algorithm, kind, signatureBytes] of signatures) {
      if (algorithm === 'PS256') {
        test('an RSA signature has one spelling, also when it begins with a zero byte', async () => {
          const { spki, pkcs8 } = await first.generateKeyPair(kind)
          const message = utf8('a payment of 12.50')
          const sign = await first.signerOf(algorithm, pkcs8)
          const verify = await second.verifierOf(algorithm, spki)
          let signature = await sign(message)
          // Salted: one in 256 begins so.
          while (signature[0] !== 0) signature = await sign(message)
          assert.equal(await verify(message, signature), true)
          assert.equal(await verify(message, signature.subarray(1)), false)
        })
      }

      test(`${algorithm} made by the one is accepted by the other, and nothing else is`, async () => {
        const { spki, pkcs8 } = await first.generateKeyPair(kind)
        const message = utf8('a payment of 12.50')
        const signature = await (await first.signerOf(algorithm, pkcs8))(message)
        const verify = await second.verifierOf(algorithm, spki)

        assert.equal(signature.length, signatureBytes)
        assert.equal(await verify(message, signature), true)
        assert.equal(await verify(utf8('a payment of 92.50'), signature), false, 'another message')
        for (const bit of [0, 300, signature.length * 8 - 1]) {
          assert.equal(await verify(message, flip(signature, bit)), false, `bit ${bit} flipped`)
        }
        for (const wrong of [new Uint8Array(), signature.subarray(1), concat(signature, Uint8Array.of(0))]) {
          assert.equal(await verify(message, wrong), false, `${wrong.length} bytes`)
        }
        const stranger = await second.verifierOf(algorithm, (await second.generateKeyPair(kind)).spki)
        assert.equal(await stranger(message, signature), false, 'another key')
      })
    }
  })

  describe(`${title}: RSA-OAEP`, () => {
    test('what the one wraps the other unwraps, and nothing else', async () => {
      const { spki, pkcs8 } = await first.generateKeyPair('RSA-2048')
      const key = first.randomBytes(32)
      const wrapped = await (await first.wrapperOf(spki))(key)
      const unwrap = await second.unwrapperOf(pkcs8)

      assert.equal(wrapped.length, 256)
      assert.deepEqual(await unwrap(wrapped), key)
      assert.notDeepEqual(await (await first.wrapperOf(spki))(key), wrapped, 'padding is random')
      for (const wrong of [flip(wrapped, 0), flip(wrapped, 2047), wrapped.subarray(1), new Uint8Array(256)]) {
        await assert.rejects(async () => unwrap(wrong))
      }
      const stranger = await second.unwrapperOf((await second.generateKeyPair('RSA-2048')).pkcs8)
      await assert.rejects(async () => stranger(wrapped))
    })

    test('is as long as the modulus: its leading zero byte belongs to it', async () => {
      const { spki, pkcs8 } = await first.generateKeyPair('RSA-2048')
      const [wrap, unwrap] = [await first.wrapperOf(spki), await second.unwrapperOf(pkcs8)]
      const key = first.randomBytes(32)
      let wrapped = await wrap(key)
      while (wrapped[0] !== 0) wrapped = await wrap(key)

      assert.deepEqual(await unwrap(wrapped), key)
      for (const wrong of [wrapped.subarray(1), concat(Uint8Array.of(0), wrapped)]) {
        await assert.rejects(async () => unwrap(wrong), /not as long as the modulus/)
      }
    })

    test('holds at most 126 bytes under a key of 2048 bits, as the padding of SHA-512 leaves', async () => {
      const { spki, pkcs8 } = await second.generateKeyPair('RSA-2048')
      const wrap = await first.wrapperOf(spki)
      const most = first.randomBytes(256 - 2 * 64 - 2)
      assert.deepEqual(await (await second.unwrapperOf(pkcs8))(await wrap(most)), most)
      await assert.rejects(async () => wrap(first.randomBytes(127)))
    })
  })
}

describe('keys', () => {
  const kinds: KeyKind[] = ['Ed25519', 'P-256', 'RSA-2048', 'RSA-3072', 'RSA-4096', 'ML-DSA-44', 'ML-DSA-65']
  for (const kind of kinds) {
    test(`of kind ${kind} have the same DER from both; the public one follows from the private`, async () => {
      const made = await Promise.all(both.map(([, primitives]) => primitives.generateKeyPair(kind)))
      for (const { spki, pkcs8 } of made) {
        assert.deepEqual(lengthsOf({ spki, pkcs8 }).spki, lengthsOf(made[0] as KeyPair).spki)
        assert.deepEqual(await node.publicOf(pkcs8), spki)
        assert.deepEqual(await web.publicOf(pkcs8), spki)
        assert.deepEqual(reexported(pkcs8), { spki, pkcs8 }, 'as Node itself would write it')
      }
    })
  }

  test('of ML-DSA are kept as their seed: 54 bytes of PKCS#8', async () => {
    for (const kind of ['ML-DSA-44', 'ML-DSA-65'] as const) {
      for (const [, primitives] of both)
        assert.equal((await primitives.generateKeyPair(kind)).pkcs8.length, 54)
    }
  })

  test('are refused under an algorithm that is not theirs', async () => {
    const made = new Map<KeyKind, KeyPair>()
    for (const [, kind] of signatures) made.set(kind, await node.generateKeyPair(kind))
    for (const [algorithm, rightful] of signatures) {
      for (const [kind, { spki, pkcs8 }] of made) {
        if (kind === rightful) continue
        for (const [name, { verifierOf, signerOf, wrapperOf, unwrapperOf }] of both) {
          const what = `${name}: ${algorithm} with a ${kind} key`
          await assert.rejects(async () => verifierOf(algorithm, spki), what)
          await assert.rejects(async () => signerOf(algorithm, pkcs8), what)
          if (kind === 'RSA-2048') continue
          await assert.rejects(async () => wrapperOf(spki), `${name}: wrapping to ${kind}`)
          await assert.rejects(async () => unwrapperOf(pkcs8), `${name}: unwrapping with ${kind}`)
        }
      }
    }
  })

  test('that are no keys are refused', async () => {
    const { spki, pkcs8 } = await node.generateKeyPair('Ed25519')
    for (const [name, { verifierOf, signerOf, wrapperOf, publicOf }] of both) {
      for (const wrong of [
        new Uint8Array(),
        spki.subarray(1),
        spki.subarray(0, 20),
        pkcs8,
        utf8('PUBLIC KEY'),
      ]) {
        for (const [algorithm] of signatures)
          await assert.rejects(async () => verifierOf(algorithm, wrong), name)
        await assert.rejects(async () => wrapperOf(wrong), name)
      }
      for (const wrong of [new Uint8Array(), pkcs8.subarray(1), pkcs8.subarray(0, 20), spki]) {
        for (const [algorithm] of signatures)
          await assert.rejects(async () => signerOf(algorithm, wrong), name)
        await assert.rejects(async () => publicOf(wrong), name)
      }
    }
  })

  test('of kinds that are not used here are refused', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
    const pkcs8 = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }))
    for (const [name, { verifierOf, signerOf }] of both) {
      await assert.rejects(async () => verifierOf('ES256', spki), name)
      await assert.rejects(async () => signerOf('ES256', pkcs8), name)
    }
  })
})

function lengthsOf({ spki, pkcs8 }: KeyPair): { spki: number; pkcs8: number } {
  return { spki: spki.length, pkcs8: pkcs8.length }
}

function reexported(der: Bytes): KeyPair {
  const key = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
  return {
    spki: new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    pkcs8: new Uint8Array(key.export({ type: 'pkcs8', format: 'der' })),
  }
}
