import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { codeOf } from '../../log/test/sample.ts'
import type { Fetch } from '../src/http.ts'
import { clientCredentials } from '../src/token.ts'

const issuer = 'https://auth.example.com'

/** An OAuth service over no network: keeps to RFC 6749, and counts. */
class FakeOauth {
  down = false
  tokens = 0
  readonly requests: { url: string; authorization: string | null; body: URLSearchParams }[] = []
  answer: (count: number) => Response = (count) =>
    Response.json({ access_token: `token-${count}`, token_type: 'Bearer', expires_in: 300 })

  readonly fetch: Fetch = async (url, init) => {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.down) throw new TypeError('fetch failed')
    if (url.endsWith('/.well-known/openid-configuration')) {
      return Response.json({ issuer, token_endpoint: `${issuer}/token` })
    }
    const headers = new Headers(init.headers)
    const body = new URLSearchParams(String(init.body))
    this.requests.push({ url, authorization: headers.get('authorization'), body })
    return this.answer(++this.tokens)
  }
}

function sourceOf(oauth: FakeOauth, clock: { ms: number }, clientSecret = 'a secret:+') {
  const scope = 'append:payments read:payments'
  return clientCredentials({
    ...{ issuer, clientId: 'shop', clientSecret, scope, resource: 'urn:ledgerstone:ledger' },
    fetch: oauth.fetch,
    now: () => clock.ms,
  })
}

test('asks the endpoint that the issuer names, with the secret in the Authorization header', async () => {
  const oauth = new FakeOauth()
  assert.equal(await sourceOf(oauth, { ms: 0 })(), 'token-1')
  const [request] = oauth.requests
  assert.equal(request?.url, `${issuer}/token`)
  assert.equal(request?.authorization, `Basic ${btoa('shop:a+secret%3A%2B')}`)
  assert.equal(request?.body.get('grant_type'), 'client_credentials')
  assert.equal(request?.body.get('scope'), 'append:payments read:payments')
  assert.equal(request?.body.get('resource'), 'urn:ledgerstone:ledger')
})

test('keeps a token until shortly before it expires, and renews it in one flight', async () => {
  const oauth = new FakeOauth()
  const clock = { ms: 0 }
  const source = sourceOf(oauth, clock)
  assert.deepEqual(await Promise.all([source(), source(), source()]), ['token-1', 'token-1', 'token-1'])
  clock.ms = 269_999
  assert.equal(await source(), 'token-1')
  clock.ms = 270_000
  assert.deepEqual(await Promise.all([source(), source()]), ['token-2', 'token-2'])
  assert.equal(oauth.tokens, 2)
})

test('goes on with a token that is still good while the issuer is away, and not longer', async () => {
  const oauth = new FakeOauth()
  const clock = { ms: 0 }
  const source = sourceOf(oauth, clock)
  await source()
  oauth.down = true
  clock.ms = 299_999
  assert.equal(await source(), 'token-1')
  clock.ms = 300_000
  assert.equal(await codeOf(source()), 'issuer-unavailable')
  oauth.down = false
  assert.equal(await source(), 'token-2')
})

test('a token that a service turned away is not used again', async () => {
  const source = sourceOf(new FakeOauth(), { ms: 0 })
  const token = await source()
  assert.equal(await source(token), 'token-2')
  assert.equal(await source(token), 'token-2')
})

test('says what the issuer refuses, and never the secret', async () => {
  const oauth = new FakeOauth()
  oauth.answer = () => Response.json({ error: 'invalid_client', error_description: 'no' }, { status: 401 })
  await assert.rejects(sourceOf(oauth, { ms: 0 }, 'hush')(), (error: Error) => {
    return error.message.includes('invalid_client (no)') && !JSON.stringify(error).includes('hush')
  })
})

test('a token of another kind, or without an end, is not taken', async () => {
  const oauth = new FakeOauth()
  oauth.answer = () => Response.json({ access_token: 't', token_type: 'DPoP', expires_in: 300 })
  assert.equal(await codeOf(sourceOf(oauth, { ms: 0 })()), 'bad-config')
  oauth.answer = () => Response.json({ access_token: 't', token_type: 'Bearer' })
  assert.equal(await codeOf(sourceOf(oauth, { ms: 0 })()), 'malformed')
})

test('no secret goes to an issuer in clear, or to one that answers for another', async () => {
  const oauth = new FakeOauth()
  const other = { clientId: 'shop', clientSecret: 's', scope: '', fetch: oauth.fetch, now: () => 0 }
  assert.equal(
    await codeOf(clientCredentials({ ...other, issuer: 'http://auth.example.com' })()),
    'bad-config',
  )
  assert.equal(await codeOf(clientCredentials({ ...other, issuer: 'https://other.example' })()), 'bad-config')
  assert.equal(oauth.requests.length, 0)
})
