import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { checkScope } from '@ledgerstone/border/scope'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { ledgerAudience, sealerAudience } from '../src/config.ts'
import type { InitResult } from '../src/init.ts'
import { askToken, createFolder, issuer, Service, type TokenAnswer } from './service.ts'

let service: Service
let made: InitResult
let folder: string
let remove: () => void
let erpKey: CryptoKey

before(async () => {
  ;({ folder, made, remove } = await createFolder())
  erpKey = await addKeyClient()
  service = await Service.open(folder)
})

after(async () => {
  await service.close()
  remove()
})

/** A client that proves itself by its key. */
async function addKeyClient(): Promise<CryptoKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const path = join(folder, 'clients.json')
  const file = JSON.parse(readFileSync(path, 'utf8'))
  file.clients.push({
    id: 'erp',
    name: 'ERP',
    auth: 'private_key_jwt',
    jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' }] },
    audiences: [ledgerAudience],
    scopes: ['append:payments', 'read:payments'],
  })
  writeFileSync(path, JSON.stringify(file))
  return privateKey
}

async function ask(form: Record<string, string> = {}): Promise<TokenAnswer> {
  return askToken(service, { grant_type: 'client_credentials', ...form }, { basic: made.local })
}

async function assertion(claims: JWTPayload = {}, key: CryptoKey = erpKey): Promise<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000)
  const payload = {
    iss: 'erp',
    sub: 'erp',
    aud: issuer,
    jti: randomUUID(),
    iat: now,
    exp: now + 60,
    ...claims,
  }
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await new SignJWT(payload).setProtectedHeader({ alg: 'ES256' }).sign(key),
  }
}

async function askByKey(form: Record<string, string>): Promise<TokenAnswer> {
  return askToken(service, { grant_type: 'client_credentials', scope: 'append:payments', ...form })
}

describe('a client with a secret', () => {
  it('gets an access token of RFC 9068 that the services accept', async () => {
    const answer = await ask({ scope: 'append:payments read:*' })
    assert.equal(answer.status, 200)
    assert.equal(answer.token_type, 'Bearer')
    assert.equal(answer.expires_in, 300)
    assert.equal(answer.scope, 'append:payments read:*')
    const header = decodeProtectedHeader(answer.access_token)
    assert.equal(header.typ, 'at+jwt')
    assert.equal(header.alg, 'ES256')
    const claims = decodeJwt(answer.access_token)
    assert.deepEqual(
      {
        iss: claims.iss,
        sub: claims.sub,
        client_id: claims['client_id'],
        aud: claims.aud,
        scope: claims['scope'],
      },
      {
        iss: issuer,
        sub: 'local',
        client_id: 'local',
        aud: [ledgerAudience, sealerAudience],
        scope: 'append:payments read:*',
      },
    )
    assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 300)
    assert.ok(claims.jti)
    for (const audience of [ledgerAudience, sealerAudience]) {
      const headers = { authorization: `Bearer ${answer.access_token}` }
      const caller = await service.bearer(audience).accept({ method: 'POST', url: '/', headers })
      assert.equal(caller.client, 'local')
      assert.equal(caller.sub, undefined)
      checkScope(caller.scopes, 'append', 'payments')
      assert.throws(() => checkScope(caller.scopes, 'append', 'orders'), { code: 'insufficient-scope' })
      assert.throws(() => checkScope(caller.scopes, 'read', 'keys'), { code: 'insufficient-scope' })
    }
  })

  it('may send it in the form instead', async () => {
    const { id, secret } = made.local
    const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret, scope: 'read:*' }
    assert.equal((await askToken(service, form)).status, 200)
  })

  it('may name one service as resource, and then gets a token for that one alone', async () => {
    const { access_token } = await ask({ scope: 'append:*', resource: sealerAudience })
    assert.equal(decodeJwt(access_token).aud, sealerAudience)
    const headers = { authorization: `Bearer ${access_token}` }
    await service.bearer(sealerAudience).accept({ method: 'POST', url: '/', headers })
    await assert.rejects(async () => service.bearer().accept({ method: 'POST', url: '/', headers }), {
      code: 'wrong-audience',
    })
  })

  it('is refused a resource that is not its own', async () => {
    const form = { grant_type: 'client_credentials', scope: 'append:*', resource: sealerAudience }
    const answer = await askToken(service, form, { basic: made.sealer })
    assert.equal(answer.status, 400)
    assert.equal(answer.error, 'invalid_target')
    assert.equal((await ask({ resource: 'urn:somebody:else' })).error, 'invalid_target')
  })

  it('gets one bucket by its wildcard, and a reserved one only by name', async () => {
    assert.equal((await ask({ scope: 'append:payments' })).scope, 'append:payments')
    assert.equal((await ask({ scope: 'read:keys manage:keys' })).scope, 'read:keys manage:keys')
    for (const scope of ['append:keys', 'append:ledgerstone-x', 'read:ledgerstone-x']) {
      assert.equal((await ask({ scope })).error, 'invalid_scope', scope)
    }
  })

  for (const scope of ['manage:everything', 'admin', 'append:*:x', 'append:', 'openid', 'read:* manage:x']) {
    it(`is refused the scope ${scope}, which is outside its allow-list`, async () => {
      const answer = await ask({ scope })
      assert.equal(answer.status, 400)
      assert.equal(answer.error, 'invalid_scope')
    })
  }

  it('is refused with another secret, with the stored hash of it, and without any', async () => {
    const { clients } = JSON.parse(readFileSync(join(folder, 'clients.json'), 'utf8'))
    const form = { grant_type: 'client_credentials' }
    for (const secret of ['wrong', clients[0].secretSha256, made.sealer.secret]) {
      const answer = await askToken(service, form, { basic: { id: 'local', secret } })
      assert.equal(answer.status, 401)
      assert.equal(answer.error, 'invalid_client')
    }
    assert.equal((await askToken(service, { ...form, client_id: 'local' })).error, 'invalid_client')
    assert.equal((await askToken(service, { ...form, client_id: 'nobody' })).error, 'invalid_client')
  })

  it('has no secret in clear in the file', () => {
    const text = readFileSync(join(folder, 'clients.json'), 'utf8')
    assert.ok(!text.includes(made.local.secret) && !text.includes(made.sealer.secret))
  })
})

