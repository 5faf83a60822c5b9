import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { InitResult } from '../src/init.ts'
import { Browser, signIn, verifier } from './browser.ts'
import { askToken, createFolder, explorerUrl, issuer, Service } from './service.ts'

type Key = { privateKey: CryptoKey; jwk: JWK }

let service: Service
let made: InitResult
let remove: () => void
let mine: Key

before(async () => {
  const created = await createFolder()
  made = created.made
  remove = created.remove
  service = await Service.open(created.folder)
  mine = await createKey()
})

after(async () => {
  await service.close()
  remove()
})

async function createKey(): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  return { privateKey, jwk: await exportJWK(publicKey) }
}

async function prove(key: Key, htm: string, htu: string, token?: string): Promise<string> {
  const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
  return new SignJWT({ jti: randomUUID(), htm, htu, ...ath })
    .setIssuedAt()
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk })
    .sign(key.privateKey)
}

const here = 'http://127.0.0.1:8400/v1/buckets'

describe('a client that proves possession of a key', () => {
  it('gets a token bound to it, which the services accept with a proof and refuse without', async () => {
    const form = { grant_type: 'client_credentials', scope: 'read:*' }
    const dpop = await prove(mine, 'POST', `${issuer}/token`)
    const answer = await askToken(service, form, { basic: made.local, headers: { dpop } })
    assert.equal(answer.token_type, 'DPoP')
    const token = answer.access_token
    assert.deepEqual(decodeJwt(token)['cnf'], { jkt: await calculateJwkThumbprint(mine.jwk) })

    const bearer = service.bearer()
    const call = async (authorization: string, proof?: string): Promise<unknown> =>
      bearer.accept({ method: 'GET', url: '/v1/buckets', headers: { authorization, dpop: proof } })
    await call(`DPoP ${token}`, await prove(mine, 'GET', here, token))
    const refused = { code: 'bad-proof-of-possession' }
    await assert.rejects(call(`Bearer ${token}`), refused)
    await assert.rejects(
      async () => call(`DPoP ${token}`, await prove(await createKey(), 'GET', here, token)),
      refused,
    )
  })

  it('is refused a proof for another URL, and one that was used before', async () => {
    const form = { grant_type: 'client_credentials', scope: 'read:*' }
    const wrong = await prove(mine, 'POST', 'https://evil.example/token')
    assert.equal(
      (await askToken(service, form, { basic: made.local, headers: { dpop: wrong } })).error,
      'invalid_dpop_proof',
    )
    const dpop = await prove(mine, 'POST', `${issuer}/token`)
    assert.equal((await askToken(service, form, { basic: made.local, headers: { dpop } })).status, 200)
    assert.equal((await askToken(service, form, { basic: made.local, headers: { dpop } })).status, 400)
  })

  it('has refresh tokens bound too: a stolen one is worth nothing without the key', async () => {
    const back = await signIn(new Browser(service), made.admin)
    const code = { code: back.searchParams.get('code') ?? '' }
    const form = {
      grant_type: 'authorization_code',
      client_id: 'explorer',
      redirect_uri: explorerUrl,
      code_verifier: verifier,
      ...code,
    }
    const first = await askToken(service, form, {
      headers: { dpop: await prove(mine, 'POST', `${issuer}/token`) },
    })
    assert.equal(first.token_type, 'DPoP')
    const again = { grant_type: 'refresh_token', client_id: 'explorer', refresh_token: first.refresh_token }
    assert.equal((await askToken(service, again)).error, 'invalid_grant')
    const thief = await prove(await createKey(), 'POST', `${issuer}/token`)
    assert.equal((await askToken(service, again, { headers: { dpop: thief } })).error, 'invalid_grant')
    const own = await prove(mine, 'POST', `${issuer}/token`)
    assert.equal((await askToken(service, again, { headers: { dpop: own } })).status, 200)
  })
})
