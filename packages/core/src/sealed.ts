// A sealed record on its way to the ledger: statement and envelope, in JSON at the border.
import type { Bytes } from './bytes.ts'
import { formatBase64, formatHex, parseBase64, parseHex } from './bytes.ts'
import { type Json, type JsonObject, listMember, membersOf, textMember } from './canonical.ts'
import { checkContent, completeEnvelope, type Envelope, type WrappedKey } from './envelope.ts'
import { decodeKid } from './kid.ts'
import { labelsJson, readLabels } from './labels.ts'
import { limits } from './limits.ts'
import { Refused } from './refused.ts'
import { parseStatement, type Statement } from './statement.ts'
import { suiteNamed } from './suites.ts'

/** A statement and the envelope that it names. */
export type Sealed = {
  readonly statement: Statement
  readonly envelope: Envelope
  /** The envelope's encoded header, where it has been encoded already: the statement names its digest. */
  readonly header?: Bytes
}

/**
 * The JSON form: `{statement, envelope: {suite, signer, objecta, objectb, labels, receivers: [{kid,
 * objectc}]}}`, with objecta in base64, objectb and objectc in lower-case hexadecimal, as in the article's
 * payload.
 */
export function formatSealed(sealed: Sealed): JsonObject {
  return { statement: sealed.statement.jws, envelope: formatEnvelopeJson(sealed.envelope) }
}

/** Strict; also checks that the envelope is the one that the statement names. */
export function parseSealed(value: unknown): Sealed {
  const { statement: jws, envelope: parts } = membersOf(value, 'the sealed record', ['statement', 'envelope'])
  const statement = parseStatement(textMember(jws, 'statement'))
  const { content } = statement.payload
  if (content === undefined) throw new Refused('malformed', 'a statement with a body has no envelope')
  const { envelope, labels } = readEnvelope(parts)
  return { statement, envelope, header: checkContent(content, envelope, labels) }
}

export function formatEnvelopeJson(envelope: Envelope): JsonObject {
  return {
    suite: envelope.suite,
    signer: envelope.signer,
    objecta: formatBase64(envelope.keySignature),
    objectb: formatHex(envelope.ciphertext),
    labels: labelsJson(envelope.labels),
    receivers: envelope.receivers.map(({ kid, wrapped, params }) => ({
      kid,
      objectc: formatHex(wrapped),
      ...(params.length > 0 && { params: formatBase64(params) }),
    })),
  }
}

export function parseEnvelopeJson(value: unknown): Envelope {
  return readEnvelope(value).envelope
}

/** `labels`: the envelope's, encoded. */
function readEnvelope(value: unknown): { readonly envelope: Envelope; readonly labels: Bytes } {
  const m = membersOf(value, 'the envelope', envelopeMembers)
  const objectb = textMember(m['objectb'], 'objectb')
  if (objectb.length > 2 * limits.ciphertextBytesMax)
    throw new Refused('too-large', 'the ciphertext is too long')
  const receivers = listMember(m['receivers'], 'receivers')
  if (receivers.length > limits.receiversMax)
    throw new Refused('too-large', `more than ${limits.receiversMax} receivers`)
  const signer = textMember(m['signer'], 'signer')
  decodeKid(signer, 'signer')
  const wrappedKeys = receivers.map(parseReceiver)
  const { labels, encoded } = readLabels(m['labels'])
  const envelope = completeEnvelope({
    suite: suiteNamed(textMember(m['suite'], 'suite')).name,
    signer,
    keySignature: parseBase64(textMember(m['objecta'], 'objecta'), 'objecta'),
    labels,
    receivers: wrappedKeys,
    ciphertext: parseHex(objectb, 'objectb'),
  })
  return { envelope, labels: encoded }
}

const envelopeMembers = ['suite', 'signer', 'objecta', 'objectb', 'labels', 'receivers']
const receiverMembers = ['kid', 'objectc']
const receiverOptions = ['params']
const noParams: Bytes = new Uint8Array(0)

function parseReceiver(value: Json): WrappedKey {
  const { kid, objectc, params } = membersOf(value, 'a receiver', receiverMembers, receiverOptions)
  if (params === '') throw new Refused('malformed', 'params of a receiver are empty')
  decodeKid(textMember(kid, 'kid'), 'kid')
  return {
    kid: kid as string,
    wrapped: parseHex(textMember(objectc, 'objectc'), 'objectc'),
    params: params === undefined ? noParams : parseBase64(textMember(params, 'params'), 'params'),
  }
}
