// A sealed record as the engine takes it: in good form, its envelope as the bytes to be stored, and of what
// was decoded only what is looked at again. So it can come from another thread, where it was decoded.
import type { Bytes } from '@ledgerstone/core/bytes'
import { checkContent, type Envelope } from '@ledgerstone/core/envelope'
import type { Claim, Sealing } from '@ledgerstone/core/judge'
import type { Labels } from '@ledgerstone/core/labels'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { Statement } from '@ledgerstone/core/statement'

export type SubmittedStatement = Pick<Statement, 'jws'> &
  Claim & { readonly payload: Pick<Statement['payload'], 'id' | 'retry' | 'case'> }

export type SubmittedEnvelope = Sealing & { readonly labels: Pick<Labels, 'media' | 'actor' | 'meta'> }

export type Submission = {
  readonly statement: SubmittedStatement
  /** Absent when the statement has a `body`. */
  readonly envelope?: SubmittedEnvelope | undefined
  /** Exact bytes to store; empty when there is no envelope. */
  readonly envelopeBytes: Bytes
  /** Whether the registered key of the statement's `kid` has signed it; absent: that is still to be seen. */
  readonly isSigned?: boolean | undefined
}

export type SealedParts = {
  readonly statement: Statement
  readonly envelope?: Envelope | undefined
  /** What `checkContent` made of the two, when the caller has it already. */
  readonly header?: Bytes | undefined
}

/** Throws `wrong-digest` unless the envelope is the one that the statement names, and `too-large`. */
export function submissionOf({ statement, envelope, header }: SealedParts): Submission {
  const { content } = statement.payload
  if ((content === undefined) !== (envelope === undefined)) {
    throw new Refused(
      'wrong-digest',
      'a statement with content comes with its envelope, one with a body without',
    )
  }
  if (content === undefined || envelope === undefined) return { statement, envelopeBytes: new Uint8Array(0) }
  return {
    statement,
    envelope,
    envelopeBytes: encode(header ?? checkContent(content, envelope), envelope.ciphertext),
  }
}

/** As `encodeEnvelope`, of a header that is encoded. */
function encode(header: Bytes, ciphertext: Bytes): Bytes {
  const bytes = 4 + header.length + ciphertext.length
  if (bytes > limits.envelopeBytesMax) throw new Refused('too-large', 'the envelope is too long')
  const out = new Uint8Array(bytes)
  new DataView(out.buffer).setUint32(0, header.length)
  out.set(header, 4)
  out.set(ciphertext, 4 + header.length)
  return out
}
