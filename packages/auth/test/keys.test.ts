import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { decodeProtectedHeader } from 'jose'
import { type AuthSettings, checkAuthConfig } from '../src/config.ts'
import { type InitResult, initAuth } from '../src/init.ts'
import { readKeys, retiredKeyMs, rotateKeys } from '../src/keys.ts'
import { Storage } from '../src/storage.ts'
import { authorizeUrl, Browser, exchange, signIn } from './browser.ts'
import { askToken, createFolder, explorerUrl, issuer, Service } from './service.ts'

let folder: string
let made: InitResult
let remove: () => void

beforeEach(async () => {
  ;({ folder, made, remove } = await createFolder())
})

afterEach(() => remove())

async function newToken(service: Service): Promise<string> {
  const form = { grant_type: 'client_credentials', scope: 'read:*' }
  return (await askToken(service, form, { basic: made.local })).access_token
}

describe('the signing key', () => {
  it('can be changed while the service runs, and tokens of the old one stay valid', async () => {
    const service = await Service.open(folder)
    const bearer = service.bearer()
    const old = await newToken(service)
    await service.auth.rotateKeys()
    const fresh = await newToken(service)
    assert.notEqual(decodeProtectedHeader(old).kid, decodeProtectedHeader(fresh).kid)
    for (const token of [fresh, old]) {
      await bearer.accept({ method: 'GET', url: '/', headers: { authorization: `Bearer ${token}` } })
    }
    await service.close()
  })

  it('stays published until its last token has expired, and no longer', () => {
    const path = join(folder, 'jwks.json')
    const kids = (nowMs: number): unknown[] => readKeys(path, nowMs).keys.map((key) => key.kid)
    const [first] = kids(0)
    rotateKeys(path, 1000)
    const [second] = kids(1000)
    assert.deepEqual(kids(1000 + retiredKeyMs - 1), [second, first])
    assert.deepEqual(kids(1000 + retiredKeyMs), [second])
    rotateKeys(path, 1000 + retiredKeyMs)
    assert.equal(kids(1000 + retiredKeyMs).length, 2)
    assert.ok(
      !readFileSync(path, 'utf8').includes(String(first)),
      'a key that is done with is gone from the disk',
    )
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })
})

describe('the files of the service', () => {
  it('are the service’s own: nobody else may read any of them, nor the folder', async () => {
    const service = await Service.open(folder)
    await newToken(service)
    const names = readdirSync(folder)
    assert.ok(names.includes('state.sqlite') && names.includes('jwks.json') && names.length >= 5)
    for (const name of names) assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    assert.equal(statSync(join(folder, '..', 'admin.password')).mode & 0o777, 0o600)
    assert.equal(readFileSync(join(folder, '..', 'admin.password'), 'utf8').trim(), made.admin.password)
    await service.close()
  })

  for (const name of ['jwks.json', 'cookies.json', 'clients.json', 'users.json', 'state.sqlite']) {
    it(`keep the service from starting when others may read ${name}`, async () => {
      await (await Service.open(folder)).close()
      chmodSync(join(folder, name), 0o644)
      await assert.rejects(Service.open(folder), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'bad-key-file')
        assert.ok(error.message.includes(`chmod 600 '${join(folder, name)}'`), error.message)
        return true
      })
    })
  }

  it('are never made over others', async () => {
    const before = readFileSync(join(folder, 'jwks.json'), 'utf8')
    const options = { explorerUrl, passwordFile: join(folder, 'x'), passwordCost: 10 }
    await assert.rejects(initAuth(folder, options), { code: 'bad-key-file' })
    assert.equal(readFileSync(join(folder, 'jwks.json'), 'utf8'), before)
    assert.ok(!existsSync(join(folder, 'x')))
  })

  it('hold no password and no secret in clear', () => {
    for (const name of readdirSync(folder)) {
      const text = readFileSync(join(folder, name), 'latin1')
      for (const secret of [made.admin.password, made.local.secret, made.sealer.secret])
        assert.ok(!text.includes(secret))
    }
  })

  it('that hold an unusable client keep the service from starting, and name it', async () => {
    const path = join(folder, 'clients.json')
    const file = JSON.parse(readFileSync(path, 'utf8'))
    for (const [change, message] of [
      [{ redirectUris: ['http://example.com/'] }, /explorer/],
      [{ auth: 'secret' }, /explorer must have secretSha256/],
      [{ scopse: [] }, /"scopse"/],
      [{ id: 'local' }, /two clients are called local/],
    ] as const) {
      const clients = [file.clients[0], file.clients[1], { ...file.clients[2], ...change }]
      writeFileSync(path, JSON.stringify({ ...file, clients }))
      await assert.rejects(Service.open(folder), { code: 'bad-config', message })
    }
  })
})

