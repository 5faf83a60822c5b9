import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { textOf, utf8 } from '@ledgerstone/core/bytes'
import { codeOf, start } from '../../log/test/sample.ts'
import type { Fetch } from '../src/http.ts'
import { type RecordToSeal, sealerApi } from '../src/sealer.ts'

const appended = {
  ...{ bucket: 'payments', index: 1, hash: '00', prevhash: '00', time: '', size: 2, final: false },
  checkpoint: '',
}

type Sent = { readonly url: string; readonly type: string | null; readonly body: string }

/** What a sealer is sent for a record, try by try. */
async function sentFor(record: RecordToSeal, lost = 0): Promise<readonly Sent[]> {
  const sent: Sent[] = []
  const fetch: Fetch = async (url, init) => {
    const body = init.body instanceof Uint8Array ? textOf(init.body, 'the body') : String(init.body)
    sent.push({ url, type: new Headers(init.headers).get('content-type'), body })
    if (sent.length <= lost) throw new TypeError('fetch failed')
    return Response.json({ ...appended, id: 'of the sealer', retrySafe: true }, { status: 201 })
  }
  const url = 'https://sealer.example.com'
  const sealer = sealerApi({ url, fetch, now: () => start, sleep: async () => undefined })
  assert.equal((await sealer.seal('payments', record)).index, 1)
  return sent
}

test('a JSON record goes as the text that it is', async () => {
  const record = utf8('{"amount": 1.10, "serial": 12345678901234567890}')
  const meta = { order: '42', paid: true }
  const id = '0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'
  const [sent] = await sentFor({ type: 'payment.captured', record, meta, id })
  assert.deepEqual(sent, {
    url: 'https://sealer.example.com/v1/seal/payments',
    type: 'application/json',
    body:
      '{"type":"payment.captured","meta":{"order":"42","paid":true},' +
      '"id":"0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",' +
      '"record":{"amount": 1.10, "serial": 12345678901234567890}}',
  })
})

test('a record of another media type is the body', async () => {
  const [sent] = await sentFor({
    ...{ type: 'payment.receipt', record: utf8('bytes'), media: 'application/pdf' },
    ...{ meta: { page: 1 }, id: '0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b' },
  })
  assert.equal(sent?.body, 'bytes')
  assert.equal(sent?.type, 'application/pdf')
  const { searchParams } = new URL(sent.url)
  assert.deepEqual(Object.fromEntries(searchParams), {
    type: 'payment.receipt',
    id: '0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
    meta: '{"page":1}',
  })
})

test('asks again under the same id, also when it had to make one up', async () => {
  const sent = await sentFor({ type: 'payment.captured', record: utf8('1') }, 2)
  assert.equal(sent.length, 3)
  assert.equal(new Set(sent.map(({ body }) => body)).size, 1)
  assert.match(sent[0]?.body ?? '', /"id":"[0-9a-f]{8}-[0-9a-f]{4}-7/)
})

test('what is not JSON does not get into the request that is', async () => {
  for (const text of ['', '{', '1,"type":"other"', 'NaN']) {
    assert.equal(await codeOf(sentFor({ type: 'payment.captured', record: utf8(text) })), 'malformed')
  }
})
