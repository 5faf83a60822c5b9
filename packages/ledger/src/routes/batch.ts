// POST /v1/buckets/{bucket}/blocks/batch: many sealed records, each with its own result in the same place.

import { setImmediate } from 'node:timers/promises'
import { refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { callerOf } from '@ledgerstone/border/caller'
import { problemOf } from '@ledgerstone/border/problem'
import { Type } from '@ledgerstone/border/typebox'
import { isObject, listMember, membersOf } from '@ledgerstone/core/canonical'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { Submission } from '@ledgerstone/log/admit'
import type { Appended, Bucket } from '@ledgerstone/log/bucket'
import type { FastifyBaseLogger } from 'fastify'
import { allow } from '../access.ts'
import { formatAppended, statusOf } from '../appended.ts'
import type { Service } from '../service.ts'
import { batchResults, sealedRecord } from '../shapes.ts'
import { parseSubmission } from '../submission.ts'
import { exceptBody, takeBody } from './append.ts'

/** Records decoded at one go; other requests get a turn in between. */
const recordsPerTurn = 50

const body = Type.Object(
  { records: Type.Array(sealedRecord, { minItems: 1, maxItems: limits.batchRecordsMax }) },
  { additionalProperties: false, description: 'The list alone is taken too' },
)

export function addBatch(app: App, service: Service): void {
  const { log, metrics } = service
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
      const results = await appendAll(bucket, [...recordsOf(takeBody(request))], callerOf(request).key)
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

/** The list under `records`, or the list alone. Throws `malformed`, `unknown-field`, `too-large`. */
function recordsOf(value: unknown): readonly unknown[] {
  const records = listMember(
    isObject(value) ? membersOf(value, 'the batch', ['records'])['records'] : value,
    'the batch',
  )
  if (records.length === 0) throw new Refused('malformed', 'the batch holds no record')
  if (records.length > limits.batchRecordsMax) {
    throw new Refused('too-large', `a batch holds at most ${limits.batchRecordsMax} records`)
  }
  return records
}

/**
 * Decodes in turns, and hands each turn on at once: its signatures are checked while the next one is decoded.
 * Takes the records out of their list.
 */
async function appendAll(
  bucket: Bucket,
  records: unknown[],
  caller: string,
): Promise<readonly (Appended | Error)[]> {
  const turns: Promise<readonly (Appended | Error)[]>[] = []
  while (records.length > 0) {
    if (turns.length > 0) await setImmediate()
    turns.push(appendSome(bucket, records.splice(0, recordsPerTurn).map(decode), caller))
  }
  return (await Promise.all(turns)).flat()
}

async function appendSome(
  bucket: Bucket,
  decoded: readonly (Submission | Error)[],
  caller: string,
): Promise<readonly (Appended | Error)[]> {
  const sound = decoded.filter((submission): submission is Submission => !(submission instanceof Error))
  const outcomes = (await bucket.appendBatch(sound, caller)).values()
  return decoded.map((submission) =>
    submission instanceof Error ? submission : (outcomes.next().value as Appended | Error),
  )
}

function decode(record: unknown): Submission | Error {
  try {
    return parseSubmission(record)
  } catch (error) {
    if (error instanceof Refused) return error
    throw error
  }
}

function formatRefused(error: Error, log: FastifyBaseLogger, count: (code: string) => void): string {
  const { status, code, detail, id } = problemOf(error)
  count(code)
  if (status >= 500) log.error({ err: error, problem: id, code }, 'record failed')
  return JSON.stringify({ status, code, detail, ...(id !== undefined && { id }) })
}
