// What the store gives back: envelopes that were erased or changed, and blocks too large for a page.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Bytes } from '@ledgerstone/core/bytes'
import { until } from '../../core/test/until.ts'
import { seal } from '../../log/test/sample.ts'
import { startLedger, type Tested } from './ledger.ts'
import type { Headers } from './mistakes.ts'

const blocks = '/v1/buckets/payments/blocks'

let ledger: Tested
let headers: Headers
let intact: Buffer

before(async () => {
  ledger = await startLedger()
  const bucket = ledger.log.bucket('payments')
  await bucket.append(await seal(), 'test')
  await until(() => bucket.final?.head.size === 2, 'the block is final')
  headers = await ledger.bearer('read:payments')
  intact = (await get(`${blocks}/1/envelope`)).rawPayload
})

after(() => ledger.close())

type Answered = Awaited<ReturnType<Tested['app']['inject']>>

async function get(url: string, more: Headers = {}): Promise<Answered> {
  return ledger.app.inject({ url, headers: { ...headers, ...more } })
}

/** All that is told of block 1, from a store whose envelopes are changed. */
async function read(change: (framed: Bytes) => Bytes): Promise<{
  readonly block: Answered
  readonly bytes: Answered
  readonly json: Answered
  readonly article: Answered
}> {
  const { envelopes } = ledger.store
  ledger.store.envelopes = async (...args) => change(await envelopes.apply(ledger.store, args))
  try {
    assert.equal((await get(`${blocks}/1/entry`)).statusCode, 200)
    assert.equal((await get(`${blocks}/1/receipt`)).statusCode, 200)
    return {
      block: await get(`${blocks}/1`),
      bytes: await get(`${blocks}/1/envelope`),
      json: await get(`${blocks}/1/envelope`, { accept: 'application/json' }),
      article: await get('/api/v1/blockchain/1?bucket=payments'),
    }
  } finally {
    ledger.store.envelopes = envelopes
  }
}

describe('an envelope', () => {
  it('that was erased is gone; the block, its entry and its receipt remain', async () => {
    const { block, bytes, json, article } = await read(() => new Uint8Array(4))
    assert.equal(bytes.statusCode, 410)
    assert.equal(bytes.json().code, 'erased')
    assert.equal(json.json().code, 'erased')
    assert.equal(block.json().envelope, null)
    assert.ok(block.json().payload.content.digest)
    assert.equal(article.json().blockchain[0].objectb, '')
  })

  for (const [what, change] of [
    ['in its header', (framed: Bytes) => framed.map((byte, at) => (at === 20 ? byte ^ 1 : byte))],
    ['by being cut off', (framed: Bytes) => framed.slice(0, -1)],
    ['by being cut off early', (framed: Bytes) => framed.slice(0, 60)],
  ] as const) {
    it(`that was changed ${what} is not shown, but its bytes can be looked at`, async () => {
      const { block, bytes, json, article } = await read(change)
      for (const answer of [block, json, article]) {
        assert.equal(answer.statusCode, 500)
        assert.equal(answer.json().code, 'damaged-store')
        assert.match(answer.json().detail, /block 1 of payments/)
      }
      assert.equal(bytes.statusCode, 200)
      assert.notDeepEqual(bytes.rawPayload, intact)
    })
  }

  it('whose ciphertext was changed is not shown where that is', async () => {
    const flip = (framed: Bytes) => framed.with(-1, (framed.at(-1) as number) ^ 1)
    const { json, article } = await read(flip)
    assert.equal(json.json().code, 'damaged-store')
    assert.equal(article.json().code, 'damaged-store')
  })
})

type Page = { readonly next?: number; readonly blocks: readonly { readonly index: number }[] }

it('large blocks make short pages', async () => {
  const large = await startLedger()
  const token = await large.bearer('read:payments')
  const bucket = large.log.bucket('payments')
  for (let i = 0; i < 10; i++) {
    await bucket.append(await seal({ record: new Uint8Array(1_000_000) }), 'test')
  }
  const seen: number[] = []
  let url: string | undefined = blocks
  while (url !== undefined) {
    const page: Page = (await large.app.inject({ url, headers: token })).json()
    assert.ok(page.blocks.length > 0 && page.blocks.length < 10)
    seen.push(...page.blocks.map(({ index }) => index))
    url = page.next === undefined ? undefined : `${blocks}?from=${page.next}`
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  const descending = (await large.app.inject({ url: `${blocks}?order=descending`, headers: token })).json()
  assert.equal(descending.blocks[0].index, 10)
  assert.equal(descending.next, 10 - descending.blocks.length)
  const article = await large.app.inject({ url: '/api/v1/blockchain/list?bucket=payments', headers: token })
  assert.ok(article.rawPayload.length <= 8_388_608 + 65_536)
  assert.match(`${article.headers['link']}`, /from=4&/)
  await large.close()
})
