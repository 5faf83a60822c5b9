// What the second person does, and what looks after exchanges: list, show, confirm, cancel, cleanup.

import { printable } from '@ledgerstone/client/record-text'
import { isObject, type JsonObject } from '@ledgerstone/core/canonical'
import { exchangesOf, type PlaceOptions } from '../exchange-place.ts'
import { type ClusterOptions, clusterOf } from '../exchange-way.ts'
import { outputOf } from '../output.ts'

/** Newest first. */
export async function listExchanges(options: PlaceOptions): Promise<void> {
  const all = await exchangesOf(options).list()
  const lines = all.map((each) =>
    [
      ...[text(each['id']), text(each['state']).padEnd(21), text(each['assurance']).padEnd(10)],
      ...[text(each['openAt']), `port ${text(each['port'])}`, text(each['owner'])],
    ].join('  '),
  )
  outputOf(options).result(all, lines.length === 0 ? 'no exchanges' : lines.join('\n'))
}

export async function showExchange(id: string, options: PlaceOptions): Promise<void> {
  show(await exchangesOf(options).get(id), options)
}

/** `string`: as the other person has read it out. */
export async function confirmExchange(id: string, string: string, options: PlaceOptions): Promise<void> {
  show(await exchangesOf(options).confirm(id, string), options)
}

export async function cancelExchange(id: string, options: PlaceOptions): Promise<void> {
  show(await exchangesOf(options).cancel(id), options)
}

export type CleanupOptions = ClusterOptions & { readonly all?: boolean; readonly json?: boolean }

/** What a client that crashed has left in a cluster. */
export async function cleanUpExchanges(options: CleanupOptions): Promise<void> {
  const { cleanUp } = await import('@ledgerstone/exchange/ways/cleanup')
  const removed = await cleanUp(await clusterOf(options), { now: Date.now(), all: options.all === true })
  outputOf(options).result(
    { removed },
    removed.length === 0 ? 'nothing was left' : removed.map((what) => `removed ${what}`).join('\n'),
  )
}

const shown = [
  ...[
    'id',
    'state',
    'code',
    'detail',
    'owner',
    'assurance',
    'string',
    'createdBy',
    'joinedBy',
    'confirmedBy',
  ],
  ...['openAt', 'closesAt', 'port', 'instance', 'fingerprint', 'clientFingerprint', 'refusedConnections'],
]

function show(exchange: JsonObject, options: PlaceOptions): void {
  const facts = shown
    .filter((name) => exchange[name] !== undefined)
    .map((name) => `${name.padEnd(19)}${text(exchange[name])}`)
  const keys = listed(exchange['keys']).map(
    ({ kid, purpose }) => `key                ${text(kid)} (${text(purpose)})`,
  )
  const blocks = listed(exchange['blocks']).map(
    ({ kid, index }) => `registered         ${text(kid)} in block ${text(index)} of keys`,
  )
  outputOf(options).result(exchange, [...facts, ...keys, ...blocks].join('\n'))
}

function listed(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((each) => isObject(each)) : []
}

/** The server's words, on a terminal. */
function text(value: unknown): string {
  return printable(String(value)).replaceAll('\n', ' ')
}
