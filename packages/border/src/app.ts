import { randomBytes } from 'node:crypto'
import type { ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import rateLimit from '@fastify/rate-limit'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify'
import { parseJson } from './json.ts'
import type { Logger } from './logger.ts'
import { problemOf, sendProblem } from './problem.ts'
import { lazyChild } from './request-logger.ts'
import { createValidatorCompiler } from './schema.ts'

/** A Fastify app whose route schemas are TypeBox schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export type AppLimits = {
  /** Of one request's body; a route may set its own `bodyLimit`. */
  readonly bodyBytesMax: number
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly headersBytesMax: number
  readonly keepAliveTimeoutMs: number
  /** Per client address (for IPv6: per /64), over `rateWindowMs`, counted before the body is read. */
  readonly requestsMax: number
  readonly rateWindowMs: number
  /** How long running requests may take once the app is closing. */
  readonly closeTimeoutMs: number
}

/** The rate stops a flood, not a busy backend: two cores answer less than that. */
const defaultAppLimits: AppLimits = {
  bodyBytesMax: limits.requestBytesMax,
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  headersBytesMax: 16_384,
  keepAliveTimeoutMs: 72_000,
  requestsMax: 50_000,
  rateWindowMs: 1000,
  closeTimeoutMs: 10_000,
}

const idleCheckMs = 20

export type AppOptions = {
  readonly logger: Logger
  readonly limits?: Partial<AppLimits>
  /** Addresses of proxies in front whose `X-Forwarded-For` is believed; none by default. */
  readonly trustedProxies?: readonly string[]
}

/**
 * The HTTP border that all services share: limits on everything, strict JSON, problem documents, request ids.
 * Rate limits and whatever services add by `onRequest` (the token) come before the body is read.
 */
export async function createApp(options: AppOptions): Promise<App> {
  const bounds: AppLimits = { ...defaultAppLimits, ...options.limits }
  const validators = createValidatorCompiler()
  const http: ServerOptions = {
    headersTimeout: bounds.headersTimeoutMs,
    requestTimeout: bounds.requestTimeoutMs,
    maxHeaderSize: bounds.headersBytesMax,
  }
  const app = fastify({
    loggerInstance: options.logger as FastifyBaseLogger,
    logController: quiet,
    bodyLimit: bounds.bodyBytesMax,
    requestTimeout: bounds.requestTimeoutMs,
    keepAliveTimeout: bounds.keepAliveTimeoutMs,
    http,
    trustProxy: options.trustedProxies === undefined ? false : [...options.trustedProxies],
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestIdHeader: false,
    genReqId: createIds(),
    routerOptions: { maxParamLength: 200 },
    // Named here, Fastify's own two are not loaded; its types know of those only. An answer is written as it
    // is: what an API's description says of it drops nothing.
    schemaController: {
      compilersFactory: {
        buildValidator: (() => validators) as never,
        buildSerializer: () => () => JSON.stringify,
      },
    },
    frameworkErrors: sendProblem,
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.setChildLoggerFactory((logger, bindings, options) =>
    lazyChild(logger, () => logger.child(bindings, options)),
  )
  app.setErrorHandler(sendProblem)
  app.setNotFoundHandler(refuseRoute)
  takeStrictJson(app)
  await limitRate(app, bounds)
  refuseWhileClosing(app, bounds.closeTimeoutMs)
  app.addHook('onRequest', refuseEncoded)
  app.addHook('onRequest', (request, reply, next) => {
    reply.header('request-id', request.id)
    next()
  })
  app.addHook('onResponse', (request, reply, next) => {
    const ms = Math.round(reply.elapsedTime)
    request.log.debug({ req: request, res: reply, ms }, 'answered')
    next()
  })
  return app
}

/**
 * Fastify's two lines a request would cost more than the request; `onResponse` above writes one, when asked
 * for.
 */
const quiet = new LogController({ disableRequestLogging: true })

/** Only `application/json` is taken unless a service adds a parser of its own. */
function takeStrictJson(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    done(null, parseJson(body))
  })
}

/**
 * As a hook of the whole app, and before any other, so that unknown routes and forged tokens are counted too.
 */
async function limitRate(app: App, bounds: AppLimits): Promise<void> {
  await app.register(rateLimit, {
    global: false,
    max: bounds.requestsMax,
    timeWindow: bounds.rateWindowMs,
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    errorResponseBuilder: (_request, { max, after }) =>
      new Refused('rate-limited', `more than ${max} requests; ask again in ${after}`),
  })
  app.addHook('onRequest', app.rateLimit())
}

/**
 * Running requests end, new ones are refused; what still runs after `closeTimeoutMs` is cut off. Connections
 * that were busy when the closing began are closed once they are idle, and need not time out.
 */
function refuseWhileClosing(app: App, closeTimeoutMs: number): void {
  let closing = false
  let idling: NodeJS.Timeout | undefined
  app.addHook('onRequest', (_request, reply, next) => {
    if (!closing) return next()
    reply.header('connection', 'close')
    next(new Refused('stopping', 'the service is stopping'))
  })
  app.addHook('preClose', (done) => {
    closing = true
    idling = setInterval(() => app.server.closeIdleConnections(), idleCheckMs).unref()
    setTimeout(() => app.server.closeAllConnections(), closeTimeoutMs).unref()
    done()
  })
  app.addHook('onClose', (_app, done) => {
    clearInterval(idling)
    done()
  })
}

/** Nothing is decompressed here; taken as it is, an encoded body would be taken for another one. */
function refuseEncoded(request: FastifyRequest, _reply: unknown, next: (error?: Error) => void): void {
  const encoding = request.headers['content-encoding']
  const isPlain = encoding === undefined || encoding.toLowerCase() === 'identity'
  const words = 'a body is sent as it is, without a content-encoding'
  next(isPlain ? undefined : new Refused('wrong-media-type', words))
}

function refuseRoute(request: { method: string; url: string }): never {
  const path = request.url.split('?')[0]?.slice(0, 200)
  throw new Refused('unknown-route', `there is no ${request.method} ${path}`)
}

/** Ids are unguessable per process and cheap per request; a caller's own id would be a way into the log. */
function createIds(): () => string {
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  return () => `${prefix}-${(count++).toString(36)}`
}

type Broken = { readonly status: string; readonly code: 'malformed' | 'too-large'; readonly what: string }

const notHttp: Broken = { status: '400 Bad Request', code: 'malformed', what: 'this is not HTTP' }

/** By Node's code of the error. */
const broken: Readonly<Record<string, Broken>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    code: 'malformed',
    what: 'the request took too long',
  },
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    code: 'too-large',
    what: 'the header is too large',
  },
  HPE_INVALID_EOF_STATE: { ...notHttp, what: 'the request ends before it is whole' },
}

/** Bytes on the socket that are not HTTP, or never end: there is no request yet to answer through Fastify. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return
  const { status, code, what } = broken[error.code ?? ''] ?? notHttp
  const problem = problemOf(new Refused(code, what))
  const body = JSON.stringify({ ...problem, status: Number(status.slice(0, 3)) })
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/problem+json\r\nconnection: close\r\n`
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}
