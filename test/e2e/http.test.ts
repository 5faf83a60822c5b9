// The interfaces that are fixed by name, asked as a program of any language would ask them.
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAjv } from '@ledgerstone/border/schema'
import { readTrust } from '@ledgerstone/cli/connect'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { originOf } from '@ledgerstone/core/names'
import { sealRecord } from '@ledgerstone/core/seal'
import { formatSealed } from '@ledgerstone/core/sealed'
import { liveId } from '@ledgerstone/core/uuid'
import { createIdentity } from '@ledgerstone/exchange/certificate'
import { readKeys } from '../../bench/records.ts'
import { problem, startAsked } from './asked.ts'

const { data, command, running, token, everything, ask, answer } = await startAsked()

async function bytesOf(path: string): Promise<Buffer> {
  const response = await ask(path)
  assert.equal(response.status, 200, path)
  return Buffer.from(await response.arrayBuffer())
}

type Appended = {
  readonly [name: string]: unknown
  readonly index: number
  readonly hash: string
  readonly size: number
  readonly checkpoint: string
}

/** What the SDK would send: a record that is sealed here, with keys that the registry knows. */
async function sealedRecord(bucket: string, id = liveId(Date.now())): Promise<unknown> {
  const { ledger } = readTrust({ data })
  const { sender, receivers } = await readKeys(dataFolder(data))
  const record = new TextEncoder().encode('{"amount":1.10}')
  const labels = { media: 'application/json' }
  const draft = {
    log: originOf(ledger, bucket),
    id,
    type: 'payment.captured',
    issued: Date.now(),
    record,
    labels,
  }
  return formatSealed(await sealRecord(draft, sender, receivers))
}

describe('a record handed to the sealer', () => {
  const request = {
    type: 'payment.captured',
    record: { invoice: 'INV-1', amount: '129.90' },
    meta: { country: 'GB' },
    id: randomUUID(),
  }
  let first: Appended

  test('is answered with its block', async () => {
    const response = await ask('/v1/seal/payments', { json: request })
    assert.equal(response.status, 201)
    first = (await response.json()) as Appended
    assert.deepEqual(Object.keys(first).slice(0, 8), [
      ...['bucket', 'index', 'hash', 'prevhash', 'time', 'size', 'final', 'checkpoint'],
    ])
    assert.partialDeepStrictEqual(first, { bucket: 'payments', index: 1, id: request.id })
    assert.match(first.checkpoint, new RegExp(`^local-[0-9a-f]+/log/payments\n${first.size}\n`))
  })

  test('and sent again under its id is answered with the same block', async () => {
    const { index, hash } = await answer<Appended>('/v1/seal/payments', 200, { json: request })
    assert.deepEqual([index, hash], [first.index, first.hash])
  })

  test('is refused when its id stands for another record already', async () => {
    const json = { ...request, record: { invoice: 'INV-1', amount: '9129.90' } }
    assert.partialDeepStrictEqual(await answer('/v1/seal/payments', 409, { json }), problem('id-reused', 409))
  })

  test('is opened as exactly the text that was sent', async () => {
    const record = '{ "amount": 1.10, "number": 12345678901234567890 }'
    const response = await fetch(`${running.url}/v1/seal/orders`, {
      method: 'POST',
      headers: { authorization: `Bearer ${everything}`, 'content-type': 'application/json' },
      body: `{"type":"order.placed","record":${record}}`,
    })
    const { index } = (await response.json()) as Appended
    assert.equal(await command.text('open', 'orders', `${index}`), `${record}\n`)
  })
})

describe('a record that its sender has sealed', () => {
  test('is appended, and its place is told', async () => {
    const response = await ask('/v1/buckets/payments/blocks?wait=final&receipt=true', {
      json: await sealedRecord('payments'),
    })
    const appended = (await response.json()) as Appended
    assert.equal(response.status, 201, JSON.stringify(appended))
    assert.equal(response.headers.get('location'), `/v1/buckets/payments/blocks/${appended.index}`)
    assert.equal(appended['final'], true)
    assert.match(appended['receipt'] as string, /^c2sp\.org\/tlog-proof@v1\nindex /)
  })

  test('and sent again as it is has the block that it had', async () => {
    const json = await sealedRecord('payments')
    const first = await answer<Appended>('/v1/buckets/payments/blocks', 201, { json })
    const again = await answer<Appended>('/v1/buckets/payments/blocks', 200, { json })
    assert.deepEqual([again.index, again.hash], [first.index, first.hash])
  })

  test('for another bucket is refused', async () => {
    const json = await sealedRecord('orders')
    const told = await answer('/v1/buckets/payments/blocks', 422, { json })
    assert.partialDeepStrictEqual(told, problem('wrong-log', 422))
  })

  test('in a batch stands in its place, and a bad one stops no other', async () => {
    const records = [
      await sealedRecord('refunds'),
      await sealedRecord('orders'),
      await sealedRecord('refunds'),
    ]
    type Results = { readonly results: readonly { readonly status: number; readonly code?: string }[] }
    const { results } = await answer<Results>('/v1/buckets/refunds/blocks/batch', 200, { json: records })
    assert.deepEqual(
      results.map(({ status, code }) => [status, code]),
      [
        [201, undefined],
        [422, 'wrong-log'],
        [201, undefined],
      ],
    )
  })
})

