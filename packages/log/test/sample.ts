// A small ledger for tests: its keys, made once per process, and ways to seal and to open it again.

import type { Bytes } from '@ledgerstone/core/bytes'
import { formatBase64url, utf8 } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { createKey, type OwnKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { formatRegistration, proofMessage, type Registration } from '@ledgerstone/core/registration'
import { type Receiver, receiverOf, type Sender, sealRecord } from '@ledgerstone/core/seal'
import type { Sealed } from '@ledgerstone/core/sealed'
import { senderOf } from '@ledgerstone/core/sender'
import { checkSpki } from '@ledgerstone/core/spki'
import type { Case } from '@ledgerstone/core/statement'
import type { Trust } from '@ledgerstone/core/trust'
import { liveId } from '@ledgerstone/core/uuid'
import { MemoryStore } from '@ledgerstone/stores/memory'
import { type LogSigner, vkeysOf } from '../src/checkpoint.ts'
import type { LogEvent } from '../src/event.ts'
import { bodyStatement, createLedger } from '../src/genesis.ts'
import { Log, type LogOptions } from '../src/log.ts'
import type { Store } from '../src/store.ts'
import { type Submission, submissionOf } from '../src/submission.ts'

export const ledger = 'test.example/log'
export const start = Date.parse('2026-11-23T03:17:00.000Z')

export const keys = {
  ledger: await createKey('Ed25519'),
  registrar: await createKey('Ed25519'),
  secondRegistrar: await createKey('Ed25519'),
  statement: await createKey('Ed25519'),
  rsa: await createKey('RSA-2048'),
  other: await createKey('Ed25519'),
  otherRsa: await createKey('RSA-2048'),
  receiver: await createKey('RSA-2048'),
}

const signers = new Map<string, Promise<LogSigner>>()

export function signerFor(bucket: string): Promise<LogSigner> {
  let signer = signers.get(bucket)
  if (signer === undefined) {
    signer = Promise.all([createKey('Ed25519'), createKey('ML-DSA-44')]).then(([note, mldsa]) => {
      return { ed25519: note.pkcs8, mldsa44: mldsa.pkcs8 }
    })
    signers.set(bucket, signer)
  }
  return signer
}

/** A registration with its proof of possession. */
export async function registrationOf(
  key: OwnKey,
  fields: Pick<Registration, 'owner' | 'purpose'> & Partial<Registration>,
): Promise<JsonObject> {
  const { kid, spki } = key
  const kind = checkSpki(spki)
  const body = formatRegistration({ roles: [], assurance: 'local', kid, spki, kind, ...fields })
  if (fields.purpose === 'receive') return { ...body, proof: { answered: liveId(start) } }
  const { sign } = await statementSignerOf(key)
  const signature = await sign(proofMessage(originOf(ledger, keysBucket), body))
  return { ...body, proof: { signature: formatBase64url(signature) } }
}

/** A clock that stands still until it is told otherwise. */
export type Clock = { ms: number }

export type Sample = { readonly store: Store; readonly trust: Trust; readonly clock: Clock }

/** A new ledger with `keys` alone. */
export async function createSample(store: Store = new MemoryStore(), threshold = 1): Promise<Sample> {
  const signer = await signerFor(keysBucket)
  const [vkey] = vkeysOf(originOf(ledger, keysBucket), signer)
  const clock = { ms: start }
  const registrar = await registrationOf(keys.registrar, {
    owner: 'registrar',
    purpose: 'sign',
    roles: ['registrar'],
  })
  const second = await registrationOf(keys.secondRegistrar, {
    owner: 'second-registrar',
    purpose: 'sign',
    roles: ['registrar'],
  })
  const trust = await createLedger({
    ...{ ledger, store, signer, ledgerKey: keys.ledger, registrars: [registrar, second], threshold },
    policyText: `log ${vkey?.text}\nquorum none\n`,
    now: () => clock.ms,
    report: () => undefined,
  })
  return { store, trust, clock }
}

export function openSample(
  { store, trust, clock }: Sample,
  options: Partial<LogOptions> & { readonly events?: LogEvent[] } = {},
): Promise<Log> {
  const { events, ...rest } = options
  return Log.open({
    ...{ store, trust, signers: signerFor, now: () => clock.ms, verifyWorkers: 0, publishIntervalMs: 5 },
    report: (event) => void events?.push(event),
    ...rest,
  })
}

/** A ledger with the bucket payments, two senders and a receiver. */
export async function openPayments(
  sample: Sample,
  options: Parameters<typeof openSample>[1] = {},
): Promise<Log> {
  const log = await openSample(sample, options)
  await register(log, keys.statement, { owner: 'sealer', purpose: 'sign' })
  await register(log, keys.rsa, { owner: 'sealer', purpose: 'sign' })
  await register(log, keys.other, { owner: 'shop', purpose: 'sign' })
  await register(log, keys.otherRsa, { owner: 'shop', purpose: 'sign' })
  await register(log, keys.receiver, { owner: 'auditor', purpose: 'receive' })
  await log.createBucket('payments', { registrar: keys.registrar, ledgerKey: keys.ledger })
  return log
}

export async function register(
  log: Log,
  key: OwnKey,
  fields: Parameters<typeof registrationOf>[1],
): Promise<void> {
  await appendToKeys(log, 'ledgerstone.key.register', await registrationOf(key, fields))
}

export async function appendToKeys(log: Log, type: string, body: JsonObject): Promise<void> {
  const now = Date.parse(new Date(start).toISOString())
  const statement = await bodyStatement(originOf(ledger, keysBucket), type, body, keys.registrar, now)
  await log.bucket(keysBucket).append(submissionOf({ statement }), 'registrar')
}

const retryKey = utf8('a retry key of thirty-two bytes!')
export const sealer: Sender = await senderOf(keys.statement, keys.rsa, retryKey)
export const shop: Sender = await senderOf(keys.other, keys.otherRsa, retryKey)
export const receiver: Receiver = await receiverOf(keys.receiver.spki)

export type Draft = {
  readonly id?: string
  readonly record?: Bytes
  readonly bucket?: string
  readonly issued?: number
  readonly case?: Case
  readonly sender?: Sender
  readonly type?: string
}

export async function seal(draft: Draft = {}): Promise<Submission> {
  return submissionOf(await sealDraft(draft))
}

export function sealDraft(draft: Draft = {}): Promise<Sealed> {
  const { bucket = 'payments', issued = start, sender = sealer, type = 'payment.captured' } = draft
  const { id = liveId(issued), record = utf8('{"amount":"1.10"}') } = draft
  const step = draft.case === undefined ? {} : { case: draft.case }
  const labels = { media: 'application/json', meta: { currency: 'EUR' } }
  return sealRecord({ log: originOf(ledger, bucket), id, type, issued, record, labels, ...step }, sender, [
    receiver,
  ])
}

/** The code that a promise is refused with. Fails when it is not refused. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Refused) return error.code
    throw error
  }
  throw new Error('it was not refused')
}
