import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { decodeJwt } from 'jose'
import { ledgerAudience, sealerAudience } from '../src/config.ts'
import type { InitResult } from '../src/init.ts'
import { hashPassword, putUser } from '../src/users.ts'
import { authorizeUrl, Browser, exchange, signIn, verifier } from './browser.ts'
import { askToken, createFolder, explorerUrl, issuer, Service, type TokenAnswer } from './service.ts'

let service: Service
let made: InitResult
let folder: string
let remove: () => void

before(async () => {
  ;({ folder, made, remove } = await createFolder())
  const users = join(folder, 'users.json')
  const password = await hashPassword('correct horse', 10)
  putUser(users, { name: 'ann', displayName: 'Ann <b>Auditor</b>', password, scopes: ['read:*'] })
  putUser(users, { name: 'bob', password, scopes: [] })
  putUser(users, { name: 'kim', password, scopes: ['read:orders', 'append:orders'] })
  putUser(users, { name: 'eve', password, scopes: ['read:*'], disabled: true })
  service = await Service.open(folder)
})

after(async () => {
  await service.close()
  remove()
})

const ann = { name: 'ann', password: 'correct horse' }

async function refresh(token: string, changes: Record<string, string> = {}): Promise<TokenAnswer> {
  return askToken(service, {
    grant_type: 'refresh_token',
    client_id: 'explorer',
    refresh_token: token,
    ...changes,
  })
}

describe('a person', () => {
  it('signs in, consents, and the client gets tokens that name both', async () => {
    const back = await signIn(new Browser(service), made.admin)
    assert.equal(`${back.origin}${back.pathname}`, explorerUrl)
    assert.equal(back.searchParams.get('state'), 'xyz')
    assert.equal(back.searchParams.get('iss'), issuer)
    const answer = await exchange(service, back)
    assert.equal(answer.status, 200)
    assert.equal(answer.scope, 'read:* read:keys')
    const headers = { authorization: `Bearer ${answer.access_token}` }
    const caller = await service.bearer().accept({ method: 'GET', url: '/', headers })
    assert.equal(caller.client, 'explorer')
    assert.equal(caller.sub, 'admin')
    assert.deepEqual(decodeJwt(answer.access_token).aud, [ledgerAudience, sealerAudience])
    const person = decodeJwt(answer.id_token)
    assert.equal(person.aud, 'explorer')
    assert.equal(person['name'], 'Administrator')
  })

  it('gets less than the client asks for, when allowed less', async () => {
    const answer = await exchange(service, await signIn(new Browser(service), ann))
    assert.equal(answer.scope, 'read:*')
  })

  it('who may read one bucket gets that one of all that the client asks for', async () => {
    const answer = await exchange(service, await signIn(new Browser(service), { ...ann, name: 'kim' }))
    assert.equal(answer.scope, 'read:orders')
    assert.equal(decodeJwt(answer.access_token)['scope'], 'read:orders')
    const again = await refresh(answer.refresh_token)
    assert.equal(again.scope, 'read:orders')
    assert.equal(decodeJwt(again.access_token)['scope'], 'read:orders')
  })

  it('who may do nothing gets a token that does nothing', async () => {
    const answer = await exchange(service, await signIn(new Browser(service), { ...ann, name: 'bob' }))
    assert.equal(answer.scope, '')
    assert.equal(decodeJwt(answer.access_token)['scope'], undefined)
  })

  it('may write the name in another case, and be told nothing about what was wrong', async () => {
    await signIn(new Browser(service), { ...ann, name: ' Ann ' })
    const wrong = await new Browser(service).get(authorizeUrl())
    const browser = new Browser(service)
    const answers = []
    for (const name of ['ann', 'nobody', 'eve']) {
      const page = await browser.submit(await browser.get(authorizeUrl()), { name, password: 'wrong' })
      answers.push([page.status, /role="alert">([^<]*)</.exec(page.body)?.[1]])
    }
    assert.deepEqual(answers, Array(3).fill([401, 'Name or password is wrong.']))
    assert.doesNotMatch(wrong.body, /role="alert"/)
  })

  it('who is disabled cannot sign in with the right password', async () => {
    const browser = new Browser(service)
    const page = await browser.submit(await browser.get(authorizeUrl()), { ...ann, name: 'eve' })
    assert.equal(page.status, 401)
  })

  it('stays signed in, and a page at the registered address learns it without asking', async () => {
    const browser = new Browser(service)
    const unasked = { prompt: 'none' }
    assert.match((await browser.get(authorizeUrl(unasked))).url, /error=login_required/)
    await signIn(browser, ann)
    assert.match((await browser.get(authorizeUrl(unasked))).url, /code=/)
  })

  it('is asked for consent again by a program on another port', async () => {
    const browser = new Browser(service)
    await signIn(browser, ann)
    const elsewhere = { redirect_uri: 'http://127.0.0.1:49152/' }
    const again = await browser.get(authorizeUrl(elsewhere))
    assert.match(again.body, /Allow Ledgerstone explorer\?/)
    assert.match((await browser.submit(again)).url, /code=/)
    const unasked = await browser.get(authorizeUrl({ ...elsewhere, prompt: 'none' }))
    assert.match(unasked.url, /error=interaction_required/)
  })

  it('is asked for consent by a program on port 80, too', async () => {
    const browser = new Browser(service)
    await signIn(browser, ann)
    const elsewhere = { redirect_uri: 'http://127.0.0.1/' }
    const unasked = await browser.get(authorizeUrl({ ...elsewhere, prompt: 'none' }))
    assert.match(unasked.url, /error=interaction_required/)
    assert.match((await browser.get(authorizeUrl(elsewhere))).body, /Allow Ledgerstone explorer\?/)
  })

  it('may cancel and may deny', async () => {
    const browser = new Browser(service)
    const cancelled = await browser.submit(await browser.get(authorizeUrl()), {}, 'formaction="')
    assert.equal(new URL(cancelled.url).searchParams.get('error'), 'access_denied')
    const consent = await browser.submit(await browser.get(authorizeUrl()), ann)
    const denied = await browser.submit(consent, {}, 'formaction="')
    assert.equal(new URL(denied.url).searchParams.get('error'), 'access_denied')
  })

  it('signs out, and refresh tokens go with the session', async () => {
    const browser = new Browser(service)
    const { id_token, refresh_token } = await exchange(service, await signIn(browser, ann))
    const page = await browser.get(`/auth/sign-out?id_token_hint=${id_token}`)
    assert.match(page.body, /Sign out\?/)
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    const done = await browser.submit(page, { xsrf, logout: 'yes' }, 'method="post" action="')
    assert.match(done.body, /Signed out/)
    assert.match((await browser.get(authorizeUrl())).body, /Sign in/)
    assert.equal((await refresh(refresh_token)).error, 'invalid_grant')
  })
})

