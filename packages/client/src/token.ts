// Access tokens for the services: fetched when needed, kept until shortly before they expire, one request at
// a time.
import { formatBase64, textOf, utf8 } from '@ledgerstone/core/bytes'
import { integerMember, isObject, textMember } from '@ledgerstone/core/canonical'
import { Refused } from '@ledgerstone/core/refused'
import { checkServiceUrl, type Fetch, readBody, type TokenSource } from './http.ts'
import { UnexpectedAnswer, Unreachable } from './problem.ts'

export type ClientCredentials = {
  readonly clientId: string
  readonly clientSecret: string
  /** Blank-separated, such as `append:payments read:payments`. */
  readonly scope: string
  /** The audience that the token is for (RFC 8707), where the client may have several. */
  readonly resource?: string
  readonly fetch: Fetch
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly timeoutMs?: number
} & ({ readonly issuer: string } | { readonly tokenEndpoint: string })

type Token = { readonly text: string; readonly renewAt: number; readonly expiresAt: number }

const answerBytesMax = 65_536
/** Renewed this long before it expires, or after half of a shorter life. */
const renewalMs = 30_000

/**
 * Tokens by the client credentials grant (RFC 6749 section 4.4) with the secret in the Authorization header
 * (section 2.3.1). The source rejects with `bad-config` when the OAuth service refuses the client,
 * `issuer-unavailable` when it cannot be reached.
 */
export function clientCredentials(options: ClientCredentials): TokenSource {
  const { now } = options
  let endpoint: string | undefined
  let held: Token | undefined
  let flight: Promise<Token> | undefined

  async function fetchToken(): Promise<Token> {
    endpoint ??= await endpointOf(options)
    return requestToken(endpoint, options)
  }

  function renew(): Promise<Token> {
    flight ??= fetchToken().finally(() => {
      flight = undefined
    })
    return flight
  }

  return async (rejected) => {
    if (held?.text === rejected) held = undefined
    if (held !== undefined && now() < held.renewAt) return held.text
    try {
      held = await renew()
    } catch (error) {
      // The OAuth service may be away for a moment; the token in hand is good until it expires.
      if (held === undefined || now() >= held.expiresAt) throw error
    }
    return held.text
  }
}

/** A token that was obtained elsewhere, for as long as it lasts. */
export function staticToken(token: string): TokenSource {
  return async () => token
}

/** OpenID Connect Discovery 1.0 section 4; the document must be about the issuer it was asked of. */
async function endpointOf(options: ClientCredentials): Promise<string> {
  if ('tokenEndpoint' in options) return checkServiceUrl(options.tokenEndpoint)
  const { issuer } = options
  const url = `${checkServiceUrl(issuer).replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await fetchJson(url, {}, options)
  if (document['issuer'] !== issuer) throw new Refused('bad-config', `${url} is about another issuer`)
  return checkServiceUrl(textMember(document['token_endpoint'], 'token_endpoint'))
}

async function requestToken(endpoint: string, options: ClientCredentials): Promise<Token> {
  const { clientId, clientSecret, scope, resource, now } = options
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope })
  if (resource !== undefined) form.set('resource', resource)
  const askedAt = now()
  const answer = await fetchJson(
    endpoint,
    {
      method: 'POST',
      headers: {
        authorization: `Basic ${formatBase64(utf8(`${formEncode(clientId)}:${formEncode(clientSecret)}`))}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: form.toString(),
    },
    options,
  )
  if (textMember(answer['token_type'], 'token_type').toLowerCase() !== 'bearer') {
    throw new Refused('bad-config', `${endpoint} gives tokens of another type than Bearer`)
  }
  const lifeMs = integerMember(answer['expires_in'], 'expires_in') * 1000
  return {
    text: textMember(answer['access_token'], 'access_token'),
    renewAt: askedAt + lifeMs - Math.min(renewalMs, lifeMs / 2),
    expiresAt: askedAt + lifeMs,
  }
}

async function fetchJson(
  url: string,
  init: RequestInit,
  { fetch, timeoutMs = 10_000 }: ClientCredentials,
): Promise<Readonly<Record<string, unknown>>> {
  let response: Response
  let text: string
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    response = await fetch(url, { ...init, redirect: 'error', cache: 'no-store', signal })
    text = textOf(await readBody(response, answerBytesMax), 'the answer')
  } catch (cause) {
    if (cause instanceof Refused) throw cause
    throw new Refused('issuer-unavailable', `${url} cannot be reached`, {
      cause: new Unreachable(String((cause as Error).message), { cause }),
    })
  }
  const value = parseObject(text)
  if (response.status === 200 && value !== undefined) return value
  const error = value?.['error']
  if (typeof error === 'string') throw new Refused('bad-config', `${url} refuses: ${describe(error, value)}`)
  const cause = new UnexpectedAnswer(response.status, `${url} answered ${response.status}`)
  throw new Refused('issuer-unavailable', cause.message, { cause })
}

/**
 * RFC 6749 section 5.2: `error` and `error_description` hold printable ASCII only; whatever else is there
 * goes.
 */
function describe(error: string, value: Readonly<Record<string, unknown>> | undefined): string {
  const description = value?.['error_description']
  const text = typeof description === 'string' ? `${error} (${description})` : error
  return text.slice(0, 300).replaceAll(/[^\x20-\x7e]/g, '?')
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** application/x-www-form-urlencoded, as RFC 6749 section 2.3.1 asks for in the Basic scheme. */
function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
