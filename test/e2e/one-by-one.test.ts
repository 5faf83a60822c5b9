// Ledger, sealer and OAuth service as three processes, by the configuration files of examples/config.
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { freePort } from '../../bench/children.ts'
import { commandsOf, temporaryFolder } from './ledger-process.ts'
import { Program, run } from './program.ts'

type Service = 'ledger' | 'sealer' | 'auth'
type Config = Readonly<Record<string, unknown>>

const examples = join(import.meta.dirname, '..', '..', 'examples', 'config')
const place = await temporaryFolder()
const data = join(place.path, 'data')
const command = commandsOf(data)
const ports: Readonly<Record<Service, number>> = {
  ledger: await freePort(),
  sealer: await freePort(),
  auth: await freePort(),
}
const urlOf = (service: Service): string => `http://127.0.0.1:${ports[service]}`
const running: Partial<Record<Service, Program>> = {}

after(async () => {
  for (const program of Object.values(running)) await program[Symbol.asyncDispose]()
  await place[Symbol.asyncDispose]()
})

/** An example's configuration in this test's folder and ports; with changes, under a name of its own. */
function configOf(service: Service, name: string = service, changes: Config = {}): string {
  const text = readFileSync(join(examples, `${service}.json`), 'utf8')
    .replaceAll('"data/', `"${data}/`)
    .replaceAll('8400', `${ports.ledger}`)
    .replaceAll('8401', `${ports.sealer}`)
    .replaceAll('8402', `${ports.auth}`)
  const path = join(place.path, `${name}.json`)
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(text) as Config), ...changes }))
  return path
}

async function start(service: Service): Promise<void> {
  running[service] = Program.spawn([service, '--config', configOf(service)])
}

async function ready(service: Service): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const response = await fetch(`${urlOf(service)}/health/ready`).catch(() => undefined)
    if (response?.status === 200) return
    await sleep(100)
  }
  throw new Error(`${service} does not get ready\n${running[service]?.stdout}\n${running[service]?.stderr}`)
}

describe('the services one by one', () => {
  before(async () => {
    await command.text('init', '--port', `${ports.auth}`)
    // In the worst order: each waits for those that it needs.
    for (const service of ['sealer', 'ledger', 'auth'] as const) await start(service)
    for (const service of ['auth', 'ledger', 'sealer'] as const) await ready(service)
  })

  test('take a record from the sealer to the ledger', async () => {
    const record = join(place.path, 'record.json')
    writeFileSync(record, '{"amount":1.10}')
    const push = ['push', 'payments', record, '--type', 'payment.captured', '--server', urlOf('sealer')]
    const pushed = await command.json<{ index: number }>(...push)
    assert.equal(pushed.index, 1)
    const opened = await command('open', 'payments', '1', '--server', urlOf('ledger'))
    assert.equal(opened.stdout, '{"amount":1.10}\n', opened.stderr)
    assert.match(opened.stderr, new RegExp(`sent by sealer for local \\(${urlOf('auth')}/auth\\)`))
  })

  test('show nothing without a token: neither blocks, nor the log, nor metrics', async () => {
    for (const path of [
      '/v1/buckets',
      '/log/payments/checkpoint',
      '/log/payments/tile/0/000.p/1',
      '/metrics',
    ]) {
      const response = await fetch(`${urlOf('ledger')}${path}`)
      assert.equal(response.status, 401, path)
      await response.arrayBuffer()
    }
    assert.equal((await fetch(`${urlOf('sealer')}/metrics`)).status, 401)
  })

  test('let a reader with a token verify everything', async () => {
    const ledger = ['--server', urlOf('ledger')]
    const verified = await command.json<readonly object[]>('verify', '--envelopes', ...ledger)
    assert.equal(verified.length, 6)
    const token = (await command.text('token', '--scope', 'read:payments')).trim()
    const narrow = await command.refusal('verify', 'payments', ...ledger, '--token', token)
    assert.equal(narrow.code, 'insufficient-scope', 'the registry is read under a scope of its own')
  })

  test('keep a second process from the files of the ledger', async () => {
    const { code, stderr } = await run(['ledger', '--config', configOf('ledger')])
    assert.equal(code, 3)
    assert.match(stderr, /\[store-busy\]/)
    assert.match((await command('start', '--port', '1')).stderr, /\[store-busy\]/)
  })

  test('stop cleanly when the system asks them to', async () => {
    for (const service of ['sealer', 'ledger', 'auth'] as const) {
      running[service]?.signal('SIGTERM')
      assert.equal(await running[service]?.ended(), 0, `${running[service]?.stdout}`)
    }
  })

  test('leave a store that is sound, as an audit by the same configuration says', async () => {
    const { code, stdout } = await run(['audit', '--config', configOf('ledger')])
    assert.equal(code, 0, stdout)
    assert.match(stdout, /^SOUND .*\n {2}read {7}6 buckets, 16 blocks/)
  })
})

describe('a service alone', () => {
  const refused = async (service: Service, config: string): Promise<string> => {
    const { code, stderr } = await run([service, '--config', config])
    assert.equal(code, 3, stderr)
    return stderr
  }

  test('lists every mistake of its configuration at once, and does not start', async () => {
    const config = configOf('ledger', 'mistaken', { log: 'secret', verifyWorker: 3, buckets: [] })
    const told = await refused('ledger', config)
    for (const mistake of ['log', 'verifyWorker', 'buckets']) assert.match(told, new RegExp(mistake))
    assert.match(told, /\[bad-config\]/)
    assert.match(await refused('sealer', join(place.path, 'missing.json')), /cannot be read \[bad-config\]/)
  })

  test('does not serve a bucket that is not there', async () => {
    const told = await refused('ledger', configOf('ledger', 'more', { buckets: ['payments', 'invoices'] }))
    assert.match(told, /invoices.*\[unknown-bucket\]/)
  })

  test('refuses keys that others may read, and says how to mend it', async () => {
    const { statementKey, logKey, auth } = dataFolder(data)
    for (const [service, path] of [
      ['sealer', statementKey],
      ['ledger', logKey('payments', 'ed25519')],
      ['auth', join(auth, 'jwks.json')],
    ] as const) {
      chmodSync(path, 0o604)
      const told = await refused(service, configOf(service))
      assert(told.includes(`chmod 600 '${path}'`), told)
      assert.match(told, /\[bad-key-file\]/)
      chmodSync(path, 0o600)
    }
  })
})
