// The life of keys in words.
import type { KeyState } from '@ledgerstone/core/key-life'
import type { AskedView, EventView, KeyView } from '@ledgerstone/core/key-view'
import { shortHash } from '../../ui/short-hash.ts'

export type Tone = 'good' | 'fair' | 'bad' | undefined

/** What a key's state is called, and how it is to be looked at. */
export function wordsOf({ state, expiresSoon }: Pick<KeyView, 'state' | 'expiresSoon'>): {
  readonly text: string
  readonly tone: Tone
} {
  if (state === 'active' && expiresSoon) return { text: 'expires soon', tone: 'fair' }
  return { text: stateTexts[state], tone: stateTones[state] }
}

const stateTexts: Readonly<Record<KeyState, string>> = {
  waiting: 'waits for approval',
  upcoming: 'not valid yet',
  active: 'active',
  expired: 'expired',
  revoked: 'revoked',
  replaced: 'replaced',
}

const stateTones: Readonly<Record<KeyState, Tone>> = {
  waiting: 'fair',
  upcoming: 'fair',
  active: 'good',
  expired: 'bad',
  revoked: 'bad',
  replaced: undefined,
}

/** What is asked of the registry. Owners and reasons are texts of others: show them as such. */
export function askedText(asked: AskedView): string {
  switch (asked.change) {
    case 'register':
      return `Register a key to ${asked.purpose} for ${asked.owner} (${shortHash(asked.kid)})`
    case 'rotate':
      return `Replace ${shortHash(asked.replaces)} of ${asked.owner} by ${shortHash(asked.kid)}`
    case 'revoke':
      return `Revoke ${shortHash(asked.kid)}${suspectText(asked)}: ${asked.reason}`
    case 'log-keys':
      return `Announce log keys of ${asked.log}`
    case 'policy':
      return `Put the policy ${shortHash(asked.policy)} in force`
  }
}

/** In UTC, as it is signed. */
function suspectText({ suspectFrom }: { readonly suspectFrom: string | null }): string {
  return suspectFrom === null ? '' : `, suspect from ${suspectFrom} on`
}

/** What a block did. */
export function eventText(view: EventView): string {
  const { asked } = view
  return `${stepText(view)}${asked?.change === 'revoke' ? suspectText(asked) : ''}`
}

function stepText({ event, approves, counts, missing }: EventView): string {
  const done = {
    genesis: 'Named by the genesis',
    register: 'Registered',
    rotate: 'Rotated',
    revoke: 'Revoked',
  }
  if (counts) return approves === null ? done[event] : `Approved, and with that ${done[event].toLowerCase()}`
  const what = { genesis: 'genesis', register: 'Registration', rotate: 'Rotation', revoke: 'Revocation' }[
    event
  ]
  const rest = `${missing} more ${missing === 1 ? 'approval is' : 'approvals are'} needed`
  return approves === null ? `${what} asked for; ${rest}` : `${what} approved; ${rest}`
}

/** RFC 3339 in UTC, out of a field for date and time in the person's own zone; undefined when it is empty. */
export function timeIn(field: string): string | undefined {
  if (field === '') return undefined
  const time = new Date(field)
  if (Number.isNaN(time.getTime())) throw new Error('that is no date and time')
  return time.toISOString()
}
