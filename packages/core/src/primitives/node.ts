// Primitives from Node's OpenSSL: synchronous, constant-time where OpenSSL is. Ed25519 is verified by
// libsodium (node-ed25519.ts). The contract is primitives.d.ts.
import * as crypto from 'node:crypto'
import { promisify } from 'node:util'
import { ed25519Verifier } from './node-ed25519.ts'
import type {
  Bytes,
  Encoding,
  KeyKind,
  KeyPair,
  ScryptCost,
  Sign,
  SignatureAlgorithm,
  Unwrap,
  Verify,
  Wrap,
} from './primitives.d.ts'

const generate = promisify(crypto.generateKeyPair)
const deriveByPbkdf2 = promisify(crypto.pbkdf2)
const deriveByScrypt = promisify<Uint8Array, Uint8Array, number, crypto.ScryptOptions, Buffer>(crypto.scrypt)

export function sha256(message: Uint8Array): Bytes {
  // As a string: the Buffer that Node makes for a digest costs three times the hash of a small message.
  const digest = crypto.hash('sha256', message, 'latin1')
  const bytes = new Uint8Array(32)
  for (let i = 0; i < 32; i++) bytes[i] = digest.charCodeAt(i)
  return bytes
}

export function hmacSha256(key: Uint8Array, message: Uint8Array): Bytes {
  return plain(crypto.createHmac('sha256', key).update(message).digest())
}

export function randomBytes(count: number): Bytes {
  return plain(crypto.randomBytes(count))
}

export function encodeText(bytes: Uint8Array, encoding: Encoding): string {
  if (bytes.length > smallBytesMax) return asBuffer(bytes).toString(encoding)
  if (encoding === 'hex') return bytes.toHex()
  return encoding === 'base64' ? bytes.toBase64() : bytes.toBase64(unpadded)
}

// V8 keeps small arrays in its own heap; a Buffer over one would move it out.
const smallBytesMax = 64
const unpadded = { alphabet: 'base64url', omitPadding: true } as const

export function decodeText(text: string, encoding: Encoding): Bytes | undefined {
  const buffer = Buffer.from(text, encoding)
  // It stops at, or passes over, what does not belong there; what it writes back then differs.
  if (buffer.toString(encoding) !== text) return undefined
  // Small ones lie in a pool that others write to.
  return buffer.length === buffer.buffer.byteLength ? plain(buffer) : new Uint8Array(buffer)
}

