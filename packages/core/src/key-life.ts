// The life of keys, as the registry's replay tells it to people: state, open requests, history.
import type { Hash } from './bytes.ts'
import { Refused } from './refused.ts'
import type { RegisteredKey } from './registered-key.ts'
import type { Registration } from './registration.ts'
import type { Registry } from './registry.ts'
import { keysOf, type RegistryChange, type Request } from './registry-change.ts'

/**
 * `waiting` for approvals, `upcoming` (before its notBefore), `active`, `expired` (after its notAfter),
 * `revoked`, `replaced` by another key.
 */
export type KeyState = 'waiting' | 'upcoming' | 'active' | 'expired' | 'revoked' | 'replaced'

export const keyStates: readonly KeyState[] = [
  'waiting',
  'upcoming',
  'active',
  'expired',
  'revoked',
  'replaced',
]

/** A key, or one that is asked for, with what is open about it. */
export type KeyLife = Registration &
  Pick<RegisteredKey, 'requested' | 'revoked' | 'replaced'> & {
    readonly state: KeyState
    /** Active, and over within 30 days. */
    readonly expiresSoon: boolean
    /** The block from which on it counts; undefined as long as it waits for approvals. */
    readonly effective: number | undefined
    readonly pending: readonly PendingChange[]
  }

/** What was asked of the registry and is not approved by enough registrars. */
export type PendingChange = {
  /** The hash of the block that asks, in hexadecimal: what an approval refers to. */
  readonly id: string
  readonly request: Request
  /** Of how many more owners an approval is needed. */
  readonly missing: number
}

/** One block about a key. */
export type KeyEvent = {
  /** Of `keys`. */
  readonly index: number
  readonly hash: Hash
  /** Milliseconds since 1970. */
  readonly time: number
  readonly kind: 'genesis' | 'register' | 'rotate' | 'revoke'
  readonly signer: { readonly kid: string; readonly owner: string }
  /** The block hash (hex) of the request that this block approves. */
  readonly approves?: string
  /** Whether the request takes effect with this block. */
  readonly counts: boolean
  /** How many more owners had to approve, after this block. */
  readonly missing: number
  /** What was asked; undefined for the genesis. */
  readonly request: Request | undefined
}

const soonMs = 30 * 86_400_000

/** All that is open, in the order of asking. */
export function pendingChanges(registry: Registry): readonly PendingChange[] {
  return [...registry.requests()].map(([id, request]) => ({
    id,
    request,
    missing: registry.threshold - request.owners.length,
  }))
}

/**
 * Every key that was ever registered or is asked for now, in the order of asking. `now`: milliseconds since
 * 1970.
 */
export function keyLives(registry: Registry, now: number): readonly KeyLife[] {
  const pending = pendingByKey(registry)
  const registered = registry.keys().map((key) => lifeOf(key, pending, now))
  const asked = [...pending.keys()]
    .filter((kid) => !registry.isRegistered(kid))
    .map((kid) => askedLifeOf(kid, pending))
  return [...registered, ...asked].sort((a, b) => a.requested - b.requested)
}

/** Throws `unknown-key`. */
export function keyLife(registry: Registry, kid: string, now: number): KeyLife {
  const pending = pendingByKey(registry)
  if (registry.isRegistered(kid)) return lifeOf(registry.key(kid), pending, now)
  if (pending.has(kid)) return askedLifeOf(kid, pending)
  throw new Refused('unknown-key', `key ${kid} is not registered, nor asked for`)
}

/** What was done about a key, in the order of the blocks; empty for a key that nobody asked for. */
export function keyHistory(registry: Registry, kid: string): readonly KeyEvent[] {
  const events = registry.changesOf(kid).map((change) => eventOf(change, registry))
  const isOfGenesis = registry.isRegistered(kid) && registry.key(kid).effective === 0
  return isOfGenesis ? [genesisEvent(registry), ...events] : events
}

type PendingByKey = ReadonlyMap<string, readonly PendingChange[]>

function pendingByKey(registry: Registry): PendingByKey {
  const found = new Map<string, PendingChange[]>()
  for (const change of pendingChanges(registry)) {
    for (const kid of keysOf(change.request)) {
      const changes = found.get(kid)
      if (changes === undefined) found.set(kid, [change])
      else changes.push(change)
    }
  }
  return found
}

function lifeOf(key: RegisteredKey, pending: PendingByKey, now: number): KeyLife {
  const state = stateOf(key, now)
  const isNearEnd = key.notAfter !== undefined && key.notAfter < now + soonMs
  return { ...key, state, expiresSoon: state === 'active' && isNearEnd, pending: pending.get(key.kid) ?? [] }
}

/** A key that is in no block but those that ask for it; it may be asked for more than once. */
function askedLifeOf(kid: string, pending: PendingByKey): KeyLife {
  const changes = pending.get(kid) ?? []
  const first = changes.find(({ request }) => request.kind === 'register')?.request
  if (first?.kind !== 'register') throw new Error(`key ${kid} is neither registered nor asked for`)
  const { registration, index } = first
  const waiting = { state: 'waiting', expiresSoon: false, effective: undefined } as const
  return { ...registration, requested: index, ...waiting, pending: changes }
}

function stateOf(
  { revoked, replaced, notBefore, notAfter }: Registration & Pick<RegisteredKey, 'revoked' | 'replaced'>,
  now: number,
): KeyState {
  if (revoked !== undefined) return 'revoked'
  if (replaced !== undefined) return 'replaced'
  if (notBefore !== undefined && now < notBefore) return 'upcoming'
  return notAfter !== undefined && now > notAfter ? 'expired' : 'active'
}

function eventOf(change: RegistryChange, registry: Registry): KeyEvent {
  const { index, hash, time, signer, approves, counts, request } = change
  return {
    ...{ index, hash, time, counts, request },
    kind: kindOf(request),
    signer: { kid: signer, owner: registry.key(signer).owner },
    ...(approves !== undefined && { approves }),
    missing: counts ? 0 : registry.threshold - request.owners.length,
  }
}

function kindOf(request: Request): 'register' | 'rotate' | 'revoke' {
  if (request.kind === 'revoke') return 'revoke'
  return request.kind === 'register' && request.replaces !== undefined ? 'rotate' : 'register'
}

/** Block 0 names the ledger key, which signs it, and the registrars. */
function genesisEvent(registry: Registry): KeyEvent {
  const signer = registry.keys().find(({ roles }) => roles.includes('ledger'))
  if (signer === undefined) throw new Error('a registry without its ledger key')
  return {
    ...{ index: 0, hash: registry.genesis, time: registry.founded, kind: 'genesis', counts: true },
    ...{ signer: { kid: signer.kid, owner: signer.owner }, missing: 0, request: undefined },
  }
}
