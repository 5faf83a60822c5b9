// POST /v1/buckets/{bucket}/blocks/batch: many sealed records, each with its own result in the same place.
import { refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { callerOf } from '@ledgerstone/border/caller'
import { problemOf } from '@ledgerstone/border/problem'
import { Type } from '@ledgerstone/border/typebox'
import { limits } from '@ledgerstone/core/limits'
import type { Appended, Bucket } from '@ledgerstone/log/bucket'
import type { Submission } from '@ledgerstone/log/submission'
import type { FastifyBaseLogger } from 'fastify'
import { allow } from '../access.ts'
import { formatAppended, statusOf } from '../appended.ts'
import type { Intake } from '../intake.ts'
import type { Decoded } from '../intake-message.ts'
import type { Service } from '../service.ts'
import { batchResults, sealedRecord } from '../shapes.ts'
import { exceptBody, takeBody } from './append.ts'

const body = Type.Object(
  { records: Type.Array(sealedRecord, { minItems: 1, maxItems: limits.batchRecordsMax }) },
  { additionalProperties: false, description: 'The list alone is taken too' },
)

export function addBatch(app: App, service: Service): void {
  const { log, intake, metrics } = service
  app.post(
    '/v1/buckets/:bucket/blocks/batch',
    {
      schema: {
        operationId: 'appendBatch',
        summary: 'Append many sealed records',
        description:
          'Sound records are committed in their order; refused ones carry their code and stop no other.',
        tags: ['append'],
        params: Type.Object({ bucket: Type.String() }),
        querystring: Type.Object({}, { additionalProperties: false }),
        body,
        response: { 200: batchResults, ...refusals },
      },
      bodyLimit: limits.batchBytesMax,
      onRequest: allow(service, 'append'),
      validatorCompiler: exceptBody,
    },
    async (request, reply) => {
      const bucket = log.bucket(request.params.bucket)
      const results = await appendAll(bucket, intake, takeBody(request), callerOf(request).key)
      const texts = results.map((result) => {
        if (!(result instanceof Error))
          return `{"status":${statusOf(result)},${formatAppended(bucket, result)}}`
        return formatRefused(result, request.log, (code) => metrics.refused(bucket.name, code))
      })
      reply.header('cache-control', 'no-store').header('content-type', 'application/json; charset=utf-8')
      return reply.send(`{"results":[${texts.join(',')}]}`)
    },
  )
}

/** Hands on what is decoded while the rest of the batch is being decoded. */
async function appendAll(
  bucket: Bucket,
  intake: Intake,
  body: Uint8Array,
  caller: string,
): Promise<readonly (Appended | Error)[]> {
  const parts: Promise<readonly (Appended | Error)[]>[] = []
  const arrived = bucket.expect(body.length)
  try {
    await intake.decodeBatch(body, caller, (records) => parts.push(appendSome(bucket, records, caller)))
  } finally {
    arrived()
  }
  return (await Promise.all(parts)).flat()
}

async function appendSome(
  bucket: Bucket,
  decoded: readonly Decoded[],
  caller: string,
): Promise<readonly (Appended | Error)[]> {
  const sound = decoded.filter((record): record is Submission => !(record instanceof Error))
  const outcomes = (await bucket.appendBatch(sound, caller)).values()
  return decoded.map((record) =>
    record instanceof Error ? record : (outcomes.next().value as Appended | Error),
  )
}

function formatRefused(error: Error, log: FastifyBaseLogger, count: (code: string) => void): string {
  const { status, code, detail, id } = problemOf(error)
  count(code)
  if (status >= 500) log.error({ err: error, problem: id, code }, 'record failed')
  return JSON.stringify({ status, code, detail, ...(id !== undefined && { id }) })
}
