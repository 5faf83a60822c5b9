// Submission -> Pending: what can be said of a record before its place is known. Cheap refusals come first;
// the signature comes last, unless it was checked before. The sequencer judges again in the very place that
// the block gets.
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { caseKeyOf, identityOf } from '@ledgerstone/core/identity'
import { judgeEnvelope, judgeStatement, type Place } from '@ledgerstone/core/judge'
import type { RegisteredKey } from '@ledgerstone/core/registered-key'
import type { Registry } from '@ledgerstone/core/registry'
import type { Submission } from './submission.ts'

/** A record that the registry allows in the bucket, but for its signature. */
export type Admitted = Submission & {
  /** The public key that must have signed the statement, as SubjectPublicKeyInfo. */
  readonly spki: Bytes
  readonly identity: Hash
  readonly caseKey: Hash | undefined
  /** What it weighs in the pool and in a commit: entry (at most) and envelope. */
  readonly bytes: number
}

/** What an entry adds to its statement, at most. */
const entryFrameBytes = 320

/** Throws what `judgeStatement` and `judgeEnvelope` throw. */
export function admit(submission: Submission, place: Place, origin: string, registry: Registry): Admitted {
  return identify(submission, judge(submission, place, registry), origin)
}

/** The record of a known key, with what the store knows it by. */
export function identify(
  submission: Submission,
  { owner, spki }: Pick<RegisteredKey, 'owner' | 'spki'>,
  origin: string,
): Admitted {
  const { statement, envelope, envelopeBytes, isSigned } = submission
  const { id, case: step } = statement.payload
  return {
    ...{ statement, envelope, envelopeBytes, isSigned, spki },
    identity: identityOf(origin, owner, id),
    caseKey: step === undefined ? undefined : caseKeyOf(origin, step.id),
    bytes: bytesOf(submission),
  }
}

/** See `Admitted.bytes`. */
export function bytesOf({ statement, envelopeBytes }: Submission): number {
  return statement.jws.length + entryFrameBytes + envelopeBytes.length
}

/** Judges again, in the place that the block is to have: the registry or the time may have moved on. */
export function judge({ statement, envelope }: Submission, place: Place, registry: Registry): RegisteredKey {
  const key = judgeStatement(statement, place, registry)
  if (envelope !== undefined) judgeEnvelope(envelope, key, place, registry)
  return key
}
