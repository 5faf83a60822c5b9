// All that is known of each envelope suite, one row each. Nothing else enumerates suites.
import { decryptAes256Cfb, encryptAes256Cfb, randomBytes } from '#primitives'
import { type Bytes, concat, formatBase64, parseBase64, textOf, utf8 } from './bytes.ts'
import { Refused } from './refused.ts'
import type { PublicKeyKind } from './spki.ts'

export type SuiteName = 'rsa-aes-cfb' | 'hpke-mlkem768-x25519-v1' | 'article-block'

export type Suite = {
  readonly name: SuiteName
  /** The byte in the envelope header. */
  readonly id: number
  /**
   * Whether the envelope carries wrapped keys and a key signature; otherwise it is an unauthenticated import.
   */
  readonly sealed: boolean
  /** The kind of key that makes the key signature; any of the sender's, where there is none. */
  readonly signerKind?: PublicKeyKind
  /** What the encryption adds: the fewest bytes of ciphertext there can be. */
  readonly ciphertextBytesMin: number
  /** Encrypts a record under a fresh key; the key is 32 bytes. */
  readonly encrypt?: (record: Uint8Array) => { readonly key: Bytes; readonly ciphertext: Bytes }
  /** Throws on any damage that the suite can see. */
  readonly decrypt?: (key: Uint8Array, ciphertext: Uint8Array) => Bytes
}

const ivBytes = 16

const rows: readonly Suite[] = [
  {
    // The article's flow: IV, then AES-256-CFB-128 of the record's base64. CFB has no integrity of its own:
    // the statement's digest covers every byte of it and is checked before anything is decrypted (open.ts).
    name: 'rsa-aes-cfb',
    id: 1,
    sealed: true,
    signerKind: 'RSA',
    ciphertextBytesMin: ivBytes,
    encrypt(record) {
      const key = randomBytes(32)
      const iv = randomBytes(ivBytes)
      return { key, ciphertext: concat(iv, encryptAes256Cfb(key, iv, utf8(formatBase64(record)))) }
    },
    decrypt(key, ciphertext) {
      const text = decryptAes256Cfb(key, ciphertext.subarray(0, ivBytes), ciphertext.subarray(ivBytes))
      return parseBase64(textOf(text, 'the content'), 'the content')
    },
  },
  {
    // Reserved for HPKE; envelopes of it are in good form but cannot be sealed or opened by this version.
    name: 'hpke-mlkem768-x25519-v1',
    id: 2,
    sealed: true,
    signerKind: 'Ed25519',
    ciphertextBytesMin: 16,
  },
  {
    // The "ciphertext" is an original block of the article's chain, byte for byte (article.ts).
    name: 'article-block',
    id: 3,
    sealed: false,
    ciphertextBytesMin: 2,
  },
]

/** Throws `unknown-version`. */
export function suiteNamed(name: string): Suite {
  return rows.find((row) => row.name === name) ?? refuse()
}

export function suiteOfId(id: number): Suite {
  return rows.find((row) => row.id === id) ?? refuse()
}

function refuse(): never {
  throw new Refused('unknown-version', 'an envelope suite that this version does not know')
}
