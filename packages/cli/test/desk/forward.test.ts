// What goes to which service, and what of the page's requests goes to none.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { dataFolder } from '../../src/data-folder.ts'
import { type Desk, startDesk } from '../../src/desk/desk.ts'
import { createDataFolder } from '../../src/embedded/create.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { codeOf, deskOptions, enter, type Page } from './running-desk.ts'

type Asked = {
  readonly service: string
  readonly line: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Answers everything with its own name, and tells what it was asked. */
async function service(name: string, asked: Asked[]): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(async (request, answer) => {
    let body = ''
    for await (const part of request) body += String(part)
    asked.push({ service: name, line: `${request.method} ${request.url}`, headers: request.headers, body })
    answer.writeHead(request.url?.includes('elsewhere') === true ? 302 : 200, {
      'content-type': 'application/json',
      location: 'https://evil.example/',
      'set-cookie': 'a=b',
      'content-security-policy': 'none',
    })
    answer.end(JSON.stringify({ name }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const stack = new AsyncDisposableStack()
const asked: Asked[] = []
let desk: Desk
let page: Page
let trustFile: string

before(async () => {
  const folder = dataFolder(stack.use(temporaryFolder()).at('data'))
  const ledger = stack.use(await service('ledger', asked))
  const sealer = stack.use(await service('sealer', asked))
  const trust = await createDataFolder({ path: folder.root, url: ledger.url, buckets: [], now: Date.now })
  trustFile = folder.trust
  const options = deskOptions({ folder, trust, server: ledger.url })
  desk = stack.use(await startDesk({ ...options, upstream: { ...options.upstream, sealer: sealer.url } }))
  page = await enter(desk)
})
after(() => stack.disposeAsync())

test('sealing and exchanges go to the sealer, all else to the ledger', async () => {
  const paths = {
    sealer: ['/v1/seal/payments', '/v1/exchanges', '/v1/exchanges/7?x=y'],
    ledger: ['/v1/buckets', '/v1/sealed', '/log/keys/checkpoint', '/api/v1/blockchain/list?bucket=payments'],
  }
  for (const [name, all] of Object.entries(paths)) {
    for (const path of all) {
      assert.equal(JSON.parse((await page(path)).text).name, name, path)
      assert.equal(asked.at(-1)?.line, `GET ${path}`)
    }
  }
})

test('the token and the body go along as they are; the session, the word and the origin do not', async () => {
  const headers = { authorization: 'Bearer abc', 'content-type': 'application/json', 'x-other': 'y' }
  await page('/v1/seal/payments', { method: 'POST', headers, body: { amount: '1.10' } })
  const { line, body, headers: sent } = asked.at(-1) as Asked
  assert.deepEqual([line, body], ['POST /v1/seal/payments', '{"amount":"1.10"}'])
  assert.equal(sent.authorization, 'Bearer abc')
  for (const name of ['cookie', 'origin', 'desk-page', 'x-other', 'referer']) {
    assert.equal(sent[name], undefined, name)
  }
})

test('a path in another spelling than the services’ is passed on to none of them', async () => {
  const before = asked.length
  for (const path of ['/%761/exchanges', '/v%31/buckets', 'http://evil.example/v1/buckets']) {
    const answer = await page('/', { path, headers: { authorization: 'Bearer abc' } })
    assert.deepEqual([answer.status, codeOf(answer)], [404, 'unknown-route'], path)
  }
  assert.equal(asked.length, before)
})

test('a service sets no cookies at the desk, and leads the page nowhere', async () => {
  const answer = await page('/v1/elsewhere')
  assert.equal(answer.status, 302)
  assert.equal(answer.headers['location'], undefined)
  assert.equal(answer.headers['set-cookie'], undefined)
  assert.match(String(answer.headers['content-security-policy']), /default-src 'none'/)
})

test('the trust file of the page is that of this computer, byte for byte', async () => {
  const { trust } = JSON.parse((await page('/explorer/configuration.json')).text) as { trust: string }
  assert.equal(trust, readFileSync(trustFile, 'utf8'))
})
