/*
 * Who may talk to the desk: the one page that was opened by the address on the person's own screen.
 *
 * The desk listens on loopback, where every web page that the person visits, and every user of the computer,
 * can send requests. So each request must name the desk's own host (a name that was bound to 127.0.0.1 for
 * DNS rebinding is another host), must not come from another page (Origin, Sec-Fetch-Site), and, for all but
 * the public build, must carry the session that the one-time secret was exchanged for. Cookies do not tell
 * ports apart, so what the desk itself can do asks for a second word, which only the page's own origin holds.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { App } from '@ledgerstone/border/app'
import { Refused } from '@ledgerstone/core/refused'
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'

/** The header in which the page sends its word. */
const pageWordHeader = 'desk-page'

export type Gate = {
  /** To be opened once: `/desk/enter?secret=...` */
  readonly entrance: string
  /** Settled when the secret was used. */
  readonly entered: Promise<void>
  /** Of the whole app. Throws `foreign-page`. */
  checkOrigin(request: FastifyRequest): void
  /** Of all but the public build. Throws `no-session`. */
  readonly checkSession: onRequestHookHandler
  /** Of what the desk itself does, in addition. Throws `no-session`. */
  readonly checkPage: onRequestHookHandler
  /** Exchanges the secret for the session: `GET /desk/enter`. */
  enter(request: FastifyRequest, reply: FastifyReply): FastifyReply
}

/** `origin`: where the desk listens, `http://127.0.0.1:8410`; known once it does. */
export function createGate(origin: () => string): Gate {
  const [secret, session, pageWord] = [createWord(), createWord(), createWord()]
  const { promise: entered, resolve: markEntered } = Promise.withResolvers<void>()
  let isUsed = false
  // Another desk of this computer is another port, and would overwrite the cookie.
  const cookieName = (): string => `ledgerstone_desk_${new URL(origin()).port}`

  return {
    entrance: `/desk/enter?secret=${secret}`,
    entered,
    checkOrigin: (request) => checkOrigin(request, origin()),
    checkSession(request, _reply, next) {
      const sent = cookieOf(request, cookieName())
      next(sent !== undefined && isSame(sent, session) ? undefined : noSession())
    },
    checkPage(request, _reply, next) {
      const sent = request.headers[pageWordHeader]
      next(typeof sent === 'string' && isSame(sent, pageWord) ? undefined : noSession())
    },
    enter(request, reply) {
      const { secret: sent } = request.query as { readonly secret?: unknown }
      if (typeof sent !== 'string' || !isSame(sent, secret)) throw noSession()
      if (isUsed) throw new Refused('no-session', 'this address was used before: start the desk again')
      isUsed = true
      markEntered()
      return reply
        .header('set-cookie', `${cookieName()}=${session}; Path=/; HttpOnly; SameSite=Strict`)
        .header('cache-control', 'no-store')
        .redirect(`/#desk=${pageWord}`, 303)
    },
  }
}

/** Throws `foreign-page`. */
function checkOrigin({ method, headers }: FastifyRequest, own: string): void {
  if (headers.host !== new URL(own).host) {
    throw new Refused('foreign-page', 'the request names another host than the desk')
  }
  const { origin, 'sec-fetch-site': site } = headers
  const isReading = method === 'GET' || method === 'HEAD'
  if (origin === undefined ? !isReading : origin !== own) {
    throw new Refused('foreign-page', 'the request does not come from a page of the desk')
  }
  // A link to the desk, or the way back from the sign-in, shows the page that everybody may have.
  const isVisit = isReading && headers['sec-fetch-mode'] === 'navigate' && isWindow(headers['sec-fetch-dest'])
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isVisit) {
    throw new Refused('foreign-page', 'the request comes from the page of another site')
  }
}

function isWindow(destination: string | readonly string[] | undefined): boolean {
  return destination === 'document'
}

function noSession(): Refused {
  return new Refused('no-session', 'open the desk by the address that it gave when it was started')
}

function cookieOf({ headers }: FastifyRequest, name: string): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

function createWord(): string {
  return randomBytes(32).toString('base64url')
}

/** In a time that does not depend on how much is the same. */
function isSame(sent: string, own: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(sent), digest(own))
}

/** Puts the gate before every route, the ones that do not exist included. */
export function guard(app: App, gate: Gate): void {
  app.addHook('onRequest', (request, reply, next) => {
    gate.checkOrigin(request)
    // Without a session the page learns so at once, and says so. By the route: an address has many spellings.
    const isPrivate = request.routeOptions.url?.startsWith('/explorer/') === true
    if (isPrivate) gate.checkSession.call(app, request, reply, next)
    else next()
  })
}
