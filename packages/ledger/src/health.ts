import { Type } from '@ledgerstone/border/typebox'
import { keysBucket } from '@ledgerstone/core/names'
import type { Bucket } from '@ledgerstone/log/bucket'
import type { FastifyInstance, FastifySchema } from 'fastify'
import type { TSchema } from 'typebox'
import { askDocuments } from './documents.ts'
import type { Service } from './service.ts'

const word = Type.String()
const readiness = Type.Object({
  status: word,
  buckets: Type.Record(Type.String(), word),
  documents: word,
})

/**
 * `/health/live`: the process answers. `/health/ready`: 200 when requests make sense here: `keys`, on which
 * all admission depends, is open. A single broken bucket or a missing document store is named but keeps no
 * one from the others. Neither route needs a token, so neither shows more than names and codes.
 */
export function addHealth(app: FastifyInstance, { log, documents }: Service): void {
  app.get(
    '/health/live',
    { schema: schema('live', 'The process answers', Type.Object({ status: word })) },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return { status: 'ok' }
    },
  )
  app.get(
    '/health/ready',
    { schema: schema('ready', 'Requests make sense here', readiness) },
    async (_request, reply) => {
      const ready = log.bucket(keysBucket).state.kind === 'open'
      const buckets = Object.fromEntries(log.buckets().map((bucket) => [bucket.name, stateOf(bucket)]))
      const store = documents === undefined ? 'none' : await documentsState(documents)
      reply.code(ready ? 200 : 503).header('cache-control', 'no-store')
      return { status: ready ? 'ok' : 'unavailable', buckets, documents: store }
    },
  )
}

function schema(operationId: string, summary: string, answer: TSchema): FastifySchema {
  return { operationId, summary, tags: ['operation'], security: [], response: { 200: answer, 503: answer } }
}

function stateOf({ state }: Bucket): string {
  return state.kind === 'open' ? 'open' : `read-only: ${state.code}`
}

async function documentsState(documents: Service['documents']): Promise<string> {
  try {
    await askDocuments(documents, (store) => store.complete(keysBucket))
    return 'ok'
  } catch {
    return 'unavailable'
  }
}
