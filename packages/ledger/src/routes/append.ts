// POST /v1/buckets/{bucket}/blocks: one sealed record, answered when its block is durable, sequenced and
// signed for.
import { refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { callerOf } from '@ledgerstone/border/caller'
import { createValidatorCompiler } from '@ledgerstone/border/schema'
import { Type } from '@ledgerstone/border/typebox'
import type { Appended, Bucket } from '@ledgerstone/log/bucket'
import { readReceipt } from '@ledgerstone/log/read'
import type { Submission } from '@ledgerstone/log/submission'
import type { FastifySchemaCompiler } from 'fastify'
import { allow } from '../access.ts'
import { formatAppended, statusOf } from '../appended.ts'
import { isFinal, waitFinal } from '../final-wait.ts'
import type { Intake } from '../intake.ts'
import type { Service } from '../service.ts'
import { appended, sealedRecord } from '../shapes.ts'

const query = Type.Object(
  {
    receipt: Type.Optional(Type.Boolean({ description: 'add the receipt, when the block is final' })),
    wait: Type.Optional(
      Type.Literal('final', { description: 'answer when the block is final, or after some seconds' }),
    ),
  },
  { additionalProperties: false },
)

export function addAppend(app: App, service: Service): void {
  const { log, intake, limits } = service
  app.post(
    '/v1/buckets/:bucket/blocks',
    {
      schema: {
        operationId: 'append',
        summary: 'Append a sealed record',
        description:
          'A record with the `id` and the `retry` value of an earlier one is not appended again: 200, ' +
          'and the block of the first.',
        tags: ['append'],
        params: Type.Object({ bucket: Type.String() }),
        querystring: query,
        body: sealedRecord,
        response: { 201: appended, 200: appended, ...refusals },
      },
      onRequest: allow(service, 'append'),
      validatorCompiler: exceptBody,
    },
    async (request, reply) => {
      const bucket = log.bucket(request.params.bucket)
      const { receipt, wait } = request.query
      const outcome = await appendOne(bucket, intake, takeBody(request), callerOf(request).key)
      if (wait === 'final') await waitFinal(bucket, outcome.index, limits.waitFinalMsMax)
      const members = formatAppended(bucket, outcome)
      const proof = receipt === true ? await receiptOf(bucket, outcome) : ''
      reply
        .code(statusOf(outcome))
        .header('location', `/v1/buckets/${bucket.name}/blocks/${outcome.index}`)
        .header('cache-control', 'no-store')
        .header('content-type', 'application/json; charset=utf-8')
      return reply.send(`{${members}${proof}}`)
    },
  )
}

async function appendOne(
  bucket: Bucket,
  intake: Intake,
  body: Uint8Array,
  caller: string,
): Promise<Appended> {
  const arrived = bucket.expect(body.length)
  let submission: Submission
  try {
    submission = await intake.decode(body, caller)
  } finally {
    arrived()
  }
  return await bucket.append(submission, caller)
}

/**
 * The body, which the request then no longer has: what was decoded is all that is needed while the caller
 * waits, and the bytes would be carried through every collection of garbage until then. Without a body there
 * are none.
 */
export function takeBody(request: { body: unknown }): Uint8Array {
  const { body } = request
  request.body = undefined
  return body instanceof Uint8Array ? body : new Uint8Array(0)
}

/** Bodies are decoded by the intake, strictly and by hand: a schema in between would only cost time. */
export const exceptBody: FastifySchemaCompiler<unknown> = (route) =>
  route.httpPart === 'body' ? () => true : validate(route as Parameters<typeof validate>[0])

const validate = createValidatorCompiler()

async function receiptOf(bucket: Bucket, { index }: Appended): Promise<string> {
  return isFinal(bucket, index) ? `,"receipt":${JSON.stringify(await readReceipt(bucket, index))}` : ''
}
