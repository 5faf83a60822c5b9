// What is known of an exchange, and told: one record, the same in the journal, in REST and in the audit
// trail.
import type { JsonObject } from '@ledgerstone/core/canonical'
import type { Assurance } from '@ledgerstone/core/registration'

/**
 * `scheduled` -> `open` <-> `talking` -> `awaiting-confirmation` -> `confirmed` -> `registered`. Ends besides
 * the last: `expired` (nobody came, or nobody confirmed, in time), `refused` (a proof, a string or a person
 * said no), `cancelled`, `failed` (the port, the disk, the ledger, or a stop of this service).
 */
export type ExchangeState =
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
  readonly openAt: number
  readonly closesAt: number
  readonly port: number
  /** Which of several replicas listens. */
  readonly instance?: string
  /** Of the server: PEM. */
  readonly certificate: string
  /** SHA-256 of the two certificates. */
  readonly fingerprint: string
  readonly clientFingerprint: string
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
    | 'approval-refused'
    | 'registration-delayed'
    | 'journal-failed'
  readonly by?: string
  readonly detail?: string
}
