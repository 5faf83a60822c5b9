import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { parseStatement } from '@ledgerstone/core/statement'
import { readBlock } from '@ledgerstone/log/read'
import { keys, ledger, start } from '../../log/test/sample.ts'
import { type Running, recordText, run } from './running.ts'

let running: Running

before(async () => {
  running = await run()
})
after(() => running[Symbol.asyncDispose]())

const id = '0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'

test('seals exactly the bytes of the record, for the receiver, in the name of the caller', async () => {
  const record =
    '{ "amount" : 1.10, "serial":12345678901234567890,\n "twice":1,"twice":2, "text":"\\u00e9é" }'
  const { status, body } = await running.post(
    `{"type":"payment.captured", "record": ${record} ,"meta":{"order":"42","paid":true},"id":"${id}"}`,
  )
  assert.equal(status, 201)
  assert.equal(body['bucket'], 'payments')
  assert.equal(body['id'], id)
  assert.equal(body['retrySafe'], true)
  const opened = await running.open(body['index'] as number)
  assert.equal(recordText(opened), record)
  assert.equal(opened.sender, 'sealer')
  assert.equal(opened.type, 'payment.captured')
  assert.equal(opened.labels.media, 'application/json')
  assert.deepEqual({ ...opened.labels.meta }, { order: '42', paid: true })
  assert.deepEqual(opened.labels.actor, { iss: 'https://auth.example.com', client: 'shop' })
})

test('names the person for whom the client acts', async () => {
  const headers = await running.caller('append:payments', { sub: 'bob' })
  const { body } = await running.post('{"type":"payment.captured","record":1}', { headers })
  const opened = await running.open(body['index'] as number)
  assert.equal(opened.labels.actor?.sub, 'bob')
  assert.equal(recordText(opened), '1')
})

for (const [what, record] of [
  ['a string', '"text with } and ] and \\" in it"'],
  ['a list', '[1.0, -0, 1e400, [[[[[[[[[[{}]]]]]]]]]]]'],
  ['null', 'null'],
  ['a number that no double holds', '0.1000000000000000055511151231257827'],
] as const) {
  test(`a record may be ${what}`, async () => {
    const { body } = await running.post(`{"record":${record},"type":"payment.captured"}`)
    assert.equal(recordText(await running.open(body['index'] as number)), record)
  })
}

test('bytes of another media type are sealed as they are', async () => {
  const payload = Buffer.from([0, 255, 13, 10, 0x7b])
  const meta = encodeURIComponent('{"page":1}')
  const query = `?type=payment.captured&id=${id.replace('0197', '0198')}&meta=${meta}`
  const headers = { 'content-type': 'application/pdf; version=1.7' }
  const { status, body } = await running.post('', { payload, query, headers })
  assert.equal(status, 201)
  assert.equal(body['retrySafe'], true)
  const { record, labels } = await running.open(body['index'] as number)
  assert.deepEqual(Buffer.from(record), payload)
  assert.equal(labels.media, 'application/pdf')
  assert.deepEqual({ ...labels.meta }, { page: 1 })
})

test('the same id and record again is the first block with 200; another record is 409', async () => {
  const same = `{"type":"payment.captured","record":{"n":1},"id":"0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"}`
  const first = await running.post(same)
  const again = await running.post(same)
  assert.equal(first.status, 201)
  assert.equal(again.status, 200)
  for (const name of ['index', 'hash', 'time', 'id', 'retrySafe'])
    assert.equal(again.body[name], first.body[name])
  const other = await running.post(same.replace('{"n":1}', '{"n": 1}'))
  assert.equal(other.status, 409)
  assert.equal(other.body['code'], 'id-reused')
})

