import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import { type App, createApp } from '../src/app.ts'
import { addHealth, type Check } from '../src/health.ts'
import { createLogger } from '../src/logger.ts'
import { addMetrics, createMetrics, measureRequests } from '../src/metrics.ts'

async function create(): Promise<App> {
  return createApp({ logger: createLogger({ name: 'test', level: 'silent' }) })
}

describe('health', () => {
  async function ready(
    checks: Record<string, Check>,
  ): Promise<{ status: number; body: unknown; live: number }> {
    const app = await create()
    addHealth(app, checks)
    const answer = await app.inject('/health/ready')
    const live = (await app.inject('/health/live')).statusCode
    return { status: answer.statusCode, body: answer.json(), live }
  }

  it('is ready when every part is', async () => {
    const { status, body } = await ready({ store: () => undefined, keys: async () => undefined })
    assert.equal(status, 200)
    assert.deepEqual(body, { status: 'ok', checks: { store: 'ok', keys: 'ok' } })
  })

  it('is not ready when one part is not, names it, shows no unexpected error, and stays alive', async () => {
    const { status, body, live } = await ready({
      store: () => {
        throw new Refused('store-full', 'no space left')
      },
      keys: async () => {
        throw new Error('swordfish')
      },
      documents: () => undefined,
    })
    assert.equal(status, 503)
    const checks = { store: 'store-full: no space left', keys: 'failing', documents: 'ok' }
    assert.deepEqual(body, { status: 'unavailable', checks })
    assert.equal(live, 200)
  })

  it('does not wait for ever', async () => {
    const { status } = await ready({ stuck: () => new Promise(() => undefined) })
    assert.equal(status, 503)
  })
})

describe('metrics', () => {
  it('time requests by route pattern, so that callers cannot make labels', async () => {
    const app = await create()
    const registry = createMetrics('ledger')
    measureRequests(app, registry)
    app.get('/v1/buckets/:bucket', async () => ({}))
    addMetrics(app, registry)
    await app.inject('/v1/buckets/payments')
    await app.inject('/v1/buckets/orders')
    await app.inject('/made-up-by-the-caller')
    const text = (await app.inject('/metrics')).body
    assert.match(text, /duration_seconds_count\{(?=.*route="\/v1\/buckets\/:bucket")(?=.*status="200").*\} 2/)
    assert.match(text, /duration_seconds_count\{(?=.*route="none")(?=.*status="404").*\} 1/)
    assert.doesNotMatch(text, /payments|made-up/)
    assert.match(text, /process_cpu_seconds_total/)
  })

  it('can be kept from strangers', async () => {
    const app = await create()
    addMetrics(app, createMetrics('ledger'), async () => {
      throw new Refused('no-token', 'this needs an access token')
    })
    assert.equal((await app.inject('/metrics')).statusCode, 401)
  })
})
