// GET /v1/keys, GET /v1/keys/{kid}, GET /v1/keys/{kid}/history: the key registry for showing. Nobody need
// believe it: whoever decides by a key replays `keys` himself.
import { notThere, refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import {
  type KeyLife,
  type KeyState,
  keyHistory,
  keyLife,
  keyLives,
  keyStates,
  pendingChanges,
} from '@ledgerstone/core/key-life'
import { type EventView, viewEvent, viewKey, viewPending } from '@ledgerstone/core/key-view'
import { limits } from '@ledgerstone/core/limits'
import { keysBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import type { Bucket } from '@ledgerstone/log/bucket'
import { readReceipt } from '@ledgerstone/log/read'
import { allowReserved } from '../access.ts'
import { isFinal } from '../final-wait.ts'
import { keyDetail, keyEventPage, keyPage } from '../key-shapes.ts'
import type { Service } from '../service.ts'

const none = Type.Object({}, { additionalProperties: false })
const params = Type.Object({ kid: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }) })
const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: limits.listBlocksMax, default: limits.listBlocksMax }),
)

const filter = Type.Object(
  {
    owner: Type.Optional(Type.String({ maxLength: 127 })),
    purpose: Type.Optional(Type.Unsafe<'sign' | 'receive'>({ type: 'string', enum: ['sign', 'receive'] })),
    state: Type.Optional(Type.Unsafe<KeyState>({ type: 'string', enum: [...keyStates] })),
    after: Type.Optional(
      Type.String({ maxLength: 43, description: 'the kid that the page before ended with' }),
    ),
    limit,
  },
  { additionalProperties: false },
)

const historyQuery = Type.Object(
  {
    from: Type.Optional(Type.Integer({ minimum: 0, default: 0, description: 'block of keys to begin at' })),
    receipts: Type.Optional(Type.Boolean({ default: false, description: 'add each block’s receipt' })),
    limit,
  },
  { additionalProperties: false },
)

const tags = ['keys']
const unknownKey = notThere('`unknown-key`: no such key is registered, or asked for')

export function addKeys(app: App, service: Service): void {
  addList(app, service)
  addKey(app, service)
  addHistory(app, service)
}

function addList(app: App, service: Service): void {
  const { log, now } = service
  const onRequest = allowReserved(service, keysBucket)
  app.get(
    '/v1/keys',
    {
      schema: {
        ...{ operationId: 'listKeys', summary: 'Registered keys, and those asked for', tags },
        description: 'In the order in which they were asked for. `pending`: all that lacks approvals.',
        querystring: filter,
        response: { 200: keyPage, ...unknownKey, ...refusals },
      },
      onRequest,
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { registry } = log
      const { after, limit: count = limits.listBlocksMax } = request.query
      const wanted = keyLives(registry, now()).filter((life) => isWanted(life, request.query))
      const from = after === undefined ? 0 : 1 + wanted.findIndex(({ kid }) => kid === after)
      if (after !== undefined && from === 0) throw new Refused('unknown-key', `there is no key ${after} here`)
      const page = wanted.slice(from, from + count)
      const next = from + count < wanted.length ? page.at(-1)?.kid : undefined
      return {
        ...{ size: registry.size, threshold: registry.threshold, keys: page.map(viewKey) },
        pending: pendingChanges(registry).slice(0, limits.listBlocksMax).map(viewPending),
        ...(next !== undefined && { next }),
      }
    },
  )
}

function addKey(app: App, service: Service): void {
  const { log, now } = service
  const onRequest = allowReserved(service, keysBucket)
  app.get(
    '/v1/keys/:kid',
    {
      schema: {
        ...{ operationId: 'readKey', summary: 'A key, and what was done about it', tags, params },
        description: 'With the first 100 blocks of its history; `history` has more from `next` on.',
        querystring: none,
        response: { 200: keyDetail, ...unknownKey, ...refusals },
      },
      onRequest,
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { registry } = log
      const life = keyLife(registry, request.params.kid, now())
      const page = await historyOf(service, life.kid, {
        from: 0,
        count: limits.listBlocksMax,
        receipts: false,
      })
      return { size: registry.size, threshold: registry.threshold, ...viewKey(life), ...page }
    },
  )
}

function addHistory(app: App, service: Service): void {
  const { log, now } = service
  const onRequest = allowReserved(service, keysBucket)
  app.get(
    '/v1/keys/:kid/history',
    {
      schema: {
        ...{
          operationId: 'readKeyHistory',
          summary: 'What was done about a key, block by block',
          tags,
          params,
        },
        description:
          'Each block has the path of its receipt; with `receipts=true` the receipt itself, once it is ' +
          'final, in pages of 20.',
        querystring: historyQuery,
        response: { 200: keyEventPage, ...unknownKey, ...refusals },
      },
      onRequest,
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { kid } = keyLife(log.registry, request.params.kid, now())
      const { from = 0, receipts = false, limit: count = limits.listBlocksMax } = request.query
      return historyOf(service, kid, { from, receipts, count: receipts ? Math.min(count, 20) : count })
    },
  )
}

function isWanted(life: KeyLife, asked: { owner?: string; purpose?: string; state?: string }): boolean {
  const { owner = life.owner, purpose = life.purpose, state = life.state } = asked
  return owner === life.owner && purpose === life.purpose && state === life.state
}

type Listed = EventView & { readonly final: boolean; readonly receiptPath: string; readonly receipt?: string }
type History = { readonly history: readonly Listed[]; readonly next?: number }

async function historyOf(
  { log }: Service,
  kid: string,
  { from, count, receipts }: { from: number; count: number; receipts: boolean },
): Promise<History> {
  const bucket = log.bucket(keysBucket)
  const events = keyHistory(log.registry, kid).filter(({ index }) => index >= from)
  const history = await Promise.all(
    events.slice(0, count).map(async (event) => listed(viewEvent(event), bucket, receipts)),
  )
  const next = events[count]?.index
  return { history, ...(next !== undefined && { next }) }
}

async function listed(view: EventView, bucket: Bucket, receipts: boolean): Promise<Listed> {
  const final = isFinal(bucket, view.index)
  const receiptPath = `/v1/buckets/${keysBucket}/blocks/${view.index}/receipt`
  const receipt = receipts && final ? { receipt: await readReceipt(bucket, view.index) } : {}
  return { ...view, final, receiptPath, ...receipt }
}
