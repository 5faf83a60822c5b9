/*
 * Private keys under a passphrase: EncryptedPrivateKeyInfo (RFC 5958 3) with PBES2 (RFC 8018 6.2), in the
 * ways that OpenSSL 3 reads and writes.
 *
 *     SEQUENCE {
 *       SEQUENCE { id-PBES2, SEQUENCE {
 *         SEQUENCE { id-scrypt, SEQUENCE { OCTET STRING salt, INTEGER N, INTEGER r, INTEGER p } }
 *           or     { id-PBKDF2, SEQUENCE { OCTET STRING salt, INTEGER iterations,
 *                                          SEQUENCE { hmacWithSHA256, NULL } } }
 *         SEQUENCE { aes256-CBC-PAD, OCTET STRING iv } } }
 *       OCTET STRING ciphertext of the PKCS#8
 *     }
 *
 * Either derivation may also name the length of its key (INTEGER 32, after N, r, p or after the iterations).
 * Nothing here detects a changed byte in the middle of a key: whose key it is, its kid says.
 */
import {
  decryptAes256Cbc,
  encryptAes256Cbc,
  pbkdf2Sha256,
  randomBytes,
  type ScryptCost,
  scrypt,
} from '#primitives'
import { type Bytes, concat, equalBytes, parseHex, utf8 } from './bytes.ts'
import { DerReader, element, integer, tags } from './der.ts'
import { limits } from './limits.ts'
import {
  formatEncryptedPrivateKeyPem,
  isEncryptedPem,
  parseEncryptedPrivateKeyPem,
  parsePrivateKeyPem,
} from './pem.ts'
import { Refused } from './refused.ts'

type Derivation = { readonly salt: Bytes; readonly keyBytes?: number } & (
  | ({ readonly kdf: 'scrypt' } & ScryptCost)
  | { readonly kdf: 'pbkdf2'; readonly iterations: number }
)

type EncryptedKey = { readonly derivation: Derivation; readonly iv: Bytes; readonly ciphertext: Bytes }

const oids = {
  pbes2: oid('2a864886f70d01050d'),
  pbkdf2: oid('2a864886f70d01050c'),
  scrypt: oid('2b06010401da47040b'),
  aes256Cbc: oid('60864801650304012a'),
}
const hmacWithSha256 = element(
  tags.sequence,
  concat(oid('2a864886f70d0209'), element(tags.null, new Uint8Array())),
)

/** What OWASP asks for, in the 32 MiB that OpenSSL gives to scrypt when it reads a key. */
const written: ScryptCost = { cost: 16_384, blockSize: 8, parallelization: 5 }
const [saltBytes, ivBytes, aesKeyBytes] = [16, 16, 32]
const what = 'an encrypted private key'

/**
 * A PKCS#8 private key under a passphrase (its UTF-8 bytes), as an EncryptedPrivateKeyInfo. Throws
 * `too-large` and, for an empty passphrase, `wrong-passphrase`.
 */
export async function encryptPrivateKey(pkcs8: Uint8Array, passphrase: string): Promise<Bytes> {
  const derivation = { kdf: 'scrypt', salt: randomBytes(saltBytes), ...written } as const
  const iv = randomBytes(ivBytes)
  const key = await keyOf(derivation, passphrase)
  return encode({ derivation, iv, ciphertext: await encryptAes256Cbc(key, iv, pkcs8) })
}

/**
 * The PKCS#8 private key. Everything in `der` may be an attacker's: what the derivation may cost is bounded.
 * Throws `wrong-passphrase`, which a file that was altered looks like, `malformed`, `wrong-key` for another
 * way of encryption, `too-large` for parameters or a passphrase over the limits.
 */
export async function decryptPrivateKey(der: Uint8Array, passphrase: string): Promise<Bytes> {
  const { derivation, iv, ciphertext } = decode(der)
  const key = await keyOf(derivation, passphrase)
  const pkcs8 = await decrypted(key, iv, ciphertext)
  if (pkcs8 === undefined || !isPkcs8(pkcs8)) {
    throw new Refused(
      'wrong-passphrase',
      'the passphrase of the private key is wrong, or the key was altered',
    )
  }
  return pkcs8
}

/** A PKCS#8 private key under a passphrase, as PEM. Throws as `encryptPrivateKey`. */
export async function encryptedPrivateKeyPem(pkcs8: Uint8Array, passphrase: string): Promise<string> {
  return formatEncryptedPrivateKeyPem(await encryptPrivateKey(pkcs8, passphrase))
}

/**
 * The PKCS#8 private key of a PEM text, encrypted or not; `passphrase` is asked for only when it is. Throws
 * as `parsePrivateKeyPem` and `decryptPrivateKey`.
 */
export async function openPrivateKeyPem(
  text: string,
  passphrase: () => string | Promise<string>,
): Promise<Bytes> {
  if (!isEncryptedPem(text)) return parsePrivateKeyPem(text)
  return decryptPrivateKey(parseEncryptedPrivateKeyPem(text), await passphrase())
}

async function keyOf(derivation: Derivation, passphrase: string): Promise<Bytes> {
  const bytes = utf8(passphrase)
  if (bytes.length === 0) throw new Refused('wrong-passphrase', 'the passphrase is empty')
  if (bytes.length > limits.passphraseBytesMax) throw new Refused('too-large', 'the passphrase is too long')
  checkCost(derivation)
  const { salt } = derivation
  return derivation.kdf === 'scrypt'
    ? scrypt(bytes, salt, derivation, aesKeyBytes)
    : pbkdf2Sha256(bytes, salt, derivation.iterations, aesKeyBytes)
}

