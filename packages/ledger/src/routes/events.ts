// GET /v1/buckets/{bucket}/events: server-sent events over fetch, under a token, for as long as the token
// lasts.
import { content, refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { callerOf } from '@ledgerstone/border/caller'
import { Type } from '@ledgerstone/border/typebox'
import { Refused } from '@ledgerstone/core/refused'
import { allow } from '../access.ts'
import type { EventStreams } from '../event-streams.ts'
import type { Service } from '../service.ts'
import { text } from '../shapes.ts'
import { streamTo } from '../streaming.ts'

export function addEvents(app: App, service: Service, streams: EventStreams): void {
  const { log, limits, now } = service
  app.addHook('preClose', async () => streams.close())
  app.get(
    '/v1/buckets/:bucket/events',
    {
      schema: {
        operationId: 'events',
        summary: 'Blocks as they are committed, checkpoints as they become final',
        description:
          'Begins after the block of `Last-Event-ID`, or with block `from`, or with the next block. Ends ' +
          'with the token.',
        tags: ['read'],
        params: Type.Object({ bucket: Type.String() }),
        querystring: Type.Object(
          { from: Type.Optional(Type.Integer({ minimum: 0, description: 'index of the first block' })) },
          { additionalProperties: false },
        ),
        response: { 200: content('text/event-stream', text, 'Events'), ...refusals },
      },
      onRequest: allow(service, 'read'),
      exposeHeadRoute: false,
    },
    async (request, reply) => {
      const bucket = log.bucket(request.params.bucket)
      const seen = indexSeen(request.headers['last-event-id'])
      const from = seen === undefined ? (request.query.from ?? bucket.head.size) : seen + 1
      const { events, close } = streams.open(bucket, { from, lifeMs: callerOf(request).expiresAt - now() })
      reply.raw.once('close', close)
      reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
      return reply.send(streamTo(reply, events, limits.stallMsMax))
    },
  )
}

/**
 * Throws `bad-query` for an id that is not of this stream: to go on elsewhere would lose events unnoticed.
 */
function indexSeen(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined
  const index = Number(header)
  if (
    typeof header !== 'string' ||
    !/^(?:0|[1-9][0-9]{0,15})$/.test(header) ||
    !Number.isSafeInteger(index)
  ) {
    throw new Refused('bad-query', 'Last-Event-ID is not the index of a block')
  }
  return index
}
