/*
 *     header   = "LSE1" | u8 suite | 32 signer kid | u16 n | key signature | u16 n | labels | u8 receivers
 *                | each, ascending by kid, no duplicate: 32 kid | u16 n | wrapped key | u16 n | params
 *                | u32 ciphertext bytes | 32 SHA-256(ciphertext)
 *     envelope = u32 header bytes | header | ciphertext                content digest = SHA-256(header)
 */
import { sha256 } from '#primitives'
import { type Bytes, equalBytes, formatBase64url, type Hash, Reader, textOf, utf8, Writer } from './bytes.ts'
import { parseCanonical } from './canonical.ts'
import { compareKids, decodeKid } from './kid.ts'
import { encodeLabels, type Labels, readLabels } from './labels.ts'
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

/** `labels`: the header's, encoded, for whoever has them. */
export function encodeHeader(
  header: EnvelopeHeader,
  labels: Uint8Array = encodeLabels(header.labels),
): Bytes {
  const { keySignature, receivers } = header
  let bytes = fixedBytes + keySignature.length + labels.length
  for (const { wrapped, params } of receivers) bytes += 36 + wrapped.length + params.length
  const writer = new Writer(bytes).bytes(magic).uint8(suiteNamed(header.suite).id)
  writer.bytes(decodeKid(header.signer, 'signer')).bytes16(keySignature)
  writer.bytes16(labels).uint8(receivers.length)
  for (const { kid, wrapped, params } of receivers) {
    writer.bytes(decodeKid(kid, 'receiver')).bytes16(wrapped).bytes16(params)
  }
  return writer.uint32(header.ciphertextBytes).bytes(header.ciphertextDigest).finish()
}

/** What is in every header: all but key signature, labels and receivers. */
const fixedBytes = 4 + 1 + 32 + 2 + 2 + 1 + 4 + 32

/** Strict: what was read is encoded again and compared. */
export function decodeHeader(bytes: Uint8Array): EnvelopeHeader {
  const reader = new Reader(bytes, 'the envelope header')
  if (!equalBytes(reader.bytes(4), magic))
    throw new Refused('unknown-version', 'not an envelope of version LSE1')
  const suite = suiteOfId(reader.uint8())
  const signer = formatBase64url(reader.bytes(32))
  const keySignature = reader.bytes16()
  const { labels, encoded } = readLabels(parseCanonical(textOf(reader.bytes16(), 'labels'), 'labels'))
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
  if (!equalBytes(encodeHeader(header, encoded), bytes))
    throw new Refused('malformed', 'the envelope header is not canonical')
  return header
}

/** What the statement says of an envelope with this header. */
export function contentOf(header: EnvelopeHeader): Content {
  return { suite: header.suite, digest: sha256(encodeHeader(header)), bytes: header.ciphertextBytes }
}

type Parts = Omit<EnvelopeHeader, 'ciphertextBytes' | 'ciphertextDigest'> & { readonly ciphertext: Bytes }

/** Makes an envelope of its parts: sorts the receivers, fills in the digest, checks the form. */
export function buildEnvelope(parts: Parts): Envelope {
  return completeEnvelope({
    ...parts,
    receivers: parts.receivers.toSorted((a, b) => compareKids(a.kid, b.kid)),
  })
}

/** The same, but receivers out of order are refused. */
export function completeEnvelope({
  suite,
  signer,
  keySignature,
  labels,
  receivers,
  ciphertext,
}: Parts): Envelope {
  const envelope = {
    ...{ suite, signer, keySignature, labels, receivers, ciphertext },
    ciphertextBytes: ciphertext.length,
    ciphertextDigest: sha256(ciphertext),
  }
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
 * The encoded header, when the statement's content is this envelope; `labels` as in `encodeHeader`. Throws
 * `wrong-digest` otherwise.
 */
export function checkContent(content: Content, header: EnvelopeHeader, labels?: Uint8Array): Bytes {
  const { suite, ciphertextBytes } = header
  const encoded = encodeHeader(header, labels)
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
  let before: string | undefined
  let longest = keySignature.length
  for (const { kid, wrapped, params } of receivers) {
    if (before !== undefined && compareKids(before, kid) >= 0) {
      throw new Refused('malformed', 'receivers are not in ascending order without duplicates')
    }
    before = kid
    longest = Math.max(longest, wrapped.length)
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
  if (longest > limits.keyMaterialBytesMax) {
    throw new Refused('too-large', 'the key signature or a wrapped key is too long')
  }
  if (header.ciphertextBytes > limits.ciphertextBytesMax)
    throw new Refused('too-large', 'the ciphertext is too long')
}