describe('a restart', () => {
  it('signs nobody out and forgets no refresh token', async () => {
    let service = await Service.open(folder)
    const before = new Browser(service)
    const { refresh_token } = await exchange(service, await signIn(before, made.admin))
    await service.close()
    service = await Service.open(folder)
    const form = { grant_type: 'refresh_token', client_id: 'explorer', refresh_token }
    assert.equal((await askToken(service, form)).status, 200)
    const browser = before.moveTo(service)
    assert.match((await browser.get(authorizeUrl({ prompt: 'none' }))).url, /code=/)
    await service.close()
  })
})

describe('the stored state', () => {
  it('returns nothing that has expired, and frees its place', async () => {
    let now = 1_000_000
    const storage = new Storage(join(folder, 'other.sqlite'), () => now)
    const sessions = storage.adapterOf('Session')
    await sessions.upsert('a', { uid: 'u', accountId: 'ann' }, 60)
    await storage.adapterOf('Grant').upsert('a', { accountId: 'bob' })
    assert.equal((await sessions.find('a'))?.accountId, 'ann')
    assert.equal((await sessions.findByUid('u'))?.accountId, 'ann')
    now += 60_000
    assert.equal(await sessions.find('a'), undefined)
    assert.equal(await sessions.findByUid('u'), undefined)
    storage.deleteExpired()
    now -= 60_000
    assert.equal(await sessions.find('a'), undefined)
    assert.equal((await storage.adapterOf('Grant').find('a'))?.accountId, 'bob')
    storage.close()
  })

  it('marks what was used, and takes back all that came of one grant', async () => {
    const storage = new Storage(join(folder, 'other.sqlite'))
    const codes = storage.adapterOf('AuthorizationCode')
    const tokens = storage.adapterOf('RefreshToken')
    await codes.upsert('c', { grantId: 'g' }, 60)
    await tokens.upsert('t', { grantId: 'g' }, 60)
    await tokens.upsert('other', { grantId: 'h' }, 60)
    await codes.consume('c')
    assert.ok((await codes.find('c'))?.consumed)
    await tokens.revokeByGrantId('g')
    assert.equal(await codes.find('c'), undefined)
    assert.equal(await tokens.find('t'), undefined)
    assert.ok(await tokens.find('other'))
    await tokens.destroy('other')
    assert.equal(await tokens.find('other'), undefined)
    storage.close()
  })
})

describe('the configuration', () => {
  it('needs an issuer that callers can trust', () => {
    for (const url of [
      'http://auth.example.com',
      'https://auth.example.com/',
      'https://a.example/?x',
      'ftp://a',
      'auth',
    ]) {
      assert.throws(() => checkAuthConfig({ issuer: url, folder }), { code: 'bad-config' }, url)
    }
    checkAuthConfig({ issuer: 'https://auth.example.com', folder })
    checkAuthConfig({ issuer, folder })
  })

  it('keeps tokens short', () => {
    assert.equal(checkAuthConfig({ issuer, folder }).tokenLifetimeSeconds, 300)
    assert.throws(() => checkAuthConfig({ issuer, folder, tokenLifetimeSeconds: 601 }), {
      code: 'bad-config',
    })
  })

  it('names its mistakes', () => {
    const wrong = { issuer, flder: 'x' } as unknown as AuthSettings
    assert.throws(() => checkAuthConfig(wrong), { code: 'bad-config', message: /"flder"/ })
    assert.throws(() => checkAuthConfig({ issuer }), { code: 'bad-config', message: /keysFile/ })
  })
})