describe('the pages', () => {
  it('run no script, load nothing, and cannot be framed', async () => {
    const page = await new Browser(service).get(authorizeUrl())
    const policy = String(page.headers['content-security-policy'])
    assert.match(policy, /default-src 'none'/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.match(policy, /form-action 'self' http:\/\/127\.0\.0\.1:8400;/)
    assert.doesNotMatch(policy, /unsafe/)
    assert.doesNotMatch(page.body, /<script|javascript:| on[a-z]+=|style="/)
    assert.equal(page.headers['cache-control'], 'no-store')
  })

  it('have labels, a language and a title, as people with screen readers need', async () => {
    const { body } = await new Browser(service).get(authorizeUrl())
    assert.match(body, /<html lang="en">/)
    assert.match(body, /<title>Sign in/)
    for (const id of ['name', 'password']) {
      assert.ok(body.includes(`<label for="${id}">`) && body.includes(`<input id="${id}"`))
    }
  })

  it('escape what people and clients are called', async () => {
    const browser = new Browser(service)
    const consent = await browser.submit(await browser.get(authorizeUrl()), ann)
    assert.match(consent.body, /Ann &lt;b&gt;Auditor&lt;\/b&gt;/)
    const name = '"><script>alert(1)</script>'
    const other = new Browser(service)
    const page = await other.submit(await other.get(authorizeUrl()), { name, password: 'x' })
    assert.doesNotMatch(page.body, /<script>/)
    assert.match(page.body, /value="&quot;&gt;&lt;script&gt;/)
  })

  it('belong to the browser that began', async () => {
    const browser = new Browser(service)
    const { url } = await browser.get(authorizeUrl())
    const stranger = await new Browser(service).get(url)
    assert.equal(stranger.status, 400)
    assert.match(stranger.body, /begun in another browser/)
    const { url: newer } = await browser.get(authorizeUrl())
    assert.notEqual(newer, url)
  })

  it('take no form from another site', async () => {
    const browser = new Browser(service)
    const { url } = await browser.get(authorizeUrl())
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }]) {
      const page = await browser.post(`${url}/login`, ann, headers)
      assert.equal(page.status, 400)
      assert.match(page.body, /another site/)
    }
  })

  it('show an authorization request that cannot be answered to nobody but the person', async () => {
    for (const changes of [{ redirect_uri: 'https://evil.example/' }, { client_id: 'nobody' }]) {
      const page = await new Browser(service).get(authorizeUrl(changes))
      assert.equal(page.status, 400)
      assert.match(page.body, /This did not work/)
      assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
    }
  })
})

