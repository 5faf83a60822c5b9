// What is in the two folders of an exchange: of an older version, with a CA's certificate, under a
// passphrase, pinned by what was handed over; and who gets records sealed afterwards.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { codeIn, exchangesOf, openSides, outcomeIn, type Sides } from './exchange-sides.ts'
import { type Commands, commandsOf } from './ledger-process.ts'

let sides: Sides
before(async () => {
  sides = await openSides()
})
after(() => sides[Symbol.asyncDispose]())

const at = (name: string): string => join(sides.path, name)
const server = (): readonly string[] => ['--server', sides.running.url]

async function pushed(record: string): Promise<number> {
  writeFileSync(at('record.json'), record)
  const push = ['push', 'payments', at('record.json'), '--type', 'payment.captured']
  const { index } = await sides.server.json<{ index: number }>(...push)
  await sides.running.settled()
  return index
}

describe('a folder of one’s own', () => {
  let own: Commands
  let token: string
  before(async () => {
    own = commandsOf(at('own'))
    token = (await sides.server.text('token', '--scope', 'manage:exchanges read:keys read:payments')).trim()
  })

  test('is pinned by the trust file that is named the first time', async () => {
    const options = ['--token', token, '--owner', 'treasury', '--yes', ...server()]
    const { code } = await own.refusal('exchange', ...options)
    assert.equal(code, 'bad-config', 'trust is never taken from the server')
    const trust = join(sides.data, 'ledgerstone.trust')
    const { stderr } = await own('exchange', ...options, '--trust', trust)
    assert.match(stderr, /^pinned {5}the trust file of local-/)
    assert.equal(readFileSync(at('own/ledgerstone.trust'), 'utf8'), readFileSync(trust, 'utf8'))
    assert.equal(statSync(at('own')).mode & 0o777, 0o700)
  })

  test('has the keys that open what comes next, without naming them', async () => {
    const index = await pushed('{"amount":1.10}')
    const opened = await own('open', 'payments', `${index}`, '--token', token, ...server())
    assert.equal(opened.stdout, '{"amount":1.10}\n', opened.stderr)
  })

  test('keeps new keys under a passphrase, if that is wanted', async () => {
    writeFileSync(at('passphrase'), 'correct horse battery\n', { mode: 0o600 })
    const options = ['--token', token, '--owner', 'vault', '--yes', '--encrypt', ...server()]
    const passphrase = ['--passphrase-file', at('passphrase')]
    const { keys } = outcomeIn(await own.text('--json', 'exchange', ...options, ...passphrase))
    for (const { file } of keys) {
      assert.match(readFileSync(file, 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
    }
    const index = await pushed('{"amount":2.20}')
    const key = ['--key', at('own/keys/vault-receive.pem')]
    const open = ['open', 'payments', `${index}`, '--token', token, ...server(), ...key]
    assert.equal((await own.refusal(...open)).code, 'wrong-passphrase')
    assert.equal(await own.text(...open, ...passphrase), '{"amount":2.20}\n')
  })

  test('has keys replaced by an exchange, and older records stay readable', async () => {
    const old = at('own/keys/treasury-receive.pem')
    const options = ['--token', token, '--owner', 'treasury', '--yes', '--replaces', old, ...server()]
    const { keys } = outcomeIn(await own.text('--json', 'exchange', ...options))
    assert.deepEqual(
      keys.map(({ purpose, file }) => [purpose, file]),
      [['receive', at('own/keys/treasury-receive-2.pem')]],
    )
    const index = await pushed('{"amount":4.40}')
    const open = (block: number, file: string): readonly string[] => [
      ...['open', 'payments', `${block}`, '--token', token, '--key', file, ...server()],
    ]
    assert.equal(await own.text(...open(index, at('own/keys/treasury-receive-2.pem'))), '{"amount":4.40}\n')
    assert.equal((await own.refusal(...open(index, old))).code, 'cannot-open')
    assert.equal(await own.text(...open(1, old)), '{"amount":1.10}\n')
    assert.equal(codeIn((await own('--json', 'exchange', ...options)).stdout), 'key-revoked', 'once')
  })

  test('is not enough for later with a token that ends before', async () => {
    const { code } = await own.refusal('exchange', '--token', token, '--yes', '--at', '+1h', ...server())
    assert.equal(code, 'bad-config')
  })
})

describe('an exchange', () => {
  test('opens its port at the time that was asked for', async () => {
    const options = ['--owner', 'later', '--yes', '--at', '+8s', ...server()]
    const { code, stderr } = await sides.client('exchange', ...options)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /waiting {4}the port opens in [1-8] s/)
  })

  test('shows a certificate of a CA, or one that is given', async () => {
    assert.match(
      await sides.client.text('ca', 'init', '--name', 'Backend CA'),
      /subject {4}CN=Backend CA \(a CA\)/,
    )
    assert.equal(statSync(join(sides.laptop, 'ca', 'ca.key')).mode & 0o777, 0o600)
    assert.match(await sides.client.text('ca', 'issue', 'ann'), /subject {4}CN=ann\nissuer {5}CN=Backend CA/)
    assert.match(await sides.client.text('ca', 'show'), /CN=Backend CA/)
    const files = ['ann.pem', 'ann.key'].map((name) => join(sides.laptop, 'ca', name))
    const [certificate = '', key = ''] = files
    const { fingerprint } = await sides.client.json<{ fingerprint: string }>('ca', 'show', certificate)
    const given = ['--certificate', certificate, '--certificate-key', key]
    for (const [owner, options] of [
      ['with-ca', ['--ca']],
      ['with-file', given],
    ] as const) {
      const { code, stderr } = await sides.client(
        ...['exchange', '--owner', owner, '--yes', ...server(), ...options],
      )
      assert.equal(code, 0, stderr)
      assert.match(
        stderr,
        owner === 'with-ca' ? /client CN=with-ca,/ : new RegExp(`client CN=ann, SHA-256 ${fingerprint}`),
      )
    }
    assert.equal((await exchangesOf(sides.server))[0]?.['clientFingerprint'], fingerprint)
    const both = await sides.client.refusal('exchange', '--yes', '--ca', ...given, ...server())
    assert.equal(both.code, 'bad-config')
  })
})

describe('the service’s folder', () => {
  test('of an older version lets its sealer register keys, too', async () => {
    const path = join(sides.data, 'auth', 'clients.json')
    await sides.running.stop()
    type Clients = { readonly clients: { readonly id: string; scopes: string[] }[] }
    const file = JSON.parse(readFileSync(path, 'utf8')) as Clients
    for (const client of file.clients) {
      if (client.id === 'sealer') client.scopes = ['append:*', 'read:*', 'read:keys']
    }
    writeFileSync(path, JSON.stringify(file))
    rmSync(join(sides.data, 'sealer', 'exchanges.jsonl'))
    await sides.start()
    await sides.client.text('exchange', '--owner', 'newcomer', '--yes', ...server())
    assert.match(readFileSync(path, 'utf8'), /"read:keys",\s+"manage:keys"/)
  })

  test('says who receives what, and an exchange alone makes nobody a receiver then', async () => {
    await sides.running.stop()
    const path = join(sides.data, 'sealer', 'receivers.json')
    writeFileSync(path, '{"payments": ["auditor", "newcomer"], "*": ["auditor"]}')
    await sides.start()
    const index = await pushed('{"amount":3.30}')
    const key = (name: string): readonly string[] => [
      '--key',
      join(sides.laptop, 'keys', `${name}-receive.pem`),
    ]
    const open = ['open', 'payments', `${index}`, ...server()]
    assert.equal(await sides.client.text(...open, ...key('newcomer')), '{"amount":3.30}\n')
    assert.equal((await sides.client.refusal(...open, ...key('later'))).code, 'cannot-open')
  })
})

test('where two registrars are needed, the exchanged keys count once the second has approved', async () => {
  await using two = await openSides('--registrar', 'bob', '--threshold', '2')
  const exchange = ['exchange', '--server', two.running.url, '--owner', 'treasury', '--yes']
  const told = await two.client.text(...exchange)
  const requests = [...told.matchAll(/ledgerstone keys approve ([0-9a-f]{64})/g)].map(
    ([, hash]) => hash ?? '',
  )
  assert.match(told, /WAITING {3}for 1 more registrar\n/)
  assert.equal(requests.length, 2)
  const states = async (): Promise<readonly string[]> =>
    (await two.server.text('keys', 'list', '--owner', 'treasury')).match(/(?<= )(?:waiting|active)(?= )/g) ??
    []
  assert.deepEqual(await states(), ['waiting', 'waiting'])
  const bob = ['--key', join(two.data, 'registrars', 'bob.pem')]
  for (const request of requests) await two.server.text('keys', 'approve', request, ...bob)
  await two.running.settled()
  assert.deepEqual(await states(), ['active', 'active'])
})
