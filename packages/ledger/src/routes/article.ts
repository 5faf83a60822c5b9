// GET /api/v1/blockchain/list and /api/v1/blockchain/{index}: the article's payload. For showing, never for
// verifying.
import { refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import { type ArticleBlock, articleBlockOf } from '@ledgerstone/core/article'
import { limits } from '@ledgerstone/core/limits'
import type { Bucket } from '@ledgerstone/log/bucket'
import { readBlock, readEnvelope } from '@ledgerstone/log/read'
import { allow } from '../access.ts'
import type { Service } from '../service.ts'
import { articlePayload } from '../shapes.ts'
import { storedEnvelope } from '../stored-envelope.ts'

const which = {
  bucket: Type.String({ minLength: 1, maxLength: limits.bucketNameBytesMax + 5 }),
  receiver: Type.Optional(
    Type.String({
      minLength: 43,
      maxLength: 43,
      description: 'kid whose `objectc` is shown; else the first',
    }),
  ),
}
const listQuery = Type.Object(
  {
    ...which,
    from: Type.Optional(Type.Integer({ minimum: 0, default: 0 })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: limits.listBlocksMax, default: limits.listBlocksMax }),
    ),
  },
  { additionalProperties: false },
)
const oneQuery = Type.Object(which, { additionalProperties: false })

/** In hexadecimal an envelope has twice its bytes. */
const pageBytesMax = limits.listBytesMax / 2

export function addArticle(app: App, service: Service): void {
  const { log } = service
  const shared = { tags: ['article'], response: { 200: articlePayload, ...refusals } }

  app.get(
    '/api/v1/blockchain/list',
    {
      schema: {
        ...shared,
        operationId: 'articleList',
        summary: 'Blocks in the article’s shape, a page at a time',
        description: 'The next page is in the header `Link`, for the payload has no member for it.',
        querystring: listQuery,
      },
      onRequest: allow(service, 'read'),
    },
    async (request, reply) => {
      const { bucket: name, receiver, from = 0, limit = limits.listBlocksMax } = request.query
      const bucket = log.bucket(name)
      const blocks = await readPage(bucket, from, limit, receiver)
      const next = from + blocks.length
      if (blocks.length > 0 && next < bucket.head.size) {
        const query = new URLSearchParams({ bucket: name, from: `${next}`, limit: `${limit}` })
        if (receiver !== undefined) query.set('receiver', receiver)
        reply.header('link', `</api/v1/blockchain/list?${query}>; rel="next"`)
      }
      reply.header('cache-control', 'no-store')
      return payloadOf('Blockchain list processed successfully', blocks)
    },
  )

  app.get(
    '/api/v1/blockchain/:index',
    {
      schema: {
        ...shared,
        operationId: 'articleBlock',
        summary: 'One block in the article’s shape',
        params: Type.Object({ index: Type.Integer({ minimum: 0 }) }),
        querystring: oneQuery,
      },
      onRequest: allow(service, 'read'),
    },
    async (request, reply) => {
      const { bucket, receiver } = request.query
      const { block } = await readArticleBlock(log.bucket(bucket), request.params.index, receiver)
      reply.header('cache-control', 'no-store')
      return payloadOf('Blockchain block processed successfully', [block])
    },
  )
}

function payloadOf(message: string, blockchain: readonly ArticleBlock[]): object {
  return { name: 'Blockchain', statuscode: '200', status: 'OK', message, blockchain }
}

async function readPage(
  bucket: Bucket,
  from: number,
  limit: number,
  receiver: string | undefined,
): Promise<readonly ArticleBlock[]> {
  const blocks: ArticleBlock[] = []
  const end = Math.min(from + limit, bucket.head.size)
  let bytes = 0
  for (let index = from; index < end; index++) {
    const read = await readArticleBlock(bucket, index, receiver)
    bytes += read.bytes
    if (bytes > pageBytesMax && blocks.length > 0) break
    blocks.push(read.block)
  }
  return blocks
}

async function readArticleBlock(
  bucket: Bucket,
  index: number,
  receiver: string | undefined,
): Promise<{ readonly block: ArticleBlock; readonly bytes: number }> {
  const { block, hash } = await readBlock(bucket, index)
  const bytes = await readEnvelope(bucket, index)
  const envelope = bytes === undefined ? undefined : storedEnvelope(block, bytes)
  return { block: articleBlockOf(block, hash, envelope, receiver), bytes: bytes?.length ?? 0 }
}
