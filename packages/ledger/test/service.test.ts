// What operators see: health, metrics, the log, and the headers of every answer.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { keysBucket } from '@ledgerstone/core/names'
import { Log } from '@ledgerstone/log/log'
import { until } from '../../core/test/until.ts'
import { seal, signerFor } from '../../log/test/sample.ts'
import { parseTraceparent } from '../src/trace.ts'
import { sealedJson, startLedger, type Tested } from './ledger.ts'
import { type Headers, sound, url } from './mistakes.ts'

let ledger: Tested
let headers: Headers

beforeEach(async () => {
  ledger = await startLedger({ level: 'debug' })
  headers = await ledger.bearer('append:payments read:payments manage:metrics')
})

afterEach(() => ledger.close())

async function get(path: string): Promise<{ readonly status: number; readonly body: string }> {
  const { statusCode: status, body } = await ledger.app.inject({ url: path, headers })
  return { status, body }
}

describe('health', () => {
  it('names the state of each bucket', async () => {
    assert.deepEqual(JSON.parse((await get('/health/live')).body), { status: 'ok' })
    const ready = await get('/health/ready')
    assert.equal(ready.status, 200)
    assert.deepEqual(JSON.parse(ready.body), {
      status: 'ok',
      buckets: { keys: 'open', payments: 'open' },
      documents: 'none',
    })
  })

  it('stays ready when one bucket is broken, and lists the others', async () => {
    await ledger.close()
    const { trust, clock } = ledger.sample
    const broken = await Log.open({
      ...{ store: damaged(ledger.store, 'payments'), trust, signers: signerFor, now: () => clock.ms },
      ...{ verifyWorkers: 0, publishIntervalMs: 5, report: () => undefined },
    })
    const other = await startLedger({ over: broken })
    const ready = (await other.app.inject({ url: '/health/ready' })).json()
    assert.equal(ready.status, 'ok')
    assert.equal(ready.buckets.payments, 'read-only: damaged-store')
    const list = (await other.app.inject({ url: '/v1/buckets', headers })).json().buckets
    assert.match(list[1].state.detail, /^payments takes no appends: /)
    assert.deepEqual(list[1], {
      name: 'payments',
      origin: 'test.example/log/payments',
      size: null,
      final: null,
      state: { kind: 'read-only', code: 'damaged-store', detail: list[1].state.detail },
    })
    const refused = await other.app.inject({ method: 'POST', url, headers, payload: await sealedJson() })
    assert.equal(refused.statusCode, 503)
    assert.equal(refused.json().code, 'read-only')
    assert.equal((await other.app.inject({ url: '/v1/buckets/payments', headers })).statusCode, 500)
    assert.match(
      (await other.app.inject({ url: '/metrics', headers })).body,
      /bucket_open\{bucket="payments",.*\} 0/,
    )
    await other.close()
  })
})

/** The store, but that the newest entry of a bucket is not what was written. */
function damaged(store: Tested['store'], bucket: string): Tested['store'] {
  const entries = store.entries.bind(store)
  store.entries = async (name, from, count) => {
    const bytes = await entries(name, from, count)
    if (name === bucket) bytes[40] = (bytes[40] as number) ^ 1
    return bytes
  }
  return store
}

describe('metrics', () => {
  it('count appends, refusals and commits per bucket, and tell sizes and ages', async () => {
    const records = await Promise.all(Array.from({ length: 3 }, () => seal()))
    await ledger.log.bucket('payments').appendBatch(records, 'test')
    await until(() => ledger.log.bucket('payments').final?.head.size === 4, 'all is final')
    ledger.clock.ms += 2000
    headers = await ledger.bearer('append:payments manage:metrics')
    const { statement, envelope } = await sound()
    const payload = { statement: `${statement}A`, envelope }
    await ledger.app.inject({ method: 'POST', url, headers, payload })
    await ledger.app.inject({ method: 'POST', url: '/v1/buckets/made-up/blocks', headers, payload })
    const { body } = await get('/metrics')
    const value = (name: string): number => {
      const line = body.split('\n').find((row) => row.startsWith(`ledgerstone_${name}`))
      assert.ok(line !== undefined, `${name} is missing`)
      return Number(line.split(' ').at(-1))
    }
    assert.equal(value('appends_total{bucket="payments"'), 4)
    assert.equal(value('refusals_total{bucket="payments",code="bad-signature"'), 1)
    assert.equal(value('commit_records_count{service="ledger",bucket="payments"'), 2)
    assert.ok(value('commit_duration_seconds_sum{service="ledger",bucket="payments"') > 0)
    assert.ok(value('commit_bytes_total{bucket="payments"') > 0)
    assert.equal(value('head_size{bucket="payments"'), 4)
    assert.equal(value('final_size{bucket="payments"'), 4)
    assert.equal(value('final_age_seconds{bucket="payments"'), 2)
    assert.equal(value('pool_bytes{bucket="payments"'), 0)
    assert.equal(value('bucket_open{bucket="keys"'), 1)
    assert.ok(value('http_request_duration_seconds_count') > 0)
    assert.doesNotMatch(body, /made-up/, 'callers do not make labels')
  })
})

