// Key exchanges and changes of the registry, asked for by the page and carried out by the desk.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { exchangesApi } from '@ledgerstone/client/exchanges'
import { createKey } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import type { RunView } from '../../src/desk/exchange-runs.ts'
import { type Answer, codeOf, enter, type Page, type Running, runningDesk } from './running-desk.ts'

let running: Running
let page: Page
before(async () => {
  running = await runningDesk()
  page = await enter(running.desk)
})
after(async () => running[Symbol.asyncDispose]())

async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const authorization = `Bearer ${await running.token()}`
  return page(path, { method, headers: { authorization }, ...(body !== undefined && { body }) })
}

async function begin(body: Readonly<Record<string, unknown>>): Promise<RunView> {
  const answer = await ask('POST', '/desk/exchanges', { way: { via: 'direct' }, ...body })
  assert.equal(answer.status, 201, answer.text)
  return JSON.parse(answer.text) as RunView
}

async function until(id: string, states: readonly RunView['state'][]): Promise<RunView> {
  const late = performance.now() + 20_000
  for (;;) {
    const view = JSON.parse((await ask('GET', `/desk/exchanges/${id}`)).text) as RunView
    if (states.includes(view.state)) return view
    assert.ok(performance.now() < late, JSON.stringify(view))
    await sleep(50)
  }
}

function sealer(): ReturnType<typeof exchangesApi> {
  const { server, token } = running
  return exchangesApi({ url: server, token: () => token(), fetch: (url, init) => fetch(url, init) })
}

test('an exchange runs step by step, waits for the comparison, and ends in the registry', async () => {
  const { id } = await begin({ owner: 'treasury', assurance: 'sas' })
  const { string = '', exchange = '' } = await until(id, ['comparing', 'failed'])
  const view = await sealer().get(exchange)
  assert.equal(view['string'], string)
  assert.equal(
    JSON.parse((await ask('POST', `/desk/exchanges/${id}/compare`, { same: true })).text).state,
    'running',
  )
  await sealer().confirm(exchange, string)
  const done = await until(id, ['done', 'failed'])
  assert.equal(done.state, 'done', JSON.stringify(done.problem))
  const steps = done.steps.map(({ step }) => step)
  for (const step of ['registry', 'asked', 'handshake', 'mutual', 'proven', 'registered', 'verified']) {
    assert.ok(steps.includes(step as (typeof steps)[number]), step)
  }
  assert.deepEqual(readdirSync(join(running.folder.root, 'keys')).sort(), [
    'treasury-receive.pem',
    'treasury-sign.pem',
  ])
  const answers = [JSON.stringify(done), (await ask('GET', '/desk/keys')).text]
  const pem = readFileSync(join(running.folder.root, 'keys', 'treasury-receive.pem'), 'utf8')
  for (const line of pem.split('\n').filter((text) => text.length > 40 && !text.startsWith('-'))) {
    for (const text of answers) assert.ok(!text.includes(line.slice(10, 40)))
  }
})

test('where the other one sees another string, nothing is registered', async () => {
  const { id } = await begin({ owner: 'intruder', assurance: 'sas' })
  const { exchange = '' } = await until(id, ['comparing', 'failed'])
  await ask('POST', `/desk/exchanges/${id}/compare`, { same: false })
  const failed = await until(id, ['done', 'failed'])
  assert.deepEqual([failed.state, failed.problem?.code], ['failed', 'wrong-string'])
  assert.equal((await sealer().get(exchange))['state'], 'cancelled')
})

test('an exchange that is cancelled at the desk is cancelled at the sealer', async () => {
  const { id } = await begin({ owner: 'later', assurance: 'sas' })
  const { exchange = '' } = await until(id, ['comparing', 'failed'])
  await ask('DELETE', `/desk/exchanges/${id}`)
  assert.equal((await until(id, ['failed'])).problem?.detail, 'cancelled at the desk')
  assert.equal((await sealer().get(exchange))['state'], 'cancelled')
  assert.equal(codeOf(await ask('POST', `/desk/exchanges/${id}/compare`, { same: true })), 'exchange-over')
})

test('an owner who may not be exchanged is refused, and the page is told why', async () => {
  const { id } = await begin({ owner: 'sealer', assurance: 'token' })
  const failed = await until(id, ['failed', 'done'])
  assert.deepEqual([failed.state, failed.problem?.code], ['failed', 'reserved'])
})

test('options that are not those of a way are refused', async () => {
  const body = { owner: 'x', assurance: 'sas' }
  for (const way of [
    { via: 'ssh', ssh: '-oProxyCommand=id' },
    { via: 'direct', ssh: 'host' },
  ]) {
    assert.equal(codeOf(await ask('POST', '/desk/exchanges', { ...body, way })), 'bad-config')
  }
  assert.equal(
    codeOf(await ask('POST', '/desk/exchanges', { ...body, way: { via: 'telepathy' } })),
    'malformed',
  )
})

test('keys are registered, and revoked, with keys that stay at the desk', async () => {
  const key = await createKey('Ed25519')
  createKeyFile(join(running.folder.root, 'receivers', 'clerk.pem'), formatPrivateKeyPem(key.pkcs8))
  const by = { name: 'sealer/registrar.pem' }
  const register = { kind: 'register', key: { name: 'receivers/clerk.pem' }, owner: 'clerk', purpose: 'sign' }
  const registered = await ask('POST', '/desk/changes', { by, change: register })
  assert.equal(registered.status, 201, registered.text)
  assert.deepEqual(
    { ...JSON.parse(registered.text), index: 0, hash: '', id: '' },
    { index: 0, hash: '', id: '', counts: true, missing: 0 },
  )
  const revoke = { kind: 'revoke', kid: key.kid, reason: 'left' }
  const revoked = await ask('POST', '/desk/changes', { by, change: revoke })
  assert.equal(revoked.status, 201, revoked.text)
  const again = await ask('POST', '/desk/changes', { by, change: revoke })
  assert.equal(codeOf(again), 'key-revoked')
  const stranger = await ask('POST', '/desk/changes', {
    by: { name: 'receivers/clerk.pem' },
    change: register,
  })
  assert.equal(stranger.status >= 400 && stranger.status < 500, true, stranger.text)
})
