// GET /v1/buckets/{bucket}/envelopes: many envelopes for mirrors, each as u32 n | n bytes (n = 0: none, or
// erased).
import { content, refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import type { Bucket } from '@ledgerstone/log/bucket'
import { readEnvelopes } from '@ledgerstone/log/read'
import { allow } from '../access.ts'
import type { Service } from '../service.ts'
import { octets } from '../shapes.ts'
import { streamTo } from '../streaming.ts'

/** Read at one go; as much again may wait for the reader. */
const chunkBytes = 1_048_576
const chunkEnvelopes = 256

export function addEnvelopes(app: App, service: Service): void {
  const { log, limits } = service
  app.get(
    '/v1/buckets/:bucket/envelopes',
    {
      schema: {
        operationId: 'readEnvelopes',
        summary: 'Envelopes of consecutive blocks, as a stream',
        description:
          'Ends after `limit` envelopes or at the head. Not for caches: an envelope may be erased.',
        tags: ['read'],
        params: Type.Object({ bucket: Type.String() }),
        querystring: Type.Object(
          {
            from: Type.Optional(Type.Integer({ minimum: 0, default: 0 })),
            limit: Type.Optional(
              Type.Integer({ minimum: 1, maximum: limits.envelopesMax, default: limits.envelopesMax }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: content('application/octet-stream', octets, '`u32 n | n bytes`, n = 0: none'),
          ...refusals,
        },
      },
      onRequest: allow(service, 'read'),
      exposeHeadRoute: false,
    },
    async (request, reply) => {
      const { from = 0, limit = limits.envelopesMax } = request.query
      const bucket = log.bucket(request.params.bucket)
      const end = Math.min(from + limit, bucket.head.size)
      reply.header('content-type', 'application/octet-stream').header('cache-control', 'no-store')
      return reply.send(streamTo(reply, envelopesOf(bucket, from, end), limits.stallMsMax))
    },
  )
}

/** Pulled by the reader: nothing is read ahead of what he takes. */
async function* envelopesOf(bucket: Bucket, from: number, end: number): AsyncGenerator<Buffer> {
  for (let next = from; next < end; ) {
    const framed = await readEnvelopes(bucket, next, Math.min(chunkEnvelopes, end - next), chunkBytes)
    next += countFrames(framed)
    yield Buffer.from(framed.buffer, framed.byteOffset, framed.byteLength)
  }
}

function countFrames(framed: Uint8Array): number {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength)
  let count = 0
  for (let at = 0; at < framed.length; at += 4 + view.getUint32(at)) count++
  return count
}
