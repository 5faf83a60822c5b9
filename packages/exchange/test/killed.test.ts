// The server is killed at each step of an exchange, and started again.
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { until } from '../../core/test/until.ts'
import { createIdentity } from '../src/certificate.ts'
import { type ExchangeApi, runExchange } from '../src/client.ts'
import { openJournal } from '../src/journal.ts'
import { keys } from './ceremonies.ts'
import { listening } from './listening.ts'
import { runOf } from './serving.ts'

type Server = { readonly child: ChildProcess; readonly api: ExchangeApi }

async function start(folder: string, from: number, killedAt = ''): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'exchange-server.ts'), [folder, String(from), killedAt], {
    stdio: 'pipe',
  })
  const waiting = new Map<number, { resolve(value: JsonObject): void; reject(error: unknown): void }>()
  let ready = (): void => undefined
  const isReady = new Promise<void>((resolve, reject) => {
    ready = resolve
    child.once('exit', () => reject(new Error('the server did not start')))
  })
  child.on('message', (message: { ready?: true; id?: number; answer?: JsonObject; error?: string }) => {
    if (message.ready) return ready()
    const call = waiting.get(message.id ?? -1)
    if (message.answer !== undefined) call?.resolve(message.answer)
    else call?.reject(Object.assign(new Error(message.error), { code: message.error }))
  })
  child.on('error', () => undefined)
  child.on('exit', () => {
    for (const call of waiting.values()) call.reject(new Error('the server is gone'))
  })
  const ask = (call: string, argument: unknown): Promise<JsonObject> =>
    new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error('the server is gone'))
      const id = waiting.size
      waiting.set(id, { resolve, reject })
      child.send({ id, call, argument }, (error) => error && reject(error))
    })
  await isReady
  const api: ExchangeApi = {
    create: (body) => ask('create', body),
    join: (id, client) => ask('join', { id, ...client }),
    get: (id) => ask('get', id),
    cancel: (id) => ask('cancel', id),
  }
  return { child, api }
}

async function stop({ child }: Server): Promise<void> {
  child.kill('SIGKILL')
  await until(() => child.exitCode !== null || child.signalCode !== null, 'it is gone')
}

function registeredIn(folder: string): ReadonlySet<string> {
  const path = join(folder, 'registered')
  return new Set(existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [])
}

describe('a server that is killed', () => {
  for (const [i, step] of ['', 'awaiting-client', 'scheduled'].entries()) {
    const when = step === '' ? 'while it waits for a client' : `at "${step}" of an exchange that is joined`
    test(`${when} knows after a restart whether it still waits`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'exchange-'))
      const from = 28_000 + 8 * i + (process.pid % 40) * 24
      const first = await start(folder, from, step)
      const identity = await createIdentity({ name: 'laptop', now: Date.now(), days: 1 })
      const asked = { owner: 'auditor', assurance: 'token' }
      const { id } = await first.api.create(asked).catch(() => ({ id: undefined }))
      if (id !== undefined && step !== '') {
        await assert.rejects(first.api.join(String(id), { certificate: identity.certificate }))
      }
      await stop(first)
      const again = await start(folder, from)
      assert.deepEqual(listening(again.child.pid), [])
      // Killed before the journal had its first line: nobody has been told of it.
      if (id !== undefined) {
        assert.equal((await again.api.get(String(id)))['state'], 'awaiting-client')
        const run = runOf({ api: () => again.api }, { join: String(id), identity })
        await runExchange({ ...run, keys: [{ key: keys.clientReceive, purpose: 'receive' }] })
        assert.equal(registeredIn(folder).size, 1)
      }
      assert.equal(id === undefined, step === 'awaiting-client')
      await stop(again)
      rmSync(folder, { recursive: true })
    })
  }

  const steps = [
    'scheduled',
    'open',
    'talking',
    'message',
    'awaiting-confirmation',
    'confirmed',
    'register',
    'registered',
  ]
  for (const [i, step] of steps.entries()) {
    test(`at "${step}" leaves no port, and after a restart each exchange has a named end`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'exchange-'))
      const from = 29_000 + 8 * i + (process.pid % 50) * 80
      const first = await start(folder, from, step)
      await assert.rejects(
        runExchange(
          runOf({ api: () => first.api }, { keys: [{ key: keys.clientReceive, purpose: 'receive' }] }),
        ),
      )
      await until(() => first.child.signalCode === 'SIGKILL', 'it is dead')
      const before = openJournal(join(folder, 'exchanges.jsonl'))
      const [record] = before.records
      before.close()
      const again = await start(folder, from)
      assert.deepEqual(listening(again.child.pid), [])
      const registered = step.startsWith('register')
      if (record !== undefined) {
        const end = registered ? 'registered' : 'failed'
        await until(async () => (await again.api.get(record.id))['state'] === end, `it ends as ${end}`)
      }
      assert.equal(registeredIn(folder).size, registered ? 1 : 0)
      assert.equal(statSync(join(folder, 'exchanges.jsonl')).mode & 0o777, 0o600)
      await stop(again)
      rmSync(folder, { recursive: true })
    })
  }
})
