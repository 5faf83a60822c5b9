import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { createAjv } from '@ledgerstone/border/schema'
import { until } from '../../core/test/until.ts'
import { keys, seal } from '../../log/test/sample.ts'
import { sealedJson, startLedger, type Tested } from './ledger.ts'
import type { Headers } from './mistakes.ts'

type Media = { readonly schema: object; readonly example?: unknown }
type Operation = {
  readonly operationId: string
  readonly summary: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[]
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, Media>> }>>
}
type Description = {
  readonly openapi: string
  readonly security: readonly object[]
  readonly components: { readonly securitySchemes: object }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

let ledger: Tested
let headers: Headers
let description: Description
let loadedAtStart: readonly string[]

before(async () => {
  ledger = await startLedger()
  loadedAtStart = Object.keys(createRequire(import.meta.url).cache)
  const bucket = ledger.log.bucket('payments')
  await bucket.append(await seal(), 'test')
  await until(() => bucket.final?.head.size === 2, 'all is final')
  headers = await ledger.bearer('read:* append:* read:keys manage:metrics')
  description = (await ledger.app.inject({ url: '/openapi.json' })).json()
})

after(() => ledger.close())

function operations(): (Operation & { readonly path: string; readonly method: string })[] {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method })),
  )
}

describe('/openapi.json', () => {
  it('is OpenAPI 3.1, with the two kinds of tokens', () => {
    assert.equal(description.openapi, '3.1.0')
    assert.deepEqual(Object.keys(description.components.securitySchemes), ['bearer', 'dpop'])
    assert.deepEqual(description.security, [{ bearer: [] }, { dpop: [] }])
  })

  it('describes every route', () => {
    const described = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    assert.deepEqual(described.sort(), [
      'GET /api/v1/blockchain/list',
      'GET /api/v1/blockchain/{index}',
      'GET /health/live',
      'GET /health/ready',
      'GET /log/{bucket}/checkpoint',
      'GET /log/{bucket}/tile/{tile}',
      'GET /metrics',
      'GET /v1/buckets',
      'GET /v1/buckets/{bucket}',
      'GET /v1/buckets/{bucket}/blocks',
      'GET /v1/buckets/{bucket}/blocks/{block}',
      'GET /v1/buckets/{bucket}/blocks/{block}/entry',
      'GET /v1/buckets/{bucket}/blocks/{block}/envelope',
      'GET /v1/buckets/{bucket}/blocks/{block}/evidence',
      'GET /v1/buckets/{bucket}/blocks/{block}/receipt',
      'GET /v1/buckets/{bucket}/envelopes',
      'GET /v1/buckets/{bucket}/events',
      'GET /v1/keys',
      'GET /v1/keys/{kid}',
      'GET /v1/keys/{kid}/history',
      'POST /v1/buckets/{bucket}/blocks',
      'POST /v1/buckets/{bucket}/blocks/batch',
    ])
  })

  it('gives each operation a name of its own, a summary, and the parameters of its path', () => {
    const names = operations().map(({ operationId }) => operationId)
    assert.equal(new Set(names).size, names.length)
    for (const { path, summary, parameters = [] } of operations()) {
      assert.ok(summary.length > 0, path)
      const named = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1])
      const told = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
      assert.deepEqual(told.sort(), named.sort(), path)
    }
  })

  it('has examples that fit their schemas, but for what they shorten', () => {
    let examples = 0
    for (const { responses } of operations()) {
      for (const { content } of Object.values(responses)) {
        for (const { schema, example } of Object.values(content)) {
          if (example === undefined) continue
          examples++
          const validate = createAjv().compile(schema)
          assert.ok(validate(example), JSON.stringify(validate.errors))
        }
      }
    }
    assert.ok(examples >= 3)
  })

  for (const [path, url, method] of [
    ['/v1/buckets', '/v1/buckets', 'get'],
    ['/v1/buckets/{bucket}', '/v1/buckets/payments', 'get'],
    ['/v1/buckets/{bucket}/blocks', '/v1/buckets/payments/blocks', 'get'],
    ['/v1/buckets/{bucket}/blocks/{block}', '/v1/buckets/payments/blocks/1', 'get'],
    ['/v1/buckets/{bucket}/blocks', '/v1/buckets/payments/blocks?wait=final&receipt=true', 'post'],
    ['/v1/buckets/{bucket}/blocks/batch', '/v1/buckets/payments/blocks/batch', 'post'],
    ['/v1/buckets/{bucket}/blocks', '/v1/buckets/nothing/blocks', 'post'],
    ['/api/v1/blockchain/list', '/api/v1/blockchain/list?bucket=payments', 'get'],
    ['/v1/keys', '/v1/keys', 'get'],
    ['/v1/keys/{kid}', `/v1/keys/${keys.receiver.kid}`, 'get'],
    ['/v1/keys/{kid}/history', `/v1/keys/${keys.receiver.kid}/history?receipts=true`, 'get'],
    ['/health/ready', '/health/ready', 'get'],
  ] as const) {
    it(`describes what ${method.toUpperCase()} ${url} answers`, async () => {
      const payload = url.endsWith('batch') ? [await sealedJson(), {}] : await sealedJson()
      const answer = await ledger.app.inject({ method, url, headers, ...(method === 'post' && { payload }) })
      const { responses } = (description.paths[path] as Readonly<Record<string, Operation>>)[
        method
      ] as Operation
      const status = `${answer.statusCode}`
      const media = `${answer.headers['content-type']}`.split(';')[0] as string
      const response = responses[status] ?? responses[`${status[0]}XX`]
      const schema = response?.content[media]?.schema
      assert.ok(schema !== undefined, `${status} ${media} is not described`)
      const validate = createAjv().compile(closed(schema) as object)
      assert.ok(validate(answer.json()), JSON.stringify(validate.errors))
    })
  }
})

/** The same schema, in which objects have no other members than those that it tells of. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, closed(part)]))
  return 'properties' in schema ? { ...parts, additionalProperties: false } : parts
}

describe('/docs', () => {
  it('costs the start of the ledger nothing', () => {
    assert.ok(loadedAtStart.some((file) => file.includes('/node_modules/fastify/')))
    assert.ok(!loadedAtStart.some((file) => file.includes('/node_modules/@fastify/swagger')))
  })

  it('is a page of this service alone', async () => {
    const page = await ledger.app.inject({ url: '/docs' })
    assert.equal(page.statusCode, 200)
    assert.match(`${page.headers['content-type']}`, /^text\/html/)
    const policy = `${page.headers['content-security-policy']}`
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/)
    assert.doesNotMatch(policy, /unsafe|https:/)
    assert.doesNotMatch(page.body, /<script>|<style|https?:\/\//)
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string)
    assert.ok(files.length >= 4)
    for (const url of files) {
      const file = await ledger.app.inject({ url })
      assert.equal(file.statusCode, 200, url)
      assert.equal(file.headers['x-content-type-options'], 'nosniff')
    }
    const served = await ledger.app.inject({ url: '/docs/json' })
    assert.deepEqual(served.json(), description)
  })
})