describe('the log of the service', () => {
  it('is silent about requests that succeed, unless asked for', async () => {
    await ledger.app.inject({ method: 'POST', url, headers, payload: await sealedJson() })
    const loud = ledger.lines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 30)
    assert.deepEqual(loud, [])
    assert.ok(ledger.lines.some((line) => JSON.parse(line).msg === 'answered'))
  })

  it('names the trace that a request belongs to', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    await ledger.app.inject({ url: '/health/live', headers: { traceparent } })
    const { traceId, parentId } = JSON.parse(
      ledger.lines.findLast((line) => line.includes('answered')) as string,
    )
    assert.equal(traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
    assert.equal(parentId, '00f067aa0ba902b7')
  })

  it('tells what the engine reports', async () => {
    ledger.store.failNextAppend('payments', 'kept')
    await ledger.app.inject({ method: 'POST', url, headers, payload: await sealedJson() })
    await until(() => ledger.lines.some((line) => line.includes('log: reopened')), 'the bucket is open again')
    const unknown = ledger.lines
      .map((line) => JSON.parse(line))
      .find(({ msg }) => msg === 'log: outcome-unknown')
    assert.equal(unknown.bucket, 'payments')
    assert.equal(unknown.level, 50)
    assert.match(unknown.err.message, /unknown/)
  })

  it('holds neither tokens nor records', async () => {
    const payload = await sealedJson()
    await ledger.app.inject({ method: 'POST', url, headers, payload })
    await ledger.app.inject({ method: 'POST', url, headers, payload: { statement: 'x' } })
    const text = ledger.lines.join('')
    assert.ok(!text.includes((headers['authorization'] as string).slice(7)))
    assert.ok(!text.includes(payload['statement'] as string))
  })
})

describe('traceparent', () => {
  it('is read by the W3C’s rules', () => {
    const [trace, parent] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
    const read = { traceId: trace, parentId: parent }
    assert.deepEqual(parseTraceparent(`00-${trace}-${parent}-00`), read)
    assert.deepEqual(parseTraceparent(`cc-${trace}-${parent}-00-what-comes-later`), read)
    for (const header of [
      undefined,
      '',
      `00-${trace}-${parent}`,
      `00-${trace}-${parent}-01-more`,
      `ff-${trace}-${parent}-01`,
      `00-${trace.toUpperCase()}-${parent}-01`,
      `00-${'0'.repeat(32)}-${parent}-01`,
      `00-${trace}-${'0'.repeat(16)}-01`,
      `00-${trace}-${parent}-1`,
      [`00-${trace}-${parent}-01`, `00-${trace}-${parent}-01`],
    ]) {
      assert.equal(parseTraceparent(header), undefined, String(header))
    }
  })
})

describe('every answer', () => {
  it('tells browsers that it is data, and names its request', async () => {
    for (const path of [
      '/v1/buckets',
      '/v1/buckets/payments/blocks/0/entry',
      '/nowhere',
      '/metrics',
      '/docs',
    ]) {
      const answer = await ledger.app.inject({ url: path, headers })
      assert.equal(answer.headers['x-content-type-options'], 'nosniff', path)
      assert.match(
        `${answer.headers['content-security-policy']}`,
        /^default-src 'none';.*frame-ancestors 'none'/,
      )
      assert.equal(answer.headers['referrer-policy'], 'no-referrer')
      assert.match(`${answer.headers['strict-transport-security']}`, /max-age/)
      assert.ok(answer.headers['request-id'])
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
    }
    assert.ok(ledger.log.bucket(keysBucket))
  })
})
