// A key exchange as the sealer tells it. It is shown, and believed in nothing: what counts is the short
// string, which people compare, and the blocks of `keys`, which this browser replays.
import { isObject, type Json, type JsonObject, listMember, textMember } from '@ledgerstone/core/canonical'
import { Refused } from '@ledgerstone/core/refused'

export const stages = [
  'awaiting-client',
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
  /** Who brought the client's certificate. */
  readonly joinedBy?: string
  /** Milliseconds since 1970, by the server's clock. */
  readonly now: number
  readonly openAt: number
  /** While a client is awaited: until when it may join. */
  readonly closesAt: number
  /** No time was asked for: the port opens when the client has joined. */
  readonly opensOnJoin: boolean
  readonly port: number
  /** Of the two certificates, once the client has joined. */
  readonly fingerprint?: string
  readonly clientFingerprint?: string
  readonly refusedConnections: number
  /** The server's short string; hidden from whoever asked for a two-person exchange, or joined it. */
  readonly string?: string
  readonly keys: readonly { readonly kid: string; readonly purpose: string }[]
  readonly confirmedBy?: string
  readonly blocks: readonly { readonly kid: string; readonly index: number }[]
  readonly approvalsMissing: number
  readonly code?: string
  readonly detail?: string
}

const states: readonly string[] = [...stages, 'expired', 'refused', 'cancelled', 'failed']

const optionalTexts = [
  ...(['joinedBy', 'fingerprint', 'clientFingerprint', 'string', 'confirmedBy', 'code', 'detail'] as const),
]

/** Throws `malformed`. */
export function parseExchange(view: JsonObject): ExchangeReading {
  const text = (name: string): string => textMember(view[name], name)
  const time = (name: string): number => Date.parse(text(name))
  const optional = (name: (typeof optionalTexts)[number]): object =>
    typeof view[name] === 'string' ? { [name]: view[name] } : {}
  const state = text('state')
  if (!states.includes(state)) throw new Refused('malformed', `an exchange is in no known state: ${state}`)
  return {
    ...{ id: text('id'), state: state as State, owner: text('owner'), assurance: text('assurance') },
    ...{ createdBy: text('createdBy'), now: time('now'), openAt: time('openAt'), closesAt: time('closesAt') },
    opensOnJoin: view['opensOnJoin'] === true,
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
    ...Object.assign({}, ...optionalTexts.map(optional)),
  }
}

export function isOver(state: State): boolean {
  return state === 'registered' || !(stages as readonly string[]).includes(state)
}

/** How far it came: of an exchange that failed, the last stage that shows in what is known of it. */
export function stageOf(exchange: ExchangeReading): Stage {
  const { state, string, keys, blocks, confirmedBy, clientFingerprint, now, openAt } = exchange
  const known = stages.find((stage) => stage === state)
  if (known !== undefined) return known
  if (blocks.length > 0) return 'registered'
  if (confirmedBy !== undefined) return 'confirmed'
  if (keys.length > 0) return 'awaiting-confirmation'
  if (string !== undefined) return 'talking'
  if (clientFingerprint === undefined) return 'awaiting-client'
  return now >= openAt ? 'open' : 'scheduled'
}

export type Assurance = 'token' | 'sas' | 'two-person'

/** What the person at the other machine runs. */
export type Plan = {
  readonly server: string
  readonly owner: string
  readonly assurance: Assurance
  /** The id of an exchange that is scheduled; without it the command asks for one itself. */
  readonly join?: string
  /** RFC 3339. */
  readonly openAt?: string
  readonly port?: number
}

/** The exact command; words that a shell would read otherwise are quoted. */
export function commandOf({ server, owner, assurance, join, openAt, port }: Plan): string {
  return [
    'ledgerstone exchange',
    `--server ${quoted(server)}`,
    `--owner ${quoted(owner)}`,
    ...(join === undefined ? [] : [`--join ${quoted(join)}`]),
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
