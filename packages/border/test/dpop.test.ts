import assert from 'node:assert/strict'
import {
  constants,
  createHash,
  generateKeyPairSync,
  KeyObject,
  randomUUID,
  type SigningOptions,
  sign,
} from 'node:crypto'
import { before, beforeEach, describe, it } from 'node:test'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import { type Bearer, type Caller, createBearer } from '../src/bearer.ts'
import { challengeOf } from '../src/challenge.ts'
import { createProofs } from '../src/dpop.ts'
import { problemOf } from '../src/problem.ts'
import {
  audience,
  createKey,
  createProofKey,
  FakeIssuer,
  issuerUrl,
  mint,
  type ProofKey,
  prove,
  publicUrl,
  type SigningKey,
} from './tokens.ts'

let now: number
let issuerKey: SigningKey
let mine: ProofKey
let token: string
let bearer: Bearer

before(async () => {
  issuerKey = await createKey('first')
  mine = await createProofKey()
})

beforeEach(async () => {
  now = Date.parse('2026-11-23T12:00:00Z')
  bearer = create()
  token = await mint(issuerKey, now, { cnf: { jkt: mine.jkt } })
})

function create(nonceKey?: Uint8Array): Bearer {
  const issuers = [{ issuer: issuerUrl, fetch: new FakeIssuer(issuerKey).fetch }]
  const options = { audience, issuers, publicUrls: ['https://internal.example', publicUrl], now: () => now }
  return createBearer(nonceKey === undefined ? options : { ...options, nonceKey })
}

async function call(
  proof: string | undefined,
  options: { scheme?: string; url?: string; over?: Bearer } = {},
): Promise<Caller> {
  const { scheme = 'DPoP', url = '/v1/buckets', over = bearer } = options
  const headers = { authorization: `${scheme} ${token}`, dpop: proof }
  return over.accept({ method: 'GET', url, headers })
}

const refused = { code: 'bad-proof-of-possession' }

