import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { before, beforeEach, describe, it } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import { exportSPKI, importJWK } from 'jose'
import { type Bearer, type BearerOptions, type Caller, createBearer } from '../src/bearer.ts'
import { audience, createKey, FakeIssuer, issuerUrl, mint, publicUrl, type SigningKey } from './tokens.ts'

const start = Date.parse('2026-11-23T12:00:00Z')
let now: number
let key: SigningKey
let issuer: FakeIssuer
let bearer: Bearer

before(async () => {
  key = await createKey('first')
})

beforeEach(() => {
  now = start
  issuer = new FakeIssuer(key)
  bearer = create()
})

function create(options: Partial<BearerOptions> = {}): Bearer {
  const issuers = [{ issuer: issuerUrl, fetch: issuer.fetch }]
  return createBearer({ audience, issuers, publicUrls: [publicUrl], now: () => now, ...options })
}

async function accept(token: string | undefined, over: Bearer = bearer): Promise<Caller> {
  const headers =
    token === undefined ? {} : { authorization: token.includes(' ') ? token : `Bearer ${token}` }
  return over.accept({ method: 'GET', url: '/v1/buckets', headers })
}

async function assertRefused(code: string, outcome: () => Promise<unknown>): Promise<Refused> {
  let refusal: unknown
  await assert.rejects(outcome, (error) => {
    refusal = error
    return error instanceof Refused && error.code === code
  })
  return refusal as Refused
}

describe('an access token', () => {
  it('tells client, scopes, issuer and expiry', async () => {
    const caller = await accept(await mint(key, now))
    assert.equal(caller.client, 'shop')
    assert.equal(caller.sub, undefined)
    assert.equal(caller.iss, issuerUrl)
    assert.deepEqual([...caller.scopes], ['append:payments', 'read:*'])
    assert.equal(caller.expiresAt, start + 300_000)
  })

  it('tells the person when a client acts for one, who then counts as another caller', async () => {
    const alone = await accept(await mint(key, now))
    const person = await accept(await mint(key, now, { sub: 'alice' }))
    assert.equal(person.sub, 'alice')
    assert.notEqual(person.key, alone.key)
  })

  it('may name several audiences', async () => {
    await accept(await mint(key, now, { aud: ['urn:ledgerstone:sealer', audience] }))
  })

  for (const alg of ['EdDSA', 'Ed25519', 'PS256']) {
    it(`may be signed with ${alg}`, async () => {
      const other = await createKey(alg, alg)
      issuer.keys = [other]
      await accept(await mint(other, now))
    })
  }

  for (const alg of ['RS256', 'ES384']) {
    it(`is refused when it is signed with ${alg}, though the issuer publishes such a key`, async () => {
      const other = await createKey(alg, alg)
      issuer.keys = [other]
      await assertRefused('bad-token', async () => accept(await mint(other, now)))
    })
  }

  it('is refused when it is longer than 8 KiB, though it is signed', async () => {
    const refusal = await assertRefused('bad-token', async () =>
      accept(await mint(key, now, { groups: 'g'.repeat(9000) })),
    )
    assert.match(refusal.message, /too long/)
  })

  it('is asked for when it is missing', async () => {
    await assertRefused('no-token', () => accept(undefined))
  })

  for (const [what, header] of [
    ['Basic', 'Basic c2hvcDpzZWNyZXQ='],
    ['two tokens', 'Bearer a.b.c d.e.f'],
    ['no token', 'Bearer '],
    ['words', 'Bearer not a token'],
    ['one word', 'Bearer token'],
  ] as const) {
    it(`is refused as ${what}`, async () => {
      await assertRefused('bad-token', () => accept(header))
    })
  }

  it('is refused after its expiry, also when it was accepted before', async () => {
    const token = await mint(key, now)
    await accept(token)
    now += 300_000 + 5000
    await assertRefused('token-expired', () => accept(token))
  })

  it('is refused when it is for another service', async () => {
    const token = await mint(key, now, { aud: 'urn:ledgerstone:sealer' })
    await assertRefused('wrong-audience', () => accept(token))
    await assertRefused('wrong-audience', async () => accept(await mint(key, now, { aud: undefined })))
  })

  it('is refused when it is from another issuer, though signed by the same key', async () => {
    await assertRefused('bad-token', async () =>
      accept(await mint(key, now, { iss: 'https://evil.example' })),
    )
  })

  it('is refused when it lives longer than ten minutes', async () => {
    const iat = now / 1000
    await accept(await mint(key, now, { exp: iat + 600 }))
    const refusal = await assertRefused('bad-token', async () =>
      accept(await mint(key, now, { exp: iat + 601 })),
    )
    assert.match(refusal.message, /longer than 600 s/)
  })

  for (const [what, claims] of [
    ['issued in the future', { iat: start / 1000 + 60, exp: start / 1000 + 120 }],
    ['not valid yet', { nbf: start / 1000 + 60 }],
    ['without exp', { exp: undefined }],
    ['without iat', { iat: undefined }],
    ['without sub', { sub: undefined }],
    ['without client_id', { client_id: undefined }],
    ['bound by a certificate, which is not checked here', { cnf: { 'x5t#S256': 'abc' } }],
  ] as const) {
    it(`is refused ${what}`, async () => {
      await assertRefused('bad-token', async () => accept(await mint(key, now, claims)))
    })
  }

  it('is refused with a typ other than at+jwt, such as that of an ID token', async () => {
    await assertRefused('bad-token', async () => accept(await mint(key, now, {}, { typ: 'JWT' })))
  })

  it('is refused when a single character of it is changed', async () => {
    const token = await mint(key, now)
    const [header, payload = '', signature] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const more = Buffer.from(JSON.stringify({ ...claims, scope: 'manage:keys' })).toString('base64url')
    await accept(token)
    await assertRefused('bad-token', () => accept(`${header}.${more}.${signature}`))
  })

  it('is refused with alg none', async () => {
    const payload = (await mint(key, now)).split('.')[1]
    const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')
    await assertRefused('bad-token', () => accept(`${header}.${payload}.`))
    await assertRefused('bad-token', () => accept(`${header}.${payload}.AAAA`))
  })

  it('is refused with HS256 keyed by the public key of the issuer', async () => {
    const payload = (await mint(key, now)).split('.')[1]
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: 'first' })).toString(
      'base64url',
    )
    const pem = await exportSPKI(
      (await importJWK(key.publicJwk, 'ES256', { extractable: true })) as CryptoKey,
    )
    for (const secret of [pem, JSON.stringify(key.publicJwk)]) {
      const signature = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')
      await assertRefused('bad-token', () => accept(`${header}.${payload}.${signature}`))
    }
  })

  it('is refused when it brings its own key', async () => {
    const own = await createKey('first')
    await assertRefused('bad-token', async () => accept(await mint(own, now)))
  })
})

