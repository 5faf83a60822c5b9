// One request: token, time-out, limits, content type, and tries again only where that is safe.
import type { Bytes } from '@ledgerstone/core/bytes'
import { concat } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { errorOf, mediaTypeOf, type Problem, parseProblem, UnexpectedAnswer, Unreachable } from './problem.ts'

/** The platform's `fetch`, or anything that keeps its contract. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** A token for the next request; `rejected` is the one that the service has just turned away. */
export type TokenSource = (rejected?: string) => Promise<string>

export type HttpOptions = {
  /** Where the service is: https, or http on this machine. */
  readonly url: string
  readonly fetch: Fetch
  /** Absent: requests carry no token. */
  readonly token?: TokenSource
  /** Of one try, from the first byte sent to the last one received. */
  readonly timeoutMs?: number
  /** All tries of one request, the first included. */
  readonly triesMax?: number
  /** How to wait between tries. */
  readonly sleep?: (ms: number) => Promise<void>
}

export type Ask = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the service's URL, beginning with `/`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: { readonly mediaType: string; readonly content: string | Bytes }
  readonly headers?: Readonly<Record<string, string>>
  /** The media types of the answer that is wanted. */
  readonly accept: readonly string[]
  readonly answerBytesMax: number
  /** Whether doing it twice does no harm. */
  readonly repeatable: boolean
  /** Whether 404 is an answer: its body is then empty. */
  readonly mayBeMissing?: boolean
  readonly signal?: AbortSignal | undefined
}

export type Streamed = Pick<Ask, 'path' | 'query' | 'headers' | 'accept' | 'signal'>

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Bytes }

export type Http = {
  /** Throws `Refused` with the service's code, `Unreachable`, `UnexpectedAnswer`, or `too-large`. */
  ask(ask: Ask): Promise<Answer>
  /**
   * The answer's body as it comes, however long: the time-out is for each piece of it. There are no second
   * tries.
   */
  stream(ask: Streamed): AsyncIterable<Uint8Array>
}

const defaults = { timeoutMs: 30_000, triesMax: 4 }
const problemBytesMax = 65_536
const pauseMs = 200
const pauseMsMax = 30_000

/** Throws `bad-config` for a URL to which no token may be sent. */
export function httpOf(options: HttpOptions): Http {
  const base = checkServiceUrl(options.url).replace(/\/+$/, '')
  const { timeoutMs = defaults.timeoutMs, triesMax = defaults.triesMax, sleep = sleepMs } = options

  async function ask(asked: Ask): Promise<Answer> {
    const what = `${asked.method ?? 'GET'} ${asked.path}`
    let rejected: string | undefined
    for (let tries = 1; ; tries++) {
      const outcome = await tryOnce(base, options, asked, timeoutMs, rejected)
      if (outcome.kind === 'answer') return outcome.answer
      if (outcome.kind === 'problem' && mayRenew(outcome) && rejected === undefined) {
        rejected = outcome.token
        continue
      }
      const waitMs = tries < triesMax && asked.repeatable ? pauseOf(outcome, tries) : undefined
      if (waitMs === undefined) {
        throw outcome.kind === 'problem'
          ? errorOf(outcome.problem, what)
          : unreachable(what, base, outcome.cause)
      }
      await sleep(waitMs)
    }
  }

  async function* stream(asked: Streamed): AsyncGenerator<Uint8Array> {
    const what = `GET ${asked.path}`
    const idle = idleTimer(timeoutMs)
    const signal = asked.signal === undefined ? idle.signal : AbortSignal.any([asked.signal, idle.signal])
    try {
      const { response } = await send(base, options, asked, signal, undefined)
      if (response.status !== 200) {
        const text = decode(await readBody(response, problemBytesMax))
        throw errorOf(parseProblem(response.status, response.headers, text), what)
      }
      checkMediaType(response, asked.accept, what)
      for await (const chunk of chunksOf(response.body)) {
        idle.stop()
        yield chunk
        idle.start()
      }
    } catch (cause) {
      asked.signal?.throwIfAborted()
      throw isSilence(cause) ? unreachable(what, base, cause) : cause
    } finally {
      idle.stop()
    }
  }

  return { ask, stream }
}

/** A token or a secret that crosses a network in clear is anyone's. Throws `bad-config`. */
export function checkServiceUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const local = url !== undefined && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url === undefined || !(url.protocol === 'https:' || (url.protocol === 'http:' && local))) {
    throw new Refused('bad-config', `not an https URL (http on loopback only): ${text.slice(0, 200)}`)
  }
  if (url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new Refused('bad-config', 'the URL of a service has no user, query or fragment')
  }
  return text
}

/** The body of an answer. Throws `too-large` before it holds more than that. */
export async function readBody(response: Response, bytesMax: number): Promise<Bytes> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of chunksOf(response.body)) {
    bytes += part.length
    if (bytes > bytesMax) throw new Refused('too-large', `the answer has more than ${bytesMax} bytes`)
    parts.push(part)
  }
  return concat(...parts)
}

