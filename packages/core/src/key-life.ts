// The life of keys, as the registry's replay tells it to people: state, open requests, history.
import type { Hash } from './bytes.ts'
import { Refused } from './refused.ts'
import type { Registration } from './registration.ts'
import type { RegisteredKey, Registry } from './registry.ts'
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
  const pending = pendingChanges(registry)
  const registered = registry.keys().map((key) => lifeOf(key, key.effective, pending, now))
  const asked = new Map<string, KeyLife>()
  for (const { request } of pending) {
    if (request.kind !== 'register') continue
    const { registration, index } = request
    if (asked.has(registration.kid) || registry.isRegistered(registration.kid)) continue
    asked.set(registration.kid, lifeOf({ ...registration, requested: index }, undefined, pending, now))
  }
  return [...registered, ...asked.values()].sort((a, b) => a.requested - b.requested)
}

/** Throws `unknown-key`. */
export function keyLife(registry: Registry, kid: string, now: number): KeyLife {
  const life = keyLives(registry, now).find((each) => each.kid === kid)
  if (life === undefined) throw new Refused('unknown-key', `key ${kid} is not registered, nor asked for`)
  return life
}

/** What was done about a key, in the order of the blocks; empty for a key that nobody asked for. */
export function keyHistory(registry: Registry, kid: string): readonly KeyEvent[] {
  const events = registry.changesOf(kid).map((change) => eventOf(change, registry))
  const isOfGenesis = registry.isRegistered(kid) && registry.key(kid).effective === 0
  return isOfGenesis ? [genesisEvent(registry), ...events] : events
}

function lifeOf(
  key: Registration & Pick<RegisteredKey, 'requested' | 'revoked' | 'replaced'>,
  effective: number | undefined,
  pending: readonly PendingChange[],
  now: number,
): KeyLife {
  const state = effective === undefined ? 'waiting' : stateOf(key, now)
  return {
    ...key,
    state,
    expiresSoon: state === 'active' && key.notAfter !== undefined && key.notAfter < now + soonMs,
    effective,
    pending: pending.filter(({ request }) => keysOf(request).includes(key.kid)),
  }
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
