// Submission -> Pending: what can be said of a record before its place is known. Cheap refusals come first;
// the signature is checked last, by verify.ts. The sequencer judges again in the very place that the block
// gets.
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { checkContent, type Envelope } from '@ledgerstone/core/envelope'
import { caseKeyOf, identityOf } from '@ledgerstone/core/identity'
import { judgeEnvelope, judgeStatement, type Place } from '@ledgerstone/core/judge'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { RegisteredKey } from '@ledgerstone/core/registered-key'
import type { Registry } from '@ledgerstone/core/registry'
import type { Statement } from '@ledgerstone/core/statement'

/**
 * A sealed record in good form; its signature is not checked yet. A statement with a `body` has no envelope.
 */
export type Submission = {
  readonly statement: Statement
  readonly envelope?: Envelope
  /** What `checkContent` made of the two, when the caller has it already. */
  readonly header?: Bytes
}

/** A record that the registry allows in the bucket, but for its signature. */
export type Admitted = {
  readonly statement: Statement
  readonly envelope: Envelope | undefined
  /** Exact bytes to store; empty when there is no envelope. */
  readonly envelopeBytes: Bytes
  /** The public key that must have signed the statement, as SubjectPublicKeyInfo. */
  readonly spki: Bytes
  readonly identity: Hash
  readonly caseKey: Hash | undefined
  /** What it weighs in the pool and in a commit: entry (at most) and envelope. */
  readonly bytes: number
}

/** What an entry adds to its statement, at most. */
const entryFrameBytes = 320

/** Throws what `judgeStatement` and `judgeEnvelope` throw, and `wrong-digest`, `too-large`. */
export function admit(submission: Submission, place: Place, origin: string, registry: Registry): Admitted {
  const { statement, envelope } = submission
  const key = judgeStatement(statement, place, registry)
  if (envelope !== undefined) judgeEnvelope(envelope, key, place, registry)
  return identify(submission, key, origin)
}

/** The record of a known key, with what the store knows it by. Throws `wrong-digest`, `too-large`. */
export function identify(
  { statement, envelope, header }: Submission,
  key: Pick<RegisteredKey, 'owner' | 'spki'>,
  origin: string,
): Admitted {
  const { payload, jws } = statement
  const envelopeBytes = encodeContent(statement, envelope, header)
  return {
    statement,
    envelope,
    envelopeBytes,
    spki: key.spki,
    identity: identityOf(origin, key.owner, payload.id),
    caseKey: payload.case === undefined ? undefined : caseKeyOf(origin, payload.case.id),
    bytes: jws.length + entryFrameBytes + envelopeBytes.length,
  }
}

/** Judges again, in the place that the block is to have: the registry or the time may have moved on. */
export function judgeAgain({ statement, envelope }: Admitted, place: Place, registry: Registry): void {
  const key = judgeStatement(statement, place, registry)
  if (envelope !== undefined) judgeEnvelope(envelope, key, place, registry)
}

/** The envelope's bytes, after a look that it is the one that the statement names. */
function encodeContent(
  { payload }: Statement,
  envelope: Envelope | undefined,
  encoded: Bytes | undefined,
): Bytes {
  const { content } = payload
  if ((content === undefined) !== (envelope === undefined)) {
    throw new Refused(
      'wrong-digest',
      'a statement with content comes with its envelope, one with a body without',
    )
  }
  if (content === undefined || envelope === undefined) return new Uint8Array(0)
  const header = encoded ?? checkContent(content, envelope)
  const bytes = 4 + header.length + envelope.ciphertext.length
  if (bytes > limits.envelopeBytesMax) throw new Refused('too-large', 'the envelope is too long')
  const out = new Uint8Array(bytes)
  new DataView(out.buffer).setUint32(0, header.length)
  out.set(header, 4)
  out.set(envelope.ciphertext, 4 + header.length)
  return out
}
