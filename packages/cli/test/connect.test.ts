import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { Refused } from '@ledgerstone/core/refused'
import { readTrust, tokenSource } from '../src/connect.ts'
import { dataFolder, makeFolder } from '../src/data-folder.ts'
import { temporaryFolder } from './temporary-folder.ts'

type Folder = ReturnType<typeof dataFolder> & Disposable

/** A data folder that holds nothing but the client of the command line. */
function folderWith(issuer: string): Folder {
  const { path, [Symbol.dispose]: dispose } = temporaryFolder()
  const folder = dataFolder(path)
  const client = { issuer, client_id: 'local', client_secret: 'hush-hush' }
  makeFolder(dirname(folder.localClient))
  createKeyFile(folder.localClient, JSON.stringify(client))
  return { ...folder, [Symbol.dispose]: dispose }
}

function refusedAs(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Refused && error.code === code && !error.message.includes('hush')
}

for (const issuer of [
  'https://login.example.com/auth',
  'https://127.0.0.1.example.com/auth',
  'http://127.0.0.1@example.com/auth',
  'http://localhost.example.com/auth',
  'http://10.0.0.7:8400/auth',
  'http://[::2]/auth',
]) {
  test(`the data folder's secret is never sent to ${issuer}`, () => {
    using folder = folderWith(issuer)
    assert.throws(() => tokenSource({ data: folder.root }, folder, 'read:*'), refusedAs('bad-config'))
  })
}

test('the secret gets a token of the OAuth service on this computer, and of no other', async () => {
  let issuer = ''
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization)
    const answer = request.url?.endsWith('openid-configuration')
      ? { issuer, token_endpoint: `${issuer}/token` }
      : { access_token: 'the-token', token_type: 'Bearer', expires_in: 300 }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth`
  try {
    using folder = folderWith(issuer)
    assert.equal(await tokenSource({ data: folder.root }, folder, 'read:*')(), 'the-token')
    assert.deepEqual(asked, [undefined, `Basic ${btoa('local:hush-hush')}`])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a token that is given needs no secret, and goes to wherever it was meant for', async () => {
  using folder = folderWith('https://login.example.com/auth')
  assert.equal(await tokenSource({ data: folder.root, token: 'given' }, folder, 'read:*')(), 'given')
})

test('a secret that others may read is refused', () => {
  using folder = folderWith('http://127.0.0.1:8400/auth')
  chmodSync(folder.localClient, 0o644)
  assert.throws(() => tokenSource({ data: folder.root }, folder, 'read:*'), refusedAs('bad-key-file'))
})

test('a folder where nothing was started says so', () => {
  using folder = temporaryFolder()
  const { path } = folder
  assert.throws(() => tokenSource({ data: path }, dataFolder(path), 'read:*'), /has `ledgerstone start` run/)
})

test('without a trust file nothing is believed', () => {
  using folder = temporaryFolder()
  assert.throws(() => readTrust({ data: folder.path }), refusedAs('bad-config'))
  writeFileSync(folder.at('ledgerstone.trust'), 'ledgerstone.trust/v2\n')
  assert.throws(() => readTrust({ data: folder.path }), Refused)
})
