// The life of a key as JSON: what the ledger's interface answers and the command line prints with --json.
import { formatBase64url, formatHex } from './bytes.ts'
import type { KeyEvent, KeyLife, KeyState, PendingChange } from './key-life.ts'
import type { Assurance, Purpose, Role } from './registration.ts'
import type { Request } from './registry-change.ts'
import type { PublicKeyKind } from './spki.ts'
import { formatTime } from './time.ts'

/** Indexes are blocks of `keys`, times in UTC as the formats write them, null for what there is not. */
export type KeyView = {
  readonly kid: string
  readonly owner: string
  readonly purpose: Purpose
  readonly kind: PublicKeyKind
  readonly roles: readonly Role[]
  readonly assurance: Assurance
  /** The SPKI in base64url. */
  readonly key: string
  readonly state: KeyState
  readonly expiresSoon: boolean
  readonly requested: number
  readonly effective: number | null
  readonly notBefore: string | null
  readonly notAfter: string | null
  readonly revoked: {
    readonly index: number
    readonly reason: string
    readonly suspectFrom: string | null
  } | null
  readonly replaced: { readonly index: number; readonly by: string } | null
  readonly pending: readonly PendingView[]
}

type NewKeyView = {
  readonly kid: string
  readonly owner: string
  readonly purpose: Purpose
  readonly assurance: Assurance
}

/** What is asked of the registry. */
export type AskedView =
  | (NewKeyView & { readonly change: 'register' })
  | (NewKeyView & { readonly change: 'rotate'; readonly replaces: string })
  | {
      readonly change: 'revoke'
      readonly kid: string
      readonly reason: string
      readonly suspectFrom: string | null
    }
  | { readonly change: 'log-keys'; readonly log: string; readonly logKeys: readonly string[] }
  | { readonly change: 'policy'; readonly policy: string }

export type PendingView = {
  /** The hash of the block that asks: what is approved. */
  readonly id: string
  readonly index: number
  /** How many more owners must approve. */
  readonly missing: number
  readonly owners: readonly string[]
  readonly asked: AskedView
}

/** One block about a key. */
export type EventView = {
  readonly index: number
  readonly hash: string
  readonly time: string
  readonly event: KeyEvent['kind']
  readonly signer: { readonly kid: string; readonly owner: string }
  /** The `id` of the request that this block approves; null when it is the request, or the genesis. */
  readonly approves: string | null
  readonly counts: boolean
  readonly missing: number
  readonly asked: AskedView | null
}

export function viewKey(life: KeyLife): KeyView {
  const { kid, owner, purpose, kind, roles, assurance, spki, state, expiresSoon, requested } = life
  const { effective = null, notBefore, notAfter, revoked, replaced = null, pending } = life
  return {
    ...{ kid, owner, purpose, kind, roles, assurance, key: formatBase64url(spki) },
    ...{ state, expiresSoon, requested, effective, replaced },
    ...{ notBefore: timeOf(notBefore), notAfter: timeOf(notAfter) },
    revoked: revoked === undefined ? null : { ...revoked, suspectFrom: timeOf(revoked.suspectFrom) },
    pending: pending.map(viewPending),
  }
}

export function viewPending({ id, request, missing }: PendingChange): PendingView {
  return { id, index: request.index, missing, owners: request.owners, asked: viewRequest(request) }
}

export function viewEvent(event: KeyEvent): EventView {
  const { index, hash, time, kind, signer, approves, counts, missing, request } = event
  return {
    ...{ index, hash: formatHex(hash), time: formatTime(time), event: kind, signer },
    approves: approves ?? null,
    ...{ counts, missing, asked: request === undefined ? null : viewRequest(request) },
  }
}

function viewRequest(request: Request): AskedView {
  switch (request.kind) {
    case 'register': {
      const { kid, owner, purpose, assurance } = request.registration
      const what = { kid, owner, purpose, assurance }
      return request.replaces === undefined
        ? { change: 'register', ...what }
        : { change: 'rotate', ...what, replaces: request.replaces }
    }
    case 'revoke': {
      const { kid, reason, suspectFrom } = request
      return { change: 'revoke', kid, reason, suspectFrom: timeOf(suspectFrom) }
    }
    case 'log-keys':
      return { change: 'log-keys', log: request.log, logKeys: request.keys }
    case 'policy':
      return { change: 'policy', policy: formatHex(request.digest) }
  }
}

function timeOf(time: number | undefined): string | null {
  return time === undefined ? null : formatTime(time)
}
