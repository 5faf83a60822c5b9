// GET /v1/buckets, GET /v1/buckets/{bucket}
import { refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { callerOf, requireCaller } from '@ledgerstone/border/caller'
import { covers } from '@ledgerstone/border/scope'
import { Type } from '@ledgerstone/border/typebox'
import { keysBucket } from '@ledgerstone/core/names'
import type { Bucket } from '@ledgerstone/log/bucket'
import type { BucketState } from '@ledgerstone/log/sequencer'
import { allow } from '../access.ts'
import type { Service } from '../service.ts'
import { bucketDetail, bucketSummary } from '../shapes.ts'

const none = Type.Object({}, { additionalProperties: false })

export function addBuckets(app: App, service: Service): void {
  const { log, bearer } = service
  app.get(
    '/v1/buckets',
    {
      schema: {
        operationId: 'listBuckets',
        summary: 'The buckets that the token may read, and keys',
        tags: ['read'],
        querystring: none,
        response: { 200: Type.Object({ buckets: Type.Array(bucketSummary) }), ...refusals },
      },
      onRequest: requireCaller(bearer),
    },
    async (request, reply) => {
      const { scopes } = callerOf(request)
      reply.header('cache-control', 'no-store')
      const listed = log.buckets().flatMap((bucket) => {
        if (covers(scopes, 'read', bucket.name)) return [{ ...summaryOf(bucket), ...progressOf(bucket) }]
        return bucket.name === keysBucket ? [summaryOf(bucket)] : []
      })
      return { buckets: listed }
    },
  )

  app.get(
    '/v1/buckets/:bucket',
    {
      schema: {
        operationId: 'readBucket',
        summary: 'A bucket: its verifier keys, newest head and newest final checkpoint',
        tags: ['read'],
        params: Type.Object({ bucket: Type.String() }),
        querystring: none,
        response: { 200: bucketDetail, ...refusals },
      },
      onRequest: allow(service, 'read'),
    },
    async (request, reply) => {
      const { name, origin, vkeys, head, headNote, final, state } = log.bucket(request.params.bucket)
      reply.header('cache-control', 'no-store')
      return { name, origin, size: head.size, vkeys, head: headNote, final: final?.checkpoint ?? null, state }
    },
  )
}

function summaryOf(bucket: Bucket): { name: string; origin: string; size: number | null } {
  return { name: bucket.name, origin: bucket.origin, size: sizeOf(bucket) }
}

function progressOf({ final, state }: Bucket): { final: number | null; state: BucketState } {
  return { final: final?.head.size ?? null, state }
}

/** null for a bucket that could not be opened: it must not keep the list of the others from being read. */
function sizeOf(bucket: Bucket): number | null {
  try {
    return bucket.head.size
  } catch {
    return null
  }
}
