// GET /v1/buckets/{bucket}/blocks: pages of blocks, all of them or those that a filter names.
import { refusals } from '@ledgerstone/border/answers'
import type { App } from '@ledgerstone/border/app'
import { Type } from '@ledgerstone/border/typebox'
import { limits } from '@ledgerstone/core/limits'
import type { Bucket } from '@ledgerstone/log/bucket'
import type { DocumentFilter } from '@ledgerstone/log/documents'
import { allow } from '../access.ts'
import type { BlockView } from '../block-view.ts'
import { askDocuments } from '../documents.ts'
import { parseFilter } from '../filter.ts'
import { readViews, readViewsFrom } from '../pages.ts'
import type { Service } from '../service.ts'
import { blockPage } from '../shapes.ts'

const text = (maxLength: number, description?: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength, ...(description !== undefined && { description }) }))

const query = Type.Object(
  {
    from: Type.Optional(
      Type.Integer({ minimum: 0, description: 'index to begin at: 0, or descending the newest' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: limits.listBlocksMax, default: limits.listBlocksMax }),
    ),
    order: Type.Optional(
      Type.Unsafe<'ascending' | 'descending'>({
        type: 'string',
        enum: ['ascending', 'descending'],
        default: 'ascending',
      }),
    ),
    type: text(limits.typeNameBytesMax),
    sender: text(43, 'kid of the statement’s key'),
    receiver: text(43, 'kid that the envelope is sealed for'),
    time_from: text(24, 'a day, or a time in UTC'),
    time_to: text(24, 'a day, to its end, or a time in UTC; inclusive'),
  },
  {
    additionalProperties: false,
    patternProperties: { '^meta\\.[A-Za-z][A-Za-z0-9_.-]{0,63}$': { type: 'string', maxLength: 8192 } },
  },
)

type Page = { from: number | undefined; limit: number; order: 'ascending' | 'descending' }

/** `complete`: blocks below were looked at. `next`: where to go on, when there may be more. */
type Listed = { readonly blocks: readonly BlockView[]; readonly complete: number; readonly next?: number }

export function addBlocks(app: App, service: Service): void {
  const { log } = service
  app.get(
    '/v1/buckets/:bucket/blocks',
    {
      schema: {
        operationId: 'listBlocks',
        summary: 'Blocks, a page at a time',
        description:
          'Filters go through the document store, which follows the log: `complete` says how far it has ' +
          'come. `meta.<name>=<value>` filters by a label.',
        tags: ['read'],
        params: Type.Object({ bucket: Type.String() }),
        querystring: query,
        response: { 200: blockPage, ...refusals },
      },
      onRequest: allow(service, 'read'),
    },
    async (request, reply) => {
      const bucket = log.bucket(request.params.bucket)
      const { from, limit = limits.listBlocksMax, order = 'ascending' } = request.query
      const filter = parseFilter(request.query)
      const page = { from, limit, order }
      const { size } = bucket.head
      const listed =
        filter === undefined ? await listAll(bucket, page) : await listSome(bucket, page, filter, service)
      reply.header('cache-control', 'no-store')
      return { bucket: bucket.name, size, ...listed }
    },
  )
}

async function listAll(bucket: Bucket, { from, limit, order }: Page): Promise<Listed> {
  const { size } = bucket.head
  if (order === 'descending') {
    const first = Math.min(from ?? size - 1, size - 1)
    const indexes = Array.from({ length: Math.min(limit, first + 1) }, (_, i) => first - i)
    const blocks = await readViews(bucket, indexes)
    const next = first - blocks.length
    return { blocks, complete: size, ...(next >= 0 && { next }) }
  }
  const first = from ?? 0
  const blocks = await readViewsFrom(bucket, first, limit)
  const next = first + blocks.length
  return { blocks, complete: size, ...(next < size && { next }) }
}

async function listSome(
  bucket: Bucket,
  { from, limit, order }: Page,
  filter: DocumentFilter,
  { documents }: Service,
): Promise<Listed> {
  const { size } = bucket.head
  const first = from ?? (order === 'ascending' ? 0 : size)
  const found = await askDocuments(documents, (store) =>
    store.find(bucket.name, filter, { from: first, limit, order }),
  )
  // A document store that is ahead of the log was made from another one; it must not break the list.
  const indexes = found.indexes.filter((index) => index < size)
  const blocks = await readViews(bucket, indexes)
  const next = blocks.length < indexes.length ? indexes[blocks.length] : found.next
  return { blocks, complete: Math.min(found.complete, size), ...(next !== undefined && { next }) }
}
