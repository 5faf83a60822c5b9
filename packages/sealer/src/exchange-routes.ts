// POST /v1/exchanges, GET /v1/exchanges[/{id}], PUT /v1/exchanges/{id}/client, POST
// /v1/exchanges/{id}/confirm, DELETE /v1/exchanges/{id}
import { refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import type { Bearer, Caller } from '@ledgerstone/border/bearer'
import { callerFor, callerOf, requireCaller } from '@ledgerstone/border/caller'
import { Type } from '@ledgerstone/border/typebox'
import { parseTime } from '@ledgerstone/core/time'
import type { ExchangeRecord } from '@ledgerstone/exchange/exchange-state'
import { formatView } from '@ledgerstone/exchange/exchange-view'
import type { Exchanges } from '@ledgerstone/exchange/exchanges'
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import {
  checkAssurance,
  checkOwner,
  type LeastAssurance,
  type OwnerRule,
  personOf,
} from './exchange-rules.ts'
import { exchangeShape } from './exchange-shape.ts'
import type { Sealer } from './seal.ts'

export type ExchangeRoutes = {
  readonly sealer: Sealer
  readonly bearer: Bearer
  /** Throws as long as they are not there. */
  readonly exchanges: () => Exchanges
  readonly rules: readonly OwnerRule[]
  readonly least: LeastAssurance
}

const tags = ['exchange']
const one = { 200: exchangeShape, ...refusals }
const none = Type.Object({}, { additionalProperties: false })
const params = Type.Object({ id: Type.String({ format: 'uuid' }) })

const certificate = {
  description: 'one certificate in PEM; no other is let in',
  maxLength: 16_384,
}

const asked = Type.Object(
  {
    owner: Type.String({
      description: 'whose keys the client brings',
      pattern: '^[a-z0-9][a-z0-9._@-]{0,126}$',
    }),
    assurance: Type.Union([Type.Literal('token'), Type.Literal('sas'), Type.Literal('two-person')]),
    clientCertificate: Type.Optional(
      Type.String({
        ...certificate,
        description: `${certificate.description}; absent: the client’s side joins with it`,
      }),
    ),
    openAt: Type.Optional(
      Type.String({
        description: 'such as 2026-11-23T03:17:00.000Z; absent: as soon as the client’s certificate is there',
      }),
    ),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'absent: a random one' })),
  },
  { additionalProperties: false },
)

const client = Type.Object({ certificate: Type.String(certificate) }, { additionalProperties: false })

const confirmation = Type.Object(
  { string: Type.String({ description: 'what the client’s side shows, as it was read out', maxLength: 32 }) },
  { additionalProperties: false },
)

export function addExchanges(app: App, routes: ExchangeRoutes): void {
  const onRequest = [requireCaller(routes.bearer), mayManage]
  addAsking(app, routes, onRequest)
  addDeciding(app, routes, onRequest)
}

/** What is there, and one more. */
function addAsking(app: App, routes: ExchangeRoutes, onRequest: onRequestHookHandler[]): void {
  const { exchanges } = routes
  const view = viewOf(routes)

  app.post(
    '/v1/exchanges',
    {
      schema: {
        ...{ operationId: 'createExchange', summary: 'Schedule a key exchange', tags, body: asked },
        description: 'Without the client’s certificate it waits for the client’s side to join.',
        response: { 201: exchangeShape, ...refusals },
      },
      onRequest,
    },
    async (request, reply) => {
      const { openAt, ...body } = request.body
      const caller = callerOf(request)
      checkAsked(routes, caller, body)
      const at = openAt === undefined ? {} : { openAt: parseTime(openAt, 'openAt') }
      const record = await exchanges().create({ ...body, ...at, by: personOf(caller) })
      return answer(reply.code(201).header('location', `/v1/exchanges/${record.id}`), view(request, record))
    },
  )

  app.get(
    '/v1/exchanges',
    {
      schema: {
        ...{ operationId: 'listExchanges', summary: 'The newest exchanges', tags, querystring: none },
        response: { 200: Type.Object({ exchanges: Type.Array(exchangeShape) }), ...refusals },
      },
      onRequest,
    },
    async (request, reply) => {
      const all = exchanges().list()
      return answer(reply, { exchanges: all.map((record) => view(request, record)) })
    },
  )

  app.get(
    '/v1/exchanges/:id',
    {
      schema: { operationId: 'getExchange', summary: 'One exchange', tags, params, response: one },
      onRequest,
    },
    async (request, reply) => answer(reply, view(request, exchanges().get(request.params.id))),
  )
}

/** What becomes of one: somebody joins, confirms or cancels. */
function addDeciding(app: App, routes: ExchangeRoutes, onRequest: onRequestHookHandler[]): void {
  const { exchanges } = routes
  const view = viewOf(routes)

  app.put(
    '/v1/exchanges/:id/client',
    {
      schema: {
        ...{ operationId: 'joinExchange', summary: 'Join as the client’s side', tags, params },
        description:
          'Once, with one certificate: the same again is answered like the first time, another is refused.',
        body: client,
        response: one,
      },
      onRequest,
    },
    async (request, reply) => {
      const { id } = request.params
      const caller = callerOf(request)
      // Whoever joins could have asked for it: no less is demanded of the one who brings the keys.
      checkAsked(routes, caller, exchanges().get(id))
      const record = await exchanges().join(id, request.body.certificate, personOf(caller))
      return answer(reply, view(request, record))
    },
  )

  app.post(
    '/v1/exchanges/:id/confirm',
    {
      schema: {
        ...{ operationId: 'confirmExchange', summary: 'Confirm the short string', tags, params },
        description: 'A string other than the server’s ends the exchange.',
        body: confirmation,
        response: one,
      },
      onRequest,
    },
    async (request, reply) => {
      const by = personOf(callerOf(request))
      const record = await exchanges().confirm(request.params.id, request.body.string, by)
      return answer(reply, view(request, record))
    },
  )

  app.delete(
    '/v1/exchanges/:id',
    {
      schema: { operationId: 'cancelExchange', summary: 'Cancel an exchange', tags, params, response: one },
      onRequest,
    },
    async (request, reply) => {
      const record = await exchanges().cancel(request.params.id, personOf(callerOf(request)))
      return answer(reply, view(request, record))
    },
  )
}

/** An exchange as the one who asks is to see it. */
function viewOf({ sealer }: ExchangeRoutes): (request: FastifyRequest, record: ExchangeRecord) => object {
  return (request, record) => formatView(record, sealer.now(), personOf(callerOf(request)))
}

const mayManage: onRequestHookHandler = (request, _reply, next) => {
  callerFor(request, 'manage', 'exchanges')
  next()
}

/** No exchange is begun that could not end well. */
function checkAsked(
  { sealer, rules, least }: ExchangeRoutes,
  caller: Caller,
  { owner, assurance }: { readonly owner: string; readonly assurance: LeastAssurance['sign'] },
): void {
  const registry = sealer.follower.fresh()
  const { owner: ownOwner } = registry.key(sealer.sender.statement.kid)
  checkOwner(rules, caller, owner, registry, ownOwner)
  // The least that counts for any purpose.
  if (!mayCount(least, assurance)) checkAssurance(least, 'receive', assurance)
}

function mayCount(least: LeastAssurance, assurance: LeastAssurance['sign']): boolean {
  return least.sign === assurance || least.receive === assurance || assurance === 'two-person'
}

function answer(reply: FastifyReply, body: object): FastifyReply {
  return reply.header('cache-control', 'no-store').send(body)
}
