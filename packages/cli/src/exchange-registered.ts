// What has become of exchanged keys, by the own replay of the registry.
import { formatHex } from '@ledgerstone/core/bytes'
import { pendingChanges } from '@ledgerstone/core/key-life'
import { Refused } from '@ledgerstone/core/refused'
import type { Registration } from '@ledgerstone/core/registration'
import type { Registry } from '@ledgerstone/core/registry'
import type { ClientKey } from '@ledgerstone/exchange/client'

export type Exchanging = Pick<Registration, 'owner' | 'assurance'> & { readonly keys: readonly ClientKey[] }

export type FoundKey = Pick<Registration, 'kid' | 'kind' | 'purpose'> & {
  /** The block of `keys` that asks for it; approvals refer to the hash, hexadecimal. */
  readonly index: number
  readonly hash: string
  /** Registrars who must still approve before it counts. */
  readonly missing: number
}

/**
 * One for each key. Throws `wrong-key` unless all are registered or asked for as they were exchanged, and
 * `key-revoked`.
 */
export function findRegistered(
  registry: Registry,
  { owner, assurance, keys }: Exchanging,
): readonly FoundKey[] {
  return keys.map(({ key: { kid }, purpose }) => {
    const { registration, ...block } = inForce(registry, kid) ?? askedFor(registry, kid)
    const { owner: whose, purpose: wherefor, assurance: how, kind } = registration
    if (whose !== owner || wherefor !== purpose || how !== assurance) {
      throw new Refused(
        'wrong-key',
        `key ${kid} is in the registry, but not as it was exchanged for ${owner}`,
      )
    }
    return { kid, kind, purpose, ...block }
  })
}

export function missingOf(found: readonly FoundKey[]): number {
  return Math.max(0, ...found.map(({ missing }) => missing))
}

type Found = Pick<FoundKey, 'index' | 'hash' | 'missing'> & { readonly registration: Registration }

function inForce(registry: Registry, kid: string): Found | undefined {
  if (!registry.isRegistered(kid)) return undefined
  const registration = registry.keyAt(kid, registry.size)
  const asking = registry.changesOf(kid).find(({ index }) => index === registration.requested)
  if (asking === undefined) throw new Refused('wrong-key', `key ${kid} is one of the genesis`)
  return { registration, index: asking.index, hash: formatHex(asking.hash), missing: 0 }
}

function askedFor(registry: Registry, kid: string): Found {
  for (const { id, request, missing } of pendingChanges(registry)) {
    if (request.kind !== 'register' || request.registration.kid !== kid) continue
    return { registration: request.registration, index: request.index, hash: id, missing }
  }
  throw new Refused('wrong-key', `key ${kid} is neither registered nor asked for, whatever the server says`)
}
