// Primitives for browsers: Web Crypto for what it has (RSA, ECDSA, Ed25519), noble for the rest (hashes,
// which the core needs synchronously, AES-CFB, ML-DSA). noble is not constant-time. The contract is
// primitives.d.ts.
//
// noble's Ed25519 is not used: it checks the cofactored equation, OpenSSL and the browsers the cofactorless
// one (RFC 8032 5.1.7), and a verdict must not depend on where it is reached.
import { cfb } from '@noble/ciphers/aes.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
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
import { isSmallOrder } from './small-order.ts'
import { oaep, oaepUnwrapper } from './web-oaep.ts'

export function sha256(message: Uint8Array): Bytes {
  return nobleSha256(message)
}

export function hmacSha256(key: Uint8Array, message: Uint8Array): Bytes {
  return hmac(nobleSha256, key, message)
}

export function randomBytes(count: number): Bytes {
  const out = new Uint8Array(count)
  const step = 65_536 // the most that getRandomValues fills at once
  for (let at = 0; at < count; at += step) crypto.getRandomValues(out.subarray(at, at + step))
  return out
}

export function encodeText(bytes: Uint8Array, encoding: Encoding): string {
  if (encoding === 'hex') return bytes.toHex()
  return bytes.toBase64({ alphabet: encoding, omitPadding: encoding === 'base64url' })
}

export function decodeText(text: string, encoding: Encoding): Bytes | undefined {
  try {
    const bytes =
      encoding === 'hex' ? Uint8Array.fromHex(text) : Uint8Array.fromBase64(text, { alphabet: encoding })
    return encodeText(bytes, encoding) === text ? bytes : undefined
  } catch {
    return undefined
  }
}

export function encryptAes256Cfb(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Bytes {
  return cfb(checkAes256(key), iv).encrypt(plaintext)
}

export function decryptAes256Cfb(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Bytes {
  return cfb(checkAes256(key), iv).decrypt(ciphertext)
}

export async function encryptAes256Cbc(
  key: Uint8Array,
  iv: Uint8Array,
  plaintext: Uint8Array,
): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', source(checkAes256(key)), 'AES-CBC', false, [
    'encrypt',
  ])
  const operation = { name: 'AES-CBC', iv: source(iv) }
  return new Uint8Array(await crypto.subtle.encrypt(operation, imported, source(plaintext)))
}

export async function decryptAes256Cbc(
  key: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', source(checkAes256(key)), 'AES-CBC', false, [
    'decrypt',
  ])
  const operation = { name: 'AES-CBC', iv: source(iv) }
  return new Uint8Array(await crypto.subtle.decrypt(operation, imported, source(ciphertext)))
}

/** Loaded when first needed: most pages never see an encrypted key. */
export async function scrypt(
  passphrase: Uint8Array,
  salt: Uint8Array,
  { cost, blockSize, parallelization }: ScryptCost,
  count: number,
): Promise<Bytes> {
  const { scryptAsync } = await import('@noble/hashes/scrypt.js')
  return scryptAsync(passphrase, salt, { N: cost, r: blockSize, p: parallelization, dkLen: count })
}

export async function pbkdf2Sha256(
  passphrase: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  count: number,
): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', source(passphrase), 'PBKDF2', false, ['deriveBits'])
  const operation = { name: 'PBKDF2', hash: 'SHA-256', salt: source(salt), iterations }
  return new Uint8Array(await crypto.subtle.deriveBits(operation, key, 8 * count))
}

/** How Web Crypto names an algorithm: once for a key, once for an operation. */
type Params = { readonly key: KeyParams; readonly operation: OperationParams }
type KeyParams = {
  readonly name: string
  readonly hash?: string
  readonly namedCurve?: string
  readonly modulusLength?: number
  readonly publicExponent?: Bytes
}
type OperationParams = { readonly name: string; readonly hash?: string; readonly saltLength?: number }
type WebKeyPair = { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey }

const webAlgorithms: Record<Exclude<SignatureAlgorithm, MlDsa>, Params> = {
  Ed25519: { key: { name: 'Ed25519' }, operation: { name: 'Ed25519' } },
  ES256: { key: { name: 'ECDSA', namedCurve: 'P-256' }, operation: { name: 'ECDSA', hash: 'SHA-256' } },
  PS256: { key: { name: 'RSA-PSS', hash: 'SHA-256' }, operation: { name: 'RSA-PSS', saltLength: 32 } },
  RS256: {
    key: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    operation: { name: 'RSASSA-PKCS1-v1_5' },
  },
}