describe('the authorization code', () => {
  for (const [what, changes] of [
    ['without a code challenge', { code_challenge: undefined, code_challenge_method: undefined }],
    ['with a plain code challenge', { code_challenge_method: 'plain' }],
    ['for an ID token in the URL', { response_type: 'id_token', nonce: 'x' }],
    ['for a scope that the client may not have', { scope: 'openid append:payments' }],
    ['for a resource that the client may not have', { resource: 'urn:example:other' }],
  ] as const) {
    it(`is refused ${what}`, async () => {
      const { url } = await new Browser(service).get(authorizeUrl(changes))
      assert.match(url, /^http:\/\/127\.0\.0\.1:8400\/[?#].*error=/)
    })
  }

  it('goes to any port of this machine, for a program that listens there (RFC 8252)', async () => {
    const redirect_uri = 'http://127.0.0.1:49152/'
    const back = await signIn(new Browser(service), ann, { redirect_uri })
    assert.equal(back.origin, 'http://127.0.0.1:49152')
    assert.equal((await exchange(service, back, { redirect_uri })).status, 200)
  })

  it('is worth nothing without the verifier', async () => {
    const back = await signIn(new Browser(service), ann)
    assert.equal(
      (await exchange(service, back, { code_verifier: verifier.split('').reverse().join('') })).error,
      'invalid_grant',
    )
  })

  it('counts once: used again, it takes back the tokens that it gave', async () => {
    const back = await signIn(new Browser(service), ann)
    const { refresh_token } = await exchange(service, back)
    assert.equal((await exchange(service, back)).error, 'invalid_grant')
    assert.equal((await refresh(refresh_token)).error, 'invalid_grant')
  })
})

describe('a refresh token', () => {
  it('is replaced at each use, and used twice it takes the whole family with it', async () => {
    const first = await exchange(service, await signIn(new Browser(service), ann))
    const second = await refresh(first.refresh_token)
    assert.equal(second.status, 200)
    assert.notEqual(second.refresh_token, first.refresh_token)
    assert.equal(second.scope, 'read:*')
    assert.equal((await refresh(first.refresh_token)).error, 'invalid_grant')
    assert.equal((await refresh(second.refresh_token)).error, 'invalid_grant')
  })

  it('gives no more than it was given', async () => {
    const { refresh_token } = await exchange(
      service,
      await signIn(new Browser(service), ann, { scope: 'read:orders' }),
    )
    assert.equal((await refresh(refresh_token, { scope: 'read:*' })).error, 'invalid_scope')
  })

  it('of a person who was disabled since is refused', async () => {
    const password = await hashPassword('correct horse', 10)
    putUser(join(folder, 'users.json'), { name: 'joe', password, scopes: ['read:*'] })
    await service.auth.reload()
    const { refresh_token } = await exchange(
      service,
      await signIn(new Browser(service), { ...ann, name: 'joe' }),
    )
    putUser(join(folder, 'users.json'), { name: 'joe', password, scopes: ['read:*'], disabled: true })
    await service.auth.reload()
    assert.equal((await refresh(refresh_token)).error, 'invalid_grant')
  })

  it('can be taken back by its client, and by no other', async () => {
    const { refresh_token } = await exchange(service, await signIn(new Browser(service), ann))
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const basic = `Basic ${Buffer.from(`local:${made.local.secret}`).toString('base64')}`
    const token = new URLSearchParams({ token: refresh_token }).toString()
    const stranger = { ...headers, authorization: basic }
    const seen = await service.app.inject({
      method: 'POST',
      url: '/auth/introspect',
      headers: stranger,
      payload: token,
    })
    assert.deepEqual(seen.json(), { active: false })
    await service.app.inject({ method: 'POST', url: '/auth/revoke', headers: stranger, payload: token })
    const second = await refresh(refresh_token)
    assert.equal(second.status, 200)
    const payload = new URLSearchParams({ token: second.refresh_token, client_id: 'explorer' }).toString()
    assert.equal(
      (await service.app.inject({ method: 'POST', url: '/auth/revoke', headers, payload })).statusCode,
      200,
    )
    assert.equal((await refresh(second.refresh_token)).error, 'invalid_grant')
  })
})

describe('a page of the explorer on another port', () => {
  it('may call the token endpoint from its browser, and pages of other sites may not', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const payload = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'explorer',
      refresh_token: 'x',
    }).toString()
    for (const [origin, allowed] of [
      ['http://127.0.0.1:50000', true],
      ['https://evil.example', false],
      ['https://127.0.0.1:50000', false],
      ['null', false],
    ] as const) {
      const answer = await service.app.inject({
        method: 'POST',
        url: '/auth/token',
        headers: { ...headers, origin },
        payload,
      })
      assert.equal(answer.headers['access-control-allow-origin'] === origin, allowed, origin)
    }
  })
})

describe('a file that was edited wrongly', () => {
  it('does not stop the service, which goes on with what it had', async () => {
    const path = join(folder, 'users.json')
    const before = readFileSync(path, 'utf8')
    writeFileSync(path, '{"v":1,"users":[{"nmae":"x"}]}')
    await assert.rejects(service.auth.reload(), { code: 'bad-config' })
    await signIn(new Browser(service), ann)
    chmodSync(path, 0o644)
    await assert.rejects(service.auth.reload(), { code: 'bad-key-file' })
    chmodSync(path, 0o600)
    writeFileSync(path, before)
    await service.auth.reload()
  })
})
