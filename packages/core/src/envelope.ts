/*
 *     header   = "LSE1" | u8 suite | 32 signer kid | u16 n | key signature | u16 n | labels | u8 receivers
 *                | each, ascending by kid, no duplicate: 32 kid | u16 n | wrapped key | u16 n | params
 *                | u32 ciphertext bytes | 32 SHA-256(ciphertext)
 *     envelope = u32 header bytes | header | ciphertext                content digest = SHA-256(header)
 */
import { sha256 } from '#primitives'
import {
  type Bytes,
  equalBytes,
  formatBase64url,
  type Hash,
  parseBase64url,
  Reader,
  textOf,
  utf8,
  Writer,
} from './bytes.ts'
import { parseCanonical } from './canonical.ts'
import { checkLabels, formatLabels, type Labels } from './labels.ts'
import { limits } from './limits.ts'
import { Refused } from './refused.ts'
import type { Content } from './statement.ts'
import { type SuiteName, suiteNamed, suiteOfId } from './suites.ts'

const magic = utf8('LSE1')

/** The content key wrapped for one receiver (the article's `objectc`). */
export type WrappedKey = { readonly kid: string; readonly wrapped: Bytes; readonly params: Bytes }

export type EnvelopeHeader = {
  readonly suite: SuiteName
  /** kid of the key that made the key signature. */
  readonly signer: string
  /** The article's `objecta`; empty in an import. */
  readonly keySignature: Bytes
  readonly labels: Labels
  /** Ascending by the bytes of the kid. */
  readonly receivers: readonly WrappedKey[]
  readonly ciphertextBytes: number
  readonly ciphertextDigest: Hash
}

export type Envelope = EnvelopeHeader & {
  /** The article's `objectb`. */
  readonly ciphertext: Bytes
}

/** An envelope's bytes: `u32 header bytes | header | ciphertext`. */
export function encodeEnvelope(envelope: Envelope): Bytes {
  const header = encodeHeader(envelope)
  return new Writer().uint32(header.length).bytes(header).bytes(envelope.ciphertext).finish()
}

/** Strict. Throws `malformed`, `unknown-version`, `too-large`, `wrong-digest`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length > limits.envelopeBytesMax) throw new Refused('too-large', 'the envelope is too long')
  const { header, ciphertext } = splitEnvelope(bytes)
  return checkCiphertext(decodeHeader(header), ciphertext)
}

/** The two parts of an envelope's bytes, uninterpreted. */
export function splitEnvelope(bytes: Uint8Array): {
  readonly header: Uint8Array
  readonly ciphertext: Bytes
} {
  const reader = new Reader(bytes, 'the envelope')
  const header = reader.bytes(reader.uint32())
  return { header, ciphertext: reader.bytes(bytes.length - reader.at) }
}

export function encodeHeader(header: EnvelopeHeader): Bytes {
  const writer = new Writer().bytes(magic).uint8(suiteNamed(header.suite).id)
  writer.bytes(parseBase64url(header.signer, 'signer', 32)).bytes16(header.keySignature)
  writer.bytes16(utf8(formatLabels(header.labels))).uint8(header.receivers.length)
  for (const { kid, wrapped, params } of header.receivers) {
    writer
      .bytes(parseBase64url(kid, 'receiver', 32))
      .bytes16(wrapped)
      .bytes16(params)
  }
  return writer.uint32(header.ciphertextBytes).bytes(header.ciphertextDigest).finish()
}

/** Strict: what was read is encoded again and compared. */
export function decodeHeader(bytes: Uint8Array): EnvelopeHeader {
  const reader = new Reader(bytes, 'the envelope header')
  if (!equalBytes(reader.bytes(4), magic))
    throw new Refused('unknown-version', 'not an envelope of version LSE1')
  const suite = suiteOfId(reader.uint8())
  const signer = formatBase64url(reader.bytes(32))
  const keySignature = reader.bytes16()
  const labels = checkLabels(parseCanonical(textOf(reader.bytes16(), 'labels'), 'labels'))
  const receivers = Array.from({ length: reader.uint8() }, () => {
    return { kid: formatBase64url(reader.bytes(32)), wrapped: reader.bytes16(), params: reader.bytes16() }
  })
  const ciphertextBytes = reader.uint32()
  const ciphertextDigest = reader.bytes(32)
  reader.finish()
  const header = {
    suite: suite.name,
    signer,
    keySignature,
    labels,
    receivers,
    ciphertextBytes,
    ciphertextDigest,
  }
  checkForm(header)
  if (!equalBytes(encodeHeader(header), bytes))
    throw new Refused('malformed', 'the envelope header is not canonical')
  return header
}