test('without an id the sealer makes one, and says that a retry is not safe', async () => {
  const { status, body, headers } = await running.post('{"type":"payment.captured","record":{}}')
  assert.equal(status, 201)
  assert.equal(body['retrySafe'], false)
  assert.match(body['id'] as string, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  assert.equal(headers['record-id'], body['id'])
  const { block } = await readBlock(running.ledger.log.bucket('payments'), body['index'] as number)
  const { payload, header } = parseStatement(block.statement)
  assert.equal(payload.id, body['id'])
  assert.equal(payload.log, `${ledger}/payments`)
  assert.equal(payload.issued, start)
  assert.equal(header.kid, keys.statement.kid)
})

test('says where the block is to be read when it is told where the ledger is', async (t) => {
  const record = '{"type":"payment.captured","record":{}}'
  assert.equal((await running.post(record)).headers['location'], undefined)
  const other = await run({ ledgerUrl: 'https://ledger.example.com' })
  t.after(() => other[Symbol.asyncDispose]())
  const { body, headers } = await other.post(record)
  assert.equal(headers['location'], `https://ledger.example.com/v1/buckets/payments/blocks/${body['index']}`)
})

test('waits for the block to be final and hands on its receipt', async () => {
  const query = '?wait=final&receipt=true'
  const { body } = await running.post('{"type":"payment.captured","record":{}}', { query })
  assert.equal(body['final'], true)
  assert.match(body['receipt'] as string, /^c2sp.org\/tlog-proof@v1\n/)
})

test('calls the ledger with its own token and passes the trace on', async () => {
  running.sent.length = 0
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const headers = { traceparent }
  await running.post('{"type":"payment.captured","record":{}}', { headers })
  const { headers: sent } = running.sent.find(({ url }) => url.startsWith('/v1/buckets')) ?? assert.fail()
  assert.equal(sent.get('traceparent'), traceparent)
  assert.notEqual(sent.get('authorization'), (await running.caller()).authorization)
  running.sent.length = 0
  await running.post('{"type":"payment.captured","record":{}}', { headers: { traceparent: 'x\r\ny' } })
  assert.equal(running.sent.at(-1)?.headers.get('traceparent'), null)
})

const refused: readonly [what: string, code: string, body: string, more?: Parameters<Running['post']>[1]][] =
  [
    ['a member that there is not', 'unknown-field', '{"type":"payment.captured","record":1,"bucket":"x"}'],
    ['a member that poisons', 'unknown-field', '{"type":"payment.captured","record":1,"__proto__":{}}'],
    ['a member given twice', 'malformed', '{"type":"payment.captured","record":1,"record":2}'],
    [
      'a member given twice in two spellings',
      'malformed',
      '{"type":"payment.captured","record":1,"recor\\u0064":2}',
    ],
    ['no record', 'malformed', '{"type":"payment.captured"}'],
    ['no type', 'malformed', '{"record":1}'],
    ['a list', 'malformed', '[{"type":"payment.captured","record":1}]'],
    ['what is not JSON', 'malformed', '{"type":"payment.captured","record":01}'],
    ['what is cut short', 'malformed', '{"type":"payment.captured","record":{"a":1'],
    ['an empty body', 'malformed', ''],
    ['a type that is no name', 'bad-name', '{"type":"Payment","record":1}'],
    ['a type of the ledger itself', 'reserved', '{"type":"ledgerstone.key.register","record":{}}'],
    ['an id that is no UUID', 'malformed', '{"type":"payment.captured","record":1,"id":"7"}'],
    ['an id in upper case', 'malformed', `{"type":"payment.captured","record":1,"id":"${id.toUpperCase()}"}`],
    ['meta that is nested', 'malformed', '{"type":"payment.captured","record":1,"meta":{"a":{}}}'],
    ['meta with a fraction', 'malformed', '{"type":"payment.captured","record":1,"meta":{"a":1.5}}'],
    [
      'labels over 8 KiB',
      'too-large',
      `{"type":"payment.captured","record":1,"meta":{"a":"${'x'.repeat(8200)}"}}`,
    ],
    ['a record over 1 MiB', 'too-large', `{"type":"payment.captured","record":"${'x'.repeat(1_048_576)}"}`],
    ['a request that is far too large', 'too-large', 'x'.repeat(3_000_000)],
    [
      'the type twice, in query and body',
      'bad-query',
      '{"type":"payment.captured","record":1}',
      { query: '?type=a' },
    ],
    ['a query that there is not', 'bad-query', '{"type":"payment.captured","record":1}', { query: '?idd=1' }],
    [
      'bytes without a type',
      'bad-query',
      'bytes',
      { headers: { 'content-type': 'application/octet-stream' } },
    ],
    ['no media type', 'wrong-media-type', 'bytes', { headers: { 'content-type': undefined } }],
    [
      'a form',
      'wrong-media-type',
      'type=payment.captured',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, query: '?type=payment.captured' },
    ],
    [
      'a media type that is none',
      'wrong-media-type',
      'x',
      { headers: { 'content-type': 'text' }, query: '?type=payment.captured' },
    ],
    ['a bucket that is no name', 'bad-name', '{}', { bucket: 'Payments' }],
    [
      'a bucket that there is not',
      'unknown-bucket',
      '{"type":"payment.captured","record":1}',
      { bucket: 'nothing' },
    ],
  ]

for (const [what, code, body, more = {}] of refused) {
  test(`refuses ${what}`, async () => {
    const { size } = running.ledger.log.bucket('payments').head
    const headers = { ...(await running.caller('append:*')), ...more.headers }
    const answer = await running.post(body, { ...more, headers })
    assert.equal(answer.body['code'], code, JSON.stringify(answer.body))
    assert(answer.status >= 400 && answer.status < 500)
    assert.equal(running.ledger.log.bucket('payments').head.size, size)
  })
}

test('what is refused never shows the record', async () => {
  const { body } = await running.post('{"type":"payment.captured","record":{"card":"4111 1111"}, nonsense')
  assert.doesNotMatch(JSON.stringify(body), /4111/)
  assert.doesNotMatch(running.lines.join(), /4111/)
})
