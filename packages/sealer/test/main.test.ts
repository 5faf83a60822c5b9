import { strict as assert } from 'node:assert'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLogger } from '@ledgerstone/border/logger'
import { sealerApi } from '@ledgerstone/client/sealer'
import { utf8 } from '@ledgerstone/core/bytes'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { formatTrust } from '@ledgerstone/core/trust'
import { createKey, mint } from '../../border/test/tokens.ts'
import { until } from '../../core/test/until.ts'
import { startLedger, type Tested } from '../../ledger/test/ledger.ts'
import { codeOf, keys, start } from '../../log/test/sample.ts'
import { readSealerConfig, type SealerConfig } from '../src/config.ts'
import { readSender } from '../src/keys.ts'
import { startSealer } from '../src/main.ts'
import { makeFolder, untilKeysFinal, writeKeyFiles } from './running.ts'

const key = await createKey('auth')

/** An OAuth service on a socket: discovery, key set, and tokens for whoever knows the secret. */
async function serveOauth(ledger: Tested): Promise<AsyncDisposable & { readonly issuer: string }> {
  let issuer = ''
  const server = createServer(async (request, response) => {
    const send = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (request.url === '/.well-known/openid-configuration') {
      return send({ issuer, jwks_uri: `${issuer}/jwks`, token_endpoint: `${issuer}/token` })
    }
    if (request.url === '/jwks') return send({ keys: [key.publicJwk] })
    if (request.headers.authorization !== `Basic ${btoa('sealer:hush')}`) {
      return send({ error: 'invalid_client' }, 401)
    }
    send({ access_token: await ledgerToken(ledger), token_type: 'Bearer', expires_in: 300 })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function ledgerToken(ledger: Tested): Promise<string> {
  return (await ledger.bearer('append:* read:keys')).authorization.slice('Bearer '.length)
}

function writeConfig(folder: string, ledger: Tested, ledgerUrl: string, issuer: string): SealerConfig {
  const write = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const client = { issuer, client_id: 'sealer', client_secret: 'hush' }
  const config = {
    trust: write('ledgerstone.trust', formatTrust(ledger.sample.trust)),
    keys: writeKeyFiles(folder),
    ledger: { url: ledgerUrl, client: write('client.json', JSON.stringify(client)) },
    receivers: { '*': ['auditor'] },
    clients: [{ client: 'shop', types: ['*'] }],
    listen: { port: 0 },
    publicUrls: ['https://sealer.example.com'],
    issuers: [{ issuer }],
  }
  return readSealerConfig(write('sealer.json', JSON.stringify(config)))
}

test('runs by itself: reads the registry in the background, gets its own tokens, seals, stops', async (t) => {
  using folder = makeFolder()
  const ledger = await startLedger()
  t.after(() => ledger.close())
  const ledgerUrl = await ledger.app.listen({ port: 0, host: '127.0.0.1' })
  await untilKeysFinal(ledger)
  await using oauth = await serveOauth(ledger)
  const config = writeConfig(folder.path, ledger, ledgerUrl, oauth.issuer)
  const logger = createLogger({ name: 'sealer', level: 'error' }, { write: (line) => void lines.push(line) })
  const lines: string[] = []
  {
    await using sealer = await startSealer(config, { logger, now: () => start })
    const ready = async (): Promise<boolean> => (await fetch(`${sealer.url}/health/ready`)).status === 200
    while (!(await ready())) await new Promise((resolve) => setTimeout(resolve, 10))
    const claims = { iss: oauth.issuer, aud: 'urn:ledgerstone:sealer', scope: 'append:payments' }
    const api = sealerApi({
      ...{ url: sealer.url, now: () => start, fetch: (url, init) => fetch(url, init) },
      token: () => mint(key, start, claims),
    })
    const sealed = await api.seal('payments', {
      type: 'payment.captured',
      record: utf8('{"amount":1.10}'),
      meta: { order: '42' },
    })
    assert.equal(sealed.created, true)
    assert.equal(sealed.retrySafe, true)
    const again = await api.seal('payments', {
      ...{ type: 'payment.captured', record: utf8('{"amount":1.10}'), id: sealed.id },
    })
    assert.equal(again.created, false)
    assert.equal(again.index, sealed.index)
    const image = { type: 'payment.receipt', media: 'image/png', record: utf8('x'), meta: { page: 2 } }
    assert.equal((await api.seal('payments', image)).index, sealed.index + 1)
    assert.equal(await codeOf(api.seal('payments', { type: 'a', record: utf8('{') })), 'malformed')
    assert.equal((await fetch(`${sealer.url}/metrics`)).status, 401)
  }
  assert.deepEqual(lines, [])
})

test('starts before the ledger does, and is ready when it is there', async (t) => {
  using folder = makeFolder()
  const ledger = await startLedger()
  t.after(() => ledger.close())
  await untilKeysFinal(ledger)
  await using oauth = await serveOauth(ledger)
  const config = writeConfig(folder.path, ledger, 'http://127.0.0.1:9', oauth.issuer)
  const logger = createLogger({ name: 'sealer' }, { write: (line) => void lines.push(line) })
  const lines: string[] = []
  await using sealer = await startSealer(config, { logger, now: () => start })
  await until(() => lines.some((line) => line.includes('cannot be read')), 'the failure is logged')
  const response = await fetch(`${sealer.url}/health/ready`)
  assert.equal(response.status, 503)
  assert.match(await response.text(), /keys-stale/)
})

test('refuses key files that others may read, and files that hold something else', async () => {
  using folder = makeFolder()
  for (const name of ['statement', 'key', 'retry'] as const) {
    const files = writeKeyFiles(folder.path)
    await readSender(files)
    for (const mode of [0o644, 0o604, 0o666]) {
      chmodSync(files[name], mode)
      assert.equal(await codeOf(readSender(files)), 'bad-key-file', `${name} ${mode.toString(8)}`)
    }
    chmodSync(files[name], 0o600)
    writeFileSync(files[name], 'c2VjcmV0')
    await assert.rejects(readSender(files), (error: Error) => !error.message.includes('c2VjcmV0'))
  }
  const files = writeKeyFiles(folder.path)
  writeFileSync(files.key, formatPrivateKeyPem(keys.statement.pkcs8))
  assert.equal(await codeOf(readSender(files)), 'wrong-key')
})

test('does not start with files that others may read, or a misspelled configuration', async (t) => {
  using folder = makeFolder()
  const ledger = await startLedger()
  t.after(() => ledger.close())
  const config = writeConfig(folder.path, ledger, 'http://127.0.0.1:9', 'http://127.0.0.1:9')
  for (const path of [config.keys.key, config.ledger.client]) {
    chmodSync(path, 0o644)
    assert.equal(await codeOf(startSealer(config)), 'bad-key-file')
    chmodSync(path, 0o600)
  }
  assert.equal(
    await codeOf(startSealer({ ...config, ledger: { ...config.ledger, url: 'http://x.example' } })),
    'bad-config',
  )
  const path = join(folder.path, 'wrong.json')
  writeFileSync(path, JSON.stringify({ ...config, recievers: {} }))
  assert.throws(() => readSealerConfig(path), { code: 'bad-config', message: /recievers/ })
})