/** What the statement says of an envelope with this header. */
export function contentOf(header: EnvelopeHeader): Content {
  return { suite: header.suite, digest: sha256(encodeHeader(header)), bytes: header.ciphertextBytes }
}

/** Makes an envelope of its parts: sorts the receivers, fills in the digest, checks the form. */
export function buildEnvelope(
  parts: Omit<EnvelopeHeader, 'ciphertextBytes' | 'ciphertextDigest'> & { readonly ciphertext: Bytes },
): Envelope {
  const { ciphertext } = parts
  const receivers = parts.receivers.toSorted((a, b) => compareKids(a.kid, b.kid))
  const digests = { ciphertextBytes: ciphertext.length, ciphertextDigest: sha256(ciphertext) }
  const envelope = { ...parts, receivers, ...digests }
  checkForm(envelope)
  return envelope
}

/** Throws `wrong-digest` unless the ciphertext is the one that the header names. */
export function checkCiphertext(header: EnvelopeHeader, ciphertext: Bytes): Envelope {
  const { ciphertextBytes, ciphertextDigest } = header
  if (ciphertext.length !== ciphertextBytes || !equalBytes(sha256(ciphertext), ciphertextDigest)) {
    throw new Refused('wrong-digest', 'the ciphertext is not the one that the envelope header names')
  }
  return { ...header, ciphertext }
}

/**
 * The encoded header, when the statement's content is this envelope. Throws `wrong-digest` otherwise.
 */
export function checkContent(content: Content, header: EnvelopeHeader): Bytes {
  const { suite, ciphertextBytes } = header
  const encoded = encodeHeader(header)
  const isNamed = content.suite === suite && content.bytes === ciphertextBytes
  if (!isNamed || !equalBytes(content.digest, sha256(encoded))) {
    throw new Refused('wrong-digest', 'the envelope is not the one that the statement names')
  }
  return encoded
}

function checkForm(header: EnvelopeHeader): void {
  const { receivers, keySignature } = header
  const suite = suiteNamed(header.suite)
  if (receivers.length > limits.receiversMax)
    throw new Refused('too-large', `more than ${limits.receiversMax} receivers`)
  for (const [i, { kid, params }] of receivers.entries()) {
    const before = receivers[i - 1]
    if (before !== undefined && compareKids(before.kid, kid) >= 0) {
      throw new Refused('malformed', 'receivers are not in ascending order without duplicates')
    }
    if (params.length > 0) throw new Refused('malformed', `suite ${suite.name} has no receiver parameters`)
  }
  if (suite.sealed !== receivers.length > 0 || suite.sealed !== keySignature.length > 0) {
    throw new Refused(
      'malformed',
      `suite ${suite.name} ${suite.sealed ? 'needs' : 'has no'} receivers and key signature`,
    )
  }
  if (header.ciphertextBytes < suite.ciphertextBytesMin)
    throw new Refused('malformed', 'the ciphertext is too short')
  const wrappedBytes = receivers.map(({ wrapped }) => wrapped.length)
  if (Math.max(keySignature.length, ...wrappedBytes) > limits.keyMaterialBytesMax) {
    throw new Refused('too-large', 'the key signature or a wrapped key is too long')
  }
  if (header.ciphertextBytes > limits.ciphertextBytesMax)
    throw new Refused('too-large', 'the ciphertext is too long')
}

/** By the bytes of the kid, not by its base64url spelling. */
function compareKids(a: string, b: string): number {
  const left = parseBase64url(a, 'kid', 32)
  const right = parseBase64url(b, 'kid', 32)
  for (let i = 0; i < 32; i++) {
    const difference = (left[i] as number) - (right[i] as number)
    if (difference !== 0) return difference
  }
  return 0
}
