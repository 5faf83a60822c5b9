// Sound records with one mistake in them, and what a ledger must answer.
import assert from 'node:assert/strict'
import { formatBase64url, utf8 } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { statementSignerOf } from '@ledgerstone/core/key-pair'
import { formatEnvelopeJson } from '@ledgerstone/core/sealed'
import { type StatementPayload, signStatement } from '@ledgerstone/core/statement'
import { keys, sealDraft } from '../../log/test/sample.ts'
import { sealedJson, type Tested } from './ledger.ts'

export const url = '/v1/buckets/payments/blocks'

export type Receiver = { kid: string; objectc: string }
export type Envelope = {
  suite: string
  signer: string
  objecta: string
  objectb: string
  labels: object
  receivers: Receiver[]
}
export type SealedJson = { statement: string; envelope: Envelope }

export type Headers = Readonly<Record<string, string>>

/** Sends a body and expects this problem; returns its detail. */
export async function assertRefused(
  { app }: Tested,
  headers: Headers,
  payload: unknown,
  status: number,
  code: string,
  to = url,
): Promise<string> {
  const text = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload)
  const sent = { 'content-type': 'application/json', ...headers }
  const answer = await app.inject({ method: 'POST', url: to, headers: sent, payload: text })
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  const problem = answer.json()
  assert.deepEqual({ status: answer.statusCode, code: problem.code }, { status, code }, problem.detail)
  return problem.detail
}

export async function sound(): Promise<SealedJson> {
  return structuredClone(await sealedJson()) as SealedJson
}

/** A sound record whose envelope has other members. */
export async function withEnvelope(change: (envelope: Envelope) => Partial<Envelope>): Promise<SealedJson> {
  const { statement, envelope } = await sound()
  return { statement, envelope: { ...envelope, ...change(envelope) } }
}

/** A sound record under a statement with other claims, signed by the key, or by another one in its name. */
export async function stated(
  claims: Partial<StatementPayload>,
  key = keys.statement,
  signer = key,
): Promise<{ statement: string; envelope: JsonObject }> {
  const { statement, envelope } = await sealDraft()
  const { alg } = await statementSignerOf(key)
  const { sign } = await statementSignerOf(signer)
  const jws = await signStatement({ ...statement.payload, ...claims }, { alg, kid: key.kid, sign })
  return { statement: jws, envelope: formatEnvelopeJson(envelope) }
}

/** A sound record whose statement is spelled differently before it is signed. */
export async function respelled(
  change: (header: string, payload: string) => readonly [string, string],
): Promise<SealedJson> {
  const record = await sound()
  const [header = '', payload = ''] = record.statement
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString())
  const parts = change(header, payload).map((part) => Buffer.from(part).toString('base64url'))
  const { sign } = await statementSignerOf(keys.statement)
  const input = parts.join('.')
  return { ...record, statement: `${input}.${formatBase64url(await sign(utf8(input)))}` }
}
