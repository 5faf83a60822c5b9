// Every transition of an exchange at the server. spec/ceremony.md shows this table; a test compares the two.
import type { ExchangeState } from './exchange-state.ts'

export type ExchangeTransition = {
  /** None of them: it is being asked for. */
  readonly from: readonly ExchangeState[]
  readonly to: ExchangeState
  /** For people. */
  readonly when: string
}

const waiting = ['awaiting-client', 'scheduled', 'open', 'talking', 'awaiting-confirmation'] as const

export const exchangeTransitions: readonly ExchangeTransition[] = [
  { from: [], to: 'awaiting-client', when: "it is asked for without the client's certificate" },
  { from: [], to: 'scheduled', when: 'it is asked for with it' },
  { from: ['awaiting-client'], to: 'scheduled', when: "the client's side joins" },
  { from: ['scheduled'], to: 'open', when: 'its time has come: the port is open' },
  { from: ['open'], to: 'talking', when: 'the one client is connected' },
  { from: ['talking'], to: 'open', when: 'it went away before the server showed its nonce' },
  { from: ['talking'], to: 'awaiting-confirmation', when: 'all proofs are sound' },
  { from: ['awaiting-confirmation'], to: 'confirmed', when: 'the string is typed in, or none is to be' },
  { from: ['confirmed'], to: 'registered', when: 'the keys stand in the registry' },
  {
    ...{ from: ['awaiting-client', 'open', 'awaiting-confirmation'], to: 'expired' },
    when: 'nobody joined, came or confirmed in time',
  },
  { from: ['talking', 'awaiting-confirmation'], to: 'refused', when: 'a proof or a string is wrong' },
  { from: waiting, to: 'cancelled', when: 'somebody says so' },
  {
    ...{ from: [...waiting, 'confirmed'], to: 'failed' },
    when: 'the port, the disk, the ledger, or a stop of the service',
  },
]

/** `from` absent: it is being asked for. */
export function mayBecome(from: ExchangeState | undefined, to: ExchangeState): boolean {
  return exchangeTransitions.some(
    (row) => row.to === to && (from === undefined ? row.from.length === 0 : row.from.includes(from)),
  )
}
