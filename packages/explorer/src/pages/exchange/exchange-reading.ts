// A key exchange as the sealer tells it. It is shown, and believed in nothing: what counts is the short
// string, which people compare, and the blocks of `keys`, which this browser replays.
import { isObject, type Json, type JsonObject, listMember, textMember } from '@ledgerstone/core/canonical'
import { Refused } from '@ledgerstone/core/refused'

export const stages = [
  'scheduled',
  'open',
  'talking',
  'awaiting-confirmation',
  'confirmed',
  'registered',
] as const
export type Stage = (typeof stages)[number]
export type State = Stage | 'expired' | 'refused' | 'cancelled' | 'failed'

export type ExchangeReading = {
  readonly id: string
  readonly state: State
  readonly owner: string
  readonly assurance: string
  readonly createdBy: string
  /** Milliseconds since 1970, by the server's clock. */
  readonly now: number
  readonly openAt: number
  readonly closesAt: number
  readonly port: number
  readonly fingerprint: string
  readonly clientFingerprint: string
  readonly refusedConnections: number
  /** The server's short string; hidden from whoever asked for a two-person exchange. */
  readonly string?: string
  readonly keys: readonly { readonly kid: string; readonly purpose: string }[]
  readonly confirmedBy?: string
  readonly blocks: readonly { readonly kid: string; readonly index: number }[]
  readonly approvalsMissing: number
  readonly code?: string
  readonly detail?: string
}

const states: readonly string[] = [...stages, 'expired', 'refused', 'cancelled', 'failed']

/** Throws `malformed`. */
export function parseExchange(view: JsonObject): ExchangeReading {
  const text = (name: string): string => textMember(view[name], name)
  const time = (name: string): number => Date.parse(text(name))
  const optional = (name: 'string' | 'confirmedBy' | 'code' | 'detail'): object =>
    typeof view[name] === 'string' ? { [name]: view[name] } : {}
  const state = text('state')
  if (!states.includes(state)) throw new Refused('malformed', `an exchange is in no known state: ${state}`)
  return {
    ...{ id: text('id'), state: state as State, owner: text('owner'), assurance: text('assurance') },
    ...{ createdBy: text('createdBy'), now: time('now'), openAt: time('openAt'), closesAt: time('closesAt') },
    ...{ fingerprint: text('fingerprint'), clientFingerprint: text('clientFingerprint') },
    port: numberOf(view['port']),
    refusedConnections: numberOf(view['refusedConnections']),
    keys: listOf(view['keys']).map(({ kid, purpose }) => ({
      kid: textMember(kid, 'kid'),
      purpose: textMember(purpose, 'purpose'),
    })),
    blocks: listOf(view['blocks']).map(({ kid, index }) => ({
      kid: textMember(kid, 'kid'),
      index: numberOf(index),
    })),
    approvalsMissing: numberOf(view['approvalsMissing']),
    ...optional('string'),
    ...optional('confirmedBy'),
    ...optional('code'),
    ...optional('detail'),
  }
}

export function isOver(state: State): boolean {
  return state === 'registered' || !(stages as readonly string[]).includes(state)
}

/** How far it came: of an exchange that failed, the last stage that shows in what is known of it. */
export function stageOf({ state, string, keys, blocks, confirmedBy, now, openAt }: ExchangeReading): Stage {
  const known = stages.find((stage) => stage === state)
  if (known !== undefined) return known
  if (blocks.length > 0) return 'registered'
  if (confirmedBy !== undefined) return 'confirmed'
  if (keys.length > 0) return 'awaiting-confirmation'
  if (string !== undefined) return 'talking'
  return now >= openAt ? 'open' : 'scheduled'
}

/** What the person at the other machine runs. */
export type Plan = {
  readonly server: string
  readonly owner: string
  readonly assurance: 'token' | 'sas' | 'two-person'
  /** RFC 3339. */
  readonly openAt?: string
  readonly port?: number
}

/** The exact command; words that a shell would read otherwise are quoted. */
export function commandOf({ server, owner, assurance, openAt, port }: Plan): string {
  return [
    'ledgerstone exchange',
    `--server ${quoted(server)}`,
    `--owner ${quoted(owner)}`,
    ...(openAt === undefined ? [] : [`--at ${quoted(openAt)}`]),
    ...(port === undefined ? [] : [`--port ${port}`]),
    ...(assurance === 'token' ? ['--yes'] : []),
    ...(assurance === 'two-person' ? ['--two-person'] : []),
  ].join(' ')
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_.:/@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return value === undefined ? [] : listMember(value, 'a list').filter(isObject)
}
