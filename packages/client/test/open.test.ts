import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { formatHex, textOf, utf8 } from '@ledgerstone/core/bytes'
import { verifyEvidence } from '@ledgerstone/core/evidence'
import { createKey } from '@ledgerstone/core/key-pair'
import { originOf } from '@ledgerstone/core/names'
import { openerOf } from '@ledgerstone/core/open'
import { liveId } from '@ledgerstone/core/uuid'
import { bodyStatement } from '@ledgerstone/log/genesis'
import { until } from '../../core/test/until.ts'
import { codeOf, keys, receiver, sealer, start } from '../../log/test/sample.ts'
import type { LedgerApi } from '../src/api.ts'
import { plainMemory, remember } from '../src/memory.ts'
import { type BlockReader, openBlock, readEnvelope, readVerified } from '../src/open.ts'
import { type Pusher, push } from '../src/push.ts'
import { RegistryFollower } from '../src/registry.ts'
import { changeByte, type Served, serve, untilFinal } from './served.ts'

let served: Served

before(async () => {
  served = await serve()
})
after(() => served[Symbol.asyncDispose]())

function pusherOf(api: LedgerApi = served.api()): Pusher {
  const { sample, clock } = served.tested
  return { api, ledger: sample.trust.ledger, sender: sealer, receivers: [receiver], now: () => clock.ms }
}

function readerOf(api: LedgerApi = served.api()): BlockReader {
  const { trust } = served.tested.sample
  const sleep = async (): Promise<void> => undefined
  const follower = new RegistryFollower({ trust, reader: api.log('keys'), now: () => start, sleep })
  return { api, trust, follower, memory: plainMemory() }
}

function record(text: string, id?: string) {
  const labels = { media: 'application/json', meta: { order: '42' } }
  const rest = { bucket: 'payments', type: 'payment.captured', record: utf8(text), labels }
  return id === undefined ? rest : { ...rest, id }
}

/** Pushes a record and waits until it is final. */
async function pushed(text: string): Promise<number> {
  const { posted } = await push(pusherOf(), record(text))
  await untilFinal(served.tested, 'payments')
  await untilFinal(served.tested, 'keys')
  return posted.index
}

test('a record that is pushed is verified, opened and proved to an auditor, byte for byte', async () => {
  const text = '{"amount": 1.10, "serial": 12345678901234567890}'
  const index = await pushed(text)
  const reader = readerOf()
  const verified = await readVerified(reader, 'payments', index)
  assert.equal(verified.block.index, index)
  const opened = await openBlock(
    verified,
    await readEnvelope(reader.api, verified),
    await openerOf(keys.receiver.pkcs8),
  )
  assert.equal(textOf(opened.record, 'the record'), text)
  assert('sender' in opened)
  assert.equal(opened.sender, 'sealer')
  assert.deepEqual({ ...opened.labels.meta }, { order: '42' })

  const verdict = await verifyEvidence(
    await reader.api.evidence('payments', index),
    served.tested.sample.trust,
  )
  assert.equal(formatHex(verdict.hash), formatHex(verified.hash))
})

test('the same record under the same id is pushed once, however often', async () => {
  const id = liveId(start)
  const first = await push(pusherOf(), record('{"n":1}', id))
  assert.equal(first.posted.created, true)
  const again = await push(pusherOf(), record('{"n":1}', id))
  assert.equal(again.posted.created, false)
  assert.equal(again.posted.hash, first.posted.hash)
  assert.equal(await codeOf(push(pusherOf(), record('{"n":2}', id))), 'id-reused')
})

test('an append whose answer is lost is asked for again, and stands in the log once', async () => {
  const { head } = served.tested.log.bucket('payments')
  let lost = 0
  const api = served.api((path, body) => {
    if (path.includes('/blocks') && lost++ === 0) throw new TypeError('the connection broke')
    return body
  })
  const { posted } = await push(pusherOf(api), record('{"n":3}'))
  assert.equal(lost, 2)
  assert.equal(posted.created, false)
  assert.equal(served.tested.log.bucket('payments').head.size, head.size + 1)
})

test('another receiver cannot open it, and an envelope for another block is refused', async () => {
  const [one, two] = [await pushed('{"n":4}'), await pushed('{"n":5}')]
  const reader = readerOf()
  const verified = await readVerified(reader, 'payments', one)
  const envelope = await readEnvelope(reader.api, verified)
  const stranger = await openerOf((await createKey('RSA-2048')).pkcs8)
  assert.equal(await codeOf(openBlock(verified, envelope, stranger)), 'cannot-open')

  const other = await readEnvelope(reader.api, await readVerified(reader, 'payments', two))
  assert.equal(await codeOf(openBlock(verified, other, await openerOf(keys.receiver.pkcs8))), 'cannot-open')
  const swapped: LedgerApi = { ...reader.api, envelope: (bucket) => reader.api.envelope(bucket, two) }
  assert.equal(await codeOf(readEnvelope(swapped, verified)), 'wrong-digest')
})