export function encryptAes256Cfb(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Bytes {
  return plain(crypto.createCipheriv('aes-256-cfb', key, iv).update(plaintext))
}

export function decryptAes256Cfb(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Bytes {
  return plain(crypto.createDecipheriv('aes-256-cfb', key, iv).update(ciphertext))
}

export function encryptAes256Cbc(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Bytes {
  const cipher = crypto.createCipheriv('aes-256-cbc', key, iv)
  return plain(Buffer.concat([cipher.update(plaintext), cipher.final()]))
}

export function decryptAes256Cbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Bytes {
  const decipher = crypto.createDecipheriv('aes-256-cbc', key, iv)
  return plain(Buffer.concat([decipher.update(ciphertext), decipher.final()]))
}

export async function scrypt(
  passphrase: Uint8Array,
  salt: Uint8Array,
  { cost, blockSize, parallelization }: ScryptCost,
  count: number,
): Promise<Bytes> {
  // OpenSSL counts more than the large array that is filled: 128 * (N + p + 2) * r bytes.
  const maxmem = 128 * (cost + parallelization + 4) * blockSize
  return plain(await deriveByScrypt(passphrase, salt, count, { cost, blockSize, parallelization, maxmem }))
}

export async function pbkdf2Sha256(
  passphrase: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  count: number,
): Promise<Bytes> {
  return plain(await deriveByPbkdf2(passphrase, salt, iterations, count, 'sha256'))
}

/**
 * One row per algorithm: the digest that OpenSSL wants, its key options, and the key type it must be given.
 */
const algorithms = {
  Ed25519: { digest: null, options: {}, type: 'ed25519' },
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' }, type: 'ec' },
  PS256: {
    digest: 'sha256',
    options: { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    type: 'rsa',
  },
  RS256: { digest: 'sha256', options: { padding: crypto.constants.RSA_PKCS1_PADDING }, type: 'rsa' },
  'ML-DSA-44': { digest: null, options: {}, type: 'ml-dsa-44' },
  'ML-DSA-65': { digest: null, options: {}, type: 'ml-dsa-65' },
} as const satisfies Record<SignatureAlgorithm, { digest: string | null; options: object; type: string }>

export function verifierOf(algorithm: SignatureAlgorithm, spki: Uint8Array): Verify {
  const { digest, options, type } = algorithms[algorithm]
  const parsed = publicKey(spki, type)
  if (algorithm === 'Ed25519') return ed25519Verifier(parsed)
  const key = { key: parsed, ...options }
  const modulusBits = parsed.asymmetricKeyDetails?.modulusLength
  if (modulusBits === undefined) return (message, signature) => crypto.verify(digest, message, key, signature)
  // An RSA signature is as long as the modulus (RFC 8017 section 8). OpenSSL also takes one without its
  // leading zero byte, a second spelling for one signature in 256.
  return (message, signature) =>
    signature.length === modulusBits / 8 && crypto.verify(digest, message, key, signature)
}

export function signerOf(algorithm: SignatureAlgorithm, pkcs8: Uint8Array): Sign {
  const { digest, options, type } = algorithms[algorithm]
  const key = { key: privateKey(pkcs8, type), ...options }
  return (message) => plain(crypto.sign(digest, message, key))
}

const oaep = { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' }

export function wrapperOf(spki: Uint8Array): Wrap {
  const key = { key: publicKey(spki, 'rsa'), ...oaep }
  return (bytes) => plain(crypto.publicEncrypt(key, bytes))
}

export function unwrapperOf(pkcs8: Uint8Array): Unwrap {
  const parsed = privateKey(pkcs8, 'rsa')
  const key = { key: parsed, ...oaep }
  const bytes = (parsed.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  // RFC 8017 section 7.1.2, 1.b. OpenSSL also takes a wrapped key without its leading zero byte.
  return (wrapped) => {
    if (wrapped.length !== bytes) throw new RangeError('the wrapped key is not as long as the modulus')
    return plain(crypto.privateDecrypt(key, wrapped))
  }
}

const kinds = {
  Ed25519: ['ed25519', {}],
  'P-256': ['ec', { namedCurve: 'P-256' }],
  'RSA-2048': ['rsa', { modulusLength: 2048, publicExponent: 65537 }],
  'RSA-3072': ['rsa', { modulusLength: 3072, publicExponent: 65537 }],
  'RSA-4096': ['rsa', { modulusLength: 4096, publicExponent: 65537 }],
  'ML-DSA-44': ['ml-dsa-44', {}],
  'ML-DSA-65': ['ml-dsa-65', {}],
} as const satisfies Record<KeyKind, readonly [string, object]>

export async function generateKeyPair(kind: KeyKind): Promise<KeyPair> {
  const [type, options] = kinds[kind]
  const pair = (await generate(type as 'rsa', options as { modulusLength: number })) as unknown as {
    publicKey: crypto.KeyObject
    privateKey: crypto.KeyObject
  }
  return {
    spki: plain(pair.publicKey.export({ type: 'spki', format: 'der' })),
    pkcs8: plain(pair.privateKey.export({ type: 'pkcs8', format: 'der' })),
  }
}

export function publicOf(pkcs8: Uint8Array): Bytes {
  const key = crypto.createPublicKey(
    crypto.createPrivateKey({ key: asBuffer(pkcs8), format: 'der', type: 'pkcs8' }),
  )
  return plain(key.export({ type: 'spki', format: 'der' }))
}

function publicKey(spki: Uint8Array, type: string): crypto.KeyObject {
  return checkType(crypto.createPublicKey({ key: asBuffer(spki), format: 'der', type: 'spki' }), type)
}

function privateKey(pkcs8: Uint8Array, type: string): crypto.KeyObject {
  return checkType(crypto.createPrivateKey({ key: asBuffer(pkcs8), format: 'der', type: 'pkcs8' }), type)
}

function checkType(key: crypto.KeyObject, type: string): crypto.KeyObject {
  const { asymmetricKeyType: found, asymmetricKeyDetails: details } = key
  if (found !== type) throw new TypeError(`a key of type ${found}, not ${type}`)
  if (found === 'ec' && details?.namedCurve !== 'prime256v1') throw new TypeError('a curve other than P-256')
  return key
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * A Uint8Array over the same memory: a Buffer's overridden methods (slice shares, toString) must not leak
 * out.
 */
function plain(buffer: Buffer): Bytes {
  return new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength)
}
