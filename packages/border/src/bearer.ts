import * as crypto from 'node:crypto'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { JWTPayload } from 'jose'
import * as errors from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { tokenAlgorithms } from './challenge.ts'
import { createProofs, type Proofs } from './dpop.ts'
import { createIssuers, type IssuerOptions, type TrustedIssuer } from './issuer.ts'

/** Who calls, as the issuer of the token says. */
export type Caller = {
  /** The OAuth client that got the token. */
  readonly client: string
  /** The person for whom the client acts; absent when the client acts for itself. */
  readonly sub?: string
  readonly iss: string
  readonly scopes: ReadonlySet<string>
  /** Milliseconds since 1970. Streams to this caller end here. */
  readonly expiresAt: number
  /** Thumbprint (RFC 7638) of the key that the token is bound to by DPoP. */
  readonly jkt?: string
  /** One string per issuer, client and person: what fairness and limits are counted by. */
  readonly key: string
}

/** What of a request the acceptance looks at. `url` is path and query as on the request line. */
export type Presented = {
  readonly method: string
  readonly url: string
  readonly headers: {
    readonly authorization?: string | undefined
    readonly dpop?: string | string[] | undefined
  }
}

export type BearerOptions = {
  /** This service's audience, e.g. `urn:ledgerstone:ledger`: the token's `aud` must contain it. */
  readonly audience: string
  readonly issuers: readonly IssuerOptions[]
  /**
   * Under what base URLs callers reach this service (`https://ledger.example.com`): DPoP proofs name one of
   * them.
   */
  readonly publicUrls: readonly string[]
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** How many accepted tokens are remembered until they expire. */
  readonly tokensMax?: number
  /** 32 secret bytes, the same in all replicas: when given, DPoP proofs must carry a nonce made from it. */
  readonly nonceKey?: Uint8Array
}

export type Bearer = {
  /**
   * The caller behind a request's access token (RFC 9068, RFC 6750, RFC 9449). Answers at once for a token
   * that was seen before, else asks the issuer's key set. Throws or rejects with `no-token`, `bad-token`,
   * `token-expired`, `wrong-audience`, `bad-proof-of-possession`, `issuer-unavailable`.
   */
  accept(request: Presented): Caller | Promise<Caller>
  /** The nonce that DPoP proofs must carry now, or undefined when none is asked for: answers carry it. */
  nonce(): string | undefined
}

export function createBearer(options: BearerOptions): Bearer {
  const now = options.now ?? Date.now
  const issuers = createIssuers(options.issuers)
  const proofs = createProofs({ publicUrls: options.publicUrls, now, nonceKey: options.nonceKey })
  const accepted = createMemory<Caller>(options.tokensMax ?? 10_000)

  function accept(request: Presented): Caller | Promise<Caller> {
    const { scheme, token } = readAuthorization(request.headers.authorization)
    // Not the token itself: a heap dump should not hold ten thousand usable tokens.
    const digest = crypto.hash('sha256', token, 'base64url')
    const known = accepted.get(digest)
    if (known !== undefined && known.expiresAt > now()) {
      return prove(known, scheme, digest, request, proofs)
    }
    return verify(token, issuers, options.audience, now()).then((caller) => {
      accepted.set(digest, caller)
      return prove(caller, scheme, digest, request, proofs)
    })
  }

  return { accept, nonce: proofs.nonce }
}

type Scheme = 'Bearer' | 'DPoP'

/** One scheme, one token of RFC 6750's alphabet; a token in the query or the body is never looked at. */
function readAuthorization(header: string | undefined): { scheme: Scheme; token: string } {
  if (header === undefined) throw new Refused('no-token', 'this needs an access token')
  if (header.length > tokenCharsMax) throw new Refused('bad-token', 'the access token is too long')
  const match = /^(bearer|dpop) +([A-Za-z0-9._~+/-]+=*)$/i.exec(header)
  if (match === null) throw new Refused('bad-token', 'the Authorization header is neither Bearer nor DPoP')
  return { scheme: match[1]?.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token: match[2] as string }
}

const tokenCharsMax = 8192

/**
 * A token that is bound to a key is worth nothing without a proof by that key: a stolen one opens nothing.
 */