describe('what the ledger shows', () => {
  let hash = ''
  before(async () => {
    const json = { type: 'payment.captured', record: {}, meta: { country: 'FR' } }
    ;({ hash } = await answer<Appended>('/v1/seal/payments?wait=final', 201, { json }))
  })

  test('is its buckets', async () => {
    type Buckets = { readonly buckets: readonly { readonly name: string }[] }
    const { buckets } = await answer<Buckets>('/v1/buckets', 200)
    const names = buckets.map(({ name }) => name)
    assert.deepEqual(names, ['cancellations', 'customers', 'keys', 'orders', 'payments', 'refunds'])
  })

  test('is a bucket with its keys, its head and its newest final checkpoint', async () => {
    type Detail = { readonly [name: string]: string } & { readonly vkeys: readonly string[] }
    const detail = await answer<Detail>('/v1/buckets/payments', 200)
    const { origin = '', vkeys, head, final } = detail
    assert.equal(vkeys.length, 2)
    for (const vkey of vkeys) assert(vkey.startsWith(`${origin}+`))
    for (const note of [head, final]) assert(note?.startsWith(`${origin}\n`))
    assert.equal(await (await ask('/log/payments/checkpoint')).text(), final)
  })

  test('is a page of blocks, by filters too', async () => {
    type Page = {
      readonly blocks: readonly { readonly index: number }[]
      readonly next?: number
      readonly size: number
      readonly complete: number
    }
    const page = await answer<Page>('/v1/buckets/payments/blocks?from=1&limit=2', 200)
    assert.deepEqual(
      page.blocks.map(({ index }) => index),
      [1, 2],
    )
    assert.equal(page.next, 3)
    const filtered = '/v1/buckets/payments/blocks?meta.country=FR'
    let french = await answer<Page>(filtered, 200)
    // Filters go by documents, which are filled in behind the log.
    for (let tries = 0; french.complete < french.size && tries < 100; tries++) {
      await sleep(50)
      french = await answer<Page>(filtered, 200)
    }
    assert.equal(french.blocks.length, 1)
  })

  test('is a block, by index and by hash, and the bytes under that hash', async () => {
    const view = await answer<Appended>(`/v1/buckets/payments/blocks/${hash}`, 200)
    assert.deepEqual(await answer(`/v1/buckets/payments/blocks/${view.index}`, 200), view)
    const entry = await bytesOf(`/v1/buckets/payments/blocks/${hash}/entry`)
    assert.equal(createHash('sha256').update('\0').update(entry).digest('hex'), hash)
    assert(entry.toString().startsWith(`{"v":1,"bucket":"payments","index":${view.index},`))
  })

  test('is its envelope, alone and in the stream of all', async () => {
    const { index } = await answer<Appended>(`/v1/buckets/payments/blocks/${hash}`, 200)
    const envelope = await bytesOf(`/v1/buckets/payments/blocks/${index}/envelope`)
    assert.equal(envelope.toString('latin1', 4, 8), 'LSE1')
    const stream = await bytesOf(`/v1/buckets/payments/envelopes?from=${index}&limit=1`)
    assert.equal(stream.readUInt32BE(0), envelope.length)
    assert.deepEqual(stream.subarray(4), envelope)
  })

  test('is its receipt and its evidence', async () => {
    const receipt = (await bytesOf(`/v1/buckets/payments/blocks/${hash}/receipt`)).toString()
    assert.match(receipt, /^c2sp\.org\/tlog-proof@v1\nindex [0-9]+\n/)
    assert.match((await bytesOf(`/v1/buckets/payments/blocks/${hash}/evidence`)).toString(), /receipt/)
  })

  test('is the log as tiles, without a token on this computer', async () => {
    for (const path of ['/log/payments/checkpoint', '/log/payments/tile/0/000.p/1']) {
      assert.equal((await ask(path, { token: '' })).status, 200, path)
    }
    const bundle = await bytesOf('/log/payments/tile/entries/000.p/1')
    const entry = bundle.subarray(2, 2 + bundle.readUInt16BE(0))
    const leaf = await bytesOf('/log/payments/tile/0/000.p/1')
    assert.deepEqual(createHash('sha256').update('\0').update(entry).digest(), leaf)
  })

  test('is its events, from any block on', async () => {
    const response = await ask('/v1/buckets/payments/events?from=1')
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    let text = ''
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      if (text.includes(hash)) break
    }
    assert.match(text, /id: 1\nevent: block\ndata: \{"bucket":"payments","index":1,/)
  })

  test('is the article’s payload', async () => {
    type Payload = { readonly statuscode: string; readonly blockchain: readonly Record<string, unknown>[] }
    const path = '/api/v1/blockchain/list?bucket=payments&from=1&limit=1'
    const { blockchain, ...rest } = await answer<Payload>(path, 200)
    assert.partialDeepStrictEqual(rest, { name: 'Blockchain', statuscode: '200', status: 'OK' })
    const members = ['index', 'metainfo', 'objecta', 'objectb', 'objectc', 'timestamp', 'hash', 'prevhash']
    assert.deepEqual(Object.keys(blockchain[0] ?? {}).sort(), members.sort())
    assert.equal((await answer<Payload>('/api/v1/blockchain/1?bucket=payments', 200)).blockchain.length, 1)
  })

  test('is its own description, its health and its numbers, to everyone', async () => {
    const open = { token: '' }
    assert.partialDeepStrictEqual(await answer('/openapi.json', 200, open), { openapi: '3.1.0' })
    assert.partialDeepStrictEqual(await answer('/health/live', 200, open), { status: 'ok' })
    assert.partialDeepStrictEqual(await answer('/health/ready', 200, open), { status: 'ok' })
    const discovery = await answer('/auth/.well-known/openid-configuration', 200, open)
    assert.partialDeepStrictEqual(discovery, { issuer: `${running.url}/auth` })
    const docs = await ask('/docs', open)
    assert.match(`${docs.status} ${docs.headers.get('content-type')}`, /^200 text\/html/)
  })

  test('are described as OpenAPI allows, with those of the sealer and without sign-in', async () => {
    type Operation = { readonly operationId?: string; readonly responses: object }
    type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>
    const { paths } = await answer<{ readonly paths: Paths }>('/openapi.json', 200, { token: '' })
    for (const [path, operations] of Object.entries(paths)) {
      assert.match(path, /^\/(?:v1|log|api|health|metrics)/)
      assert.doesNotMatch(path, /\*/)
      for (const [method, { operationId, responses }] of Object.entries(operations)) {
        assert.match(method, /^(?:get|post|put|delete)$/, path)
        assert.ok(operationId !== undefined, `${method} ${path}`)
        if (path.startsWith('/v1/')) assert.ok('4XX' in responses && '5XX' in responses, path)
      }
    }
    const sealing = paths['/v1/seal/{bucket}']?.['post']?.responses ?? {}
    assert.deepEqual(Object.keys(sealing), ['200', '201', '4XX', '5XX'])
  })

  test('are described with what an exchange says', async () => {
    type Answers = Readonly<
      Record<string, { readonly content: Readonly<Record<string, { schema: object }>> }>
    >
    type Paths = Readonly<Record<string, { readonly post?: { readonly responses: Answers } }>>
    const { paths } = await answer<{ readonly paths: Paths }>('/openapi.json', 200, { token: '' })
    const { schema } = paths['/v1/exchanges']?.post?.responses['201']?.content['application/json'] ?? {}
    assert.ok(schema !== undefined)
    const identity = await createIdentity({ name: 'laptop', now: Date.now(), days: 1 })
    const json = { owner: 'laptop', assurance: 'token', clientCertificate: identity.certificate }
    const manager = { token: await token('manage:exchanges') }
    const asked = await answer<{ readonly id: string }>('/v1/exchanges', 201, { ...manager, json })
    const validate = createAjv().compile({ ...schema, additionalProperties: false })
    assert.ok(validate(asked), JSON.stringify(validate.errors))
    const shown = await answer(`/v1/exchanges/${asked.id}`, 200, manager)
    assert.ok(validate(shown), JSON.stringify(validate.errors))
  })
})
