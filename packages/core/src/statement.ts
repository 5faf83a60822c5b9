/*
 * The sender's signed claim about one envelope: a compact JWS (RFC 7515).
 *
 *     header   {"alg":"Ed25519","kid":"<43>","typ":"ledgerstone-statement-v1+jws"}
 *     payload  {"content":{"bytes":n,"digest":"<43>","suite":"rsa-aes-cfb"},"id":"<uuid>","issued":"<time>",
 *               "log":"<origin>","retry":"<22>","type":"payment.captured"}
 *
 * Both are RFC 8785 JSON; optional members are case, refs and, instead of content in reserved types, body.
 */
import type { Sign } from '#primitives'
import {
  type Bytes,
  formatBase64url,
  formatHex,
  type Hash,
  parseBase64url,
  parseHex,
  textOf,
  utf8,
} from './bytes.ts'
import {
  formatCanonical,
  integerMember,
  isObject,
  type Json,
  type JsonObject,
  listMember,
  membersOf,
  parseCanonical,
  textMember,
} from './canonical.ts'
import { limits } from './limits.ts'
import { checkTypeName, checkUuid, isReservedType } from './names.ts'
import { Refused } from './refused.ts'
import { suiteNamed } from './suites.ts'
import { formatTime, parseTime } from './time.ts'

const statementType = 'ledgerstone-statement-v1+jws'

/** RFC 9864 `Ed25519`, RFC 7518 `ES256` and `PS256`, RFC 9964 `ML-DSA-65`. */
export type StatementAlgorithm = 'Ed25519' | 'ES256' | 'PS256' | 'ML-DSA-65'

const algorithms: readonly string[] = [
  'Ed25519',
  'ES256',
  'PS256',
  'ML-DSA-65',
] satisfies StatementAlgorithm[]

export type StatementHeader = { readonly alg: StatementAlgorithm; readonly kid: string }

/**
 * What a statement says of its envelope: suite name, SHA-256 of the envelope's header, bytes of ciphertext.
 */
export type Content = { readonly suite: string; readonly digest: Hash; readonly bytes: number }

/**
 * A step in a chain of its own: `after` is the block hash of the case's previous step, null for its first.
 */
export type Case = { readonly id: string; readonly after: Hash | null }

export type StatementPayload = {
  /** The full origin of the bucket. */
  readonly log: string
  readonly id: string
  readonly type: string
  /** Milliseconds since 1970. */
  readonly issued: number
  readonly content?: Content
  readonly body?: JsonObject
  /** 16 bytes; see retry.ts. */
  readonly retry?: Bytes
  readonly case?: Case
  /** Block hashes. */
  readonly refs?: readonly Hash[]
}

/** A statement in good form; nothing is said yet of its signature. */
export type Statement = {
  readonly jws: string
  readonly header: StatementHeader
  readonly payload: StatementPayload
  readonly signingInput: Bytes
  readonly signature: Bytes
}

/** Throws `malformed`, `unknown-field`, `unknown-version` or `too-large`. */
export function parseStatement(jws: string): Statement {
  if (jws.length > limits.statementBytesMax) throw new Refused('too-large', 'the statement is too long')
  const [header, payload, signature, more] = jws.split('.')
  if (header === undefined || payload === undefined || signature === undefined || more !== undefined) {
    throw new Refused('malformed', 'the statement is not a compact JWS')
  }
  return {
    jws,
    header: parseHeader(header),
    payload: parsePayload(textOf(parseBase64url(payload, 'the statement payload'), 'the statement payload')),
    ...signedPartsOf(jws),
  }
}

/** What a compact JWS says is signed, and its signature. Throws `malformed`. */
export function signedPartsOf(jws: string): Pick<Statement, 'signingInput' | 'signature'> {
  const end = jws.lastIndexOf('.')
  return {
    signingInput: utf8(jws.slice(0, end)),
    signature: parseBase64url(jws.slice(end + 1), 'the statement signature'),
  }
}

/** Signs a payload; the result parses. */
export async function signStatement(
  payload: StatementPayload,
  key: StatementHeader & { readonly sign: Sign },
): Promise<string> {
  const header = formatCanonical({ alg: key.alg, kid: key.kid, typ: statementType })
  const input = `${formatBase64url(utf8(header))}.${formatBase64url(utf8(formatPayload(payload)))}`
  const jws = `${input}.${formatBase64url(await key.sign(utf8(input)))}`
  if (jws.length > limits.statementBytesMax) throw new Refused('too-large', 'the statement is too long')
  return jws
}

