import { errorOf, parseProblem } from '@ledgerstone/client/problem'

/**
 * What the service that serves this build says of itself at `/explorer/configuration.json`. It comes from the
 * server, so nothing in it makes a verdict stronger, except `trust`, which only the desk on a person's own
 * computer gives.
 */
export type Configuration = {
  /** The ledger's name: `ledger.example.com/log`. */
  readonly ledger: string
  /** The OAuth service's issuer URL. */
  readonly issuer: string
  readonly clientId: string
  readonly audiences: { readonly ledger: string; readonly sealer: string }
  /** What people ask for when they sign in, beside `openid`; absent: what all pages need. */
  readonly scopes?: readonly string[]
  readonly servedBy: 'ledger' | 'desk'
  /** One operator runs every part, witnesses included (`npm start`). */
  readonly oneOperator: boolean
  /** Text of the pinned trust file; only from the desk. */
  readonly trust?: string
  /** Records may be opened with receivers' keys here: the desk, or a loopback address. */
  readonly opening: boolean
}

/** Throws when the service does not answer, or with something else. */
export async function fetchConfiguration(): Promise<Configuration> {
  const answer = await fetch('/explorer/configuration.json', { headers: { accept: 'application/json' } })
  if (!answer.ok) {
    const problem = parseProblem(answer.status, answer.headers, await answer.text())
    throw errorOf(problem, 'the configuration of the explorer')
  }
  return parseConfiguration(await answer.json())
}

export function parseConfiguration(value: unknown): Configuration {
  const {
    ledger,
    issuer,
    clientId,
    audiences,
    scopes = [],
    servedBy,
  } = (value ?? {}) as Partial<Configuration>
  const texts = [ledger, issuer, clientId, audiences?.ledger, audiences?.sealer]
  const isSound =
    texts.every((text) => typeof text === 'string') && Array.isArray(scopes) && scopes.every(isScope)
  if (!isSound || (servedBy !== 'ledger' && servedBy !== 'desk')) {
    throw new Error('the service answers with something else than its configuration')
  }
  return value as Configuration
}

/** RFC 6749 section 3.3. */
function isScope(value: unknown): boolean {
  return typeof value === 'string' && /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(value)
}