function prove(
  caller: Caller,
  scheme: Scheme,
  tokenDigest: string,
  request: Presented,
  proofs: Proofs,
): Caller {
  if (caller.jkt === undefined) {
    if (scheme === 'DPoP')
      throw new Refused('bad-token', 'the access token is not bound to a key: send it as Bearer')
    return caller
  }
  if (scheme === 'Bearer') {
    throw new Refused(
      'bad-proof-of-possession',
      'the access token is bound to a key: send it as DPoP, with a proof',
    )
  }
  proofs.check(request, { ath: tokenDigest, jkt: caller.jkt })
  return caller
}

/** Everything in the token is the attacker's until `jwtVerify` has returned. */
async function verify(
  token: string,
  issuers: ReadonlyMap<string, TrustedIssuer>,
  audience: string,
  nowMs: number,
): Promise<Caller> {
  const issuer = issuers.get(claimedIssuer(token))
  if (issuer === undefined)
    throw new Refused('bad-token', 'the access token is from an issuer that is not configured')
  try {
    const { payload } = await jwtVerify(token, issuer.keyOf, {
      issuer: issuer.issuer,
      audience,
      typ: issuer.typ,
      algorithms: [...tokenAlgorithms],
      requiredClaims: ['exp', 'iat', 'sub'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(nowMs),
    })
    return callerOf(payload, issuer, nowMs)
  } catch (error) {
    throw refusedByJose(error, audience)
  }
}

const clockToleranceSeconds = 5

/** Only to pick whose keys to try; the verified token must then name the same issuer. */
function claimedIssuer(token: string): string {
  try {
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof payload?.iss === 'string' ? payload.iss : ''
  } catch {
    throw new Refused('bad-token', 'the access token is not a JWT')
  }
}

function callerOf(payload: JWTPayload, issuer: TrustedIssuer, nowMs: number): Caller {
  const { exp, iat, sub, cnf } = payload
  if (typeof exp !== 'number' || typeof iat !== 'number') {
    throw new Refused('bad-token', "the access token's exp and iat are not numbers")
  }
  if (exp - iat > limits.tokenLifetimeSecondsMax) {
    throw new Refused('bad-token', `the access token lives longer than ${limits.tokenLifetimeSecondsMax} s`)
  }
  if (iat * 1000 > nowMs + clockToleranceSeconds * 1000) {
    throw new Refused('bad-token', 'the access token is from the future')
  }
  const client = payload[issuer.clientClaim]
  if (typeof client !== 'string' || client === '') {
    throw new Refused('bad-token', `the access token has no ${issuer.clientClaim}`)
  }
  const person = sub === client ? undefined : sub
  return {
    client,
    ...(person === undefined ? {} : { sub: person }),
    iss: issuer.issuer,
    scopes: scopesOf(payload[issuer.scopeClaim]),
    expiresAt: exp * 1000,
    ...boundTo(cnf),
    key: JSON.stringify([issuer.issuer, client, person ?? '']),
  }
}

/** RFC 8693 section 4.2: one string with blanks. Some providers write a list. */
function scopesOf(claim: unknown): ReadonlySet<string> {
  if (typeof claim === 'string') return new Set(claim.split(' ').filter((scope) => scope !== ''))
  if (Array.isArray(claim)) return new Set(claim.filter((scope) => typeof scope === 'string'))
  return new Set()
}

/** A confirmation that this program cannot check (mutual TLS, say) must not be taken for none. */
function boundTo(cnf: unknown): { jkt?: string } {
  if (cnf === undefined) return {}
  const jkt = typeof cnf === 'object' && cnf !== null ? (cnf as { jkt?: unknown }).jkt : undefined
  if (typeof jkt !== 'string' || jkt === '') {
    throw new Refused('bad-token', 'the access token is bound in a way that is not known here')
  }
  return { jkt }
}

function refusedByJose(error: unknown, audience: string): unknown {
  if (error instanceof errors.JWTExpired) return new Refused('token-expired', 'the access token has expired')
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return new Refused('wrong-audience', `the access token is not for ${audience}`)
    return new Refused('bad-token', `the access token's ${error.claim} is not accepted`)
  }
  if (error instanceof errors.JOSEError) {
    return new Refused('bad-token', 'the access token is not accepted', { cause: error })
  }
  return error
}

type Memory<T> = { get(key: string): T | undefined; set(key: string, value: T): void }

/**
 * Least recently used goes first. A Map keeps the order of insertion, so that a hit is put back at the end.
 */
function createMemory<T>(entriesMax: number): Memory<T> {
  const entries = new Map<string, T>()
  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set(key, value) {
      entries.set(key, value)
      if (entries.size <= entriesMax) return
      const [oldest] = entries.keys()
      if (oldest !== undefined) entries.delete(oldest)
    },
  }
}
