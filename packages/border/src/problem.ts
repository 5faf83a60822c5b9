import { randomUUID } from 'node:crypto'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import type { ErrorObject } from 'ajv'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { challengeOf } from './challenge.ts'
import { wordsOf } from './schema.ts'

/** A problem document (RFC 9457), media type `application/problem+json`. */
export type Problem = {
  /** `urn:ledgerstone:error:` + code: stable, and no address to look up. */
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: RefusalCode | 'internal'
  /** What exactly was refused. Never plaintext, a key or a token. */
  readonly detail: string
  /** Of unexpected failures only: the same id stands in the service's log, beside what really happened. */
  readonly id?: string
}

/** How one code is rendered. */
export type Row = {
  readonly status: number
  /** Where it differs for GET and HEAD: what was asked for is not there. */
  readonly statusOfReads?: number
  readonly title: string
  /** For refusals that pass by themselves: the `Retry-After` of the answer. */
  readonly retryAfterSeconds?: number
}

/** Every refusal as seen through HTTP. 422: well-formed, but not what it claims to be. */
export const problems: Readonly<Record<RefusalCode, Row>> = {
  malformed: { status: 400, title: 'The request cannot be decoded' },
  'unknown-version': { status: 400, title: 'The format version is not known' },
  'unknown-field': { status: 400, title: 'The format has no such member' },
  'too-large': { status: 413, title: 'Over a limit' },
  'bad-name': { status: 400, title: 'Not a name of its kind' },
  'wrong-log': { status: 422, title: 'The statement is for another bucket or ledger' },
  'wrong-digest': { status: 422, title: 'The envelope is not the one the statement names' },
  'unknown-key': { status: 422, statusOfReads: 404, title: 'The key is not registered' },
  'wrong-key': { status: 422, title: 'The key may not be used for this' },
  'key-expired': { status: 422, title: 'The key is outside its validity' },
  'key-revoked': { status: 422, title: 'The key is revoked' },
  'bad-signature': { status: 422, title: 'The signature is not valid' },
  'stale-statement': { status: 422, title: 'The statement was issued too long ago, or in the future' },
  'id-reused': { status: 409, title: 'The id is taken by another record' },
  'case-moved': { status: 409, title: 'The case has moved on' },
  reserved: { status: 403, title: 'Reserved' },
  'not-approved': { status: 403, title: 'Not enough registrars have approved' },
  'bad-checkpoint': { status: 422, title: 'The checkpoint is not valid' },
  'bad-proof': { status: 422, title: 'The proof is not valid' },
  'no-quorum': { status: 422, title: 'The policy is not satisfied' },
  'bad-policy': { status: 422, title: 'The policy is not valid' },
  'wrong-ledger': { status: 422, title: 'Not the ledger of the trust file' },
  gap: { status: 422, title: 'Entries are missing' },
  'bad-link': { status: 422, title: 'The block does not follow from the one before' },
  'rolled-back': { status: 503, title: 'Smaller than what was final before' },
  forked: { status: 503, title: 'Two histories of one log' },
  'damaged-store': { status: 500, title: 'Stored bytes are not what was written' },
  'nothing-checked': { status: 422, title: 'There was nothing to verify' },
  'cannot-open': { status: 422, title: 'The envelope cannot be opened' },
  'wrong-passphrase': { status: 422, title: 'The passphrase of a private key is wrong' },
  'no-token': { status: 401, title: 'An access token is needed' },
  'bad-token': { status: 401, title: 'The access token is not accepted' },
  'token-expired': { status: 401, title: 'The access token has expired' },
  'wrong-audience': { status: 401, title: 'The access token is for another service' },
  'bad-proof-of-possession': { status: 401, title: 'The proof of possession is not accepted' },
  'insufficient-scope': { status: 403, title: 'The access token does not cover this' },
  'rate-limited': { status: 429, title: 'Too many requests', retryAfterSeconds: 1 },
  'issuer-unavailable': { status: 503, title: 'The OAuth service cannot be reached', retryAfterSeconds: 5 },
  'unknown-bucket': { status: 404, title: 'No such bucket' },
  'unknown-block': { status: 404, title: 'No such block' },
  'unknown-route': { status: 404, title: 'No such route' },
  'bad-query': { status: 400, title: 'The query is not understood' },
  'wrong-media-type': { status: 415, title: 'The media type is not taken here' },
  'bad-config': { status: 500, title: 'The configuration is not valid' },
  'bad-key-file': { status: 500, title: 'A key file is not acceptable' },
  'bucket-exists': { status: 409, title: 'The bucket exists' },
  'head-moved': { status: 409, title: 'Another writer was faster' },
  'outcome-unknown': {
    status: 503,
    title: 'The outcome is unknown: ask again with the same id',
    retryAfterSeconds: 1,
  },
  'pool-full': { status: 503, title: 'Too much is waiting to be written', retryAfterSeconds: 1 },
  'read-only': { status: 503, title: 'The bucket takes no appends now' },
  'store-full': { status: 507, title: 'No space left' },
  'store-busy': { status: 503, title: 'Another process has the store open' },
  stopping: { status: 503, title: 'The service is stopping', retryAfterSeconds: 2 },
  'documents-unavailable': { status: 503, title: 'The document store is unavailable', retryAfterSeconds: 5 },
  erased: { status: 410, title: 'The envelope was erased' },
  'keys-stale': { status: 503, title: 'The view of the key registry is too old', retryAfterSeconds: 5 },
  'unknown-exchange': { status: 404, title: 'No such key exchange' },
  'exchange-over': { status: 409, title: 'The key exchange is in another state' },
  'wrong-certificate': { status: 422, title: 'The certificate is not taken' },
  'bad-ceremony': { status: 422, title: 'The other side broke the ceremony' },
  'wrong-string': { status: 409, title: 'The two sides do not show the same short string' },
  'peer-lost': { status: 504, title: 'The other side of the key exchange went away' },
  'no-port': { status: 503, title: 'No port is free for a key exchange', retryAfterSeconds: 30 },
  'foreign-page': { status: 403, title: 'Not asked by the desk’s own page' },
  'no-session': { status: 403, title: 'The desk was not opened by its address' },
}