/** The payload as RFC 8785 JSON. */
export function formatPayload(payload: StatementPayload): string {
  const { content, retry, refs } = payload
  const members: Record<string, Json> = {
    log: payload.log,
    id: payload.id,
    type: payload.type,
    issued: formatTime(payload.issued),
  }
  if (content !== undefined) {
    members['content'] = {
      suite: content.suite,
      digest: formatBase64url(content.digest),
      bytes: content.bytes,
    }
  }
  if (payload.body !== undefined) members['body'] = payload.body
  if (retry !== undefined) members['retry'] = formatBase64url(retry)
  if (payload.case !== undefined) {
    const { id, after } = payload.case
    members['case'] = { id, after: after === null ? null : formatHex(after) }
  }
  if (refs !== undefined) members['refs'] = refs.map(formatHex)
  return formatCanonical(members)
}

const payloadMembers = ['log', 'id', 'type', 'issued']
const payloadOptions = ['content', 'body', 'retry', 'case', 'refs']
const contentMembers = ['suite', 'digest', 'bytes']

export function parsePayload(text: string): StatementPayload {
  const value = parseCanonical(text, 'the statement payload')
  const m = membersOf(value, 'the statement payload', payloadMembers, payloadOptions)
  const type = checkTypeName(textMember(m['type'], 'type'))
  checkContentOrBody(type, m['content'], m['body'])
  return {
    log: textMember(m['log'], 'log'),
    id: checkUuid(textMember(m['id'], 'id'), 'id'),
    type,
    issued: parseTime(textMember(m['issued'], 'issued'), 'issued'),
    ...(m['content'] !== undefined && { content: parseContent(m['content']) }),
    ...(m['body'] !== undefined && { body: parseBody(m['body']) }),
    ...(m['retry'] !== undefined && { retry: parseBase64url(textMember(m['retry'], 'retry'), 'retry', 16) }),
    ...(m['case'] !== undefined && { case: parseCase(m['case']) }),
    ...(m['refs'] !== undefined && { refs: parseRefs(m['refs']) }),
  }
}

// A sender writes many statements with one header, so the newest ones are kept decoded. A cache only; small,
// because the engine may keep a whole statement alive for the part of it that is the key here.
const knownHeaders = new Map<string, StatementHeader>()
const knownHeadersMax = 256

function parseHeader(encoded: string): StatementHeader {
  const known = knownHeaders.get(encoded)
  if (known !== undefined) return known
  const text = textOf(parseBase64url(encoded, 'the statement header'), 'the statement header')
  const members = membersOf(parseCanonical(text, 'the statement header'), 'the statement header', [
    'alg',
    'kid',
    'typ',
  ])
  const { alg, kid, typ } = members
  if (typ !== statementType) throw new Refused('unknown-version', 'the statement has a typ that is not known')
  if (typeof alg !== 'string' || !algorithms.includes(alg)) {
    throw new Refused('malformed', 'the statement has an alg that is not allowed')
  }
  parseBase64url(textMember(kid, 'kid'), 'kid', 32)
  const header = { alg: alg as StatementAlgorithm, kid: kid as string }
  if (knownHeaders.size >= knownHeadersMax) knownHeaders.clear()
  knownHeaders.set(encoded, header)
  return header
}

function checkContentOrBody(type: string, content: unknown, body: unknown): void {
  if ((content === undefined) === (body === undefined)) {
    throw new Refused('malformed', 'a statement has either content or body')
  }
  if ((body !== undefined) !== isReservedType(type)) {
    throw new Refused('reserved', 'types that begin with "ledgerstone." carry a body, and no others do')
  }
}

function parseContent(value: Json): Content {
  const m = membersOf(value, 'content', contentMembers)
  return {
    suite: suiteNamed(textMember(m['suite'], 'suite')).name,
    digest: parseBase64url(textMember(m['digest'], 'digest'), 'digest', 32),
    bytes: integerMember(m['bytes'], 'bytes'),
  }
}

function parseBody(value: Json): JsonObject {
  if (!isObject(value)) throw new Refused('malformed', 'body is not an object')
  if (utf8(formatCanonical(value)).length > limits.bodyBytesMax)
    throw new Refused('too-large', 'the body is too long')
  return value
}

function parseCase(value: Json): Case {
  const { id, after } = membersOf(value, 'case', ['id', 'after'])
  return {
    id: checkUuid(textMember(id, 'case id'), 'case id'),
    after: after === null ? null : parseHex(textMember(after, 'after'), 'after', 32),
  }
}

function parseRefs(value: Json): readonly Hash[] {
  const refs = listMember(value, 'refs')
  if (refs.length === 0 || refs.length > limits.refsMax) {
    throw new Refused('too-large', `refs holds 1 to ${limits.refsMax} block hashes`)
  }
  return refs.map((ref) => parseHex(textMember(ref, 'ref'), 'ref', 32))
}
