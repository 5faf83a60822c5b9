/**
 * The cryptographic primitives under the core, and next to nothing else. `node.ts` takes them from Node's
 * OpenSSL and libsodium (synchronous), `web.ts` from Web Crypto and noble (asynchronous where Web Crypto is).
 * The core imports `#primitives`; package.json picks the file by export condition. Both keep this contract;
 * one test file runs over both.
 *
 * Keys cross this border as DER: public keys as SubjectPublicKeyInfo (RFC 5280), private keys as PKCS#8 (RFC
 * 5958), already checked for canonical form by `spki.ts`. A function made from a key may be kept and called
 * often.
 */
export type Bytes = Uint8Array<ArrayBuffer>
export type Awaitable<T> = T | Promise<T>

/**
 * JOSE names (RFC 7518, RFC 9864, RFC 9964); RS256 is used for key signatures only, ML-DSA-44 for
 * cosignatures only.
 */
export type SignatureAlgorithm = 'Ed25519' | 'ES256' | 'PS256' | 'ML-DSA-65' | 'RS256' | 'ML-DSA-44'

export type Verify = (message: Uint8Array, signature: Uint8Array) => Awaitable<boolean>
export type Sign = (message: Uint8Array) => Awaitable<Bytes>
export type Wrap = (key: Uint8Array) => Awaitable<Bytes>
/** Throws any error when length or padding is wrong; the caller turns every failure into one code. */
export type Unwrap = (wrapped: Uint8Array) => Awaitable<Bytes>

export function sha256(message: Uint8Array): Bytes
export function hmacSha256(key: Uint8Array, message: Uint8Array): Bytes
export function randomBytes(count: number): Bytes

/**
 * Lower-case hexadecimal; base64 with padding and base64url without (RFC 4648 sections 4 and 5). No
 * cryptography, but in Node its own are faster than those of `Uint8Array`, and records come in them.
 */
export type Encoding = 'hex' | 'base64' | 'base64url'
export function encodeText(bytes: Uint8Array, encoding: Encoding): string
/** The bytes that the text spells; undefined unless it is the one text that `encodeText` writes of them. */
export function decodeText(text: string, encoding: Encoding): Bytes | undefined

/**
 * AES-256-CFB with 128-bit feedback (NIST SP 800-38A 6.3). `key` 32 bytes, `iv` 16 bytes; no padding, no
 * integrity.
 */
export function encryptAes256Cfb(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Bytes
export function decryptAes256Cfb(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Bytes

/**
 * AES-256-CBC with PKCS#7 padding (RFC 8018 B.2.5). `key` 32 bytes, `iv` 16 bytes; no integrity. Decrypting
 * throws any error when the padding is wrong, which a wrong key is found by, mostly.
 */
export function encryptAes256Cbc(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Awaitable<Bytes>
export function decryptAes256Cbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Awaitable<Bytes>

/** N, r and p of scrypt: it takes 128 * N * r bytes of memory, and time by N * r * p. N is a power of two. */
export type ScryptCost = {
  readonly cost: number
  readonly blockSize: number
  readonly parallelization: number
}

/** Keys of `count` bytes out of passphrases: scrypt (RFC 7914), PBKDF2 with HMAC-SHA-256 (RFC 8018 5.2). */
export function scrypt(
  passphrase: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
  count: number,
): Promise<Bytes>
export function pbkdf2Sha256(
  passphrase: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  count: number,
): Promise<Bytes>

/** ES256 signatures are r || s, 64 bytes (RFC 7518 3.4). Throws when the key is not one of `algorithm`. */
export function verifierOf(algorithm: SignatureAlgorithm, spki: Uint8Array): Awaitable<Verify>
export function signerOf(algorithm: SignatureAlgorithm, pkcs8: Uint8Array): Awaitable<Sign>

/** RSAES-OAEP, SHA-512 for the hash and for MGF1, empty label (RFC 8017 7.1). */
export function wrapperOf(spki: Uint8Array): Awaitable<Wrap>
export function unwrapperOf(pkcs8: Uint8Array): Awaitable<Unwrap>

export type KeyKind = 'Ed25519' | 'P-256' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'ML-DSA-44' | 'ML-DSA-65'
export type KeyPair = { readonly spki: Bytes; readonly pkcs8: Bytes }
export function generateKeyPair(kind: KeyKind): Promise<KeyPair>

/** The SubjectPublicKeyInfo of a private key. */
export function publicOf(pkcs8: Uint8Array): Awaitable<Bytes>
