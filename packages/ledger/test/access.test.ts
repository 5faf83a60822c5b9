// Who may do what: every route, every kind of bad token.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createKey, createProofKey, mint, type ProofKey, prove, publicUrl } from '../../border/test/tokens.ts'
import { sealedJson, startLedger, type Tested } from './ledger.ts'
import { url } from './mistakes.ts'

let ledger: Tested

before(async () => {
  ledger = await startLedger()
})

after(() => ledger.close())

async function codeOf(headers: Record<string, string>, path: string, method: 'GET' | 'POST' = 'GET') {
  const payload = method === 'POST' ? await sealedJson() : undefined
  const answer = await ledger.app.inject({ method, url: path, headers, ...(payload && { payload }) })
  return answer.statusCode < 300 ? answer.statusCode : `${answer.statusCode} ${answer.json().code}`
}

const reading = [
  '/v1/buckets/payments',
  '/v1/buckets/payments/blocks',
  '/v1/buckets/payments/blocks/0',
  '/v1/buckets/payments/blocks/0/entry',
  '/v1/buckets/payments/blocks/0/envelope',
  '/v1/buckets/payments/blocks/0/receipt',
  '/v1/buckets/payments/blocks/0/evidence',
  '/v1/buckets/payments/envelopes',
  '/v1/buckets/payments/events',
  '/log/payments/checkpoint',
  '/log/payments/tile/0/000.p/1',
  '/api/v1/blockchain/list?bucket=payments',
  '/api/v1/blockchain/0?bucket=payments',
]

describe('without a token', () => {
  for (const path of ['/v1/buckets', '/metrics', ...reading]) {
    it(`GET ${path} is refused`, async () => {
      const answer = await ledger.app.inject({ url: path })
      assert.equal(answer.statusCode, 401)
      assert.equal(answer.json().code, 'no-token')
      assert.match(`${answer.headers['www-authenticate']}`, /^Bearer realm=/)
    })
  }

  it('nothing can be appended, not even looked at', async () => {
    for (const path of [url, `${url}/batch`]) {
      const headers = { 'content-type': 'application/json' }
      const answer = await ledger.app.inject({ method: 'POST', url: path, headers, payload: '{' })
      assert.equal(answer.json().code, 'no-token')
    }
  })

  it('the service tells whether it is alive, and what its API is', async () => {
    for (const path of ['/health/live', '/health/ready', '/openapi.json', '/docs']) {
      assert.equal((await ledger.app.inject({ url: path })).statusCode, 200, path)
    }
  })
})

