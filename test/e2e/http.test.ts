// The interfaces that are fixed by name, asked as a program of any language would ask them.
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readTrust } from '@ledgerstone/cli/connect'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { readClient } from '@ledgerstone/cli/embedded/clients'
import { originOf } from '@ledgerstone/core/names'
import { sealRecord } from '@ledgerstone/core/seal'
import { formatSealed } from '@ledgerstone/core/sealed'
import { liveId } from '@ledgerstone/core/uuid'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { readKeys } from '../../bench/records.ts'
import { commandsOf, LedgerProcess, temporaryFolder } from './ledger-process.ts'

const place = await temporaryFolder()
const data = join(place.path, 'data')
const command = commandsOf(data)
const running = await LedgerProcess.start(data)
after(async () => {
  await running.kill()
  await place[Symbol.asyncDispose]()
})

const token = async (...args: readonly string[]): Promise<string> =>
  (await command.text('token', '--scope', ...args)).trim()
const everything = await token('read:* read:keys append:*')

type Asked = { readonly token?: string; readonly json?: unknown; readonly headers?: Record<string, string> }

function ask(path: string, { token = everything, json, headers }: Asked = {}): Promise<Response> {
  return fetch(`${running.url}${path}`, {
    method: json === undefined ? 'GET' : 'POST',
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
}

async function answer<T>(path: string, status: number, asked: Asked = {}): Promise<T> {
  const response = await ask(path, asked)
  const text = await response.text()
  assert.equal(response.status, status, `${path} ${text}`)
  return JSON.parse(text) as T
}

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

function problem(code: string, status: number): object {
  return { type: `urn:ledgerstone:error:${code}`, status, code }
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

  test('are described as OpenAPI allows, those of the sealer among them, and sign-in is no part of it', async () => {
    type Operation = { readonly operationId?: string; readonly responses: object }
    type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>
    const { paths } = await answer<{ readonly paths: Paths }>('/openapi.json', 200, { token: '' })
    for (const [path, operations] of Object.entries(paths)) {
      assert.match(path, /^\/(?:v1|log|api|health|metrics)/)
      assert.doesNotMatch(path, /\*/)
      for (const [method, { operationId }] of Object.entries(operations)) {
        assert.match(method, /^(?:get|post|put|delete)$/, path)
        assert.ok(operationId !== undefined, `${method} ${path}`)
      }
    }
    assert.deepEqual(Object.keys(paths['/v1/seal/{bucket}']?.['post']?.responses ?? {}), [
      ...['200', '201', '4XX', '5XX'],
    ])
  })
})

describe('a caller', () => {
  test('without a token is told so', async () => {
    for (const path of [
      '/v1/buckets',
      '/v1/buckets/payments/blocks/1',
      '/api/v1/blockchain/list?bucket=orders',
    ]) {
      const response = await ask(path, { token: '' })
      assert.equal(response.headers.get('content-type'), 'application/problem+json')
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
      assert.partialDeepStrictEqual(await response.json(), problem('no-token', 401))
    }
  })

  test('with a token for the sealer is refused by the ledger, and the other way round', async () => {
    const forSealer = await token('append:payments read:payments', '--audience', 'sealer')
    const told = await answer('/v1/buckets/payments/blocks', 401, { token: forSealer })
    assert.partialDeepStrictEqual(told, problem('wrong-audience', 401))
    const json = { type: 'payment.captured', record: {} }
    await answer('/v1/seal/payments', 201, { token: forSealer, json })
    const forLedger = await token('append:payments', '--audience', 'ledger')
    const other = await answer('/v1/seal/payments', 401, { token: forLedger, json })
    assert.partialDeepStrictEqual(other, problem('wrong-audience', 401))
  })

  test('whose token does not cover the bucket is refused', async () => {
    const narrow = await token('read:payments')
    const told = await answer('/v1/buckets/orders/blocks', 403, { token: narrow })
    assert.partialDeepStrictEqual(told, problem('insufficient-scope', 403))
    const keys = await answer('/v1/buckets/keys/blocks', 403, { token: await token('read:*') })
    assert.partialDeepStrictEqual(keys, problem('insufficient-scope', 403))
  })

  test('with a token that names no algorithm, or was signed by himself, is refused', async () => {
    const [head = '', body = ''] = everything.split('.')
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    for (const forged of [`${none}.${body}.`, `${head}.${body}.${'A'.repeat(86)}`]) {
      const told = await answer('/v1/buckets', 401, { token: forged })
      assert.partialDeepStrictEqual(told, problem('bad-token', 401))
    }
  })
})

describe('a token that is bound to a key (DPoP)', () => {
  test('is accepted with a proof of that key for this request, and in no other way', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk = await exportJWK(publicKey)
    const proofOf = async (method: string, url: string, bound?: string): Promise<string> => {
      const ath = bound === undefined ? {} : { ath: createHash('sha256').update(bound).digest('base64url') }
      return new SignJWT({ htm: method, htu: url, jti: randomUUID(), ...ath })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setIssuedAt()
        .sign(privateKey)
    }
    const { issuer, client_id: id, client_secret: secret } = readClient(dataFolder(data).localClient)
    const granted = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`${id}:${secret}`)}`,
        dpop: await proofOf('POST', `${issuer}/token`),
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read:payments' }),
    })
    const { access_token: bound, token_type: type } = (await granted.json()) as Record<string, string>
    assert(bound !== undefined && type === 'DPoP', 'the OAuth service binds it')
    const claims = JSON.parse(Buffer.from(bound.split('.')[1] ?? '', 'base64url').toString())
    assert.equal(claims.cnf.jkt, await calculateJwkThumbprint(jwk))

    const path = '/v1/buckets/payments'
    const send = async (authorization: string, dpop?: string): Promise<string> => {
      const headers = { authorization, ...(dpop !== undefined && { dpop }) }
      const response = await ask(path, { token: '', headers })
      return response.status === 200 ? 'ok' : ((await response.json()) as { code: string }).code
    }
    const proof = await proofOf('GET', `${running.url}${path}`, bound)
    assert.equal(await send(`DPoP ${bound}`, proof), 'ok')
    assert.equal(await send(`DPoP ${bound}`, proof), 'bad-proof-of-possession', 'a proof counts once')
    assert.equal(await send(`Bearer ${bound}`), 'bad-proof-of-possession', 'a thief has no proof')
    const elsewhere = await proofOf('GET', `${running.url}/v1/buckets/orders`, bound)
    assert.equal(await send(`DPoP ${bound}`, elsewhere), 'bad-proof-of-possession')
  })
})

describe('the key that signs access tokens', () => {
  test('is rotated while all services run, and tokens of the old one stay good', async () => {
    const kidOf = (text: string): string =>
      JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).kid
    const { kid } = await command.json<{ kid: string }>('keys', 'rotate-oauth')
    assert.notEqual(kid, kidOf(everything))
    const { issuer, client_id: id, client_secret: secret } = readClient(dataFolder(data).localClient)
    const authorization = `Basic ${btoa(`${id}:${secret}`)}`
    let fresh = ''
    for (let tries = 0; fresh === '' || kidOf(fresh) !== kid; tries++) {
      assert(tries < 100, 'the OAuth service does not take the new key up')
      if (tries > 0) await sleep(100)
      const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'read:payments' })
      const granted = await fetch(`${issuer}/token`, { method: 'POST', headers: { authorization }, body })
      fresh = ((await granted.json()) as { access_token: string }).access_token
    }
    // A service that has just read the published keys reads them again after five seconds at the earliest.
    let accepted = await ask('/v1/buckets/payments', { token: fresh })
    for (let tries = 0; accepted.status !== 200 && tries < 80; tries++) {
      await sleep(100)
      accepted = await ask('/v1/buckets/payments', { token: fresh })
    }
    assert.equal(accepted.status, 200)
    await answer('/v1/buckets/payments', 200)
  })
})