function checkCost(derivation: Derivation): void {
  if (derivation.kdf === 'pbkdf2') {
    if (derivation.iterations === 0) throw new Refused('malformed', `${what} with no iterations`)
    if (derivation.iterations > limits.pbkdf2IterationsMax) throw tooCostly()
    return
  }
  const { cost, blockSize, parallelization } = derivation
  if (cost < 2 || !Number.isInteger(Math.log2(cost)) || blockSize === 0 || parallelization === 0) {
    throw new Refused('malformed', `${what} with parameters that scrypt does not take`)
  }
  const isLarge = 128 * cost * blockSize > limits.scryptMemoryBytesMax
  const lanes = blockSize * parallelization
  if (isLarge || lanes > limits.scryptLanesMax || cost * lanes > limits.scryptWorkMax) throw tooCostly()
}

function tooCostly(): Refused {
  return new Refused('too-large', `${what} asks for more memory or time than a key may cost`)
}

async function decrypted(key: Bytes, iv: Bytes, ciphertext: Bytes): Promise<Bytes | undefined> {
  try {
    return await decryptAes256Cbc(key, iv, ciphertext)
  } catch {
    return undefined
  }
}

/** One wrong passphrase in 256 gives sound padding: the outer form of a PKCS#8 decides. */
function isPkcs8(bytes: Bytes): boolean {
  try {
    const outer = new DerReader(bytes, what)
    const info = outer.sequence()
    outer.finish()
    const version = info.integer()
    info.sequence()
    info.take(tags.octets)
    return version <= 1
  } catch {
    return false
  }
}

function encode({ derivation, iv, ciphertext }: EncryptedKey): Bytes {
  const { salt, keyBytes } = derivation
  const length = keyBytes === undefined ? new Uint8Array() : integer(keyBytes)
  const parameters =
    derivation.kdf === 'scrypt'
      ? [integer(derivation.cost), integer(derivation.blockSize), integer(derivation.parallelization), length]
      : [integer(derivation.iterations), length, hmacWithSha256]
  const kdf = sequence(oids[derivation.kdf], sequence(element(tags.octets, salt), ...parameters))
  const scheme = sequence(oids.aes256Cbc, element(tags.octets, iv))
  return sequence(sequence(oids.pbes2, sequence(kdf, scheme)), element(tags.octets, ciphertext))
}

/** Strict: what was read is encoded again and compared. */
function decode(der: Uint8Array): EncryptedKey {
  const outer = new DerReader(der, what)
  const info = outer.sequence()
  const algorithm = info.sequence()
  checkOid(algorithm, oids.pbes2)
  const parameters = algorithm.sequence()
  const derivation = derivationIn(parameters.sequence())
  const scheme = parameters.sequence()
  checkOid(scheme, oids.aes256Cbc)
  const read = { derivation, iv: scheme.take(tags.octets), ciphertext: info.take(tags.octets) }
  if (!equalBytes(encode(read), der)) {
    throw new Refused('malformed', `${what} is not in the DER that it should be in`)
  }
  if (read.iv.length !== ivBytes || read.ciphertext.length === 0 || read.ciphertext.length % 16 !== 0) {
    throw new Refused('malformed', `${what} is not in whole blocks of AES`)
  }
  return read
}

function derivationIn(algorithm: DerReader): Derivation {
  const name = algorithm.take(tags.oid)
  const parameters = algorithm.sequence()
  const salt = parameters.take(tags.octets)
  if (isOid(name, oids.scrypt)) {
    const [cost, blockSize, parallelization] = [
      parameters.integer(),
      parameters.integer(),
      parameters.integer(),
    ]
    return { kdf: 'scrypt', salt, cost, blockSize, parallelization, ...keyBytesIn(parameters) }
  }
  if (!isOid(name, oids.pbkdf2)) throw otherWay()
  const iterations = parameters.integer()
  const keyBytes = keyBytesIn(parameters)
  // Without a PRF it is HMAC-SHA-1.
  const prf = parameters.next === tags.sequence ? parameters.take(tags.sequence) : undefined
  if (prf === undefined || !equalBytes(element(tags.sequence, prf), hmacWithSha256)) throw otherWay()
  return { kdf: 'pbkdf2', salt, iterations, ...keyBytes }
}

function keyBytesIn(parameters: DerReader): { keyBytes?: number } {
  if (parameters.next !== tags.integer) return {}
  const keyBytes = parameters.integer()
  if (keyBytes !== aesKeyBytes) throw otherWay()
  return { keyBytes }
}

function checkOid(algorithm: DerReader, expected: Bytes): void {
  if (!isOid(algorithm.take(tags.oid), expected)) throw otherWay()
}

function isOid(content: Bytes, expected: Bytes): boolean {
  return equalBytes(element(tags.oid, content), expected)
}

function otherWay(): Refused {
  return new Refused(
    'wrong-key',
    'a private key that is encrypted in another way than PBES2 with AES-256-CBC and scrypt or ' +
      'PBKDF2-HMAC-SHA-256',
  )
}

function oid(hex: string): Bytes {
  return element(tags.oid, parseHex(hex, 'an object identifier'))
}

function sequence(...parts: readonly Uint8Array[]): Bytes {
  return element(tags.sequence, concat(...parts))
}
