import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { formatHex, parseHex, utf8 } from '@ledgerstone/core/bytes'
import { verifyCheckpoint } from '@ledgerstone/core/checkpoint'
import { createKey } from '@ledgerstone/core/key-pair'
import { verifyReceipt } from '@ledgerstone/core/receipt'
import { liveId } from '@ledgerstone/core/uuid'
import { parseVkey } from '@ledgerstone/core/vkey'
import { bodyStatement } from '@ledgerstone/log/genesis'
import { until } from '../../core/test/until.ts'
import { keys, ledger as name, registrationOf, start } from '../../log/test/sample.ts'
import { sealedJson, startLedger, type Tested } from './ledger.ts'

let ledger: Tested
let headers: { authorization: string }

before(async () => {
  ledger = await startLedger()
  headers = await ledger.bearer('append:payments read:*')
})

after(() => ledger.close())

type Answered = Awaited<ReturnType<Tested['app']['inject']>>

async function append(payload: unknown, query = '', bucket = 'payments'): Promise<Answered> {
  const url = `/v1/buckets/${bucket}/blocks${query}`
  return ledger.app.inject({ method: 'POST', url, headers, payload: payload as object })
}

async function logKeys() {
  return ledger.log.bucket('payments').vkeys.map((text) => parseVkey(text))
}

describe('POST /v1/buckets/{bucket}/blocks', () => {
  it('answers 201 with the block, its place, and a note of the log that covers it', async () => {
    const answer = await append(await sealedJson())
    assert.equal(answer.statusCode, 201)
    const block = answer.json()
    assert.deepEqual(Object.keys(block), [
      'bucket',
      'index',
      'hash',
      'prevhash',
      'time',
      'size',
      'final',
      'checkpoint',
    ])
    assert.equal(block.bucket, 'payments')
    assert.equal(block.time, '2026-11-23T03:17:00.000Z')
    assert.equal(answer.headers['location'], `/v1/buckets/payments/blocks/${block.index}`)
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.match(block.checkpoint, /^\u2014 test\.example\/log\/payments /m)
    const origin = `${name}/payments`
    const expected = { origin, logKeys: await logKeys(), published: false }
    const { head } = await verifyCheckpoint(block.checkpoint, expected)
    assert.equal(head.size, block.size)
    assert.ok(block.index < head.size)
  })

  it('chains each block to the one before', async () => {
    const first = (await append(await sealedJson())).json()
    const second = (await append(await sealedJson())).json()
    assert.equal(second.index, first.index + 1)
    assert.equal(second.prevhash, first.hash)
  })

  it('answers a retry with 200 and the first block, though it was sealed anew', async () => {
    const id = liveId(start)
    const first = await append(await sealedJson({ id }))
    const again = await append(await sealedJson({ id }))
    assert.equal(first.statusCode, 201)
    assert.equal(again.statusCode, 200)
    const [made, found] = [first.json(), again.json()]
    assert.equal(found.index, made.index)
    assert.equal(found.hash, made.hash)
    assert.equal(found.prevhash, made.prevhash)
    assert.equal(again.headers['location'], first.headers['location'])
  })

  it('refuses an id that another record has', async () => {
    const id = liveId(start)
    await append(await sealedJson({ id }))
    const other = await append(await sealedJson({ id, record: utf8('{"amount":"9.99"}') }))
    assert.equal(other.statusCode, 409)
    assert.equal(other.json().code, 'id-reused')
    assert.doesNotMatch(other.body, /hash|index/)
  })

  it('waits for the final checkpoint when asked, and adds the receipt', async () => {
    const answer = await append(await sealedJson(), '?wait=final&receipt=true')
    assert.equal(answer.statusCode, 201)
    const block = answer.json()
    assert.equal(block.final, true)
    const expected = {
      origin: `${name}/payments`,
      logKeys: await logKeys(),
      policy: ledger.sample.trust.policy,
    }
    await verifyCheckpoint(block.checkpoint, expected)
    const receipt = await verifyReceipt(block.receipt, parseHex(block.hash, 'hash'), expected)
    assert.equal(receipt.index, block.index)
  })

  it('leaves the receipt out as long as the block is not final', async () => {
    const block = (await append(await sealedJson(), '?receipt=true')).json()
    assert.equal(block.final, false)
    assert.equal('receipt' in block, false)
  })

  it('finds a retry final once it is, and then shows the final checkpoint', async () => {
    const id = liveId(start)
    const record = await sealedJson({ id })
    const { index } = (await append(record)).json()
    await until(() => (ledger.log.bucket('payments').final?.head.size ?? 0) > index, 'the block is final')
    const again = (await append(record, '?receipt=true')).json()
    assert.equal(again.final, true)
    assert.match(again.receipt, /^c2sp\.org\/tlog-proof@v1\nindex /)
  })

  it('takes statements with a body into keys, from those who may manage keys', async () => {
    const key = await createKey('Ed25519')
    const body = await registrationOf(key, { owner: 'till', purpose: 'sign' })
    const register = 'ledgerstone.key.register'
    const statement = await bodyStatement(`${name}/keys`, register, body, keys.registrar, start)
    const url = '/v1/buckets/keys/blocks'
    const payload = { statement: statement.jws }
    const refused = await ledger.app.inject({ method: 'POST', url, headers, payload })
    assert.equal(refused.statusCode, 403)
    assert.equal(refused.json().code, 'insufficient-scope')
    const manager = await ledger.bearer('manage:keys')
    const answer = await ledger.app.inject({ method: 'POST', url, headers: manager, payload })
    assert.equal(answer.statusCode, 201)
    assert.equal(ledger.log.registry.key(key.kid).owner, 'till')
  })

  it('tells the hash of the entry that it then serves', async () => {
    const block = (await append(await sealedJson())).json()
    const url = `/v1/buckets/payments/blocks/${block.index}/entry`
    const { rawPayload } = await ledger.app.inject({ url, headers })
    const digest = await crypto.subtle.digest('SHA-256', Buffer.concat([Uint8Array.of(0), rawPayload]))
    assert.equal(formatHex(new Uint8Array(digest)), block.hash)
  })
})

describe('?wait=final without a quorum', () => {
  it('answers final: false when the time is up', async () => {
    const slow = await startLedger({ limits: { waitFinalMsMax: 30 }, engine: { publishIntervalMs: 60_000 } })
    const token = await slow.bearer('append:payments')
    // The first head is published at once, later ones only after a minute.
    await until(() => slow.log.bucket('payments').final !== undefined, 'the genesis is final')
    const url = '/v1/buckets/payments/blocks?wait=final&receipt=true'
    const answer = await slow.app.inject({ method: 'POST', url, headers: token, payload: await sealedJson() })
    assert.equal(answer.statusCode, 201)
    assert.equal(answer.json().final, false)
    assert.equal(answer.json().receipt, undefined)
    await slow.close()
  })
})
