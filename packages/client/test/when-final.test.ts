import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { codeOf } from '../../log/test/sample.ts'
import type { LedgerApi } from '../src/api.ts'
import type { Fetch } from '../src/http.ts'
import { appendBlocks, type Served, serve } from './served.ts'

let served: Served

before(async () => {
  served = await serve()
  await appendBlocks(served, 1)
})
after(() => served[Symbol.asyncDispose]())

/** A ledger whose block becomes final when it has been asked for so often. */
function finalAfter(times: number): LedgerApi {
  let asked = 0
  const late: Fetch = async (at, init) => {
    if (asked++ >= times) return served.fetch(at, init)
    const problem = {
      type: 'urn:ledgerstone:error:no-quorum',
      status: 422,
      code: 'no-quorum',
      title: 'Later',
    }
    return Response.json(problem, { status: 422, headers: { 'content-type': 'application/problem+json' } })
  }
  return served.api(undefined, { fetch: late })
}

test('what is read of a block that has just been appended is waited for', async () => {
  assert.match(await finalAfter(2).receipt('payments', 1), /^c2sp\.org\/tlog-proof@v1\n/)
  const { bucket, index } = JSON.parse(await finalAfter(1).evidence('payments', 1))
  assert.deepEqual([bucket, index], ['payments', 1])
})

test('and not for ever', async () => {
  assert.equal(await codeOf(finalAfter(100).receipt('payments', 1)), 'no-quorum')
})
