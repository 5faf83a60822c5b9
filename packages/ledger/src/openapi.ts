// The API's description. Both it and its page are the same for everyone and need no token.
import type { App } from '@ledgerstone/border/app'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'

/** Of an answer of the description's app; the ledger's own app sets the rest. */
const headersTaken = [
  'content-type',
  'content-range',
  'content-security-policy',
  'cache-control',
  'etag',
  'last-modified',
  'location',
]

/**
 * `/openapi.json`, and the page at `/docs`: what the routes say of themselves that are added after this, but
 * for those hidden. Made when somebody first asks for it.
 */
export function describeApi(app: App, publicUrl: string): void {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD' && route.schema?.hide !== true) routes.push(route)
  })
  let description: Promise<FastifyInstance> | undefined
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    description ??= import('./description.ts').then(({ createDescription }) =>
      createDescription(routes, publicUrl),
    )
    const asked = { method: 'GET', url: request.url, headers: request.headers } as const
    const { statusCode, headers, rawPayload } = await (await description).inject(asked)
    if (statusCode === 404) return reply.callNotFound()
    for (const name of headersTaken) if (headers[name] !== undefined) reply.header(name, headers[name])
    return reply.code(statusCode).send(rawPayload)
  }
  for (const url of ['/openapi.json', '/docs', '/docs/*']) app.get(url, { schema: { hide: true } }, answer)
}
