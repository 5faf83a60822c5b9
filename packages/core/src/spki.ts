// Public keys as SubjectPublicKeyInfo (RFC 5280 4.1, RFC 8410, RFC 5480, RFC 8017 A.1, RFC 9881), in one
// spelling each.
import { type KeyKind, sha256 } from '#primitives'
import { type Bytes, concat, equalBytes, formatBase64url, parseHex } from './bytes.ts'
import { element, rsaAlgorithm } from './der.ts'
import { isSmallOrder } from './primitives/small-order.ts'
import { Refused } from './refused.ts'

/** What an SPKI holds. RSA covers 2048 to 4096 bits with e = 65537, and nothing else. */
export type PublicKeyKind = 'Ed25519' | 'P-256' | 'RSA' | 'ML-DSA-44' | 'ML-DSA-65'

// The whole DER before the raw key, for kinds whose key has a fixed length.
const fixed: readonly { kind: PublicKeyKind & KeyKind; prefix: Bytes; rawBytes: number }[] = [
  { kind: 'Ed25519', prefix: der('302a300506032b6570032100'), rawBytes: 32 },
  { kind: 'P-256', prefix: der('3059301306072a8648ce3d020106082a8648ce3d03010703420004'), rawBytes: 64 },
  { kind: 'ML-DSA-44', prefix: der('30820532300b06096086480165030403110382052100'), rawBytes: 1312 },
  { kind: 'ML-DSA-65', prefix: der('308207b2300b0609608648016503040312038207a100'), rawBytes: 1952 },
]

const exponent65537 = der('0203010001')

/**
 * The kind of a public key. Strict: the DER is rebuilt from what was read and compared, because the usual
 * parsers take trailing bytes, compressed points and missing parameters, and each spelling would be another
 * key id for one key. RSA with another exponent is refused (with e = 1 any signature can be forged), Ed25519
 * points of small order too. That a P-256 point lies on the curve is for the primitives to find. Throws
 * `wrong-key`.
 */
export function checkSpki(spki: Uint8Array): PublicKeyKind {
  for (const { kind, prefix, rawBytes } of fixed) {
    if (spki.length !== prefix.length + rawBytes || !equalBytes(spki.subarray(0, prefix.length), prefix))
      continue
    if (kind === 'Ed25519') checkEd25519(spki.subarray(prefix.length))
    return kind
  }
  checkRsa(spki)
  return 'RSA'
}

/** `kid`: base64url of SHA-256 of the SPKI DER, 43 characters; any tool can compute it. */
export function keyIdOf(spki: Uint8Array): string {
  return formatBase64url(sha256(spki))
}

/** The SPKI of a raw public key of fixed length: an Ed25519 key in a verifier key, for one. */
export function spkiOf(kind: 'Ed25519' | 'ML-DSA-44' | 'ML-DSA-65', raw: Uint8Array): Bytes {
  const row = fixed.find((candidate) => candidate.kind === kind)
  if (row === undefined || raw.length !== row.rawBytes) {
    throw new Refused('malformed', `a raw ${kind} key does not have ${raw.length} bytes`)
  }
  return concat(row.prefix, raw)
}

/** The raw bytes of a public key of fixed length. */
export function rawOf(kind: 'Ed25519' | 'ML-DSA-44' | 'ML-DSA-65', spki: Uint8Array): Bytes {
  const row = fixed.find((candidate) => candidate.kind === kind)
  if (row === undefined || checkSpki(spki) !== kind) throw new Refused('wrong-key', `not an ${kind} key`)
  return new Uint8Array(spki.subarray(row.prefix.length))
}

/** Refuses a y of 2^255 - 19 or more (a second spelling of a small one) and points of small order. */
function checkEd25519(raw: Uint8Array): void {
  const y = new Uint8Array(raw)
  y[31] = (y[31] as number) & 0x7f
  const isReduced =
    y[31] !== 0x7f || (y[0] as number) < 0xed || y.subarray(1, 31).some((byte) => byte !== 0xff)
  if (!isReduced) throw new Refused('wrong-key', 'not an Ed25519 key in canonical form')
  if (isSmallOrder(raw)) throw new Refused('wrong-key', 'an Ed25519 key of small order')
}

/**
 *     SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE { INTEGER n, INTEGER 65537 } } }
 */
function checkRsa(spki: Uint8Array): void {
  const bits = [2048, 2560, 3072, 3584, 4096].find((candidate) => spki.length === rsaSpkiBytes(candidate))
  if (bits === undefined)
    throw new Refused('wrong-key', 'not an Ed25519, P-256, ML-DSA or RSA (2048 to 4096 bits) key')
  const modulusEnd = spki.length - exponent65537.length
  const modulus = spki.subarray(modulusEnd - bits / 8, modulusEnd)
  if (!equalBytes(spki, rsaSpki(modulus))) {
    throw new Refused('wrong-key', 'not an RSA key in canonical DER with public exponent 65537')
  }
  if (((modulus[0] as number) & 0x80) === 0 || ((modulus[modulus.length - 1] as number) & 1) === 0) {
    throw new Refused('wrong-key', `not an RSA modulus of ${bits} bits`)
  }
}

function rsaSpki(modulus: Uint8Array): Bytes {
  const integer = element(0x02, concat(new Uint8Array(1), modulus))
  const key = element(0x30, concat(integer, exponent65537))
  return element(0x30, concat(rsaAlgorithm, element(0x03, concat(new Uint8Array(1), key))))
}

function rsaSpkiBytes(bits: number): number {
  return rsaSpki(new Uint8Array(bits / 8)).length
}

function der(hex: string): Bytes {
  return parseHex(hex, 'DER')
}
