// The ledger's view of the key registry, typed. For showing: what is decided by keys goes by the own replay
// (registry.ts, core/key-life.ts), whose views have the same shape.
import { integerMember, isObject, type JsonObject, listMember, textMember } from '@ledgerstone/core/canonical'
import type { KeyState } from '@ledgerstone/core/key-life'
import type { EventView, KeyView, PendingView } from '@ledgerstone/core/key-view'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { Purpose } from '@ledgerstone/core/registration'
import { objectOf } from './api.ts'
import { type Ask, type HttpOptions, httpOf } from './http.ts'

export type KeyFilter = {
  readonly owner?: string
  readonly purpose?: Purpose
  readonly state?: KeyState
  /** `next` of the page before. */
  readonly after?: string
  readonly limit?: number
}

/** `size` and `threshold` of the registry; `pending`: all that lacks approvals. */
export type KeyPage = {
  readonly size: number
  readonly threshold: number
  readonly keys: readonly KeyView[]
  readonly pending: readonly PendingView[]
  readonly next?: string
}

/** `receipt`: asked for, and the block is final. */
export type ListedEvent = EventView & {
  readonly final: boolean
  readonly receiptPath: string
  readonly receipt?: string
}

export type KeyHistory = { readonly history: readonly ListedEvent[]; readonly next?: number }

export type KeyDetail = KeyView & KeyHistory & { readonly size: number; readonly threshold: number }

export type KeysApi = {
  list(filter?: KeyFilter): Promise<KeyPage>
  /** Throws `unknown-key`. */
  key(kid: string): Promise<KeyDetail>
  history(
    kid: string,
    asked?: { readonly from?: number; readonly limit?: number; readonly receipts?: boolean },
  ): Promise<KeyHistory>
}

/** `options.url` is where the ledger is; its tokens need `read:keys`. */
export function keysApi(options: HttpOptions): KeysApi {
  const http = httpOf(options)
  const get = async (path: string, query: NonNullable<Ask['query']> = {}): Promise<JsonObject> => {
    const how = { accept: ['application/json'], answerBytesMax: limits.listBytesMax, repeatable: true }
    return objectOf(await http.ask({ path, query, ...how }))
  }
  const at = (kid: string): string => `/v1/keys/${encodeURIComponent(kid)}`
  return {
    async list(filter = {}) {
      const page = await get('/v1/keys', { ...filter })
      for (const name of ['size', 'threshold']) integerMember(page[name], name)
      for (const key of listMember(page['keys'], 'keys')) checkKey(key)
      listMember(page['pending'], 'pending')
      return page as unknown as KeyPage
    },
    async key(kid) {
      const detail = await get(at(kid))
      checkKey(detail)
      checkHistory(detail)
      return detail as unknown as KeyDetail
    },
    async history(kid, asked = {}) {
      const page = await get(`${at(kid)}/history`, { ...asked })
      checkHistory(page)
      return page as unknown as KeyHistory
    },
  }
}

function checkKey(value: unknown): void {
  if (!isObject(value as JsonObject)) throw new Refused('malformed', 'a key is not an object')
  const key = value as JsonObject
  for (const name of ['kid', 'owner', 'purpose', 'state', 'key']) textMember(key[name], name)
  listMember(key['pending'], 'pending')
}

function checkHistory(page: JsonObject): void {
  for (const event of listMember(page['history'], 'history')) {
    if (!isObject(event)) throw new Refused('malformed', 'a block of the history is not an object')
    for (const name of ['hash', 'time', 'event', 'receiptPath']) textMember(event[name], name)
    integerMember(event['index'], 'index')
  }
}
