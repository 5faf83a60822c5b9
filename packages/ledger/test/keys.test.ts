import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { EventView, KeyView, PendingView } from '@ledgerstone/core/key-view'
import { keysBucket } from '@ledgerstone/core/names'
import { parseReceipt } from '@ledgerstone/core/receipt'
import { until } from '../../core/test/until.ts'
import { appendToKeys, keys } from '../../log/test/sample.ts'
import { startLedger, type Tested } from './ledger.ts'
import type { Headers } from './mistakes.ts'

let ledger: Tested
let headers: Headers

before(async () => {
  ledger = await startLedger()
  await appendToKeys(ledger.log, 'ledgerstone.key.revoke', { kid: keys.otherRsa.kid, reason: 'lost' })
  const bucket = ledger.log.bucket(keysBucket)
  await until(() => bucket.final?.head.size === bucket.head.size, 'keys is final')
  headers = await ledger.bearer('read:keys')
})

after(() => ledger.close())

type Page = {
  readonly size: number
  readonly threshold: number
  readonly keys: readonly KeyView[]
  readonly pending: readonly PendingView[]
  readonly next?: string
}
type ListedEvent = EventView & {
  readonly final: boolean
  readonly receiptPath: string
  readonly receipt?: string
}
type History = { readonly history: readonly ListedEvent[]; readonly next?: number }

async function get<T>(url: string, expected = 200): Promise<T> {
  const answer = await ledger.app.inject({ url, headers })
  assert.equal(answer.statusCode, expected, answer.body)
  assert.equal(answer.headers['cache-control'], 'no-store')
  return answer.json() as T
}

async function ownersOf(query: string): Promise<readonly string[]> {
  return (await get<Page>(`/v1/keys?${query}`)).keys.map(({ owner }) => owner)
}

describe('/v1/keys', () => {
  it('lists all keys in the order of asking, with the size and the threshold of the registry', async () => {
    const { size, threshold, keys: listed, pending } = await get<Page>('/v1/keys')
    assert.deepEqual([size, threshold, pending], [ledger.log.registry.size, 1, []])
    assert.deepEqual(
      listed.map(({ owner, state }) => `${owner} ${state}`),
      [
        ...['ledger active', 'registrar active', 'second-registrar active', 'sealer active', 'sealer active'],
        ...['shop active', 'shop revoked', 'auditor active'],
      ],
    )
  })

  it('filters by owner, purpose and state', async () => {
    assert.deepEqual(await ownersOf('owner=shop'), ['shop', 'shop'])
    assert.deepEqual(await ownersOf('purpose=receive'), ['auditor'])
    assert.deepEqual(await ownersOf('state=revoked'), ['shop'])
    assert.deepEqual(await ownersOf('state=revoked&owner=auditor'), [])
  })

  it('goes on where a page has ended, and the last page says so', async () => {
    const seen: string[] = []
    let after = ''
    for (let pages = 0; pages < 10; pages++) {
      const { keys: page, next } = await get<Page>(`/v1/keys?limit=3${after}`)
      seen.push(...page.map(({ kid }) => kid))
      if (next === undefined) break
      after = `&after=${next}`
    }
    assert.deepEqual(
      seen,
      (await get<Page>('/v1/keys')).keys.map(({ kid }) => kid),
    )
    await get(`/v1/keys?after=${'A'.repeat(43)}`, 404)
  })

  it('needs read:keys; what covers all buckets does not cover it', async () => {
    for (const scope of ['read:*', 'append:*', 'read:payments']) {
      for (const url of ['/v1/keys', `/v1/keys/${keys.rsa.kid}`, `/v1/keys/${keys.rsa.kid}/history`]) {
        const answer = await ledger.app.inject({ url, headers: await ledger.bearer(scope) })
        assert.deepEqual(
          [answer.statusCode, answer.json().code],
          [403, 'insufficient-scope'],
          `${scope} ${url}`,
        )
      }
    }
    const unknown = await ledger.app.inject({ url: '/v1/keys' })
    assert.equal(unknown.statusCode, 401)
  })

  it('refuses what it does not know', async () => {
    for (const query of ['owners=shop', 'state=lost', 'purpose=both', 'limit=0', 'limit=101', 'after=']) {
      const { statusCode } = await ledger.app.inject({ url: `/v1/keys?${query}`, headers })
      assert.equal(statusCode === 400 || (query === 'after=' && statusCode === 404), true, query)
    }
  })
})

describe('/v1/keys/{kid}', () => {
  it('is the key with what was done about it', async () => {
    const { kid } = keys.otherRsa
    const key = await get<KeyView & History & { readonly size: number }>(`/v1/keys/${kid}`)
    assert.partialDeepStrictEqual(key, {
      kid,
      owner: 'shop',
      state: 'revoked',
      size: ledger.log.registry.size,
    })
    assert.equal(key.revoked?.reason, 'lost')
    assert.deepEqual(
      key.history.map(({ event, counts, signer }) => [event, counts, signer.owner]),
      [
        ['register', true, 'registrar'],
        ['revoke', true, 'registrar'],
      ],
    )
    const [registered] = key.history
    const block = await ledger.app.inject({ url: `/v1/buckets/keys/blocks/${registered?.index}`, headers })
    assert.equal(block.json().hash, registered?.hash)
  })

  it('is not there for a kid that nobody asked for, or that is none', async () => {
    const at = `/v1/keys/${'A'.repeat(43)}`
    for (const url of [at, `${at}/history`, `${at}/history?receipts=true`]) {
      const problem = await get<{ readonly status: number; readonly code: string }>(url, 404)
      assert.partialDeepStrictEqual(problem, { status: 404, code: 'unknown-key' })
    }
    const head = await ledger.app.inject({ method: 'HEAD', url: at, headers })
    assert.equal(head.statusCode, 404)
    const { statusCode } = await ledger.app.inject({ url: '/v1/keys/nobody', headers })
    assert.equal(statusCode, 400)
  })
})

describe('/v1/keys/{kid}/history', () => {
  it('has the receipt of each block when it is asked for', async () => {
    const at = `/v1/keys/${keys.otherRsa.kid}/history`
    const plain = await get<History>(at)
    assert.ok(plain.history.every(({ receipt, final }) => receipt === undefined && final))
    const { history } = await get<History>(`${at}?receipts=true`)
    assert.equal(history.length, 2)
    for (const { index, receipt = '', receiptPath } of history) {
      assert.equal(parseReceipt(receipt).index, index)
      const linked = await ledger.app.inject({ url: receiptPath, headers })
      assert.equal(parseReceipt(linked.body).index, index)
    }
  })

  it('goes on where a page has ended', async () => {
    const at = `/v1/keys/${keys.otherRsa.kid}/history?limit=1`
    const first = await get<History>(at)
    const second = await get<History>(`${at}&from=${first.next}`)
    assert.deepEqual([first.history.length, second.history.length, second.next], [1, 1, undefined])
    assert.deepEqual(second.history[0]?.event, 'revoke')
  })
})
