import { Refused } from '@ledgerstone/core/refused'
import type { JWTVerifyGetKey } from 'jose'
import * as errors from 'jose/errors'
import { createRemoteJWKSet, customFetch, type RemoteJWKSet } from 'jose/jwks/remote'

/**
 * An OAuth service whose tokens are accepted. The defaults fit RFC 9068; others say how their tokens differ.
 */
export type IssuerOptions = {
  /**
   * Exactly as in the tokens' `iss`. Its discovery document is read from
   * `{issuer}/.well-known/openid-configuration`.
   */
  readonly issuer: string
  /** Where its key set is, when it has no discovery document. */
  readonly jwksUri?: string
  /** The tokens' `typ`; some providers write plain `JWT` into access tokens. */
  readonly typ?: 'at+jwt' | 'JWT'
  /** The claim that names the OAuth client: `client_id`, or `azp`, `appid`. */
  readonly clientClaim?: string
  /** The claim that holds the scopes: `scope`, or `scp`. */
  readonly scopeClaim?: string
  /** How documents are fetched; Node's own `fetch` by default. */
  readonly fetch?: Fetch
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export type TrustedIssuer = {
  readonly issuer: string
  readonly typ: 'at+jwt' | 'JWT'
  readonly clientClaim: string
  readonly scopeClaim: string
  /** The public key for a token's header. Rejects with `issuer-unavailable` when no key set can be had. */
  readonly keyOf: JWTVerifyGetKey
}

/**
 * Throws `bad-config` for an issuer that is not an HTTPS URL (or HTTP on this machine), or is named twice.
 */
export function createIssuers(options: readonly IssuerOptions[]): ReadonlyMap<string, TrustedIssuer> {
  const issuers = new Map<string, TrustedIssuer>()
  for (const option of options) {
    checkUrl(option.issuer)
    if (issuers.has(option.issuer))
      throw new Refused('bad-config', `the issuer ${option.issuer} is named twice`)
    issuers.set(option.issuer, {
      issuer: option.issuer,
      typ: option.typ ?? 'at+jwt',
      clientClaim: option.clientClaim ?? 'client_id',
      scopeClaim: option.scopeClaim ?? 'scope',
      keyOf: createKeySet(option),
    })
  }
  return issuers
}

/** https, or http on this machine: what is fetched in clear text from elsewhere could be anyone's. */
export function isTrustworthyUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || (protocol === 'http:' && loopback.has(hostname))
}

const loopback = new Set(['127.0.0.1', '[::1]', 'localhost'])

const fetchTimeoutMs = 5000
const failureCooldownMs = 1000
/** A key that the issuer has withdrawn is not accepted for longer than this. */
const keysAgeMsMax = 600_000
/** A token with an unknown `kid` makes the key set be read again, but no more often than this. */
const unknownKeyCooldownMs = 5000

/** The key set is found and read on the first token, so that services start in any order. */
function createKeySet(option: IssuerOptions): JWTVerifyGetKey {
  const fetcher = createPatientFetch(option.fetch ?? ((url, init) => fetch(url, init)))
  let finding: Promise<RemoteJWKSet> | undefined

  return async (header, token) => {
    let keySet: RemoteJWKSet | undefined
    try {
      finding ??= findKeySet(option, fetcher)
      keySet = await finding
      return await keySet(header, token)
    } catch (error) {
      if (isAboutToken(error)) throw error
      // Keys that are still fresh stay, so that a forged `kid` during an outage costs nobody else anything.
      if (keySet?.fresh !== true) finding = undefined
      throw new Refused('issuer-unavailable', `the key set of ${option.issuer} cannot be read now`, {
        cause: error,
      })
    }
  }
}

/** After a failure nobody asks for a while: forged tokens must not turn into a flood on the OAuth service. */
function createPatientFetch(fetcher: Fetch): Fetch {
  let failedAt = Number.NEGATIVE_INFINITY
  return async (url, init) => {
    if (performance.now() < failedAt + failureCooldownMs) throw new Error(`${url} failed a moment ago`)
    try {
      const response = await fetcher(url, init)
      if (response.status === 200) return response
      throw new Error(`${url} answered ${response.status}`)
    } catch (error) {
      failedAt = performance.now()
      throw error
    }
  }
}

async function findKeySet(option: IssuerOptions, fetcher: Fetch): Promise<RemoteJWKSet> {
  const jwksUri = option.jwksUri ?? (await discoverKeySet(option.issuer, fetcher))
  return createRemoteJWKSet(checkUrl(jwksUri), {
    cooldownDuration: unknownKeyCooldownMs,
    cacheMaxAge: keysAgeMsMax,
    timeoutDuration: fetchTimeoutMs,
    [customFetch]: fetcher,
  })
}

/**
 * OpenID Connect Discovery 1.0 section 4; the document must be about the issuer it was asked of (section
 * 4.3).
 */
async function discoverKeySet(issuer: string, fetcher: Fetch): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetcher(url, { redirect: 'manual', signal: AbortSignal.timeout(fetchTimeoutMs) })
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown }
  if (document.issuer !== issuer) throw new Error(`${url} is about another issuer`)
  if (typeof document.jwks_uri !== 'string') throw new Error(`${url} names no jwks_uri`)
  return document.jwks_uri
}

function checkUrl(text: string): URL {
  if (isTrustworthyUrl(text)) return new URL(text)
  const shown = text.slice(0, 200)
  throw new Refused('bad-config', `an issuer must be an https URL (http on loopback only): ${shown}`)
}

function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}