describe('a token', () => {
  it('that covers the bucket may read it', async () => {
    for (const scope of ['read:payments', 'read:*']) {
      assert.equal(await codeOf(await ledger.bearer(scope), '/v1/buckets/payments'), 200)
    }
  })

  it('that does not cover the bucket is refused on every route', async () => {
    const headers = await ledger.bearer('read:orders append:* manage:keys')
    for (const path of reading) assert.equal(await codeOf(headers, path), '403 insufficient-scope', path)
    const reader = await ledger.bearer('read:* append:orders')
    assert.equal(await codeOf(reader, url, 'POST'), '403 insufficient-scope')
    assert.equal(await codeOf(reader, `${url}/batch`, 'POST'), '403 insufficient-scope')
    assert.equal(await codeOf(reader, '/metrics'), '403 insufficient-scope')
  })

  it('with a wildcard does not cover keys', async () => {
    const headers = await ledger.bearer('read:* append:*')
    assert.equal(await codeOf(headers, '/v1/buckets/keys'), '403 insufficient-scope')
    assert.equal(await codeOf(headers, '/log/keys/checkpoint'), '403 insufficient-scope')
    assert.equal(await codeOf(headers, '/v1/buckets/keys/blocks', 'POST'), '403 insufficient-scope')
    assert.equal(await codeOf(await ledger.bearer('read:keys'), '/v1/buckets/keys/blocks'), 200)
    assert.equal(await codeOf(await ledger.bearer('manage:keys'), '/v1/buckets/keys/blocks'), 200)
  })

  it('cannot find out which buckets there are', async () => {
    const headers = await ledger.bearer('read:payments append:payments')
    assert.equal(await codeOf(headers, '/v1/buckets/nothing'), '403 insufficient-scope')
    assert.equal(await codeOf(headers, '/v1/buckets/nothing/blocks', 'POST'), '403 insufficient-scope')
    assert.equal(await codeOf(await ledger.bearer('read:*'), '/v1/buckets/nothing'), '404 unknown-bucket')
  })

  it('lists the buckets that it may read, and keys by name, origin and size', async () => {
    const list = async (scope: string) => {
      const answer = await ledger.app.inject({ url: '/v1/buckets', headers: await ledger.bearer(scope) })
      return answer.json().buckets
    }
    const [keys, payments] = await list('read:payments')
    assert.deepEqual(Object.keys(keys), ['name', 'origin', 'size'])
    assert.equal(keys.origin, 'test.example/log/keys')
    assert.equal(payments.name, 'payments')
    assert.deepEqual(payments.state, { kind: 'open' })
    assert.deepEqual(
      (await list('append:payments')).map(({ name }: { name: string }) => name),
      ['keys'],
    )
    assert.deepEqual((await list('read:keys'))[0].state, { kind: 'open' })
  })

  it('that has expired is refused, also one that was accepted before', async () => {
    const started = await startLedger()
    const headers = await started.bearer('read:*')
    const ask = async () => (await started.app.inject({ url: '/v1/buckets', headers })).json()
    assert.ok((await ask()).buckets)
    started.clock.ms += 306_000
    assert.equal((await ask()).code, 'token-expired')
    await started.close()
  })

  it('for another service is refused', async () => {
    const headers = await ledger.bearer('read:*', { aud: 'urn:ledgerstone:sealer' })
    assert.equal(await codeOf(headers, '/v1/buckets'), '401 wrong-audience')
  })

  it('of another issuer, or signed by another key, is refused', async () => {
    const other = await ledger.bearer('read:*', { iss: 'https://evil.example' })
    assert.equal(await codeOf(other, '/v1/buckets'), '401 bad-token')
    const forged = await mint(await createKey('first'), ledger.clock.ms, { scope: 'read:*' })
    assert.equal(await codeOf({ authorization: `Bearer ${forged}` }, '/v1/buckets'), '401 bad-token')
  })

  it('with alg none is refused', async () => {
    const { authorization } = await ledger.bearer('read:*')
    const payload = authorization.split('.')[1]
    const header = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    for (const signature of ['', 'AAAA']) {
      const none = { authorization: `Bearer ${header}.${payload}.${signature}` }
      assert.equal(await codeOf(none, '/v1/buckets'), '401 bad-token')
    }
  })

  it('is not taken from the query', async () => {
    const { authorization } = await ledger.bearer('read:*')
    const path = `/v1/buckets?access_token=${authorization.slice(7)}`
    assert.equal(await codeOf({}, path), '401 no-token')
  })
})

describe('a token bound to a key', () => {
  let mine: ProofKey
  let token: string

  before(async () => {
    mine = await createProofKey()
    token = await mint(ledger.issuerKey, ledger.clock.ms, {
      scope: 'append:payments',
      cnf: { jkt: mine.jkt },
    })
  })

  async function append(proof: string | undefined, scheme = 'DPoP'): Promise<string | number> {
    return codeOf({ authorization: `${scheme} ${token}`, ...(proof && { dpop: proof }) }, url, 'POST')
  }

  const claims = { htm: 'POST', htu: publicUrl + url }

  it('appends with a proof by that key, once', async () => {
    const proof = await prove(mine, token, ledger.clock.ms, claims)
    assert.equal(await append(proof), 201)
    assert.equal(await append(proof), '401 bad-proof-of-possession')
  })

  it('is worth nothing to a thief: without a proof, as Bearer, or with a proof by his own key', async () => {
    const thief = await createProofKey()
    assert.equal(await append(undefined), '401 bad-proof-of-possession')
    assert.equal(await append(undefined, 'Bearer'), '401 bad-proof-of-possession')
    const own = await prove(thief, token, ledger.clock.ms, claims)
    assert.equal(await append(own), '401 bad-proof-of-possession')
    const elsewhere = await prove(mine, token, ledger.clock.ms, {
      htm: 'GET',
      htu: `${publicUrl}/v1/buckets`,
    })
    assert.equal(await append(elsewhere), '401 bad-proof-of-possession')
  })
})

describe('a public log', () => {
  it('serves tiles and checkpoints without a token, and nothing else', async () => {
    const open = await startLedger({ logPublic: true, metricsPublic: true })
    const status = async (path: string) => (await open.app.inject({ url: path })).statusCode
    assert.equal(await status('/log/payments/tile/0/000.p/1'), 200)
    assert.equal(await status('/log/keys/tile/entries/000.p/1'), 200)
    assert.equal(await status('/metrics'), 200)
    assert.equal(await status('/v1/buckets/payments/blocks'), 401)
    assert.equal(await status('/api/v1/blockchain/list?bucket=payments'), 401)
    const forged = { authorization: 'Bearer a.b.c' }
    const answer = await open.app.inject({ url: '/log/payments/tile/0/000.p/1', headers: forged })
    assert.equal(answer.statusCode, 401, 'a token that is sent is checked')
    await open.close()
  })
})
