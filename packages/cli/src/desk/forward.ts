// What the page asks of the services, passed on to them, so that the page talks to its own origin only.
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { App } from '@ledgerstone/border/app'
import { Refused } from '@ledgerstone/core/refused'
import type { FastifyReply, FastifyRequest } from 'fastify'

export type Upstream = {
  /** Where the ledger is. */
  readonly ledger: string
  /** Where the sealer is. */
  readonly sealer: string
  readonly fetch: typeof fetch
  /** Aborted when the desk stops: event streams end. */
  readonly stopping: AbortSignal
}

/** The desk's cookie, its word and its origin are nobody else's business; compression is off on loopback. */
const requestHeaders = ['accept', 'authorization', 'content-type', 'last-event-id', 'traceparent', 'range']
const answerHeaders = [
  'accept-ranges',
  'cache-control',
  'content-range',
  'content-type',
  'etag',
  'last-modified',
  'request-id',
  'retry-after',
  'www-authenticate',
]

/** `/v1`, `/log` and `/api`, whatever the method; bodies as they are. */
export function addForwarding(app: App, upstream: Upstream): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  for (const prefix of ['v1', 'log', 'api']) {
    app.all(`/${prefix}/*`, (request, reply) => forward(request, reply, upstream))
  }
}

async function forward(request: FastifyRequest, reply: FastifyReply, upstream: Upstream): Promise<unknown> {
  const { url, method, body } = request
  checkPath(url)
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const answer = await send(`${baseOf(url, upstream).replace(/\/+$/, '')}${url}`, upstream, {
    method,
    headers: picked(requestHeaders, (name) => header(request, name)),
    ...(Buffer.isBuffer(body) && { body: new Uint8Array(body) }),
    signal: AbortSignal.any([gone.signal, upstream.stopping]),
  })
  if (answer === undefined) {
    const detail = `nothing answers at ${new URL(upstream.ledger).host}`
    return reply.code(503).header('retry-after', 1).type('text/plain').send(detail)
  }
  reply.code(answer.status).headers(picked(answerHeaders, (name) => answer.headers.get(name) ?? undefined))
  return reply.send(answer.body === null ? '' : Readable.fromWeb(answer.body as ReadableStream))
}

/** Undefined when nothing answers. */
async function send(
  url: string,
  { fetch }: Upstream,
  init: Omit<RequestInit, 'headers'> & { readonly headers: Record<string, string> },
): Promise<Response | undefined> {
  try {
    const headers = { ...init.headers, 'accept-encoding': 'identity' }
    // A redirect could take the token to another service: it is shown to the page, which follows none.
    return await fetch(url, { ...init, headers, redirect: 'manual' })
  } catch (error) {
    if (error instanceof TypeError || init.signal?.aborted === true) return undefined
    throw error
  }
}

/**
 * `.` and `..` would lead elsewhere on the server, however they are spelled; so would a whole URL, or a
 * prefix in another spelling, which the router takes for the same. Throws `unknown-route`.
 */
function checkPath(url: string): void {
  const path = url.split('?')[0] ?? ''
  if (!/^\/(?:v1|log|api)\//.test(path)) {
    throw new Refused('unknown-route', 'the path is not spelled as a service spells it')
  }
  const segments = path.replaceAll(/%2f|%5c|\\/gi, '/').split('/')
  if (segments.some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) {
    throw new Refused('unknown-route', 'the path does not stay where it begins')
  }
}

function baseOf(url: string, { ledger, sealer }: Upstream): string {
  return /^\/v1\/(?:seal|exchanges)(?:[/?]|$)/.test(url) ? sealer : ledger
}

function picked(
  names: readonly string[],
  read: (name: string) => string | undefined,
): Record<string, string> {
  const pairs = names.map((name) => [name, read(name)] as const)
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

function header({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}
