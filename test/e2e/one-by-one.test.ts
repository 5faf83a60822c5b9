// Ledger, sealer and OAuth service as three processes, by the configuration files of examples/config.
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { run } from './program.ts'
import { SeparateServices, type Service } from './separate-services.ts'

const services = await SeparateServices.open()
const { data, command, running } = services
/** Of two of their keys. */
const passphraseFile = join(services.path, 'passphrase')
after(() => services[Symbol.asyncDispose]())

describe('the services one by one', () => {
  before(async () => {
    await command.text('init', '--port', `${services.ports.auth}`)
    const { statementKey, logKey } = dataFolder(data)
    writeFileSync(passphraseFile, 'correct horse\n', { mode: 0o600 })
    for (const file of [statementKey, logKey('payments', 'ed25519')])
      await command.text('--passphrase-file', passphraseFile, 'keys', 'encrypt', file)
    const explorer = { scopes: ['profile', 'read:payments'] }
    // In the worst order: each waits for those that it needs.
    services.start('sealer', services.configOf('sealer', 'sealer', { passphraseFile }))
    services.start('ledger', services.configOf('ledger', 'ledger', { passphraseFile, explorer }))
    services.start('auth')
    for (const service of ['auth', 'ledger', 'sealer'] as const) await services.ready(service)
  })

  test('take a record from the sealer to the ledger', async () => {
    const record = join(services.path, 'record.json')
    writeFileSync(record, '{"amount":1.10}')
    const push = [
      'push',
      'payments',
      record,
      '--type',
      'payment.captured',
      '--server',
      services.urlOf('sealer'),
    ]
    const pushed = await command.json<{ index: number }>(...push)
    assert.equal(pushed.index, 1)
    const opened = await command('open', 'payments', '1', '--server', services.urlOf('ledger'))
    assert.equal(opened.stdout, '{"amount":1.10}\n', opened.stderr)
    assert.match(opened.stderr, new RegExp(`sent by sealer for local \\(${services.urlOf('auth')}/auth\\)`))
  })

  test('show nothing without a token: neither blocks, nor the log, nor metrics', async () => {
    for (const path of [
      '/v1/buckets',
      '/log/payments/checkpoint',
      '/log/payments/tile/0/000.p/1',
      '/metrics',
    ]) {
      const response = await fetch(`${services.urlOf('ledger')}${path}`)
      assert.equal(response.status, 401, path)
      await response.arrayBuffer()
    }
    assert.equal((await fetch(`${services.urlOf('sealer')}/metrics`)).status, 401)
  })

  test('tell the page what people are to ask for, when the configuration names it', async () => {
    const response = await fetch(`${services.urlOf('ledger')}/explorer/configuration.json`)
    const told = (await response.json()) as object
    const expected = { issuer: `${services.urlOf('auth')}/auth`, scopes: ['profile', 'read:payments'] }
    assert.partialDeepStrictEqual(told, expected)
  })

  test('let a reader with a token verify everything', async () => {
    const ledger = ['--server', services.urlOf('ledger')]
    const verified = await command.json<readonly object[]>('verify', '--envelopes', ...ledger)
    assert.equal(verified.length, 6)
    const token = (await command.text('token', '--scope', 'read:payments')).trim()
    const narrow = await command.refusal('verify', 'payments', ...ledger, '--token', token)
    assert.equal(narrow.code, 'insufficient-scope', 'the registry is read under a scope of its own')
  })

  test('keep a second process from the files of the ledger', async () => {
    const { code, stderr } = await run(['ledger', '--config', services.configOf('ledger')])
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
    const { code, stdout } = await run(['audit', '--config', services.configOf('ledger')])
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
    const config = services.configOf('ledger', 'mistaken', { log: 'secret', verifyWorker: 3, buckets: [] })
    const told = await refused('ledger', config)
    for (const mistake of ['log', 'verifyWorker', 'buckets']) assert.match(told, new RegExp(mistake))
    assert.match(told, /\[bad-config\]/)
    assert.match(
      await refused('sealer', join(services.path, 'missing.json')),
      /cannot be read \[bad-config\]/,
    )
  })

  test('does not serve a bucket that is not there', async () => {
    const more = { passphraseFile, buckets: ['payments', 'invoices'] }
    const told = await refused('ledger', services.configOf('ledger', 'more', more))
    assert.match(told, /invoices.*\[unknown-bucket\]/)
  })

  test('does not start with encrypted keys whose passphrase is not given, or lies open', async () => {
    const file = dataFolder(data).statementKey
    const told = await refused('sealer', services.configOf('sealer'))
    assert(told.includes(`${file} is encrypted, and no file of its passphrase is named`), told)
    chmodSync(passphraseFile, 0o644)
    const open = await refused('sealer', services.configOf('sealer', 'locked', { passphraseFile }))
    assert(open.includes(`chmod 600 '${passphraseFile}'`), open)
    chmodSync(passphraseFile, 0o600)
  })

  test('refuses keys that others may read, and says how to mend it', async () => {
    const { statementKey, logKey, auth } = dataFolder(data)
    for (const [service, path] of [
      ['sealer', statementKey],
      ['ledger', logKey('payments', 'ed25519')],
      ['auth', join(auth, 'jwks.json')],
    ] as const) {
      chmodSync(path, 0o604)
      const told = await refused(service, services.configOf(service))
      assert(told.includes(`chmod 600 '${path}'`), told)
      assert.match(told, /\[bad-key-file\]/)
      chmodSync(path, 0o600)
    }
  })
})
