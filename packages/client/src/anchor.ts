// What a client holds a ledger against.
import type { VerifiedCheckpoint } from '@ledgerstone/core/checkpoint'
import type { Trust } from '@ledgerstone/core/trust'

/**
 * The pinned trust file or, where there is none, the name of the ledger alone: what is then found can only be
 * consistent in itself.
 */
export type Anchor = Trust | Unpinned
export type Unpinned = { readonly ledger: string; readonly genesis?: never }

/** The trust file, where there is one. */
export function pinnedOf(anchor: Anchor): Trust | undefined {
  return anchor.genesis === undefined ? undefined : anchor
}

/**
 * How far a verification reached that found nothing wrong. `log-signed-only`: it holds against the trust
 * file, whose policy asks for no witness, so that one operator could show different people different
 * histories.
 */
export type Standing = 'verified' | 'log-signed-only' | 'not-pinned'

export function standingOf(pinned: boolean, quorum: VerifiedCheckpoint['quorum'] | undefined): Standing {
  if (!pinned) return 'not-pinned'
  return quorum === 'reached' ? 'verified' : 'log-signed-only'
}
