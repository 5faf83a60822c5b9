// The store and the engine fail under the service: acknowledged blocks are neither lost nor doubled.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { until } from '../../core/test/until.ts'
import { sealedJson, startLedger, type Tested } from './ledger.ts'
import { type Headers, url } from './mistakes.ts'

let ledger: Tested
let headers: Headers

beforeEach(async () => {
  ledger = await startLedger()
  headers = await ledger.bearer('append:payments read:payments')
})

afterEach(() => ledger.close())

type Answered = Awaited<ReturnType<Tested['app']['inject']>>

async function append(payload: object): Promise<Answered> {
  return ledger.app.inject({ method: 'POST', url, headers, payload })
}

describe('a disk that is full', () => {
  it('is 507, and the same record is taken when there is room again', async () => {
    ledger.store.failNextAppend('payments', 'full')
    const record = await sealedJson()
    const refused = await append(record)
    assert.equal(refused.statusCode, 507)
    assert.equal(refused.json().code, 'store-full')
    assert.equal((await append(record)).statusCode, 201)
  })
})

describe('a write whose outcome is unknown', () => {
  for (const [outcome, status] of [
    ['lost', 201],
    ['kept', 200],
  ] as const) {
    it(`and was ${outcome} is 503 with Retry-After, and the retry finds one block`, async () => {
      ledger.store.failNextAppend('payments', outcome)
      const record = await sealedJson()
      const unknown = await append(record)
      assert.equal(unknown.statusCode, 503)
      assert.equal(unknown.json().code, 'outcome-unknown')
      assert.equal(unknown.headers['retry-after'], '1')
      await until(() => ledger.log.bucket('payments').state.kind === 'open', 'the bucket is open again')
      const again = await append(record)
      assert.equal(again.statusCode, status)
      assert.equal(again.json().index, 1)
      assert.equal(ledger.log.bucket('payments').head.size, 2)
    })
  }
})

describe('a log that is closed under the service', () => {
  it('takes no more records', async () => {
    await ledger.log[Symbol.asyncDispose]()
    const refused = await append(await sealedJson())
    assert.equal(refused.statusCode, 503)
    assert.equal(refused.json().code, 'stopping')
  })
})
