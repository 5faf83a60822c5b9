import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { keyHistory, keyLives } from '@ledgerstone/core/key-life'
import { viewEvent, viewKey } from '@ledgerstone/core/key-view'
import { keys } from '../../log/test/sample.ts'
import { type KeysApi, keysApi } from '../src/keys.ts'
import { type Served, serve, untilFinal } from './served.ts'

let served: Served
let api: KeysApi

before(async () => {
  served = await serve()
  await untilFinal(served.tested, 'keys')
  const token = async (): Promise<string> => {
    return (await served.tested.bearer('read:keys')).authorization.slice('Bearer '.length)
  }
  api = keysApi({ url: served.url, fetch: served.fetch, token })
})
after(() => served[Symbol.asyncDispose]())

test('keys are listed as the own replay shows them', async () => {
  const { registry } = served.tested.log
  const page = await api.list()
  assert.deepEqual(page.keys, keyLives(registry, served.tested.clock.ms).map(viewKey))
  assert.deepEqual([page.size, page.threshold, page.pending], [registry.size, 1, []])
  const [receiver] = (await api.list({ owner: 'auditor', purpose: 'receive', state: 'active', limit: 1 }))
    .keys
  assert.equal(receiver?.kid, keys.receiver.kid)
})

test('a key has its history, with receipts when they are asked for', async () => {
  const { registry } = served.tested.log
  const { kid } = keys.receiver
  const told = keyHistory(registry, kid).map(viewEvent)
  const detail = await api.key(kid)
  assert.equal(detail.owner, 'auditor')
  assert.partialDeepStrictEqual(detail.history, told)
  const { history } = await api.history(kid, { receipts: true })
  assert.match(history[0]?.receipt ?? '', /^c2sp\.org\/tlog-proof@v1\n/)
  await assert.rejects(api.key('A'.repeat(43)), { code: 'unknown-key' })
})
