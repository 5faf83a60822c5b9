// What a service says when it refuses: problem documents (RFC 9457), `application/problem+json`.
import { isObject } from '@ledgerstone/core/canonical'
import { type RefusalCode, Refused, refusalCodes } from '@ledgerstone/core/refused'

/**
 * An answer that is not the one asked for. Every word of it is the service's, or of a proxy in front of it.
 */
export type Problem = {
  readonly status: number
  /** Absent when the answer is no problem document, or has a code that this program does not know. */
  readonly code?: RefusalCode
  readonly detail: string
  /** Under this id the service has logged what really happened. */
  readonly id?: string
  readonly retryAfterMs?: number
}

/**
 * The service failed, or answered what no service of Ledgerstone answers: an operating error, not a refusal.
 */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Nothing answered, or not in time. What was asked may or may not have been done. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

const textCharsMax = 1000

/** Reads an answer that is not a success; `text` is its body, perhaps cut short. */
export function parseProblem(status: number, headers: Headers, text: string): Problem {
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'))
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs }
  const document = isProblem(headers) ? parseDocument(text) : undefined
  if (document === undefined) return { status, detail: printable(text), ...retry }
  const { code, detail, id } = document
  return {
    status,
    ...(isRefusalCode(code) && { code }),
    detail: typeof detail === 'string' ? printable(detail) : '',
    ...(typeof id === 'string' && { id: printable(id) }),
    ...retry,
  }
}

/** The error to throw for a problem: a refusal when its code is known, otherwise an operating error. */
export function errorOf(problem: Problem, what: string): Refused | UnexpectedAnswer {
  const { status, code, detail, id } = problem
  if (code !== undefined) return new Refused(code, detail === '' ? `${what} was refused` : detail)
  const logged = id === undefined ? '' : ` (logged there as ${id})`
  const said = detail === '' ? '' : `: ${detail}`
  return new UnexpectedAnswer(status, `${what} was answered ${status}${logged}${said}`)
}

/** The media type of an answer, without parameters. */
export function mediaTypeOf(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

function isProblem(headers: Headers): boolean {
  return mediaTypeOf(headers) === 'application/problem+json'
}

function parseDocument(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRefusalCode(code: unknown): code is RefusalCode {
  return typeof code === 'string' && (refusalCodes as readonly string[]).includes(code)
}

/** RFC 9110 section 10.2.3, in seconds; services here send no dates. */
function parseRetryAfter(value: string | null): number | undefined {
  return value !== null && /^[0-9]{1,6}$/.test(value) ? Number(value) * 1000 : undefined
}

/** Bounded, and without the control characters by which a text could steer the terminal it is shown on. */
function printable(text: string): string {
  return text
    .slice(0, textCharsMax)
    .replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
}
