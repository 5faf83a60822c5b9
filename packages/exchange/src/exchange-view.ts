/*
 * An exchange as REST tells it, and as the client reads it. Times are RFC 3339 by the server's clock, which
 * `now` shows.
 *
 *     {id, state, owner, assurance, createdBy, joinedBy?, now, openAt, closesAt, opensOnJoin?, port,
 *      instance?, certificate?, fingerprint?, clientFingerprint?, refusedConnections, string?,
 *      keys?: [{kid, purpose, replaces?}], confirmedBy?, blocks?: [{kid, index, hash}],
 *      approvalsMissing?, code?, detail?}
 */
import { parseBase64url } from '@ledgerstone/core/bytes'
import { isObject, type JsonObject, listMember, textMember } from '@ledgerstone/core/canonical'
import { checkUuid } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { keyIdOf } from '@ledgerstone/core/spki'
import { formatTime, parseTime } from '@ledgerstone/core/time'
import {
  type ExchangeRecord,
  type ExchangeState,
  isInvolved,
  type Person,
  type Registered,
} from './exchange-state.ts'

/**
 * Whoever asked for a two-person exchange, or joined it, is not told the server's string: he is to read his
 * own side's to somebody who sees the server's, and not to compare two strings that came over one channel.
 */
export function formatView(record: ExchangeRecord, now: number, viewer: Person): JsonObject {
  const { registrations, registered, createdBy, joinedBy, confirmedBy, ...rest } = record
  const { openAt, closesAt, string, ...plain } = rest
  const isHidden = record.assurance === 'two-person' && isInvolved(viewer, record)
  return {
    ...plain,
    createdBy: createdBy.id,
    ...(joinedBy !== undefined && { joinedBy: joinedBy.id }),
    now: formatTime(now),
    openAt: formatTime(openAt),
    closesAt: formatTime(closesAt),
    ...(string !== undefined && !isHidden && { string }),
    ...(registrations !== undefined && { keys: registrations.map(formatKey) }),
    ...(confirmedBy !== undefined && { confirmedBy: confirmedBy.id }),
    ...(registered !== undefined && {
      blocks: registered.blocks.map(({ kid, index, hash }) => ({ kid, index, hash })),
      approvalsMissing: registered.approvalsMissing,
    }),
  }
}

function formatKey({ key, purpose, replaces }: JsonObject): JsonObject {
  const kid = keyIdOf(parseBase64url(textMember(key, 'key'), 'key'))
  return { kid, purpose: textMember(purpose, 'purpose'), ...(replaces !== undefined && { replaces }) }
}

/**
 * What the client's side needs of an answer; none of it is believed but the certificate, which TLS compares.
 */
export type ExchangeView = {
  readonly id: string
  readonly state: ExchangeState
  /** Milliseconds since 1970, by the server's clock. */
  readonly now: number
  readonly openAt: number
  readonly closesAt: number
  readonly port: number
  readonly instance?: string
  readonly certificate: string
  readonly fingerprint: string
  readonly registered?: Registered
  readonly code?: string
  readonly detail?: string
}

/** What was asked for, as the client's side is told when it is to join: to be compared with what it knows. */
export type AskedView = {
  readonly id: string
  readonly owner: string
  readonly assurance: string
  /** Milliseconds since 1970, by the server's clock. */
  readonly now: number
  readonly openAt: number
}

/** Throws `malformed`. */
export function parseAsked(view: JsonObject): AskedView {
  const text = (name: string): string => textMember(view[name], name)
  return {
    ...{
      id: checkUuid(text('id'), 'id'),
      owner: printable(text('owner')),
      assurance: printable(text('assurance')),
    },
    ...{ now: parseTime(text('now'), 'now'), openAt: parseTime(text('openAt'), 'openAt') },
  }
}

/** Of an exchange that has both certificates. Throws `malformed`. */
export function parseView(view: JsonObject): ExchangeView {
  const text = (name: string): string => textMember(view[name], name)
  const time = (name: string): number => parseTime(text(name), name)
  const { port, instance, code, detail, approvalsMissing, blocks } = view
  if (typeof port !== 'number') throw new Refused('malformed', 'port is not a number')
  return {
    ...{ id: checkUuid(text('id'), 'id'), state: text('state') as ExchangeState, port },
    ...{ now: time('now'), openAt: time('openAt'), closesAt: time('closesAt') },
    ...{ certificate: text('certificate'), fingerprint: text('fingerprint') },
    ...(typeof instance === 'string' && { instance }),
    ...(typeof code === 'string' && { code }),
    ...(typeof detail === 'string' && { detail: printable(detail) }),
    ...(blocks !== undefined && {
      registered: {
        blocks: listMember(blocks, 'blocks').map(parseBlock),
        approvalsMissing: typeof approvalsMissing === 'number' ? approvalsMissing : 0,
      },
    }),
  }
}

function parseBlock(block: unknown): Registered['blocks'][number] {
  if (!isObject(block) || typeof block['index'] !== 'number') throw new Refused('malformed', 'not a block')
  return {
    kid: textMember(block['kid'], 'kid'),
    index: block['index'],
    hash: textMember(block['hash'], 'hash'),
  }
}

/** The server's words go to a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, ' ').slice(0, 300)
}
