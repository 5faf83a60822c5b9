// Tokens at the services: whose, for what, bound to a key, and signed by which.
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { readClient } from '@ledgerstone/cli/embedded/clients'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { problem, startAsked } from './asked.ts'

const { data, command, running, token, everything, ask, answer } = await startAsked()

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