export async function verifierOf(algorithm: SignatureAlgorithm, spki: Uint8Array): Promise<Verify> {
  if (isMlDsa(algorithm)) return mlDsaVerifier(algorithm, spki)
  const { key: params, operation } = webAlgorithms[algorithm]
  const key = await crypto.subtle.importKey('spki', source(spki), params, false, ['verify'])
  if (algorithm === 'Ed25519') {
    const isWeakKey = isSmallOrder(spki.subarray(-32))
    return async (message, signature) =>
      !isWeakKey &&
      !isSmallOrder(signature.subarray(0, 32)) &&
      crypto.subtle.verify(operation, key, source(signature), source(message))
  }
  const { modulusLength: modulusBits } = key.algorithm as { readonly modulusLength?: number }
  // As in node.ts: an RSA signature without its leading zero byte is a second spelling.
  return async (message, signature) =>
    (modulusBits === undefined || signature.length === modulusBits / 8) &&
    crypto.subtle.verify(operation, key, source(signature), source(message))
}

export async function signerOf(algorithm: SignatureAlgorithm, pkcs8: Uint8Array): Promise<Sign> {
  if (isMlDsa(algorithm)) return mlDsaSigner(algorithm, pkcs8)
  const { key: params, operation } = webAlgorithms[algorithm]
  const key = await crypto.subtle.importKey('pkcs8', source(pkcs8), params, false, ['sign'])
  return async (message) => new Uint8Array(await crypto.subtle.sign(operation, key, source(message)))
}

export async function wrapperOf(spki: Uint8Array): Promise<Wrap> {
  const key = await crypto.subtle.importKey('spki', source(spki), oaep, false, ['encrypt'])
  return async (bytes) => new Uint8Array(await crypto.subtle.encrypt(oaep, key, source(bytes)))
}

export async function unwrapperOf(pkcs8: Uint8Array): Promise<Unwrap> {
  return oaepUnwrapper(await crypto.subtle.importKey('pkcs8', source(pkcs8), oaep, false, ['decrypt']))
}

export async function generateKeyPair(kind: KeyKind): Promise<KeyPair> {
  if (isMlDsa(kind)) {
    const pkcs8 = join(mlDsaEncodings[kind].pkcs8, randomBytes(mlDsaSeedBytes))
    return { spki: await publicOf(pkcs8), pkcs8 }
  }
  const pair = await generateWebKeyPair(kind)
  return {
    spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
    pkcs8: new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)),
  }
}

export async function publicOf(pkcs8: Uint8Array): Promise<Bytes> {
  const kind = kindOf(pkcs8)
  if (isMlDsa(kind)) {
    const { publicKey } = (await loadMlDsa(kind)).keygen(mlDsaSeedOf(kind, pkcs8))
    return join(mlDsaEncodings[kind].spki, publicKey)
  }
  const params = webAlgorithms[kind].key
  const privateKey = await crypto.subtle.importKey('pkcs8', source(pkcs8), params, true, ['sign'])
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', privateKey)
  const publicJwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })) // without the absent members
  const publicKey = await crypto.subtle.importKey('jwk', publicJwk, params, true, ['verify'])
  return new Uint8Array(await crypto.subtle.exportKey('spki', publicKey))
}

async function generateWebKeyPair(kind: Exclude<KeyKind, MlDsa>): Promise<WebKeyPair> {
  const pair: unknown = await crypto.subtle.generateKey(generation[kind], true, ['sign', 'verify'])
  return pair as WebKeyPair
}

const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: Uint8Array.of(1, 0, 1) } // 65537
const generation: Record<Exclude<KeyKind, MlDsa>, KeyParams> = {
  Ed25519: { name: 'Ed25519' },
  'P-256': { name: 'ECDSA', namedCurve: 'P-256' },
  'RSA-2048': { ...rsa, modulusLength: 2048 },
  'RSA-3072': { ...rsa, modulusLength: 3072 },
  'RSA-4096': { ...rsa, modulusLength: 4096 },
}

/**
 * AlgorithmIdentifier of each kind of private key (RFC 8410, RFC 5915, RFC 8017, RFC 9881), as it stands in
 * PKCS#8.
 */
const algorithmIdentifiers = {
  Ed25519: '300506032b6570',
  ES256: '301306072a8648ce3d020106082a8648ce3d030107',
  RS256: '300d06092a864886f70d0101010500',
  'ML-DSA-44': '300b0609608648016503040311',
  'ML-DSA-65': '300b0609608648016503040312',
} as const