/** A proof that is sound but for its header, which no library would sign. */
function proveByHand(
  key: KeyObject,
  header: { alg: string; jwk: JWK; crit?: string[] },
  options: SigningOptions,
): string {
  const ath = createHash('sha256').update(token).digest('base64url')
  const payload = { jti: randomUUID(), htm: 'GET', htu: `${publicUrl}/v1/buckets`, iat: now / 1000, ath }
  const parts = [{ typ: 'dpop+jwt', ...header }, payload]
  const input = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${sign('sha256', Buffer.from(input), { key, ...options }).toString('base64url')}`
}

describe('a token that is bound to a key', () => {
  it('is accepted with a proof by that key', async () => {
    assert.equal((await call(await prove(mine, token, now))).jkt, mine.jkt)
  })

  for (const alg of ['EdDSA', 'PS256']) {
    it(`is accepted with a proof by a ${alg} key`, async () => {
      const other = await createProofKey(alg)
      token = await mint(issuerKey, now, { cnf: { jkt: other.jkt } })
      await call(await prove(other, token, now, {}, { alg }))
    })
  }

  it('is refused as a plain bearer token', async () => {
    await assert.rejects(call(undefined, { scheme: 'Bearer' }), refused)
    await assert.rejects(async () => call(await prove(mine, token, now), { scheme: 'Bearer' }), refused)
  })

  it('is refused without a proof', async () => {
    await assert.rejects(call(undefined), refused)
  })

  it('is refused when stolen: with a proof by the thief’s key', async () => {
    const thief = await createProofKey()
    await assert.rejects(async () => call(await prove(thief, token, now)), refused)
  })

  it('is refused when stolen: with the owner’s key in the header but the thief’s signature', async () => {
    const thief = await createProofKey()
    await assert.rejects(async () => call(await prove(thief, token, now, {}, { jwk: mine.jwk })), refused)
  })

  it('is refused when stolen together with a used proof', async () => {
    const proof = await prove(mine, token, now)
    await call(proof)
    await assert.rejects(call(proof), { ...refused, message: /used before/ })
    now += 59_000
    await assert.rejects(call(proof), { ...refused, message: /used before/ })
    now += 5000
    await assert.rejects(call(proof), { ...refused, message: /too old/ })
  })

  it('is refused when stolen together with a used proof whose signature is spelled differently', async () => {
    const proof = await prove(mine, token, now)
    await call(proof)
    const [header, payload, signature = ''] = proof.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
    const other = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    bytes.set(Buffer.from(other.toString(16).padStart(64, '0'), 'hex'), 32)
    const twin = `${header}.${payload}.${bytes.toString('base64url')}`
    await assert.rejects(call(twin), { ...refused, message: /used before/ })
  })

  for (const [what, claims] of [
    ['another method', { htm: 'POST' }],
    ['another path', { htu: `${publicUrl}/v1/keys` }],
    ['another host', { htu: 'https://evil.example/v1/buckets' }],
    ['another port', { htu: 'https://ledger.example.com:444/v1/buckets' }],
    ['another scheme', { htu: 'http://ledger.example.com/v1/buckets' }],
    ['a URL with a user', { htu: 'https://u@ledger.example.com/v1/buckets' }],
    ['a URL with a password', { htu: 'https://:p@ledger.example.com/v1/buckets' }],
    ['no URL', { htu: undefined }],
    ['another token', { ath: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
    ['no token', { ath: undefined }],
    ['no time', { iat: undefined }],
    ['no jti', { jti: undefined }],
    ['an endless jti', { jti: 'j'.repeat(129) }],
  ] as const) {
    it(`is refused with a proof for ${what}`, async () => {
      await assert.rejects(async () => call(await prove(mine, token, now, claims)), refused)
    })
  }

  it('is refused with a proof made too long ago, or in the future', async () => {
    const proof = await prove(mine, token, now)
    const early = await prove(mine, token, now + 6000)
    await assert.rejects(call(early), { ...refused, message: /from the future/ })
    now += 61_000
    await assert.rejects(call(proof), { ...refused, message: /too old/ })
  })

  it('is accepted whatever the query, and however the URL is normalised', async () => {
    await call(await prove(mine, token, now), { url: '/v1/buckets?limit=3' })
    const spelled = 'HTTPS://Ledger.Example.com:443/v1/./buckets?x=1#y'
    await call(await prove(mine, token, now, { htu: spelled }))
  })

  it('is refused with a proof whose header is not one of a proof', async () => {
    const symmetric = { kty: 'oct', k: 'AAAA' }
    const secret = await exportJWK(mine.privateKey)
    for (const header of [
      { typ: 'JWT' },
      { jwk: symmetric },
      { jwk: secret },
      { jwk: { ...mine.jwk, crv: 'P-384' } },
    ]) {
      await assert.rejects(async () => call(await prove(mine, token, now, {}, header)), refused)
    }
  })

  it('is refused with a proof whose key is of another curve than its algorithm', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const jwk = publicKey.export({ format: 'jwk' }) as JWK
    token = await mint(issuerKey, now, { cnf: { jkt: await calculateJwkThumbprint(jwk) } })
    const proof = proveByHand(privateKey, { alg: 'ES256', jwk }, { dsaEncoding: 'ieee-p1363' })
    await assert.rejects(call(proof), { ...refused, message: /another kind/ })
  })

  it('is refused with a proof by an RSA key that is too short, or of another exponent', async () => {
    for (const size of [{ modulusLength: 1024 }, { modulusLength: 2048, publicExponent: 3 }]) {
      const { publicKey, privateKey } = generateKeyPairSync('rsa', size)
      const jwk = publicKey.export({ format: 'jwk' }) as JWK
      token = await mint(issuerKey, now, { cnf: { jkt: await calculateJwkThumbprint(jwk) } })
      const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
      const proof = proveByHand(privateKey, { alg: 'PS256', jwk }, pss)
      await assert.rejects(call(proof), { ...refused, message: /weak RSA/ })
    }
  })

  it('is refused with a proof that has critical headers, which nobody here knows', async () => {
    const key = KeyObject.from(mine.privateKey)
    const options = { dsaEncoding: 'ieee-p1363' } as const
    await call(proveByHand(key, { alg: 'ES256', jwk: mine.jwk }, options))
    const critical = proveByHand(key, { alg: 'ES256', jwk: mine.jwk, crit: ['x'] }, options)
    await assert.rejects(call(critical), { ...refused, message: /critical/ })
  })

  it('is refused with a proof that has no signature', async () => {
    const [, payload] = (await prove(mine, token, now)).split('.')
    const none = Buffer.from(JSON.stringify({ typ: 'dpop+jwt', alg: 'none', jwk: mine.jwk })).toString(
      'base64url',
    )
    for (const proof of [`${none}.${payload}.`, `${none}.${payload}.AAAA`, 'x', '', 'a.b.c, d.e.f']) {
      await assert.rejects(call(proof))
    }
  })

  it('that is not bound is refused under the scheme DPoP', async () => {
    token = await mint(issuerKey, now)
    await assert.rejects(async () => call(await prove(mine, token, now)), { code: 'bad-token' })
    assert.equal((await call(undefined, { scheme: 'Bearer' })).jkt, undefined)
  })
})

describe('a nonce', () => {
  const nonceKey = new Uint8Array(32).fill(7)

  it('is asked for by name when the service is set to', async () => {
    const strict = create(nonceKey)
    let challenge: string | undefined
    await assert.rejects(
      async () => call(await prove(mine, token, now), { over: strict }),
      (error) => {
        challenge = challengeOf(problemOf(error), 'DPoP x')
        return true
      },
    )
    assert.match(challenge ?? '', /^DPoP .*error="use_dpop_nonce"/)
  })

  it('is good for one to two minutes, at every replica that has the key', async () => {
    const nonce = create(nonceKey).nonce()
    const replica = create(nonceKey)
    await call(await prove(mine, token, now, { nonce }), { over: replica })
    now += 60_000
    await call(await prove(mine, token, now, { nonce }), { over: replica })
    now += 60_000
    await assert.rejects(
      async () => call(await prove(mine, token, now, { nonce }), { over: replica }),
      refused,
    )
  })

  it('of another key is refused', async () => {
    const nonce = create(new Uint8Array(32)).nonce()
    await assert.rejects(
      async () => call(await prove(mine, token, now, { nonce }), { over: create(nonceKey) }),
      refused,
    )
  })
})

describe('the memory of used proofs', () => {
  function remembering(proofsMax?: number): (proof: string) => void {
    const proofs = createProofs({
      publicUrls: [publicUrl],
      now: () => now,
      ...(proofsMax === undefined ? {} : { proofsMax }),
    })
    const bound = { ath: '', jkt: mine.jkt }
    return (proof) => proofs.check({ method: 'GET', url: '/v1/buckets', headers: { dpop: proof } }, bound)
  }
  const fresh = (at = now): Promise<string> => prove(mine, token, at, { ath: '' })
  const usedBefore = { ...refused, message: /used before/ }

  it('refuses new proofs when it is full, rather than forget old ones, and empties with time', async () => {
    const send = remembering(4)
    send(await fresh())
    send(await fresh())
    await assert.rejects(async () => send(await fresh()), { code: 'rate-limited' })
    now += 66_000
    send(await fresh())
  })

  it('keeps a proof of a clock that is ahead as long as it is in date, whatever else comes', async () => {
    const send = remembering()
    const early = await fresh(now + 5000)
    send(early)
    for (let seconds = 5; seconds <= 65; seconds += 5) {
      now += 5000
      send(await fresh())
      assert.throws(() => send(early), usedBefore, `after ${seconds} s`)
    }
    now += 5000
    assert.throws(() => send(early), { ...refused, message: /too old/ })
  })

  it('keeps a proof that came late in one window through the next one', async () => {
    const send = remembering()
    send(await fresh())
    now += 60_000
    const stolen = await fresh()
    send(stolen)
    now += 6000
    send(await fresh())
    assert.throws(() => send(stolen), usedBefore)
  })
})