/** A body piece by piece; whoever stops reading cancels it. (Not all browsers can iterate over a stream.) */
async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** Aborts with a TimeoutError unless it is stopped in time. */
function idleTimer(timeoutMs: number): { readonly signal: AbortSignal; start(): void; stop(): void } {
  const controller = new AbortController()
  const late = (): void => controller.abort(new DOMException('no answer in time', 'TimeoutError'))
  let timer = setTimeout(late, timeoutMs)
  return {
    signal: controller.signal,
    start() {
      timer = setTimeout(late, timeoutMs)
    },
    stop: () => clearTimeout(timer),
  }
}

type Outcome =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly token: string | undefined }
  | { readonly kind: 'silence'; readonly cause: unknown }

async function tryOnce(
  base: string,
  options: HttpOptions,
  asked: Ask,
  timeoutMs: number,
  rejected: string | undefined,
): Promise<Outcome> {
  const late = AbortSignal.timeout(timeoutMs)
  const signal = asked.signal === undefined ? late : AbortSignal.any([asked.signal, late])
  try {
    const { response, token } = await send(base, options, asked, signal, rejected)
    const { status, headers } = response
    if (status === 404 && asked.mayBeMissing === true) {
      await response.body?.cancel()
      return { kind: 'answer', answer: { status, headers, body: new Uint8Array(0) } }
    }
    if (status < 200 || status > 299) {
      const body = await readBody(response, problemBytesMax)
      return { kind: 'problem', problem: parseProblem(status, headers, decode(body)), token }
    }
    checkMediaType(response, asked.accept, `${asked.method ?? 'GET'} ${asked.path}`)
    return {
      kind: 'answer',
      answer: { status, headers, body: await readBody(response, asked.answerBytesMax) },
    }
  } catch (cause) {
    asked.signal?.throwIfAborted()
    if (!isSilence(cause)) throw cause
    return { kind: 'silence', cause }
  }
}

async function send(
  base: string,
  options: HttpOptions,
  asked: Streamed & Partial<Ask>,
  signal: AbortSignal | undefined,
  rejected: string | undefined,
): Promise<{ response: Response; token: string | undefined }> {
  const token = await options.token?.(rejected)
  const { method = 'GET', body } = asked
  const response = await options.fetch(`${base}${asked.path}${formatQuery(asked.query)}`, {
    method,
    headers: {
      accept: [...asked.accept, 'application/problem+json'].join(', '),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': body.mediaType }),
      ...asked.headers,
    },
    ...(body !== undefined && { body: body.content }),
    ...(signal !== undefined && { signal }),
    // A redirect could take the token, or a record, to another service.
    redirect: 'error',
    cache: 'no-store',
    credentials: 'omit',
  })
  return { response, token }
}

function formatQuery(query: Ask['query']): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined)
  return given.length === 0
    ? ''
    : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}

/** A token that has expired on the way, or whose key was rotated, is worth one try with another. */
function mayRenew({ problem, token }: { problem: Problem; token: string | undefined }): boolean {
  return token !== undefined && (problem.code === 'token-expired' || problem.code === 'bad-token')
}

/** How long to wait before the next try; undefined: there is none. */
function pauseOf(outcome: Outcome, tries: number): number | undefined {
  const grown = Math.min(pauseMs * 2 ** (tries - 1), pauseMsMax) * (0.5 + Math.random() / 2)
  if (outcome.kind !== 'problem') return grown
  const { status, code, retryAfterMs } = outcome.problem
  if (code === 'outcome-unknown') return Math.max(grown, retryAfterMs ?? 0)
  if ((status !== 503 && status !== 429) || retryAfterMs === undefined || retryAfterMs > pauseMsMax) {
    return undefined
  }
  return Math.max(grown, retryAfterMs)
}

/** `fetch` rejects with TypeError when the network fails, with TimeoutError by our own signal. */
function isSilence(cause: unknown): boolean {
  return cause instanceof TypeError || (cause instanceof DOMException && cause.name === 'TimeoutError')
}

function unreachable(what: string, base: string, cause: unknown): Unreachable {
  const said = cause instanceof DOMException ? 'no answer in time from' : 'nothing answers at'
  return new Unreachable(`${what}: ${said} ${base}`, { cause })
}

function checkMediaType({ status, headers }: Response, accept: readonly string[], what: string): void {
  const media = mediaTypeOf(headers)
  if (accept.includes(media)) return
  throw new UnexpectedAnswer(
    status,
    `${what} was answered with "${media.slice(0, 80)}", not ${accept.join(' or ')}`,
  )
}

function decode(body: Bytes): string {
  return new TextDecoder().decode(body)
}

function sleepMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
