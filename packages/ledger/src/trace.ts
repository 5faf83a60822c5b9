import { lazyChild } from '@ledgerstone/border/request-logger'
import type { FastifyInstance } from 'fastify'

/** The trace that a request belongs to, as the caller says: hexadecimal, 32 and 16 characters. */
export type Trace = { readonly traceId: string; readonly parentId: string }

const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/

/** W3C Trace Context, `traceparent` (section 3.2.2). A header in bad form is ignored, as section 4.3 asks. */
export function parseTraceparent(header: string | string[] | undefined): Trace | undefined {
  if (typeof header !== 'string' || header.length > 256) return undefined
  const match = form.exec(header)
  if (match === null || (header.startsWith('00') && header.length !== 55)) return undefined
  return { traceId: match[1] as string, parentId: match[2] as string }
}

/** Every log line of a request that belongs to a trace then names it. */
export function traceRequests(app: FastifyInstance): void {
  app.setChildLoggerFactory((logger, bindings, options, request) =>
    lazyChild(logger, () =>
      logger.child({ ...bindings, ...parseTraceparent(request.headers['traceparent']) }, options),
    ),
  )
}
