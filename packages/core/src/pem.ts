// Keys as text: PEM (RFC 7468), public (SPKI) and private (PKCS#8, or RSA in PKCS#1).
import { type Bytes, concat, formatBase64, parseBase64 } from './bytes.ts'
import { element, rsaAlgorithm } from './der.ts'
import { Refused } from './refused.ts'
import { checkSpki } from './spki.ts'

const pem = /^-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\r\n]+?)\r?\n?-----END \1-----\s*$/

// A private RSA key of 4096 bits has 3,300 characters, one of ML-DSA-87 at most 7,000.
const pemCharactersMax = 16_384

/** An SPKI as PEM under the label `PUBLIC KEY`. */
export function formatPublicKeyPem(spki: Uint8Array): string {
  return formatPem('PUBLIC KEY', spki)
}

/** A PKCS#8 private key as PEM under the label `PRIVATE KEY`. */
export function formatPrivateKeyPem(pkcs8: Uint8Array): string {
  return formatPem('PRIVATE KEY', pkcs8)
}

const encryptedLabel = 'ENCRYPTED PRIVATE KEY'

/** An EncryptedPrivateKeyInfo as PEM under the label `ENCRYPTED PRIVATE KEY`. */
export function formatEncryptedPrivateKeyPem(encrypted: Uint8Array): string {
  return formatPem(encryptedLabel, encrypted)
}

/** Whether a PEM text says that it holds a private key under a passphrase. */
export function isEncryptedPem(text: string): boolean {
  return text.includes(`-----BEGIN ${encryptedLabel}-----`)
}

/** The EncryptedPrivateKeyInfo in a PEM text. Throws `malformed` or `wrong-key`. */
export function parseEncryptedPrivateKeyPem(text: string): Bytes {
  const { label, content } = parsePem(text, 'a private key')
  if (label === encryptedLabel) return content
  throw new Refused('wrong-key', `a PEM file of "${label}", not of an encrypted private key`)
}

/**
 * The SPKI in a PEM text. The article's tools write an SPKI under the label `RSA PUBLIC KEY`, which by the
 * book holds PKCS#1: both contents are taken under that label. Throws `malformed` or `wrong-key`.
 */
export function parsePublicKeyPem(text: string): Bytes {
  const { label, content } = parsePem(text, 'a public key')
  if (label !== 'PUBLIC KEY' && label !== 'RSA PUBLIC KEY') {
    throw new Refused('wrong-key', `a PEM file of "${label}", not of a public key`)
  }
  const spki = label === 'RSA PUBLIC KEY' && !isSpki(content) ? wrapRsaPublicKey(content) : content
  checkSpki(spki)
  return spki
}

/** The PKCS#8 in a PEM text; `RSA PRIVATE KEY` (PKCS#1) is wrapped. Throws `malformed` or `wrong-key`. */
export function parsePrivateKeyPem(text: string): Bytes {
  const { label, content } = parsePem(text, 'a private key')
  if (label === 'PRIVATE KEY') return content
  if (label === 'RSA PRIVATE KEY') return wrapRsaPrivateKey(content)
  throw new Refused('wrong-key', `a PEM file of "${label}", not of an unencrypted private key`)
}

function formatPem(label: string, content: Uint8Array): string {
  const lines = formatBase64(content).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function parsePem(text: string, what: string): { label: string; content: Bytes } {
  if (text.length > pemCharactersMax) throw new Refused('malformed', `${what} is too long for a PEM file`)
  const match = pem.exec(text.trimStart())
  if (match === null) throw new Refused('malformed', `${what} is not in PEM`)
  const [, label = '', body = ''] = match
  return { label, content: parseBase64(body.replace(/[\r\n]/g, ''), what) }
}

/** Both are a SEQUENCE; an SPKI's first member is a SEQUENCE too, a PKCS#1 key's is an INTEGER. */
function isSpki(content: Uint8Array): boolean {
  const header = (content[1] ?? 0) < 0x80 ? 2 : 2 + ((content[1] ?? 0) & 0x7f)
  return content[header] === 0x30
}

function wrapRsaPublicKey(pkcs1: Uint8Array): Bytes {
  const bitString = element(0x03, concat(new Uint8Array(1), pkcs1))
  return element(0x30, concat(rsaAlgorithm, bitString))
}

function wrapRsaPrivateKey(pkcs1: Uint8Array): Bytes {
  return element(0x30, concat(new Uint8Array([0x02, 0x01, 0x00]), rsaAlgorithm, element(0x04, pkcs1)))
}
