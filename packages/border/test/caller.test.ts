import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { type App, createApp } from '../src/app.ts'
import { createBearer } from '../src/bearer.ts'
import { callerFor, callerOf, requireCaller } from '../src/caller.ts'
import { createLogger } from '../src/logger.ts'
import {
  audience,
  createKey,
  createProofKey,
  FakeIssuer,
  issuerUrl,
  mint,
  prove,
  publicUrl,
  type SigningKey,
} from './tokens.ts'

let key: SigningKey
let app: App

before(async () => {
  key = await createKey('first')
  const issuers = [{ issuer: issuerUrl, fetch: new FakeIssuer(key).fetch }]
  const bearer = createBearer({ audience, issuers, publicUrls: [publicUrl], nonceKey: new Uint8Array(32) })
  app = await createApp({ logger: createLogger({ name: 'test', level: 'silent' }) })
  app.register(async (guarded) => {
    guarded.addHook('onRequest', requireCaller(bearer))
    guarded.get('/v1/buckets', async (request) => ({ client: callerOf(request).client }))
    guarded.post('/v1/buckets/:bucket/blocks', async (request) => {
      callerFor(request, 'append', (request.params as { bucket: string }).bucket)
      return { appended: true }
    })
  })
  app.register(async (open) => {
    open.addHook('onRequest', requireCaller(bearer, { anonymous: true }))
    open.get('/log', async () => ({ public: true }))
    open.get('/log/mine', async (request) => ({ client: callerOf(request).client }))
  })
})

describe('a guarded route', () => {
  it('knows its caller', async () => {
    const headers = { authorization: `Bearer ${await mint(key, Date.now())}` }
    for (const _ of ['first', 'known']) {
      assert.deepEqual((await app.inject({ url: '/v1/buckets', headers })).json(), { client: 'shop' })
    }
  })

  it('refuses without a token, by status, code and challenge, before it reads the body', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/buckets/payments/blocks',
      payload: 'nonsense',
    })
    assert.equal(answer.statusCode, 401)
    assert.equal(answer.json().code, 'no-token')
    assert.match(String(answer.headers['www-authenticate']), /^Bearer /)
  })

  it('refuses a forged token with 401, not 500', async () => {
    const forged = await mint(await createKey('first'), Date.now())
    const answer = await app.inject({ url: '/v1/buckets', headers: { authorization: `Bearer ${forged}` } })
    assert.equal(answer.statusCode, 401)
    assert.equal(answer.json().code, 'bad-token')
    assert.match(String(answer.headers['www-authenticate']), /error="invalid_token"/)
  })

  it('refuses a caller without the scope with 403', async () => {
    const headers = { authorization: `Bearer ${await mint(key, Date.now())}` }
    const sound = await app.inject({ method: 'POST', url: '/v1/buckets/payments/blocks', headers })
    assert.equal(sound.statusCode, 200)
    const answer = await app.inject({ method: 'POST', url: '/v1/buckets/orders/blocks', headers })
    assert.equal(answer.statusCode, 403)
    assert.equal(answer.json().code, 'insufficient-scope')
    assert.match(String(answer.headers['www-authenticate']), /error="insufficient_scope"/)
  })

  it('refuses a proof without the nonce, and hands out the nonce to try again with', async () => {
    const mine = await createProofKey()
    const now = Date.now()
    const token = await mint(key, now, { cnf: { jkt: mine.jkt } })
    const authorization = `DPoP ${token}`
    const first = await app.inject({
      url: '/v1/buckets',
      headers: { authorization, dpop: await prove(mine, token, now) },
    })
    assert.equal(first.statusCode, 401)
    assert.match(String(first.headers['www-authenticate']), /error="use_dpop_nonce"/)
    const nonce = first.headers['dpop-nonce']
    const dpop = await prove(mine, token, now, { nonce })
    assert.equal((await app.inject({ url: '/v1/buckets', headers: { authorization, dpop } })).statusCode, 200)
  })
})

describe('an open route', () => {
  it('answers without a token, but refuses a bad one and knows no caller without one', async () => {
    assert.equal((await app.inject('/log')).statusCode, 200)
    assert.equal(
      (await app.inject({ url: '/log', headers: { authorization: 'Bearer x.y.z' } })).statusCode,
      401,
    )
    assert.equal((await app.inject('/log/mine')).json().code, 'no-token')
  })
})
