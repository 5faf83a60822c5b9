import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { utf8 } from '@ledgerstone/core/bytes'
import { liveId } from '@ledgerstone/core/uuid'
import { start } from '../../log/test/sample.ts'
import { sealedJson, startLedger, type Tested } from './ledger.ts'
import { type Headers, stated, withEnvelope } from './mistakes.ts'

let ledger: Tested
let headers: Headers

before(async () => {
  ledger = await startLedger()
  headers = await ledger.bearer('append:payments')
})

after(() => ledger.close())

type Answered = Awaited<ReturnType<Tested['app']['inject']>>

async function send(payload: unknown, query = ''): Promise<Answered> {
  const url = `/v1/buckets/payments/blocks/batch${query}`
  const sent = { 'content-type': 'application/json', ...headers }
  return ledger.app.inject({ method: 'POST', url, headers: sent, payload: payload as object })
}

function sealed(count: number): Promise<Record<string, unknown>[]> {
  return Promise.all(Array.from({ length: count }, () => sealedJson()))
}

describe('POST /v1/buckets/{bucket}/blocks/batch', () => {
  it('appends all records in their order', async () => {
    const records = await sealed(120)
    const answer = await send({ records })
    assert.equal(answer.statusCode, 200)
    const { results } = answer.json()
    assert.equal(results.length, 120)
    const [first] = results
    for (const [i, result] of results.entries()) {
      assert.equal(result.status, 201)
      assert.equal(result.index, first.index + i)
      if (i > 0) assert.equal(result.prevhash, results[i - 1].hash)
      assert.match(result.checkpoint, /^test\.example\/log\/payments\n/)
    }
  })

  it('takes the bare list too', async () => {
    const { results } = (await send(await sealed(2))).json()
    assert.deepEqual(
      results.map(({ status }: { status: number }) => status),
      [201, 201],
    )
  })

  it('commits sound records and gives each refused one its own code, in its place', async () => {
    const id = liveId(start)
    const records = [
      await sealedJson({ id }),
      await withEnvelope(({ labels }) => ({ labels: { ...labels, media: 'text/plain' } })),
      await sealedJson(),
      { statement: 'no JWS' },
      await stated({ log: 'other.example/log/payments' }),
      await sealedJson({ id }),
      await sealedJson({ id, record: utf8('another') }),
      7,
      await sealedJson(),
    ]
    const { results } = (await send({ records })).json()
    assert.deepEqual(
      results.map(({ status, code }: { status: number; code?: string }) => code ?? status),
      [201, 'wrong-digest', 201, 'malformed', 'wrong-log', 200, 'id-reused', 'malformed', 201],
    )
    assert.equal(results[5].index, results[0].index)
    assert.equal(results[2].index, results[0].index + 1)
    assert.equal(results[8].index, results[0].index + 2)
    assert.equal(results[1].status, 422)
    assert.equal(typeof results[1].detail, 'string')
  })

  it('gives the same answer to the same batch again', async () => {
    const records = await sealed(3)
    const first = (await send({ records })).json().results
    const again = (await send({ records })).json().results
    for (const [i, result] of again.entries()) {
      assert.equal(result.status, 200)
      assert.equal(result.index, first[i].index)
      assert.equal(result.hash, first[i].hash)
    }
  })

  it('counts refused records by their code', async () => {
    await send({ records: [{ statement: 'no JWS' }] })
    const metrics = await ledger.app.inject({
      url: '/metrics',
      headers: await ledger.bearer('manage:metrics'),
    })
    assert.match(metrics.body, /ledgerstone_refusals_total\{bucket="payments",code="malformed",.*\} [1-9]/)
  })

  for (const [what, body, status, code] of [
    ['no records', { records: [] }, 400, 'malformed'],
    ['something else than a list', { records: {} }, 400, 'malformed'],
    ['an unknown member', { records: [], more: 1 }, 400, 'unknown-field'],
    ['more than 1,000 records', { records: Array(1001).fill({}) }, 413, 'too-large'],
  ] as const) {
    it(`of ${what} is refused as a whole`, async () => {
      const answer = await send(body)
      assert.equal(answer.statusCode, status)
      assert.equal(answer.json().code, code)
    })
  }

  it('of more than 8 MiB is refused as a whole, one of 8 MiB is taken', async () => {
    const text = JSON.stringify({ records: await sealed(1) })
    const most = Buffer.from(text.padEnd(8_388_608))
    const taken = await send(most)
    assert.equal(taken.statusCode, 200)
    assert.equal(taken.json().results[0].status, 201)
    const more = await send(Buffer.from(text.padEnd(8_388_609)))
    assert.equal(more.statusCode, 413)
    assert.equal(more.json().code, 'too-large')
  })

  it('of 5 MB, more than a single record may have, is taken', async () => {
    const big = utf8('x'.repeat(900_000))
    const records = await Promise.all([sealedJson({ record: big }), sealedJson({ record: big })])
    assert.ok(JSON.stringify(records).length > 4_194_304)
    const { results } = (await send({ records })).json()
    assert.deepEqual(
      results.map(({ status }: { status: number }) => status),
      [201, 201],
    )
  })

  it('takes no parameters', async () => {
    const answer = await send({ records: await sealed(1) }, '?wait=final')
    assert.equal(answer.json().code, 'bad-query')
  })
})