describe('a client with a key', () => {
  it('gets a token by a signed assertion', async () => {
    const answer = await askByKey(await assertion())
    assert.equal(answer.status, 200)
    assert.equal(decodeJwt(answer.access_token).aud, ledgerAudience)
  })

  it('is refused when an assertion is used twice', async () => {
    const form = await assertion()
    assert.equal((await askByKey(form)).status, 200)
    assert.equal((await askByKey(form)).error, 'invalid_client')
  })

  it('is refused with the signature of another key', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    assert.equal((await askByKey(await assertion({}, privateKey))).error, 'invalid_client')
  })

  for (const [what, claims] of [
    ['for another service', { aud: 'https://other.example' }],
    ['that has expired', { exp: 1_000_000 }],
    ['that lives for a day', { exp: Math.floor(Date.now() / 1000) + 86_400 }],
    ['by another client', { iss: 'local', sub: 'local' }],
  ] as const) {
    it(`is refused with an assertion ${what}`, async () => {
      assert.equal((await askByKey(await assertion(claims))).error, 'invalid_client')
    })
  }

  it('is refused with alg none', async () => {
    const now = Math.floor(Date.now() / 1000)
    const payload = { iss: 'erp', sub: 'erp', aud: issuer, jti: randomUUID(), exp: now + 60 }
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const form = { ...(await assertion()), client_assertion: `${part({ alg: 'none' })}.${part(payload)}.` }
    assert.equal((await askByKey(form)).error, 'invalid_client')
  })
})

describe('the service', () => {
  it('publishes its endpoints under its issuer, whatever Host a caller names', async () => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example' }
    const answer = await service.app.inject({ url: '/auth/.well-known/openid-configuration', headers })
    const document = answer.json()
    assert.equal(document.issuer, issuer)
    assert.equal(document.token_endpoint, `${issuer}/token`)
    assert.equal(document.jwks_uri, `${issuer}/jwks`)
    assert.equal(document.authorization_endpoint, `${issuer}/authorize`)
    assert.deepEqual(document.code_challenge_methods_supported, ['S256'])
    assert.deepEqual(document.response_types_supported, ['code'])
    assert.ok(document.dpop_signing_alg_values_supported.includes('ES256'))
    assert.doesNotMatch(answer.body, /evil|HS256|RS256|registration/)
  })

  it('publishes public keys only', async () => {
    const { keys } = (await service.app.inject('/auth/jwks')).json()
    assert.equal(keys.length, 1)
    assert.deepEqual(Object.keys(keys[0]).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })

  it('answers an unknown endpoint without telling what it is made of', async () => {
    for (const url of ['/auth/nothing', '/auth/reg', '/auth/me', '/auth/device', '/auth']) {
      const answer = await service.app.inject(url)
      assert.equal(answer.statusCode, 404, url)
      assert.doesNotMatch(answer.body, /koa|oidc|stack/i)
    }
  })

  it('refuses a body that is too large', async () => {
    const answer = await ask({ scope: 'read:*', padding: 'x'.repeat(100_000) })
    assert.equal(answer.status, 400)
  })
})
