// Whose keys may be exchanged, who may ask for it, and how sure the registrar must be.
import type { Caller } from '@ledgerstone/border/bearer'
import { Refused } from '@ledgerstone/core/refused'
import type { Assurance } from '@ledgerstone/core/registration'
import type { Registry } from '@ledgerstone/core/registry'
import type { ExchangeAssurance, Person } from '@ledgerstone/exchange/exchange-state'

export type OwnerRule = {
  /** An OAuth client id, or `*` for all. */
  readonly client: string
  /** Where clients of several issuers could have one name: only those of this one. */
  readonly issuer?: string
  /** `auditor`, `team-*` or `*`. */
  readonly owners: readonly string[]
}

/** The least that counts, for signing and for receiving keys. */
export type LeastAssurance = { readonly sign: ExchangeAssurance; readonly receive: ExchangeAssurance }

/**
 * A person is who signed in, whatever client he uses; without one the client stands for itself, and is no
 * second person.
 */
export function personOf({ iss, client, sub }: Caller): Person {
  return sub === undefined
    ? { id: `${iss} client ${client}`, isPerson: false }
    : { id: `${iss} sub ${sub}`, isPerson: true }
}

/**
 * Throws `insufficient-scope` unless a rule lets this client have keys of the owner exchanged, and what
 * `checkExchangeable` throws.
 */
export function checkOwner(
  rules: readonly OwnerRule[],
  { client, iss }: Caller,
  owner: string,
  registry: Registry,
  ownOwner: string,
): void {
  const allowed = rules.some(
    (rule) =>
      (rule.client === '*' || rule.client === client) &&
      (rule.issuer === undefined || rule.issuer === iss) &&
      rule.owners.some((pattern) => matches(pattern, owner)),
  )
  if (!allowed) throw new Refused('insufficient-scope', `${client} may not have keys of ${owner} exchanged`)
  checkExchangeable(owner, registry, ownOwner)
}

/**
 * Throws `reserved` for owners whose keys are not exchanged at all: the ledger, those with a role, and this
 * sealer, in whose name records would be signed.
 */
export function checkExchangeable(owner: string, registry: Registry, ownOwner: string): void {
  const hasRole = registry.keys().some((key) => key.owner === owner && key.roles.length > 0)
  if (hasRole || owner === 'ledger' || owner === ownOwner) {
    throw new Refused('reserved', `keys of ${owner} are not registered by an exchange`)
  }
}

/** Throws `not-approved` when a key of that purpose needs more. */
export function checkAssurance(
  least: LeastAssurance,
  purpose: 'sign' | 'receive',
  assurance: Assurance,
): void {
  if (order.indexOf(assurance) < order.indexOf(least[purpose])) {
    throw new Refused(
      'not-approved',
      `a key to ${purpose} needs the assurance ${least[purpose]}, not ${assurance}`,
    )
  }
}

const order: readonly Assurance[] = ['token', 'sas', 'two-person']

function matches(pattern: string, owner: string): boolean {
  return pattern.endsWith('*') ? owner.startsWith(pattern.slice(0, -1)) : pattern === owner
}
