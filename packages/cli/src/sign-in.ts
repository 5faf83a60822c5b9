/*
 * A person's token on the command line, as programs on a computer get one (RFC 8252): authorization code with
 * PKCE (RFC 7636), signed in in the browser, sent back to a port of this computer's loopback address that is
 * open for that alone.
 *
 *     http://127.0.0.1:<any port>/?code=...&state=...&iss=...
 *
 * Whoever else on this computer asks that port learns nothing and changes nothing: `state` is known to the
 * browser and here, and the code is worth nothing without the verifier, which never leaves this process. So
 * the address must not become an argument of a program, which everybody may read: whoever had `state` and the
 * challenge could sign in himself, and have his token taken for the person's.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isTrustworthyUrl } from '@ledgerstone/border/issuer'
import { Refused } from '@ledgerstone/core/refused'
import * as oauth from 'oauth4webapi'

export type SignInOptions = {
  readonly issuer: string
  /** A public client with `http://127.0.0.1/` among its redirect URIs, on any port. */
  readonly clientId: string
  /** Blank-separated. */
  readonly scope: string
  /** The audience, when it is to be one. */
  readonly resource?: string
  /** Told where to sign in: a page by https, or of this computer. */
  readonly show: (url: string) => void
  readonly timeoutMs: number
}

export type SignedIn = { readonly token: string; readonly scope: string; readonly expiresInSeconds: number }

/**
 * Throws `no-token` when the person says no or takes too long, `issuer-unavailable`, and `bad-token` when the
 * OAuth service answers what is not an answer to this sign-in.
 */
export async function signIn(options: SignInOptions): Promise<SignedIn> {
  const { issuer, clientId: client_id, scope, resource, show } = options
  const asked = resource === undefined ? {} : { resource }
  const transport = transportOf(issuer)
  const server = await discover(issuer, transport)
  const url = pageOf(server)
  await using waiting = await waitForAnswer(options.timeoutMs)
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const parameters = {
    ...{ client_id, response_type: 'code', redirect_uri: waiting.url, scope, state, ...asked },
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  show(url.href)
  const client = { client_id }
  const judge = (arrived: URL): URLSearchParams => oauth.validateAuthResponse(server, client, arrived, state)
  const code = await waiting.answer(judge)
  try {
    const answer = await oauth.authorizationCodeGrantRequest(
      ...([server, client, oauth.None(), code, waiting.url, verifier] as const),
      { ...transport, additionalParameters: asked },
    )
    const result = await oauth.processAuthorizationCodeResponse(server, client, answer)
    const granted = result.scope ?? scope
    return { token: result.access_token, scope: granted, expiresInSeconds: result.expires_in ?? 60 }
  } catch (cause) {
    throw new Refused('bad-token', `${issuer} gave no token: ${messageOf(cause)}`, { cause })
  }
}

type Transport = { readonly [oauth.allowInsecureRequests]: boolean }

/** Codes and tokens cross no network in clear: http is for this computer alone. */
function transportOf(issuer: string): Transport {
  if (!isTrustworthyUrl(issuer)) throw new Refused('bad-config', `${issuer} is not an https URL`)
  return { [oauth.allowInsecureRequests]: new URL(issuer).protocol === 'http:' }
}

/** The browser of this computer is led there: to a page, and to nothing else that an address could start. */
function pageOf({ issuer, authorization_endpoint: page = '' }: oauth.AuthorizationServer): URL {
  if (!isTrustworthyUrl(page)) throw new Refused('bad-config', `${issuer} names no https page to sign in at`)
  return new URL(page)
}

async function discover(issuer: string, transport: Transport): Promise<oauth.AuthorizationServer> {
  try {
    const answer = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oidc', ...transport })
    return await oauth.processDiscoveryResponse(new URL(issuer), answer)
  } catch (cause) {
    throw new Refused('issuer-unavailable', `${issuer} cannot be asked where to sign in`, { cause })
  }
}

type Judge = (arrived: URL) => URLSearchParams

type Waiting = AsyncDisposable & {
  /** Where the browser is sent back to. */
  readonly url: string
  /** The first answer that belongs to this sign-in; others are turned away and change nothing. */
  answer(judge: Judge): Promise<URLSearchParams>
}

async function waitForAnswer(timeoutMs: number): Promise<Waiting> {
  const { promise, resolve, reject } = Promise.withResolvers<URLSearchParams>()
  promise.catch(() => undefined)
  let judge: Judge | undefined
  const server = createServer((request, response) => {
    const arrived = new URL(request.url ?? '/', url)
    const isAnswer = arrived.searchParams.has('code') || arrived.searchParams.has('error')
    if (request.headers.host !== new URL(url).host || arrived.pathname !== '/' || !isAnswer) {
      return answerWith(response, 404, 'There is nothing here.')
    }
    try {
      if (judge === undefined) throw new Error('nobody has begun to sign in')
      const parameters = judge(arrived)
      answerWith(response, 200, 'You are signed in at the command line. This page can be closed.')
      resolve(parameters)
    } catch (error) {
      if (!(error instanceof oauth.AuthorizationResponseError)) {
        return answerWith(response, 400, 'This does not belong to the sign-in that the command line began.')
      }
      answerWith(response, 200, 'The sign-in has ended without a token. This page can be closed.')
      const why = error.error === 'access_denied' ? 'was cancelled' : `was refused: ${error.error}`
      reject(new Refused('no-token', `the sign-in ${why}`))
    }
  })
  server.listen(0, '127.0.0.1')
  await new Promise<void>((listening, failed) => server.once('listening', listening).once('error', failed))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const late = new Refused('no-token', 'nobody has signed in in time')
  const timer = setTimeout(() => reject(late), timeoutMs)
  return {
    url,
    answer(given) {
      judge = given
      return promise
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      const closed = new Promise((resolve) => server.close(resolve))
      // Anybody on this computer may have begun a request that he never ends.
      server.closeAllConnections()
      await closed
    },
  }
}

/** The code in the address is used up or worthless by now; it is sent nowhere all the same. */
function answerWith(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  })
  response.end(`<!doctype html><html lang="en"><title>Ledgerstone</title><p>${text}</p></html>\n`)
}

function messageOf(error: unknown): string {
  if (error instanceof oauth.ResponseBodyError) return error.error_description ?? error.error
  return error instanceof Error ? error.message : String(error)
}
