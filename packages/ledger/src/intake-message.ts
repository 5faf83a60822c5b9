/*
 * What the main thread and a thread of the intake say to each other. Bodies go as bytes, many in one message,
 * and so do the decoded records: a third of the cost of objects.
 *
 *     question = each body: u32 n | body                                       a batch: its body, as it is
 *     answer   = each record: u8 0 | u32 n | JSON {code, message}                          refused
 *                           | u8 1 | u8 signed | u32 n | statement (JWS) | u32 n | JSON, see Clear
 *                             | u32 n | envelope, none when n is 0
 *              | u8 2 | u32 n | JSON {code, message}                               a batch refused as a whole
 *
 * `signed`: 0 not known, 1 the key of the statement's kid has signed it, 2 it has not.
 */
import { formatBase64url, formatHex, parseBase64url, parseHex } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import type { StatementAlgorithm } from '@ledgerstone/core/statement'
import type { Submission, SubmittedEnvelope } from '@ledgerstone/log/submission'

/** A key that statements may be signed with. `forget`: the thread forgets all earlier keys first. */
export type KeyMessage = {
  readonly forget: boolean
  readonly kid: string
  readonly algorithm: StatementAlgorithm
  readonly spki: Uint8Array
}

export type IntakeMessage =
  | KeyMessage
  | { readonly records: Uint8Array<ArrayBuffer> }
  | { readonly batch: Uint8Array<ArrayBuffer> }

/** A record that is decoded, or why it cannot be. */
export type Decoded = Submission | Error

/** What the engine looks at of statement and envelope, as JSON. */
type Clear = {
  readonly alg: StatementAlgorithm
  readonly kid: string
  readonly log: string
  readonly id: string
  readonly type: string
  readonly issued: number
  readonly retry?: string
  readonly case?: { readonly id: string; readonly after: string | null }
  readonly body?: JsonObject
  readonly envelope?: Pick<SubmittedEnvelope, 'suite' | 'signer'> &
    SubmittedEnvelope['labels'] & { readonly receivers: readonly string[] }
}

export function encodeRefused(error: Error): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(formatRefused(error))
  const out = new Uint8Array(5 + text.length)
  out[0] = 2
  new DataView(out.buffer).setUint32(1, text.length)
  out.set(text, 5)
  return out
}

export function encodeDecoded(all: readonly Decoded[]): Uint8Array<ArrayBuffer> {
  const parts = all.map((one) => {
    if (one instanceof Error) return { text: formatRefused(one) }
    return { submission: one, text: formatClear(one) }
  })
  let room = 0
  for (const { text, submission } of parts) {
    room += 14 + 3 * text.length
    if (submission !== undefined) room += submission.statement.jws.length + submission.envelopeBytes.length
  }
  const out = Buffer.allocUnsafeSlow(room)
  let at = 0
  const put = (text: string): void => {
    const bytes = out.write(text, at + 4)
    at = out.writeUInt32BE(bytes, at) + bytes
  }
  for (const { text, submission } of parts) {
    at = out.writeUInt8(submission === undefined ? 0 : 1, at)
    if (submission === undefined) put(text)
    else {
      const { statement, envelopeBytes, isSigned } = submission
      at = out.writeUInt8(isSigned === undefined ? 0 : isSigned ? 1 : 2, at)
      put(statement.jws)
      put(text)
      at = out.writeUInt32BE(envelopeBytes.length, at)
      out.set(envelopeBytes, at)
      at += envelopeBytes.length
    }
  }
  return new Uint8Array(out.buffer, 0, at)
}

/** Envelopes are views of the answer. Throws why a batch is refused as a whole. */
export function decodeDecoded(bytes: Uint8Array<ArrayBuffer>): readonly Decoded[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const all: Decoded[] = []
  let at = 0
  const end = (): number => {
    const start = at + 4
    at = start + buffer.readUInt32BE(at)
    return start
  }
  const text = (encoding: 'utf8' | 'latin1'): string => buffer.toString(encoding, end(), at)
  while (at < buffer.length) {
    const kind = buffer[at++]
    if (kind === 2) throw parseRefused(text('utf8'))
    if (kind === 0) {
      all.push(parseRefused(text('utf8')))
      continue
    }
    const signed = buffer[at++]
    const jws = text('latin1')
    const clear = text('utf8')
    const envelopeBytes = bytes.subarray(end(), at)
    all.push(submissionFrom(jws, JSON.parse(clear) as Clear, envelopeBytes, signed))
  }
  return all
}

function submissionFrom(
  jws: string,
  { alg, kid, log, id, type, issued, retry, case: step, body, envelope }: Clear,
  envelopeBytes: Uint8Array<ArrayBuffer>,
  signed: number | undefined,
): Submission {
  return {
    statement: {
      jws,
      header: { alg, kid },
      payload: {
        ...{ log, id, type, issued },
        ...(retry !== undefined && { retry: parseBase64url(retry, 'retry') }),
        ...(step !== undefined && { case: caseFrom(step) }),
        ...(body !== undefined && { body }),
      },
    },
    ...(envelope !== undefined && { envelope: envelopeFrom(envelope) }),
    envelopeBytes,
    isSigned: signed === 0 ? undefined : signed === 1,
  }
}

function caseFrom({
  id,
  after,
}: NonNullable<Clear['case']>): NonNullable<Submission['statement']['payload']['case']> {
  return { id, after: after === null ? null : parseHex(after, 'after') }
}

function envelopeFrom({
  suite,
  signer,
  receivers,
  ...labels
}: NonNullable<Clear['envelope']>): SubmittedEnvelope {
  return { suite, signer, receivers: receivers.map((kid) => ({ kid })), labels }
}

function formatClear({ statement, envelope }: Submission): string {
  const { header, payload } = statement
  const { log, id, type, issued, retry, case: step, body } = payload
  const clear: Clear = {
    ...{ alg: header.alg, kid: header.kid, log, id, type, issued },
    ...(retry !== undefined && { retry: formatBase64url(retry) }),
    ...(step !== undefined && {
      case: { id: step.id, after: step.after === null ? null : formatHex(step.after) },
    }),
    ...(body !== undefined && { body }),
    ...(envelope !== undefined && { envelope: clearOf(envelope) }),
  }
  return JSON.stringify(clear)
}

function clearOf({ suite, signer, receivers, labels }: SubmittedEnvelope): NonNullable<Clear['envelope']> {
  const { media, actor, meta } = labels
  return {
    ...{ suite, signer, media, receivers: receivers.map(({ kid }) => kid) },
    ...(actor !== undefined && { actor }),
    ...(meta !== undefined && { meta }),
  }
}

function formatRefused(error: Error): string {
  return JSON.stringify({ code: error instanceof Refused ? error.code : undefined, message: error.message })
}

function parseRefused(text: string): Error {
  const { code, message } = JSON.parse(text) as { readonly code?: RefusalCode; readonly message: string }
  return code === undefined ? new Error(message) : new Refused(code, message)
}
