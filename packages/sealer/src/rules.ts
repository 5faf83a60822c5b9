// Which client may have which types sealed: a statement carries the company's signature, whoever asked for
// it.
import type { Caller } from '@ledgerstone/border/bearer'
import { Refused } from '@ledgerstone/core/refused'

export type ClientRule = {
  /** An OAuth client id, or `*` for all. */
  readonly client: string
  /** Where clients of several issuers could have one name: only those of this one. */
  readonly issuer?: string
  /** `payment.captured`, `payment.*` or `*`. */
  readonly types: readonly string[]
}

/** Throws `insufficient-scope`: what is not allowed by a rule is not allowed. */
export function checkType(rules: readonly ClientRule[], { client, iss }: Caller, type: string): void {
  const allowed = rules.some(
    (rule) =>
      (rule.client === '*' || rule.client === client) &&
      (rule.issuer === undefined || rule.issuer === iss) &&
      rule.types.some((pattern) => matches(pattern, type)),
  )
  if (!allowed)
    throw new Refused('insufficient-scope', `${client} may not have records of type ${type} sealed`)
}

function matches(pattern: string, type: string): boolean {
  return pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type
}
