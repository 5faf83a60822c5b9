// POST /desk/exchanges, GET /desk/exchanges[/{id}], POST /desk/exchanges/{id}/compare, DELETE
// /desk/exchanges/{id}: the client's side of a key exchange, run by the desk.
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import { Refused } from '@ledgerstone/core/refused'
import { purposeOf } from '../exchange-keys.ts'
import { wayOf } from '../exchange-way.ts'
import type { ExchangeRuns } from './exchange-runs.ts'
import { readListedKey } from './key-files.ts'
import { bearerOf, type DeskService } from './service.ts'

const closed = { additionalProperties: false }
const text = (maxLength: number): ReturnType<typeof Type.String> => Type.String({ minLength: 1, maxLength })

/** As the options of `ledgerstone exchange`, but for those that name files. */
const way = Type.Object(
  {
    via: Type.Union([
      Type.Literal('direct'),
      Type.Literal('ssh'),
      Type.Literal('openshift-route'),
      Type.Literal('port-forward'),
    ]),
    host: Type.Optional(text(255)),
    ssh: Type.Optional(text(255)),
    sshPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    context: Type.Optional(text(255)),
    namespace: Type.Optional(text(63)),
    pod: Type.Optional(text(253)),
    routeHost: Type.Optional(text(253)),
  },
  closed,
)

const asked = Type.Object(
  {
    owner: text(127),
    assurance: Type.Union([Type.Literal('token'), Type.Literal('sas'), Type.Literal('two-person')]),
    way,
    /** Of an exchange that is scheduled, with its time and port. */
    join: Type.Optional(Type.String({ format: 'uuid' })),
    openAt: Type.Optional(text(24)),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    /** For the new keys. */
    passphrase: Type.Optional(text(1024)),
    /** Instead of new keys. */
    keys: Type.Optional(
      Type.Array(Type.Object({ name: text(300), passphrase: Type.Optional(text(1024)) }, closed), {
        minItems: 1,
        maxItems: 4,
      }),
    ),
  },
  closed,
)
const params = Type.Object({ id: Type.String({ format: 'uuid' }) })
const comparison = Type.Object({ same: Type.Boolean() }, closed)

export function addExchangeRuns(app: App, desk: DeskService, runs: ExchangeRuns): void {
  app.post('/desk/exchanges', { schema: { body: asked } }, async (request, reply) => {
    const { folder, trust, upstream } = desk
    const token = bearerOf(request)
    const { owner, assurance, join, openAt, port, passphrase, keys } = request.body
    if (join !== undefined && (openAt !== undefined || port !== undefined)) {
      throw new Refused('bad-config', 'an exchange that is joined has its time and port')
    }
    const own = keys === undefined ? undefined : await Promise.all(keys.map((key) => ownKey(desk, key)))
    const view = runs.begin(
      {
        ...{ folder, trust, server: upstream.sealer, ledger: upstream.ledger, owner, assurance },
        way: await wayOf(request.body.way, upstream.sealer),
        ...(join !== undefined && { join }),
        ...(openAt !== undefined && { openAt }),
        ...(port !== undefined && { port }),
        ...(passphrase !== undefined && { passphrase }),
        ...(own !== undefined && { keys: own }),
      },
      token,
    )
    return reply.code(201).header('cache-control', 'no-store').send(view)
  })

  app.get('/desk/exchanges', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ server: desk.upstream.sealer, runs: runs.list() }),
  )

  app.get('/desk/exchanges/:id', { schema: { params } }, async (request, reply) =>
    reply.header('cache-control', 'no-store').send(runs.get(request.params.id, bearerOf(request))),
  )

  app.post(
    '/desk/exchanges/:id/compare',
    { schema: { params, body: comparison } },
    async ({ params: { id }, body: { same } }, reply) => reply.send(runs.compare(id, same)),
  )

  app.delete('/desk/exchanges/:id', { schema: { params } }, async ({ params: { id } }, reply) =>
    reply.send(runs.cancel(id)),
  )
}

async function ownKey(
  { folder }: DeskService,
  { name, passphrase }: { readonly name: string; readonly passphrase?: string },
): Promise<{ key: Awaited<ReturnType<typeof readListedKey>>; purpose: ReturnType<typeof purposeOf> }> {
  const key = await readListedKey(folder.root, name, passphrase)
  return { key, purpose: purposeOf(key) }
}
