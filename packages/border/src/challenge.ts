/** JWS algorithms that access tokens and DPoP proofs may carry: asymmetric ones only, never `none` or HS*. */
export const tokenAlgorithms = ['ES256', 'EdDSA', 'Ed25519', 'PS256'] as const
export type TokenAlgorithm = (typeof tokenAlgorithms)[number]

/**
 * The one refusal of a proof that the caller can mend at once, by the nonce that comes with it (RFC 9449
 * section 9).
 */
export const nonceNeeded = 'the DPoP proof needs the nonce of the DPoP-Nonce header'

const realm = 'ledgerstone'

/**
 * The `WWW-Authenticate` value of an answer (RFC 6750 section 3, RFC 9449 section 7.1), or undefined when the
 * problem is not about the token. A caller without any token is told both schemes and, as RFC 6750 asks, no
 * error. `authorization` is the request's header: a caller who tried DPoP is answered in it.
 */
export function challengeOf(
  problem: { readonly code: string; readonly detail: string },
  authorization: string | undefined,
): string | undefined {
  const algs = `algs="${tokenAlgorithms.join(' ')}"`
  const { code } = problem
  if (code === 'no-token') return `Bearer realm="${realm}", DPoP realm="${realm}", ${algs}`
  const error = problem.detail === nonceNeeded ? 'use_dpop_nonce' : errors[code]
  if (error === undefined) return undefined
  const text = `realm="${realm}", error="${error}", error_description="${quotable(problem.detail)}"`
  const dpop = code === 'bad-proof-of-possession' || /^dpop /i.test(authorization ?? '')
  return dpop ? `DPoP ${text}, ${algs}` : `Bearer ${text}`
}

const errors: Readonly<Record<string, string>> = {
  'bad-token': 'invalid_token',
  'token-expired': 'invalid_token',
  'wrong-audience': 'invalid_token',
  'bad-proof-of-possession': 'invalid_dpop_proof',
  'insufficient-scope': 'insufficient_scope',
}

/** RFC 6750 allows %x20-21 / %x23-5B / %x5D-7E in error_description: no quote, no backslash, no control. */
function quotable(text: string): string {
  return text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "'")
}
