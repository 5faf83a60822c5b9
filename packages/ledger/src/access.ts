import { callerFor, requireCaller } from '@ledgerstone/border/caller'
import type { Verb } from '@ledgerstone/border/scope'
import type { onRequestHookHandler } from 'fastify'
import type { Service } from './service.ts'

/**
 * The hooks of a route on a bucket, named by the path or, in the article's routes, by the query: a token that
 * is in force and covers the bucket. They run before the body is read, and before the bucket is looked up, so
 * that nobody learns which buckets there are by asking for them.
 */
export function allow({ bearer }: Pick<Service, 'bearer'>, verb: Verb): onRequestHookHandler[] {
  return [
    requireCaller(bearer),
    (request, _reply, next) => {
      callerFor(request, verb, bucketOf(request))
      next()
    },
  ]
}

/** As `allow` for reading, for a route on what one reserved bucket holds: `read:keys`. */
export function allowReserved({ bearer }: Pick<Service, 'bearer'>, bucket: string): onRequestHookHandler[] {
  return [
    requireCaller(bearer),
    (request, _reply, next) => {
      callerFor(request, 'read', bucket)
      next()
    },
  ]
}

/**
 * As `allow` for reading, unless tiles and checkpoints are public. A token that is sent is checked all the
 * same.
 */
export function allowTiles(service: Pick<Service, 'bearer' | 'logPublic'>): onRequestHookHandler[] {
  return service.logPublic ? [requireCaller(service.bearer, { anonymous: true })] : allow(service, 'read')
}

function bucketOf({ params, query }: { readonly params: unknown; readonly query: unknown }): string {
  const bucket =
    (params as { readonly bucket?: unknown }).bucket ?? (query as { readonly bucket?: unknown }).bucket
  return typeof bucket === 'string' ? bucket : ''
}
