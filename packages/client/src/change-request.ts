// A change of the key registry as a page asks for it: keys are named in it, and read where they are.
import type { OwnKey } from '@ledgerstone/core/key-pair'
import type { Purpose } from '@ledgerstone/core/registration'
import { parseTime } from '@ledgerstone/core/time'
import type { ChangePosted, RegistryChanges } from './registry-changes.ts'

type Validity = { readonly notBefore?: string; readonly notAfter?: string }

/** `K` names a private key. Times are in UTC, as the formats write them. */
export type ChangeRequest<K> =
  | ({
      readonly kind: 'register'
      readonly key: K
      readonly owner: string
      readonly purpose: Purpose
    } & Validity)
  | ({ readonly kind: 'rotate'; readonly old: K; readonly key: K } & Validity)
  | { readonly kind: 'revoke'; readonly kid: string; readonly reason: string; readonly suspectFrom?: string }
  | { readonly kind: 'approve'; readonly id: string }

/**
 * Signs it with `by` and posts it. Keys are registered with the assurance `local`: whoever holds the
 * registrar's key has them at hand. Throws what `RegistryChanges` throws, and what `read` refuses.
 */
export async function carryOut<K>(
  changes: RegistryChanges,
  change: ChangeRequest<K>,
  by: OwnKey,
  read: (key: K) => Promise<OwnKey>,
): Promise<ChangePosted> {
  switch (change.kind) {
    case 'register': {
      const { owner, purpose } = change
      const claims = { owner, purpose, assurance: 'local', ...validityOf(change) } as const
      return changes.register(await read(change.key), claims, by)
    }
    case 'rotate': {
      const claims = { assurance: 'local', ...validityOf(change) } as const
      return changes.rotate(await read(change.old), await read(change.key), claims, by)
    }
    case 'revoke': {
      const { kid, reason, suspectFrom } = change
      const since = suspectFrom === undefined ? {} : { suspectFrom: parseTime(suspectFrom, 'suspectFrom') }
      return changes.revoke({ kid, reason, ...since }, by)
    }
    case 'approve':
      return changes.approve(change.id, by)
  }
}

function validityOf({ notBefore, notAfter }: Validity): {
  readonly notBefore?: number
  readonly notAfter?: number
} {
  return {
    ...(notBefore !== undefined && { notBefore: parseTime(notBefore, 'notBefore') }),
    ...(notAfter !== undefined && { notAfter: parseTime(notAfter, 'notAfter') }),
  }
}

/** The same change with its keys named otherwise. */
export function withKeys<A, B>(change: ChangeRequest<A>, named: (key: A) => B): ChangeRequest<B> {
  switch (change.kind) {
    case 'register':
      return { ...change, key: named(change.key) }
    case 'rotate':
      return { ...change, old: named(change.old), key: named(change.key) }
    case 'revoke':
    case 'approve':
      return change
  }
}
