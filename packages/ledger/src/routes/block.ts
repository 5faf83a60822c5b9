// GET /v1/buckets/{bucket}/blocks/{index|hash} and its parts: entry, envelope, receipt, evidence.
import { content, refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import type { Block } from '@ledgerstone/core/block'
import type { Bytes } from '@ledgerstone/core/bytes'
import { keysBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { formatEnvelopeJson } from '@ledgerstone/core/sealed'
import { parseStatement } from '@ledgerstone/core/statement'
import type { Bucket } from '@ledgerstone/log/bucket'
import { readBlock, readEnvelope, readEvidence, readReceipt } from '@ledgerstone/log/read'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { allow } from '../access.ts'
import { indexOf } from '../block-reference.ts'
import { readView } from '../pages.ts'
import type { Service } from '../service.ts'
import { block, octets, text } from '../shapes.ts'
import { storedEnvelope } from '../stored-envelope.ts'

type Found = { readonly bucket: Bucket; readonly index: number }
type Answer = (found: Found, reply: FastifyReply, request: FastifyRequest) => Promise<unknown>

/** Bytes that are under a hash never change; a browser of one person may keep them. */
const immutable = 'private, max-age=31536000, immutable'
const changing = 'no-store'

export function addBlock(app: App, service: Service): void {
  const { log, documents } = service

  function add(part: string, id: string, summary: string, answer: TSchema, respond: Answer): void {
    app.get(
      `/v1/buckets/:bucket/blocks/:block${part}`,
      {
        schema: {
          operationId: id,
          summary,
          tags: ['read'],
          params: Type.Object({
            bucket: Type.String(),
            block: Type.String({ description: 'index, or hash of 64 hexadecimal characters' }),
          }),
          querystring: Type.Object({}, { additionalProperties: false }),
          response: { 200: answer, ...refusals },
        },
        onRequest: allow(service, 'read'),
      },
      async (request, reply) => {
        const { bucket: name, block: reference } = request.params
        const bucket = log.bucket(name)
        return respond({ bucket, index: await indexOf(bucket, reference, documents) }, reply, request)
      },
    )
  }

  add('', 'readBlock', 'A block', block, async ({ bucket, index }, reply) => {
    reply.header('cache-control', changing)
    return readView(bucket, index)
  })

  const entry = content('application/octet-stream', octets, 'The exact bytes, the Merkle leaf')
  add('/entry', 'readEntry', 'The entry: the exact bytes under the hash', entry, async (found, reply) => {
    reply.header('content-type', 'application/octet-stream').header('cache-control', immutable)
    const { entry: bytes } = await readBlock(found.bucket, found.index)
    return buffer(bytes)
  })

  const envelope = content('application/octet-stream', octets, 'Bytes, or JSON to `Accept: application/json`')
  add('/envelope', 'readEnvelope', 'The envelope', envelope, async (found, reply, request) => {
    const { block: stored } = await readBlock(found.bucket, found.index)
    const bytes = await envelopeOf(found, stored)
    reply.header('cache-control', changing).header('vary', 'accept')
    if (wantsJson(request.headers.accept)) return formatEnvelopeJson(storedEnvelope(stored, bytes))
    reply.header('content-type', 'application/octet-stream')
    return buffer(bytes)
  })

  const receipt = content('text/plain', text, 'C2SP tlog-proof under the newest final checkpoint')
  add('/receipt', 'readReceipt', 'Proof that the block is final', receipt, async (found, reply) => {
    reply.header('content-type', 'text/plain; charset=utf-8').header('cache-control', changing)
    return readReceipt(found.bucket, found.index)
  })

  const evidence = content('application/json', Type.Object({}), 'An evidence file')
  add('/evidence', 'readEvidence', 'All that an auditor needs, offline', evidence, async (found, reply) => {
    const { bucket, index } = found
    reply
      .header('content-type', 'application/json; charset=utf-8')
      .header('content-disposition', `attachment; filename="${bucket.name}-${index}.evidence.json"`)
      .header('cache-control', changing)
    return readEvidence(log.ledger, bucket, log.bucket(keysBucket), index)
  })
}

/**
 * Throws `erased` when the statement names an envelope that is gone, `unknown-block` when there never was
 * one.
 */
async function envelopeOf({ bucket, index }: Found, { statement }: Block): Promise<Bytes> {
  const envelope = await readEnvelope(bucket, index)
  if (envelope !== undefined) return envelope
  const named = parseStatement(statement).payload.content !== undefined
  if (named) throw new Refused('erased', `the envelope of block ${index} was erased`)
  throw new Refused('unknown-block', `block ${index} has no envelope`)
}

function wantsJson(accept: string | undefined): boolean {
  return accept !== undefined && /\bapplication\/json\b/i.test(accept) && !/octet-stream/i.test(accept)
}

/** Fastify sends a Buffer as it is. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