/**
 * What may be shown of an error. Refusals are told as they are; requests that Fastify turned away get the
 * code of the same meaning; all else is unexpected and shows an id only. `method`: of the request.
 */
export function problemOf(error: unknown, method?: string): Problem {
  const refused = error instanceof Refused ? error : refusedByFastify(error)
  if (refused !== undefined) return render(refused.code, refused.message, method)
  const detail = 'Something unexpected happened. The service has logged it under this id.'
  const title = 'Internal error'
  return { type: typeOf('internal'), title, status: 500, code: 'internal', detail, id: randomUUID() }
}

/** Fastify's error handler. Logs what is the service's own fault, once, with the id that the caller sees. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error, request.method)
  takeRest(error, request, reply)
  // To stop is no fault; it is logged once, by whoever stops.
  if (problem.status >= 500 && problem.code !== 'stopping') {
    request.log.error({ err: error, problem: problem.id, code: problem.code }, 'request failed')
  }
  const challenge = challengeOf(problem, request.headers.authorization)
  if (challenge !== undefined) reply.header('www-authenticate', challenge)
  const again = problem.code === 'internal' ? undefined : problems[problem.code].retryAfterSeconds
  if (again !== undefined && !reply.hasHeader('retry-after')) {
    reply.header('retry-after', again)
  }
  reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .serializer(JSON.stringify)
    .send(problem)
}

/**
 * Whoever still sends a body that is refused for its length would find the connection closed under his hands,
 * as Fastify wants it, and never read why: the rest is taken in and dropped, as long as a request may last.
 */
function takeRest(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if ((error as Partial<FastifyError> | undefined)?.code !== 'FST_ERR_CTP_BODY_TOO_LARGE') return
  reply.removeHeader('connection')
  request.raw.resume()
}

function render(code: RefusalCode, detail: string, method: string | undefined): Problem {
  const { status: usual, statusOfReads = usual, title } = problems[code]
  const status = method === 'GET' || method === 'HEAD' ? statusOfReads : usual
  return { type: typeOf(code), title, status, code, detail }
}

function typeOf(code: string): string {
  return `urn:ledgerstone:error:${code}`
}

/** The code for what Fastify refuses by itself and, where Fastify's words say too little, ours. */
const fastifyCodes: Readonly<Record<string, readonly [RefusalCode, string?]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', 'the body has more bytes than are taken here'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['wrong-media-type', 'the body must be application/json, and say so'],
  FST_ERR_MAX_PARAM_LENGTH: ['bad-name'],
  FST_ERR_NOT_FOUND: ['unknown-route'],
}

/** Fastify marks what the client did wrong by a status code below 500; everything else is ours. */
function refusedByFastify(error: unknown): Refused | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, statusCode, validation } = error as Partial<FastifyError>
  if (validation !== undefined) return refusedBySchema(error as FastifyError)
  if (statusCode === undefined || statusCode < 400 || statusCode > 499) return undefined
  const [ours, words = error.message] = fastifyCodes[code ?? ''] ?? ['malformed']
  return new Refused(ours, words)
}

/** Fastify's names of what is validated. */
const parts: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
}

const tooMuch = new Set(['maxLength', 'maxItems', 'maxProperties'])

function refusedBySchema(error: FastifyError): Refused {
  const first = error.validation?.[0] as ErrorObject | undefined
  const part = error.validationContext
  if (first === undefined) return new Refused('malformed', error.message)
  const place = `the ${parts[part ?? ''] ?? 'request'}`
  const member = first.instancePath.slice(1)
  const detail = `${member === '' ? place : `${member} in ${place}`} ${wordsOf(first)}`
  if (part !== 'body') return new Refused('bad-query', detail)
  if (first.keyword === 'additionalProperties') return new Refused('unknown-field', detail)
  return new Refused(tooMuch.has(first.keyword) ? 'too-large' : 'malformed', detail)
}
