// Sign-in by authorization code with PKCE (RFC 6749, RFC 7636, OpenID Connect Core), as a public client.
// Tokens are in memory only. What must outlive the way to the OAuth service and back (state, nonce, verifier)
// is in sessionStorage for that way alone: it is worth nothing without the code that comes back.
import * as oauth from 'oauth4webapi'
import type { Configuration } from '../configuration.ts'

export type Tokens = {
  readonly access: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly refresh: string | undefined
  readonly idToken: string | undefined
  readonly scopes: ReadonlySet<string>
  readonly person: { readonly id: string; readonly name: string }
}

/**
 * `path`: where the person was before. `tokens` are absent when nobody is signed in, or the person said no.
 */
export type Arrival = { readonly tokens?: Tokens; readonly path: string; readonly problem?: string }

type Journey = {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly path: string
  /** Asked without a page in between: that nobody is signed in is then an answer, not a failure. */
  readonly isSilent: boolean
}

/** A person who may have less gets less; where a provider refuses instead, the configuration names them. */
const usual = ['profile', 'read:*', 'read:keys', 'manage:keys', 'manage:exchanges']
const journeyKey = 'ledgerstone.sign-in'

/** The OAuth service as a public client sees it. */
export class Authorization {
  readonly #configuration: Configuration
  #server: oauth.AuthorizationServer | undefined

  constructor(configuration: Configuration) {
    this.#configuration = configuration
  }

  /** Leaves the page for the OAuth service's. Rejects when that cannot be reached. */
  async depart(path: string, options: { readonly isSilent?: boolean } = {}): Promise<void> {
    const { isSilent = false } = options
    const server = await this.#discover()
    const verifier = oauth.generateRandomCodeVerifier()
    const journey: Journey = {
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      ...{ verifier, path, isSilent },
    }
    const url = new URL(server.authorization_endpoint ?? '')
    const parameters = {
      client_id: this.#configuration.clientId,
      response_type: 'code',
      redirect_uri: redirectUri(),
      scope: scopeOf(this.#configuration),
      state: journey.state,
      nonce: journey.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(isSilent && { prompt: 'none' }),
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    sessionStorage.setItem(journeyKey, JSON.stringify(journey))
    location.replace(url)
  }

  /**
   * Reads what the OAuth service sent along with the person; undefined for a page that was opened otherwise.
   */
  async arrive(url: URL): Promise<Arrival | undefined> {
    const { searchParams } = url
    if (!searchParams.has('state') || !(searchParams.has('code') || searchParams.has('error')))
      return undefined
    const journey = takeJourney()
    if (journey === undefined || journey.state !== searchParams.get('state')) {
      return { path: '/', problem: 'This sign-in was begun elsewhere, or is over. Please sign in again.' }
    }
    const { path, isSilent } = journey
    try {
      return { path, tokens: await this.#exchange(url, journey) }
    } catch (error) {
      if (!(error instanceof oauth.AuthorizationResponseError)) throw error
      return isSilent ? { path } : { path, problem: describe(error) }
    }
  }

  /** Fresh tokens. Undefined when there is none to be had without the person. */
  async renew(tokens: Tokens): Promise<Tokens | undefined> {
    if (tokens.refresh === undefined) return undefined
    const server = await this.#discover()
    const answer = await oauth.refreshTokenGrantRequest(
      ...this.#asClient(server),
      tokens.refresh,
      this.#transport(),
    )
    try {
      const result = await oauth.processRefreshTokenResponse(server, this.#client(), answer)
      return { ...tokens, ...tokensOf(result), idToken: result.id_token ?? tokens.idToken }
    } catch (error) {
      if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') return undefined
      throw error
    }
  }

  /** Leaves the page to end the session there, too (OpenID Connect RP-Initiated Logout). */
  async signOut({ idToken }: Tokens): Promise<void> {
    const server = await this.#discover()
    if (server.end_session_endpoint === undefined) return location.replace(redirectUri())
    const url = new URL(server.end_session_endpoint)
    if (idToken !== undefined) url.searchParams.set('id_token_hint', idToken)
    url.searchParams.set('client_id', this.#configuration.clientId)
    url.searchParams.set('post_logout_redirect_uri', redirectUri())
    location.replace(url)
  }

  async #exchange(url: URL, { state, nonce, verifier }: Journey): Promise<Tokens> {
    const server = await this.#discover()
    const parameters = oauth.validateAuthResponse(server, this.#client(), url, state)
    const answer = await oauth.authorizationCodeGrantRequest(
      ...this.#asClient(server),
      parameters,
      redirectUri(),
      verifier,
      this.#transport(),
    )
    const result = await oauth.processAuthorizationCodeResponse(server, this.#client(), answer, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    const claims = oauth.getValidatedIdTokenClaims(result)
    const id = claims?.sub ?? ''
    const name = typeof claims?.['name'] === 'string' ? claims['name'] : id
    return { ...tokensOf(result), idToken: result.id_token, person: { id, name } }
  }

  async #discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.#configuration.issuer)
    this.#server ??= await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...this.#transport() }),
    )
    return this.#server
  }

  #client(): oauth.Client {
    return { client_id: this.#configuration.clientId }
  }

  #asClient(server: oauth.AuthorizationServer): [oauth.AuthorizationServer, oauth.Client, oauth.ClientAuth] {
    return [server, this.#client(), oauth.None()]
  }

  /** Tokens cross no network in clear: http is for this computer alone. */
  #transport(): { [oauth.allowInsecureRequests]: boolean } {
    const { protocol, hostname } = new URL(this.#configuration.issuer)
    const isLocal = protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
    return { [oauth.allowInsecureRequests]: isLocal }
  }
}

function tokensOf(result: oauth.TokenEndpointResponse): Omit<Tokens, 'idToken' | 'person'> {
  return {
    access: result.access_token,
    expiresAt: Date.now() + (result.expires_in ?? 60) * 1000,
    refresh: result.refresh_token,
    scopes: new Set((result.scope ?? '').split(' ').filter((scope) => scope !== '')),
  }
}

/** The ID token says who the person is, so `openid` is always asked for. */
export function scopeOf({ scopes = usual }: Pick<Configuration, 'scopes'>): string {
  return [...new Set(['openid', ...scopes])].join(' ')
}

function redirectUri(): string {
  return `${location.origin}/`
}

function takeJourney(): Journey | undefined {
  const text = sessionStorage.getItem(journeyKey)
  sessionStorage.removeItem(journeyKey)
  return text === null ? undefined : (JSON.parse(text) as Journey)
}

function describe({ error, error_description: description }: oauth.AuthorizationResponseError): string {
  if (error === 'access_denied') return 'The sign-in was cancelled.'
  return `The sign-in service refused: ${description ?? error}.`
}
