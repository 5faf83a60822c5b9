import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { createApp } from '@ledgerstone/border/app'
import { createLogger } from '@ledgerstone/border/logger'
import { addExplorer, type ExplorerConfiguration } from '../src/explorer.ts'
import { startLedger, type Tested } from './ledger.ts'

const configuration: ExplorerConfiguration = {
  ledger: 'ledger.example.com/log',
  issuer: 'https://login.example.com/realms/a',
  clientId: 'explorer',
  audiences: { ledger: 'urn:ledgerstone:ledger', sealer: 'urn:ledgerstone:sealer' },
  servedBy: 'ledger',
  oneOperator: false,
  opening: false,
}
const page = '<!doctype html><title>Ledgerstone</title>'
const script = 'console.log("the page")'

let folder: string
let ledger: Tested

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ledgerstone-explorer-'))
  mkdirSync(join(folder, 'assets'))
  for (const [name, text] of [
    ['index.html', page],
    ['assets/index-a1.js', script],
  ] as const) {
    writeFileSync(join(folder, name), text)
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(text))
    writeFileSync(join(folder, `${name}.gz`), gzipSync(text))
  }
  writeFileSync(join(folder, 'assets', 'icon-b2.svg'), '<svg/>')
  writeFileSync(join(folder, 'secret.txt'), 'not of the build')
  ledger = await startLedger({ explorer: { folder, configuration } })
})

after(async () => {
  await ledger.close()
  rmSync(folder, { recursive: true })
})

test('a service that finds no build of it leaves no thread behind', async () => {
  const threads: Worker[] = []
  const note = (thread: Worker): number => threads.push(thread)
  process.on('worker', note)
  const explorer = { folder: join(folder, 'elsewhere'), configuration }
  await assert.rejects(startLedger({ over: ledger.log, explorer }), /no build of the explorer/)
  process.off('worker', note)
  assert(threads.length > 0)
  assert.deepEqual(
    threads.map(({ threadId }) => threadId),
    threads.map(() => -1),
    'all have ended',
  )
})

describe('the explorer', () => {
  for (const url of [
    '/',
    '/buckets/payments',
    '/buckets/payments/blocks/7',
    '/verify',
    '/keys/a',
    '/exchange/b',
  ]) {
    test(`is the answer to ${url}, under a policy without inline code and foreign origins`, async () => {
      const { statusCode, headers, body } = await ledger.app.inject({ url })
      assert.equal(statusCode, 200)
      assert.equal(body, page)
      assert.equal(headers['content-type'], 'text/html; charset=utf-8')
      assert.equal(headers['cache-control'], 'no-cache')
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'/)
      assert.match(policy, /connect-src 'self' https:\/\/login\.example\.com;/)
      assert.match(policy, /base-uri 'none'; form-action 'none'; frame-ancestors 'none'/)
      assert.doesNotMatch(policy, /unsafe|\*|data:/)
    })
  }

  test('lets no issuer write into its policy', async () => {
    for (const issuer of ['https://*', 'https://*.example.com', 'https://login.example.com;worker-src']) {
      const app = await createApp({ logger: createLogger({ name: 'test', level: 'silent' }) })
      const changed = { folder, configuration: { ...configuration, issuer } }
      assert.throws(() => addExplorer(app, changed), { code: 'bad-config' }, issuer)
    }
  })

  test('is not sent again to a browser that has it', async () => {
    const { etag } = (await ledger.app.inject({ url: '/' })).headers
    const again = await ledger.app.inject({ url: '/verify', headers: { 'if-none-match': String(etag) } })
    assert.equal(again.statusCode, 304)
    assert.equal(again.body, '')
  })

  test('has files that can be cached for ever, compressed as the browser takes them', async () => {
    for (const [accepted, coding, decode] of [
      ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
      ['gzip;q=0.5, br;q=0', 'gzip', gunzipSync],
      ['identity', undefined, (bytes: Buffer) => bytes],
    ] as const) {
      const headers = { 'accept-encoding': accepted }
      const answer = await ledger.app.inject({ url: '/assets/index-a1.js', headers })
      assert.equal(answer.headers['content-encoding'], coding)
      assert.equal(answer.headers['vary'], 'accept-encoding')
      assert.equal(answer.headers['content-type'], 'text/javascript; charset=utf-8')
      assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable')
      assert.equal(decode(answer.rawPayload).toString(), script)
    }
    const icon = await ledger.app.inject({ url: '/assets/icon-b2.svg', headers: { 'accept-encoding': 'br' } })
    assert.equal(icon.headers['content-encoding'], undefined)
    assert.equal(icon.headers['content-type'], 'image/svg+xml')
  })

  test('serves its own files and nothing else', async () => {
    for (const url of [
      '/assets/none.js',
      '/assets/../secret.txt',
      '/assets/..%2fsecret.txt',
      '/assets/index-a1.js.br',
      '/secret.txt',
      '/index.html',
      '/buckets/a/b/c',
    ]) {
      const { statusCode, headers } = await ledger.app.inject({ url })
      assert.equal(statusCode, 404, url)
      assert.match(String(headers['content-type']), /^application\/problem\+json/)
    }
  })

  test('tells a person, and a program, that there is no such address', async () => {
    for (const url of ['/nonsense', '/buckets/a/b/c?d', '/v1/nonsense']) {
      const program = await ledger.app.inject({ url })
      assert.equal(program.statusCode, 404)
      assert.equal(program.json().detail, `there is no GET ${url.split('?')[0]}`)
      const person = await ledger.app.inject({ url, headers: { accept: 'text/html,*/*;q=0.8' } })
      assert.equal(person.statusCode, 404)
      assert.match(String(person.headers['content-type']), /^text\/html/)
      assert.match(
        String(person.headers['content-security-policy']),
        /^default-src 'none'; script-src 'self'/,
      )
      assert.equal(person.headers['cache-control'], 'no-store')
    }
    const posted = await ledger.app.inject({ method: 'POST', url: '/', headers: { accept: 'text/html' } })
    assert.equal(posted.statusCode, 404)
  })

  test('is told of the service what it must know', async () => {
    const answer = await ledger.app.inject({ url: '/explorer/configuration.json' })
    assert.deepEqual(answer.json(), configuration)
    assert.equal(answer.headers['cache-control'], 'no-store')
  })

  test('leaves the page of the interface as it is, and is not described there', async () => {
    assert.equal((await ledger.app.inject({ url: '/docs' })).statusCode, 200)
    const { paths } = (await ledger.app.inject({ url: '/openapi.json' })).json()
    assert.deepEqual(
      Object.keys(paths).filter((path) => !/^\/(?:v1|log|api|health|metrics)/.test(path)),
      [],
    )
  })
})

test('a folder without a build is a mistake of the configuration', async () => {
  const app = await createApp({ logger: createLogger({ name: 'ledger', level: 'silent' }) })
  const wrong = { folder: join(folder, 'assets'), configuration }
  assert.throws(() => addExplorer(app, wrong), { code: 'bad-config', message: /no build/ })
})

test('without it, the ledger has no page at /', async () => {
  const plain = await startLedger()
  assert.equal((await plain.app.inject({ url: '/' })).statusCode, 404)
  await plain.close()
})
