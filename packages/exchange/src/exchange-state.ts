// What is known of an exchange, and told: one record, the same in the journal, in REST and in the audit
// trail.
import type { JsonObject } from '@ledgerstone/core/canonical'
import type { Assurance } from '@ledgerstone/core/registration'

/**
 * In the order in which they are reached, the ends last; `exchange-transitions.ts` has the moves.
 * `awaiting-client`: scheduled by somebody who has no certificate, and no port before the client's side has
 * brought its own.
 */
export type ExchangeState =
  | 'awaiting-client'
  | 'scheduled'
  | 'open'
  | 'talking'
  | 'awaiting-confirmation'
  | 'confirmed'
  | 'registered'
  | 'expired'
  | 'refused'
  | 'cancelled'
  | 'failed'

const ends: readonly ExchangeState[] = ['registered', 'expired', 'refused', 'cancelled', 'failed']

export function isOver(state: ExchangeState): boolean {
  return ends.includes(state)
}

/** Who asks, as the access token says. `isPerson`: somebody signed in, not a program under its own name. */
export type Person = { readonly id: string; readonly isPerson: boolean }

/** Of what an exchange can be asked to end with; `local` is for keys made where they are registered. */
export type ExchangeAssurance = Exclude<Assurance, 'local'>

export type Registered = {
  /** For each key the block of `keys` that asks for it. */
  readonly blocks: readonly { readonly kid: string; readonly index: number; readonly hash: string }[]
  /** Registrars who must still approve before the keys count. */
  readonly approvalsMissing: number
}

/**
 * Times in milliseconds since 1970. Everything in it is public, or meant for whoever may manage exchanges.
 */
export type ExchangeRecord = {
  readonly id: string
  readonly state: ExchangeState
  readonly owner: string
  readonly assurance: ExchangeAssurance
  readonly createdBy: Person
  /** Whose the client's certificate is: the same one, unless the exchange was scheduled without it. */
  readonly joinedBy?: Person
  readonly openAt: number
  /** While the client is awaited: until when it may join. */
  readonly closesAt: number
  /** No time was asked for: `openAt` and `closesAt` are set when the client joins. */
  readonly opensOnJoin?: true
  readonly port: number
  /** Which of several replicas listens. */
  readonly instance?: string
  /** Of the server: PEM. There is none before the client has joined. */
  readonly certificate?: string
  /** SHA-256 of the two certificates. */
  readonly fingerprint?: string
  readonly clientFingerprint?: string
  /** Connections that were not taken. */
  readonly refusedConnections: number
  /** From the client's message 3 on. */
  readonly string?: string
  /** What is to be registered, proofs included; from `awaiting-confirmation` on. */
  readonly registrations?: readonly JsonObject[]
  readonly confirmedBy?: Person
  readonly registered?: Registered
  /** Of ends that are not `registered`. */
  readonly code?: string
  readonly detail?: string
}

/** One step, for logs and the audit trail. */
export type ExchangeEvent = {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly exchange: string
  readonly event:
    | ExchangeState
    | 'connection-refused'
    | 'connected'
    | 'message'
    | 'join-refused'
    | 'approval-refused'
    | 'registration-delayed'
    | 'journal-failed'
  readonly by?: string
  readonly detail?: string
}

/** Whether somebody asked for the exchange or joined it, and so is no second person. */
export function isInvolved({ id }: Person, { createdBy, joinedBy }: ExchangeRecord): boolean {
  return id === createdBy.id || id === joinedBy?.id
}

/** For people, and the audit trail. */
export function describeAsked({ owner, assurance, port }: ExchangeRecord): string {
  return `keys of ${owner}, assurance ${assurance}, port ${port}`
}

export function describeBlocks({ blocks }: Registered): string {
  return blocks.map(({ kid, index }) => `${kid} in block ${index} of keys`).join(', ')
}