/**
 * PKCS#8 is `30 length 02 01 00 AlgorithmIdentifier ...`; the length takes one byte, or 1 + n with the top
 * bit set.
 */
function kindOf(pkcs8: Uint8Array): keyof typeof algorithmIdentifiers {
  const lengthByte = pkcs8[1] ?? 0
  const at = 2 + (lengthByte < 0x80 ? 0 : lengthByte - 0x80) + 3
  const found = Object.entries(algorithmIdentifiers).find(([, hex]) => startsWith(pkcs8.subarray(at), hex))
  if (found === undefined) throw new TypeError('a private key of a kind that is not used here')
  return found[0] as keyof typeof algorithmIdentifiers
}

type MlDsa = 'ML-DSA-44' | 'ML-DSA-65'

/**
 * What stands before the raw key in its DER (RFC 9881): SubjectPublicKeyInfo, and PKCS#8 of the seed-only
 * form, `30 34 02 01 00 AlgorithmIdentifier 04 22 80 20 seed`, which is what Node exports.
 */
const mlDsaEncodings: Record<MlDsa, { readonly spki: string; readonly pkcs8: string }> = {
  'ML-DSA-44': {
    spki: `30820532${algorithmIdentifiers['ML-DSA-44']}0382052100`,
    pkcs8: `3034020100${algorithmIdentifiers['ML-DSA-44']}04228020`,
  },
  'ML-DSA-65': {
    spki: `308207b2${algorithmIdentifiers['ML-DSA-65']}038207a100`,
    pkcs8: `3034020100${algorithmIdentifiers['ML-DSA-65']}04228020`,
  },
}
const mlDsaSeedBytes = 32

function isMlDsa(name: string): name is MlDsa {
  return name === 'ML-DSA-44' || name === 'ML-DSA-65'
}

/** Loaded when first needed: most pages never see an ML-DSA signature. */
async function loadMlDsa(
  algorithm: MlDsa,
): Promise<typeof import('@noble/post-quantum/ml-dsa.js')['ml_dsa44']> {
  const { ml_dsa44, ml_dsa65 } = await import('@noble/post-quantum/ml-dsa.js')
  return algorithm === 'ML-DSA-44' ? ml_dsa44 : ml_dsa65
}

async function mlDsaVerifier(algorithm: MlDsa, spki: Uint8Array): Promise<Verify> {
  const mlDsa = await loadMlDsa(algorithm)
  const publicKey = keyAfter(mlDsaEncodings[algorithm].spki, spki, mlDsa.lengths.publicKey)
  return (message, signature) =>
    signature.length === mlDsa.lengths.signature && mlDsa.verify(signature, message, publicKey)
}

async function mlDsaSigner(algorithm: MlDsa, pkcs8: Uint8Array): Promise<Sign> {
  const mlDsa = await loadMlDsa(algorithm)
  const { secretKey } = mlDsa.keygen(mlDsaSeedOf(algorithm, pkcs8))
  return (message) => mlDsa.sign(message, secretKey)
}

function mlDsaSeedOf(algorithm: MlDsa, pkcs8: Uint8Array): Uint8Array {
  return keyAfter(mlDsaEncodings[algorithm].pkcs8, pkcs8, mlDsaSeedBytes)
}

function keyAfter(prefix: string, der: Uint8Array, keyBytes: number | undefined): Uint8Array {
  const key = der.subarray(prefix.length / 2)
  if (startsWith(der, prefix) && key.length === keyBytes) return key
  throw new TypeError('a key of another type or form')
}

function startsWith(bytes: Uint8Array, hex: string): boolean {
  return bytes.subarray(0, hex.length / 2).toHex() === hex
}

function join(hex: string, bytes: Uint8Array): Bytes {
  const out = new Uint8Array(hex.length / 2 + bytes.length)
  out.set(Uint8Array.fromHex(hex))
  out.set(bytes, hex.length / 2)
  return out
}

function checkAes256(key: Uint8Array): Uint8Array {
  if (key.length !== 32) throw new RangeError(`an AES-256 key has 32 bytes, not ${key.length}`)
  return key
}

/**
 * The platform's types ask for a view that is not over shared memory; at run time Web Crypto refuses such a
 * view.
 */
function source(bytes: Uint8Array): Bytes {
  return bytes as Bytes
}
