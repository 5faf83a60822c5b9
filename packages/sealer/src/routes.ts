// POST /v1/seal/{bucket}
import { refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import type { Bearer } from '@ledgerstone/border/bearer'
import { callerFor, requireCaller } from '@ledgerstone/border/caller'
import { createValidatorCompiler } from '@ledgerstone/border/schema'
import { Type } from '@ledgerstone/border/typebox'
import { limits } from '@ledgerstone/core/limits'
import { checkBucketName } from '@ledgerstone/core/names'
import type { FastifyPluginAsync, FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { parseSealRequest } from './record.ts'
import { idOf, type Sealer, sealAndPush } from './seal.ts'

export type SealRoutes = { readonly sealer: Sealer; readonly bearer: Bearer }

/** A record and what stands around it in a JSON request. */
const bodyBytesMax = limits.recordBytesMax + limits.labelsBytesMax + 4096

/**
 * A plugin of its own context: it takes bodies of any media type, as bytes, and the app around it does not.
 */
export function sealRoutes({ sealer, bearer }: SealRoutes): FastifyPluginAsync {
  return async (plugin) => {
    const app = plugin as unknown as App
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.post(
      '/v1/seal/:bucket',
      {
        schema: {
          operationId: 'seal',
          summary: 'Seal a record and append it',
          description:
            'As JSON, the exact text of `record` is sealed. With any other media type the body is the ' +
            'record, and `type`, `id` and `meta` (JSON) stand in the query. With an `id` a retry is safe.',
          tags: ['append'],
          params: Type.Object({ bucket: Type.String() }),
          querystring: query,
          body: sealRequest,
          response: { 201: sealed, 200: sealed, ...refusals },
        },
        bodyLimit: bodyBytesMax,
        onRequest: [
          requireCaller(bearer),
          (request, _reply, next) => {
            callerFor(request, 'append', checkBucketName((request.params as { bucket: string }).bucket))
            next()
          },
        ],
        validatorCompiler: exceptBody,
      },
      async (request, reply) => {
        const { bucket } = request.params
        const { receipt, wait, ...recordQuery } = request.query
        const caller = callerFor(request, 'append', bucket)
        const asked = parseSealRequest(request.headers['content-type'], request.body, recordQuery)
        const id = idOf(asked, sealer.now())
        // Also on a failure: whoever sent no id can still ask again with this one.
        reply.header('record-id', id).header('cache-control', 'no-store')
        const { created, answer } = await sealAndPush(
          sealer,
          { bucket, caller, id, request: asked },
          {
            ...(receipt !== undefined && { receipt }),
            ...(wait !== undefined && { wait }),
            traceparent: traceOf(request.headers['traceparent']),
          },
        )
        if (sealer.ledgerUrl !== undefined) {
          const path = `/v1/buckets/${bucket}/blocks/${answer.index}`
          reply.header('location', new URL(path, sealer.ledgerUrl).href)
        }
        return reply
          .code(created ? 201 : 200)
          .header('content-type', 'application/json; charset=utf-8')
          .send(JSON.stringify(answer))
      },
    )
  }
}

const query = Type.Object(
  {
    type: Type.Optional(Type.String({ description: 'with other media types than JSON' })),
    id: Type.Optional(Type.String({ description: 'a UUID; with other media types than JSON' })),
    meta: Type.Optional(Type.String({ description: 'JSON; with other media types than JSON' })),
    receipt: Type.Optional(Type.Boolean({ description: 'add the receipt, when the block is final' })),
    wait: Type.Optional(Type.Literal('final', { description: 'answer when the block is final, or later' })),
  },
  { additionalProperties: false },
)

const sealRequest: TSchema = Type.Object(
  {
    type: Type.String({ description: 'such as `payment.captured`' }),
    record: Type.Unknown({ description: 'any JSON; sealed as exactly the text that it is' }),
    meta: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'small labels, in clear' }),
    ),
    id: Type.Optional(Type.String({ format: 'uuid', description: 'makes a retry safe' })),
  },
  { additionalProperties: false },
)

const hash = Type.String({ pattern: '^[0-9a-f]{64}$' })

/** The ledger's answer, and two members of the sealer's. It is written as it came. */
const sealed: TSchema = Type.Object(
  {
    bucket: Type.String(),
    index: Type.Integer({ minimum: 0 }),
    hash,
    prevhash: hash,
    time: Type.String({ format: 'date-time' }),
    size: Type.Integer({ minimum: 1 }),
    final: Type.Boolean(),
    checkpoint: Type.String({ description: 'a signed note that covers the block' }),
    receipt: Type.Optional(Type.String({ description: 'C2SP tlog-proof; once final, when asked for' })),
    id: Type.String({ description: 'of the record; also in the header `record-id`' }),
    retrySafe: Type.Boolean({ description: 'whether the caller gave the `id`' }),
  },
  { description: 'The block: 201 when it is new, 200 when the record was there already' },
)

/** The body is decoded by record.ts, which keeps its text. */
const exceptBody: FastifySchemaCompiler<unknown> = (route) =>
  route.httpPart === 'body' ? () => true : validate(route as Parameters<typeof validate>[0])

const validate = createValidatorCompiler()

/** W3C Trace Context: handed on as it is, when it is in good form. */
function traceOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(header)
    ? header
    : undefined
}
