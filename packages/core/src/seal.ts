// Record -> Sealed: the article's flow under a statement that covers all of it.
import { type Sign, type Wrap, wrapperOf } from '#primitives'
import type { Bytes, Hash } from './bytes.ts'
import { buildEnvelope, contentOf, type WrappedKey } from './envelope.ts'
import { checkLabels, type Labels, labelsJson } from './labels.ts'
import { limits } from './limits.ts'
import { checkTypeName, checkUuid, isReservedType } from './names.ts'
import { Refused } from './refused.ts'
import { retryValueOf } from './retry.ts'
import type { Sealed } from './sealed.ts'
import { checkSpki, keyIdOf } from './spki.ts'
import {
  type Case,
  parseStatement,
  type StatementHeader,
  type StatementPayload,
  signStatement,
} from './statement.ts'
import { type SuiteName, suiteNamed } from './suites.ts'

/** A sender's keys, all of one owner: `statement` signs the JWS, `key` makes the key signature (RS256). */
export type Sender = {
  readonly statement: StatementHeader & { readonly sign: Sign }
  readonly key: { readonly kid: string; readonly sign: Sign }
  /** Kept through rotations and shared by replicas, so that a retry is known as one. */
  readonly retryKey?: Uint8Array
}

/** What to seal. `record` is sealed as exactly these bytes. */
export type Draft = {
  /** Full origin of the bucket. */
  readonly log: string
  readonly id: string
  readonly type: string
  /** Milliseconds since 1970. */
  readonly issued: number
  readonly record: Uint8Array
  readonly labels: Labels
  readonly case?: Case
  readonly refs?: readonly Hash[]
}

/** A receiver whose key is parsed once; make it with `receiverOf`. */
export type Receiver = { readonly kid: string; readonly wrap: Wrap }

/** Throws `wrong-key` unless the SPKI is an RSA key in its one spelling. */
export async function receiverOf(spki: Uint8Array): Promise<Receiver> {
  if (checkSpki(spki) !== 'RSA') throw new Refused('wrong-key', 'a receiving key is an RSA key')
  return { kid: keyIdOf(spki), wrap: await wrapperOf(spki) }
}

/** Seals a record in suite `rsa-aes-cfb`. Throws `too-large`, `malformed`, `bad-name`, `reserved`. */
export async function sealRecord(
  draft: Draft,
  sender: Sender,
  receivers: readonly Receiver[],
): Promise<Sealed> {
  checkDraft(draft, receivers)
  const suite = suiteNamed('rsa-aes-cfb')
  if (suite.encrypt === undefined) throw new Error('the suite cannot seal')
  const { key, ciphertext } = suite.encrypt(draft.record)
  try {
    const keySignature = await sender.key.sign(key)
    const wrappedKeys: WrappedKey[] = []
    for (const { kid, wrap } of receivers)
      wrappedKeys.push({ kid, wrapped: await wrap(key), params: new Uint8Array(0) })
    return await state(draft, sender, {
      suite: suite.name,
      keySignature,
      receivers: wrappedKeys,
      ciphertext,
    })
  } finally {
    key.fill(0)
  }
}

/** Puts bytes into a bucket as they are, under a statement but not encrypted: suite `article-block`. */
export async function enclose(draft: Draft, sender: Sender): Promise<Sealed> {
  checkDraft(draft)
  const parts = { keySignature: new Uint8Array(0), receivers: [], ciphertext: new Uint8Array(draft.record) }
  return state(draft, sender, { suite: 'article-block', ...parts })
}

type Parts = {
  readonly suite: SuiteName
  readonly keySignature: Bytes
  readonly receivers: readonly WrappedKey[]
  readonly ciphertext: Bytes
}

async function state(draft: Draft, sender: Sender, parts: Parts): Promise<Sealed> {
  const envelope = buildEnvelope({
    ...parts,
    signer: sender.key.kid,
    labels: checkLabels(labelsJson(draft.labels)),
  })
  const { log, id, type, issued, case: step, refs } = draft
  const payload: StatementPayload = {
    log,
    id,
    type,
    issued,
    content: contentOf(envelope),
    ...(sender.retryKey !== undefined && { retry: retryValueOf(sender.retryKey, id, draft.record) }),
    ...(step !== undefined && { case: step }),
    ...(refs !== undefined && { refs }),
  }
  return { statement: parseStatement(await signStatement(payload, sender.statement)), envelope }
}

function checkDraft(draft: Draft, receivers?: readonly Receiver[]): void {
  if (draft.record.length > limits.recordBytesMax) throw new Refused('too-large', 'the record is over 1 MiB')
  checkUuid(draft.id, 'id')
  if (isReservedType(checkTypeName(draft.type))) throw new Refused('reserved', 'the type is reserved')
  if (receivers === undefined) return
  if (receivers.length === 0) throw new Refused('unknown-key', 'there is no receiver to seal for')
  if (receivers.length > limits.receiversMax)
    throw new Refused('too-large', `more than ${limits.receiversMax} receivers`)
}
