import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sealedJson, startLedger, type Tested } from './ledger.ts'

let ledger: Tested
let headers: { authorization: string }

before(async () => {
  ledger = await startLedger()
  headers = await ledger.bearer('append:payments read:*')
})

after(() => ledger.close())

describe('POST /v1/buckets/{bucket}/blocks', () => {
  it('appends', async () => {
    const answer = await ledger.app.inject({
      method: 'POST',
      url: '/v1/buckets/payments/blocks',
      headers,
      payload: await sealedJson(),
    })
    console.log(answer.headers, answer.body)
    assert.equal(answer.statusCode, 201)
  })
})