test('another block, another receipt or a changed entry than the one asked for is refused', async () => {
  const [one, two] = [await pushed('{"n":6}'), await pushed('{"n":7}')]
  const api = served.api()
  const otherEntry: LedgerApi = { ...api, entry: (bucket) => api.entry(bucket, two) }
  assert.equal(await codeOf(readVerified(readerOf(otherEntry), 'payments', one)), 'bad-link')
  const otherReceipt: LedgerApi = { ...api, receipt: (bucket) => api.receipt(bucket, two) }
  assert.equal(await codeOf(readVerified(readerOf(otherReceipt), 'payments', one)), 'bad-proof')
  const changed = served.api((path, body) => {
    return path.endsWith('/entry') ? changeByte(body, body.length - 10) : body
  })
  assert.equal(await codeOf(readVerified(readerOf(changed), 'payments', one)), 'bad-proof')
})

test('a block of the registry is the one that the registry was replayed from', async () => {
  await pushed('{"n":8}')
  const verified = await readVerified(readerOf(), 'keys', 2)
  assert.equal(verified.block.bucket, 'keys')
  assert.equal(await codeOf(readEnvelope(served.api(), verified)), 'unknown-block')
})

test('a statement that needs no envelope is appended to the registry', async () => {
  const { tested } = served
  const origin = originOf(tested.sample.trust.ledger, 'keys')
  const body = { kid: keys.other.kid, reason: 'lost' }
  const statement = await bodyStatement(origin, 'ledgerstone.key.revoke', body, keys.registrar, start)
  const scope = await tested.bearer('manage:keys')
  const api = served.api(undefined, { token: async () => scope.authorization.slice('Bearer '.length) })
  const { index, created } = await api.postBlock('keys', { statement })
  assert.equal(created, true)
  assert.equal(index, tested.log.bucket('keys').head.size - 1)
})

test('an older receipt is taken while the log has what is remembered, else it is a rollback', async () => {
  const index = await pushed('{"n":20}')
  const older = utf8(await served.api().receipt('payments', index))
  const reader = readerOf()
  const newer = await readVerified(reader, 'payments', await pushed('{"n":21}'))
  await remember(reader.memory, newer.registry, newer.checkpoint, served.api().log('payments'))
  const lagging = served.api((path, body) => (path.endsWith('/receipt') ? older : body))
  const { checkpoint } = await readVerified({ ...reader, api: lagging }, 'payments', index)
  assert.equal(checkpoint.head.size, index + 1)
  const shrunk = served.api((path, body) => {
    if (path.startsWith('/log/payments/tile/')) return undefined
    return path.endsWith('/receipt') ? older : body
  })
  assert.equal(await codeOf(readVerified({ ...reader, api: shrunk }, 'payments', index)), 'rolled-back')
})

test('lists, reads and follows what was appended', async () => {
  const api = served.api()
  const index = await pushed('{"n":9}')
  const { vkeys, size } = await api.bucket('payments')
  assert.equal(vkeys.length, 2)
  assert.equal(size, index + 1)
  assert((await api.buckets()).some(({ name }) => name === 'payments'))
  const page = await api.blocks('payments', { from: index, limit: 5 })
  assert.deepEqual(
    page.blocks.map((block) => block.index),
    [index],
  )
  assert.equal((await api.block('payments', index)).payload['type'], 'payment.captured')
  assert.match(await api.receipt('payments', index), /^c2sp.org\/tlog-proof@v1\n/)
  assert.equal(await codeOf(api.block('payments', 100_000)), 'unknown-block')
  assert.equal(await codeOf(api.bucket('nothing')), 'unknown-bucket')
})

test('a batch gives each record its own result, in order', async () => {
  const { sealed } = await push(pusherOf(), record('{"n":10}'))
  const api = served.api()
  const { statement } = (await push(pusherOf(), record('{"n":11}'))).sealed
  const jws = `${statement.jws.slice(0, -4)}AAAA`
  const results = await api.postBatch('payments', [sealed, { ...sealed, statement: { ...statement, jws } }])
  assert.equal(results[0]?.status, 200)
  assert(results[1] !== undefined && 'code' in results[1])
  assert.equal(results[1].status, 422)
})

test('follows events, and goes on after the last one seen', async () => {
  const api = served.api()
  const stop = new AbortController()
  const seen: number[] = []
  const following = (async () => {
    for await (const { event, data } of api.events('payments', { signal: stop.signal })) {
      if (event === 'block') seen.push(data['index'] as number)
    }
  })()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const first = await pushed('{"n":12}')
  await until(() => seen.length > 0, 'the block was told')
  assert.deepEqual(seen, [first])
  stop.abort()
  await following

  const second = await pushed('{"n":13}')
  const more = new AbortController()
  for await (const { event, data } of api.events('payments', { after: `${first}`, signal: more.signal })) {
    if (event !== 'block') continue
    assert.equal(data['index'], second)
    more.abort()
  }
})
