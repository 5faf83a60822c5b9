import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { createBearer } from '@ledgerstone/border/bearer'
import { checkAuthConfig, ledgerAudience } from '../src/config.ts'
import { startAuth } from '../src/start.ts'
import { createFolder } from './service.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  await new Promise((resolve) => server.close(resolve))
  return address.port
}

describe('the OAuth service alone, on a port of its own', () => {
  it('listens beside the ledger (8400) and the sealer (8401) when nothing else is said', () => {
    const { listen } = checkAuthConfig({ issuer: 'http://127.0.0.1:8402', folder: 'auth' })
    assert.deepEqual(listen, { host: '127.0.0.1', port: 8402 })
  })

  it('gives tokens that a service accepts by its published keys', async () => {
    const { folder, made, remove } = await createFolder()
    const port = await freePort()
    const issuer = `http://127.0.0.1:${port}`
    const app = await startAuth(checkAuthConfig({ issuer, folder, listen: { port }, logLevel: 'silent' }))
    try {
      const { id, secret } = made.local
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        scope: 'read:*',
        client_id: id,
        client_secret: secret,
      })
      const answer = await fetch(`${issuer}/token`, { method: 'POST', body })
      assert.equal(answer.status, 200)
      const { access_token } = (await answer.json()) as { access_token: string }
      const bearer = createBearer({ audience: ledgerAudience, issuers: [{ issuer }], publicUrls: [issuer] })
      const headers = { authorization: `Bearer ${access_token}` }
      assert.equal((await bearer.accept({ method: 'GET', url: '/', headers })).client, 'local')
      assert.equal((await fetch(`${issuer}/health/ready`)).status, 200)
      assert.match(await (await fetch(`${issuer}/metrics`)).text(), /route="\/\*"|http_request_duration/)
    } finally {
      await app.close()
      remove()
    }
  })
})
