// What is served under `/openapi.json` and `/docs`: the routes' schemas as OpenAPI 3.1, and Swagger UI over
// them. Loaded when somebody first asks: its libraries would take a tenth of every start.
import fastifySwagger, { type SwaggerTransform } from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import { content } from '@ledgerstone/border/answers'
import fastify, { type FastifyInstance, type FastifySchema, type RouteOptions } from 'fastify'
import { text } from './shapes.ts'

/**
 * What the page at `/docs` may do: show itself, and ask this service. Its scripts and styles are its own
 * files.
 */
const pagePolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'font-src': "'self'",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

const metrics: FastifySchema = {
  operationId: 'metrics',
  summary: 'Numbers, in the text format of Prometheus',
  tags: ['operation'],
  response: { 200: content('text/plain', text, 'Metrics') },
}

/** Fastify calls what stands for the rest of a path `*`; a description needs a name for it. */
const describeRoute: SwaggerTransform = ({ schema, url }) => {
  if (url === '/metrics') return { schema: metrics, url }
  if (url !== '/log/:bucket/tile/*') return { schema, url }
  const { bucket, '*': tile } = (schema.params as { properties: Record<string, unknown> }).properties
  const params = { type: 'object', properties: { bucket, tile } }
  return { schema: { ...schema, params }, url: '/log/:bucket/tile/:tile' }
}

/** An app that answers `/openapi.json`, `/docs` and what the page loads. It listens nowhere. */
export async function createDescription(
  routes: readonly RouteOptions[],
  publicUrl: string,
): Promise<FastifyInstance> {
  const app = fastify({ exposeHeadRoutes: false })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  await app.register(fastifySwagger, {
    transform: describeRoute,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Ledgerstone ledger',
        version: '1',
        description:
          'Append-only buckets of sealed business records. Refusals are problem documents (RFC 9457) with ' +
          'a stable `code`. What is read here is for showing; what is verified are the bytes of entries, ' +
          'receipts and evidence.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: publicUrl }],
      tags: [
        { name: 'append', description: 'Adding sealed records' },
        { name: 'read', description: 'Buckets, blocks, proofs and events' },
        { name: 'keys', description: 'The key registry; for showing, whoever decides by it replays it' },
        { name: 'log', description: 'C2SP tlog-tiles: static, cacheable' },
        { name: 'operation', description: 'Health and metrics' },
        { name: 'article', description: "The article's payload; for showing, never for verifying" },
      ],
      security: [{ bearer: [] }, { dpop: [] }],
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description:
              'RFC 9068 access token with `append:{bucket}` or `read:{bucket}`; `*` covers all buckets but ' +
              'reserved ones.',
          },
          dpop: { type: 'http', scheme: 'dpop', description: 'The same, bound to a key (RFC 9449)' },
        },
      },
    },
  })
  for (const { method, url, schema } of routes) {
    app.route({ method, url, ...(schema !== undefined && { schema }), handler: notHere })
  }
  let description: string | undefined
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    description ??= JSON.stringify(app.swagger())
    reply.header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-cache')
    return description
  })
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    staticCSP: pagePolicy,
    theme: { title: 'Ledgerstone ledger API' },
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: true,
      validatorUrl: null,
      tryItOutEnabled: false,
      persistAuthorization: false,
    },
  })
  await app.ready()
  return app
}

/** The routes are here to be described. */
function notHere(): never {
  throw new Error('a described route was asked for')
}
