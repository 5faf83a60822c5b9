// Every transition of the ceremony. spec/ceremony.md shows this table; a test compares the two.
import type { MessageType } from './message.ts'
import type { Role } from './transcript.ts'

/**
 * `committed`, `offered`, `revealed`, `challenged`, `answered`: this side has sent that much and waits.
 * `proven`: the other side's proofs are sound. `awaiting`: both sides' are, and people are to say whether the
 * strings are the same. `confirmed`, `refused`, `lost`: the end.
 */
export type StateName =
  | 'ready'
  | 'committed'
  | 'offered'
  | 'revealed'
  | 'challenged'
  | 'proven'
  | 'answered'
  | 'awaiting'
  | 'confirmed'
  | 'refused'
  | 'lost'

/**
 * `connected`: the connection stands. `kept`: the other side's keys are taken up here. `confirm`: people say
 * that the strings are the same, or nobody was to compare them. `refuse`: this side ends it. `lost`: the
 * connection ended, or the other side was late. `unexpected`: any message that has no row of its own.
 */
export type EventName = MessageType | 'connected' | 'kept' | 'confirm' | 'refuse' | 'lost' | 'unexpected'

export type Transition = {
  readonly role: Role | 'both'
  /** `*`: any that is not the end and has no row of its own for this event. */
  readonly from: StateName | '*'
  readonly event: EventName
  readonly to: StateName
  readonly sends?: MessageType
  /** What must hold; else the row of `refuse` applies. */
  readonly checks?: string
}

export const transitions: readonly Transition[] = [
  { role: 'client', from: 'ready', event: 'connected', to: 'committed', sends: 'commit' },
  {
    ...{ role: 'client', from: 'committed', event: 'offer', to: 'revealed', sends: 'reveal' },
    checks: 'one owner, none of the keys is ours',
  },
  { role: 'client', from: 'revealed', event: 'proof', to: 'proven', checks: 'answers, signatures' },
  { role: 'client', from: 'proven', event: 'kept', to: 'answered', sends: 'answer' },
  { role: 'client', from: 'answered', event: 'done', to: 'awaiting' },
  { role: 'server', from: 'ready', event: 'commit', to: 'offered', sends: 'offer' },
  {
    ...{ role: 'server', from: 'offered', event: 'reveal', to: 'challenged', sends: 'proof' },
    checks: 'commitment, owner and assurance as asked for, none of the keys is ours',
  },
  {
    ...{ role: 'server', from: 'challenged', event: 'answer', to: 'proven' },
    checks: 'answers, signatures, registration proofs',
  },
  { role: 'server', from: 'proven', event: 'kept', to: 'awaiting', sends: 'done' },
  {
    ...{ role: 'both', from: 'awaiting', event: 'confirm', to: 'confirmed' },
    checks: 'the string, when one is given',
  },
  { role: 'both', from: 'awaiting', event: 'lost', to: 'awaiting' },
  { role: 'both', from: '*', event: 'refuse', to: 'refused', sends: 'refusal' },
  { role: 'both', from: '*', event: 'unexpected', to: 'refused', sends: 'refusal' },
  { role: 'both', from: '*', event: 'refusal', to: 'refused' },
  { role: 'both', from: '*', event: 'lost', to: 'lost' },
]

export const endStates: readonly StateName[] = ['confirmed', 'refused', 'lost']

/**
 * The row for an event; undefined at the end, and for a local event that is out of turn, which is a bug of
 * ours.
 */
export function transitionOf(role: Role, from: StateName, event: EventName): Transition | undefined {
  if (endStates.includes(from)) return undefined
  const rows = transitions.filter((row) => row.event === event && (row.role === role || row.role === 'both'))
  return rows.find((row) => row.from === from) ?? rows.find((row) => row.from === '*')
}
