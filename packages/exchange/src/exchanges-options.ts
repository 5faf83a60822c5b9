// What a server of exchanges is given.
import type { JsonObject } from '@ledgerstone/core/canonical'
import type { Identity } from './certificate.ts'
import type { ExchangeEvent, ExchangeRecord, Registered } from './exchange-state.ts'
import type { Journal } from './journal.ts'
import type { ProvingKey } from './own-key.ts'

export type ExchangesOptions = {
  /** Of the bucket `keys`. */
  readonly origin: string
  /** Where the ports are opened: `127.0.0.1`, or `0.0.0.0` in a pod. */
  readonly host: string
  /** From which ports are picked; a firewall or NetworkPolicy lets them through. */
  readonly ports: { readonly from: number; readonly to: number }
  /** How long a port stays open: 120,000. */
  readonly windowMs?: number
  /** How long an exchange that has no time waits for its client: 600,000. */
  readonly joinMs?: number
  /** How long a second person may take: 600,000. */
  readonly confirmMs?: number
  /** How long a ledger that is away is asked again: 60,000. */
  readonly registerMs?: number
  readonly handshakeTimeoutMs?: number
  readonly messageTimeoutMs?: number
  /** This side's keys. */
  readonly keys: () => Promise<readonly ProvingKey[]>
  /** Which of several replicas listens: the name of its pod. */
  readonly instance?: string
  /** A certificate for one exchange; self-signed by default. */
  readonly identity?: () => Promise<Identity>
  /** Whether these could be registered, before the client is told that all is well. Throws why not. */
  readonly admit: (registrations: readonly JsonObject[], exchange: ExchangeRecord) => Promise<void>
  /** Registers them, all or none; asked again with the same ones, it answers the same. */
  readonly register: (registrations: readonly JsonObject[], exchange: ExchangeRecord) => Promise<Registered>
  readonly report: (event: ExchangeEvent) => void
  readonly journal?: Journal
  /** Milliseconds since 1970. */
  readonly now: () => number
}