describe('the key set of an issuer', () => {
  it('is read once for many tokens', async () => {
    await Promise.all([1, 2, 3].map(async () => accept(await mint(key, now))))
    await accept(await mint(key, now))
    assert.deepEqual(issuer.asked, [`${issuerUrl}/.well-known/openid-configuration`, `${issuerUrl}/jwks`])
  })

  it('is not asked at all for a token that was accepted before', async () => {
    const token = await mint(key, now)
    await accept(token)
    issuer.down = true
    const again = bearer.accept({ method: 'GET', url: '/', headers: { authorization: `Bearer ${token}` } })
    assert.ok(!(again instanceof Promise), 'a known token is answered at once')
  })

  it('that cannot be read is not the caller’s fault, and is asked for again later', async () => {
    issuer.down = true
    const token = await mint(key, now)
    await assertRefused('issuer-unavailable', () => accept(token))
    const asked = issuer.asked.length
    await assertRefused('issuer-unavailable', () => accept(token))
    assert.equal(issuer.asked.length, asked, 'no flood on a service that is down')
    issuer.down = false
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await accept(token)
  })

  it('keeps serving known keys while a forged kid meets an issuer that is down', async () => {
    await accept(await mint(key, now))
    issuer.down = true
    const forged = await createKey('unknown')
    await assertRefused('bad-token', async () => accept(await mint(forged, now)))
    await accept(await mint(key, now))
  })

  it('of a discovery document about somebody else is not used', async () => {
    const fetch = async (): Promise<Response> =>
      Response.json({ issuer: 'https://evil.example', jwks_uri: issuerUrl })
    const misled = create({ issuers: [{ issuer: issuerUrl, fetch }] })
    await assertRefused('issuer-unavailable', async () => accept(await mint(key, now), misled))
  })

  it('comes over https only, except on this machine', () => {
    assert.throws(() => create({ issuers: [{ issuer: 'http://auth.example.com' }] }), { code: 'bad-config' })
    create({ issuers: [{ issuer: 'http://127.0.0.1:8400/auth' }] })
  })
})

describe('other OAuth services', () => {
  it('may name client and scopes in claims of their own', async () => {
    const over = create({
      issuers: [
        { issuer: issuerUrl, fetch: issuer.fetch, typ: 'JWT', clientClaim: 'azp', scopeClaim: 'scp' },
      ],
    })
    const claims = { client_id: undefined, scope: undefined, azp: 'shop', scp: ['append:orders'] }
    const caller = await accept(await mint(key, now, claims, { typ: 'JWT' }), over)
    assert.equal(caller.client, 'shop')
    assert.deepEqual([...caller.scopes], ['append:orders'])
  })

  it('can be several, each believed for its own tokens', async () => {
    const other = await createKey('first')
    const otherIssuer = 'https://other.example.com'
    const fetch = async (url: string): Promise<Response> =>
      url.endsWith('/jwks')
        ? Response.json({ keys: [other.publicJwk] })
        : Response.json({ issuer: otherIssuer, jwks_uri: `${otherIssuer}/jwks` })
    const both = create({
      issuers: [
        { issuer: issuerUrl, fetch: issuer.fetch },
        { issuer: otherIssuer, fetch },
      ],
    })
    await accept(await mint(key, now), both)
    await accept(await mint(other, now, { iss: otherIssuer }), both)
    await assertRefused('bad-token', async () => accept(await mint(other, now), both))
  })
})

describe('the memory of accepted tokens', () => {
  it('is bounded: the one used longest ago is verified again', async () => {
    const small = create({ tokensMax: 2 })
    const tokens = await Promise.all([1, 2, 3].map(() => mint(key, now)))
    for (const token of tokens.slice(0, 2)) await accept(token, small)
    await accept(tokens[0], small)
    await accept(tokens[2], small)
    const remembered = tokens.map((token) => {
      const outcome = small.accept({ method: 'GET', url: '/', headers: { authorization: `Bearer ${token}` } })
      return !(outcome instanceof Promise)
    })
    assert.deepEqual(remembered, [true, false, true])
  })
})
