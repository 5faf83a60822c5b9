// Who gets into the desk, and who does not; what of the services it passes on.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Desk, startDesk } from '../../src/desk/desk.ts'
import {
  codeOf,
  deskOptions,
  enter,
  type Page,
  push,
  type Running,
  runningDesk,
  send,
} from './running-desk.ts'

let running: Running
before(async () => {
  running = await runningDesk()
})
after(async () => running[Symbol.asyncDispose]())

function anotherDesk(): Promise<Desk> {
  return startDesk(deskOptions(running))
}

describe('the entrance', () => {
  test('its secret opens the desk once, and is then useless', async () => {
    await using desk = await anotherDesk()
    const page = await enter(desk)
    assert.equal((await page('/explorer/configuration.json')).status, 200)
    const again = await send(desk.entrance)
    assert.equal(again.status, 403)
    assert.equal(codeOf(again), 'no-session')
    assert.equal(again.headers['set-cookie'], undefined)
  })

  test('a wrong secret opens nothing, and spends nothing', async () => {
    await using desk = await anotherDesk()
    for (const secret of ['', 'A'.repeat(43), `${desk.entrance.slice(-43)}A`]) {
      const answer = await send(`${desk.url}/desk/enter?secret=${secret}`)
      assert.equal(codeOf(answer), 'no-session', secret)
    }
    assert.equal((await send(`${desk.url}/desk/enter`)).status, 403)
    await enter(desk)
  })

  test('the session is a cookie that no script reads and no other site sends', async () => {
    await using desk = await anotherDesk()
    const { headers } = await send(desk.entrance)
    const [cookie = ''] = [headers['set-cookie']].flat()
    const port = new URL(desk.url).port
    assert.match(
      cookie,
      new RegExp(`^ledgerstone_desk_${port}=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
    )
    assert.equal(headers['cache-control'], 'no-store')
  })
})

describe('without the session', () => {
  for (const path of [
    '/explorer/configuration.json',
    '/%65xplorer/configuration.json',
    '/explorer/configuration%2ejson',
    '/v1/buckets',
    '/%761/buckets',
    '/log/payments/checkpoint',
    '/desk/keys',
    '/d%65sk/keys',
  ]) {
    test(`${path} is closed`, async () => {
      const answer = await send(`${running.desk.url}${path}`)
      assert.equal(answer.status, 403)
      assert.equal(codeOf(answer), 'no-session')
    })
  }

  test('a whole URL as the address opens no more than its path', async () => {
    const { url } = running.desk
    const answer = await send(url, { path: `${url}/explorer/configuration.json` })
    assert.equal(codeOf(answer), 'no-session')
  })

  test('the page, which everybody may have, is served under a strict policy', async () => {
    const answer = await send(`${running.desk.url}/keys`)
    assert.equal(answer.status, 200)
    const policy = String(answer.headers['content-security-policy'])
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
    assert.doesNotMatch(policy, /unsafe|\*/)
  })
})

describe('with the session', () => {
  let desk: Desk
  let page: Awaited<ReturnType<typeof enter>>
  before(async () => {
    desk = await anotherDesk()
    page = await enter(desk)
  })
  after(async () => desk[Symbol.asyncDispose]())

  test('the trust file is pinned into the configuration, whatever the server says', async () => {
    const { text } = await page('/explorer/configuration.json')
    const configuration = JSON.parse(text) as Record<string, unknown>
    assert.equal(configuration['servedBy'], 'desk')
    assert.equal(configuration['opening'], true)
    assert.match(String(configuration['trust']), /^ledgerstone\.trust\/v1\nledger /)
  })

  const port = (): string => new URL(desk.url).port
  const foreign: readonly (readonly [string, () => Record<string, string>])[] = [
    ['a name that was bound to loopback (DNS rebinding)', () => ({ host: `evil.example:${port()}` })],
    ['localhost, which is another origin', () => ({ host: `localhost:${port()}` })],
    ['another port', () => ({ host: '127.0.0.1:1' })],
    ['another origin', () => ({ origin: 'https://evil.example' })],
    ['another port of this computer', () => ({ origin: 'http://127.0.0.1:1' })],
    ['an opaque origin', () => ({ origin: 'null' })],
    ['the page of another site', () => ({ 'sec-fetch-site': 'cross-site' })],
    ['the page of another port', () => ({ 'sec-fetch-site': 'same-site' })],
  ]
  for (const [what, headers] of foreign) {
    test(`${what} is refused`, async () => {
      for (const path of ['/v1/buckets', '/desk/keys', '/explorer/configuration.json', '/assets/x.js']) {
        const answer = await page(path, { headers: headers() })
        assert.equal(answer.status, 403, path)
        assert.equal(codeOf(answer), 'foreign-page', path)
      }
    })
  }

  test('a form of another page, which sends no Origin of the desk, changes nothing', async () => {
    const { cookie, word } = page
    const headers = { cookie, 'desk-page': word }
    const answer = await send(`${desk.url}/desk/open`, { method: 'POST', headers, body: {} })
    assert.equal(codeOf(answer), 'foreign-page')
  })

  test('the cookie alone, which any port of this computer may get, does not reach the keys', async () => {
    for (const word of ['', 'A'.repeat(43)]) {
      const answer = await page('/desk/keys', { headers: { 'desk-page': word } })
      assert.equal(codeOf(answer), 'no-session')
    }
    assert.equal((await page('/desk/keys')).status, 200)
  })

  test('a link from elsewhere shows the page, and nothing else', async () => {
    const visit = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    }
    assert.equal((await send(`${desk.url}/?code=a&state=b`, { headers: visit })).status, 200)
    assert.equal((await send(`${desk.url}/v1/buckets`, { headers: visit })).status, 403)
    const framed = { ...visit, 'sec-fetch-dest': 'iframe' }
    assert.equal((await send(`${desk.url}/`, { headers: framed })).status, 403)
  })

  test('what the services answer comes through, refusals too', async () => {
    const authorization = `Bearer ${await running.token()}`
    const index = await push(running, '{"amount":"1.10"}')
    const view = await page(`/v1/buckets/payments/blocks/${index}`, { headers: { authorization } })
    assert.equal(view.status, 200, view.text)
    assert.equal((JSON.parse(view.text) as { index: number }).index, index)
    const refused = await page('/v1/buckets/payments')
    assert.equal(refused.status, 401)
    assert.equal(codeOf(refused), 'no-token')
    assert.match(String(refused.headers['www-authenticate']), /Bearer/)
    assert.equal((await page('/log/payments/checkpoint')).status, 200)
  })

  test('events come as they happen', async () => {
    const authorization = `Bearer ${await running.token()}`
    const { cookie } = page
    const stop = new AbortController()
    const headers = { authorization, cookie, accept: 'text/event-stream' }
    const answer = await fetch(`${desk.url}/v1/buckets/payments/events`, { headers, signal: stop.signal })
    assert.equal(answer.status, 200)
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
    const index = await push(running, '{"amount":"2.00"}')
    let text = ''
    while (!text.includes(`"index":${index}`)) text += new TextDecoder().decode((await reader.read()).value)
    stop.abort()
  })

  for (const path of ['/v1/../auth/jwks', '/v1/%2e%2e/auth/jwks', '/log/..%2fauth/jwks', '/v1/buckets/..']) {
    test(`${path} leads nowhere else`, async () => {
      const answer = await page(path)
      assert.equal(codeOf(answer), 'unknown-route')
    })
  }

  for (const path of ['/auth/jwks', '/metrics', '/assets/../index.html', '/assets/%2e%2e%2fpackage.json']) {
    test(`${path} is not served`, async () => {
      assert.equal((await page(path)).status, 404)
    })
  }

  test('a server that is away is told as such, for the page to ask again', async () => {
    const options = deskOptions({ ...running, server: 'http://127.0.0.1:9' })
    await using away = await startDesk(options)
    const answer = await ((await enter(away)) as Page)('/v1/buckets')
    assert.equal(answer.status, 503)
    assert.equal(answer.headers['retry-after'], '1')
  })
})
