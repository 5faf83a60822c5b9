// Keys exchanged between two data folders by the command line, over a port that is open for that alone.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { until } from '../../packages/core/test/until.ts'
import { listening } from '../../packages/exchange/test/listening.ts'
import {
  codeIn,
  type Done,
  exchangesOf,
  openSides,
  outcomeIn,
  type Sides,
  untilState,
} from './exchange-sides.ts'
import { Program } from './program.ts'

let sides: Sides
before(async () => {
  sides = await openSides()
})
after(() => sides[Symbol.asyncDispose]())

/** Ports of exchanges on which the service listens. */
function openPorts(): readonly number[] {
  const { from, to } = sides.ports
  return listening(sides.running.pid).filter((port) => port >= from && port <= to)
}

async function exchanged(...options: readonly string[]): Promise<Done> {
  return outcomeIn(await sides.client.text('--json', 'exchange', '--server', sides.running.url, ...options))
}

async function keysSize(): Promise<number> {
  return (await sides.server.json<{ size: number }>('list', 'keys')).size
}

describe('an exchange in one command', () => {
  let done: Done
  let told: string

  test('succeeds, and tells each step', async () => {
    const { code, stdout, stderr } = await sides.client(
      ...['exchange', '--server', sides.running.url, '--owner', 'treasury', '--yes'],
    )
    assert.equal(code, 0, stderr)
    told = stderr
    const steps = stderr.split('\n').map((line) => line.split(' ')[0])
    const expected = ['registry', 'keys', 'asked', 'reached', 'handshake', 'mutual', 'proven', 'string']
    assert.deepEqual(steps, [...expected, 'closed', 'registered', 'verified', ''])
    for (const fact of [
      /reached {4}by direct: 127\.0\.0\.1:\d+/,
      /handshake {2}TLSv1\.3 .*server CN=ledgerstone key exchange, client CN=treasury, SHA-256 [0-9a-f]{64}/,
      /mutual {5}the server has taken our certificate, too; \d+ bytes sent, \d+ received/,
      /server certificate SHA-256 [0-9a-f]{64}/,
      /short string [0-9A-Z]{4}-[0-9A-Z]{4};/,
      /verified {3}the registry of 12 blocks has them as keys of treasury/,
    ]) {
      assert.match(stderr, fact)
    }
    assert.match(stdout, /^EXCHANGED {2}.*\n {2}assurance token, short string/)
  })

  test('leaves nothing that listens, and no private key in what was told', () => {
    assert.deepEqual(openPorts(), [])
    assert.deepEqual(listening('self'), [])
    assert.doesNotMatch(told, /PRIVATE|MII/)
  })

  test('is a trail of lines in the log of the service', async () => {
    const trail = (): readonly string[] =>
      [...sides.running.printed.matchAll(/"audit":"([a-z-]+)"/g)].map(([, event]) => event ?? '')
    await until(() => trail().includes('registered'), 'the last step is logged')
    const states = ['scheduled', 'open', 'talking', 'awaiting-confirmation', 'confirmed', 'registered']
    assert.deepEqual(
      trail().filter((event) => event !== 'message'),
      states,
    )
    assert.match(sides.running.printed, /"audit":"confirmed".*"by":"http\S+ client local"/)
  })

  test('leaves private keys 0600 here, and the public keys of each side at the other', async () => {
    const folder = join(sides.laptop, 'keys')
    // Nothing said before that the folder around it is not for a repository.
    assert.deepEqual(readdirSync(folder).sort(), ['.gitignore', 'treasury-receive.pem', 'treasury-sign.pem'])
    for (const file of readdirSync(folder)) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600)
    const [peer = '', ...more] = readdirSync(join(sides.laptop, 'peers'))
    assert.deepEqual([/^sealer-[0-9a-f]{8}$/.test(peer), more], [true, []])
    const kept = readdirSync(join(sides.laptop, 'peers', peer)).map((name) => name.slice('sign-'.length, -4))
    const [first] = await exchangesOf(sides.server)
    assert.equal(first?.['state'], 'registered')
    const shown = await Promise.all(
      ['statement.pem', 'key.pem'].map((name) =>
        sides.server.json<{ kid: string }>('keys', 'show', join(sides.data, 'sealer', name)),
      ),
    )
    assert.deepEqual(kept.sort(), shown.map(({ kid }) => kid).sort())
  })

  test('makes blocks that record the assurance', async () => {
    type View = { readonly payload: { readonly body: Readonly<Record<string, string>> } }
    const views = [
      await sides.server.json<View>('get', 'keys', '10'),
      await sides.server.json<View>('get', 'keys', '11'),
    ]
    const bodies = views.map(({ payload }) => payload.body)
    assert.deepEqual(bodies.map(({ purpose }) => purpose).sort(), ['receive', 'sign'])
    for (const { owner, assurance } of bodies) assert.deepEqual([owner, assurance], ['treasury', 'token'])
  })

  test('brings keys of a file when they are named, and says so with --json', async () => {
    const file = join(sides.path, 'own.pem')
    await sides.client.text('keys', 'new', file, '--kind', 'RSA-2048')
    done = await exchanged('--owner', 'team-a', '--yes', '--key', file)
    assert.deepEqual(
      done.keys.map(({ purpose, index }) => [purpose, index]),
      [['receive', 12]],
    )
    assert.equal(existsSync(join(sides.laptop, 'keys', 'team-a-receive.pem')), false)
    assert.equal(readdirSync(done.serverKeysFolder).length, 2)
  })
})

describe('the new receiver', () => {
  const record = '{"invoice":"B-1","amount":1.10}'

  test('gets the next record, and opens it with the key that never left this side', async () => {
    const file = join(sides.path, 'record.json')
    writeFileSync(file, record)
    await sides.server.text('push', 'payments', file, '--type', 'payment.captured')
    await sides.running.settled()
    const key = join(sides.laptop, 'keys', 'treasury-receive.pem')
    const server = ['--server', sides.running.url]
    const opened = await sides.client('open', 'payments', '1', '--key', key, ...server)
    assert.deepEqual([opened.code, opened.stdout], [0, `${record}\n`], opened.stderr)
    const evidence = join(sides.path, 'evidence.json')
    await sides.client.text('evidence', 'payments', '1', '--out', evidence, ...server)
    assert.match(await sides.client.text('verify-evidence', evidence, '--key', key), /amount":1\.10/)
    assert.equal(
      (await sides.server('open', 'payments', '1')).stdout,
      `${record}\n`,
      'and the first one, too',
    )
  })
})

describe('with people who compare the short string', () => {
  const ask = (...more: readonly string[]): Program =>
    Program.ask([
      ...['--data', sides.laptop, 'exchange', '--server', sides.running.url, '--owner', 'treasury', ...more],
    ])

  /** Runs up to the question. Returns what is asked about. */
  async function untilAsked(program: Program): Promise<{ readonly id: string; readonly string: string }> {
    await program.complains('[yes/no]')
    const [, id = '', string = ''] = /exchange confirm ([0-9a-f-]{36}) (\S+)/.exec(program.stderr) ?? []
    return { id, string }
  }

  test('an exchange is registered once both have said that it is the same', async () => {
    await using program = ask()
    const { id, string } = await untilAsked(program)
    await until(() => openPorts().length === 0, 'the port is closed, before anybody has compared anything')
    const shown = await sides.server.json<Record<string, unknown>>('exchange', 'show', id)
    assert.deepEqual([shown['state'], shown['string']], ['awaiting-confirmation', string])
    const before = await keysSize()
    assert.match(await sides.server.text('exchange', 'confirm', id, string), /state +registered/)
    program.answer('yes\n')
    assert.equal(await program.ended(), 0, program.stderr)
    assert.match(program.stdout, /assurance sas/)
    assert.equal(await keysSize(), before + 2)
  })

  test('a string that is typed wrong at the server ends it, and nothing is registered', async () => {
    await using program = ask()
    const { id } = await untilAsked(program)
    const before = await keysSize()
    assert.equal((await sides.server.refusal('exchange', 'confirm', id, '0000-0000')).code, 'wrong-string')
    program.answer('yes\n')
    assert.equal(await program.ended(), 3)
    assert.match(program.stderr, /at the server the exchange is refused: .*\[wrong-string\]/)
    assert.equal(await keysSize(), before)
  })

  test('a no, and nobody there to say yes, end it at the server, too', async () => {
    const before = await keysSize()
    for (const answer of ['no\n', '']) {
      await using program = ask()
      await untilAsked(program)
      program.answer(answer)
      assert.equal(await program.ended(), 3)
      assert.match(program.stderr, /\[wrong-string\]/)
      await untilState(sides.server, 'cancelled')
    }
    assert.equal(await keysSize(), before)
  })

  test('a program is no second person', async () => {
    await using program = ask('--two-person')
    const { id, string } = await untilAsked(program)
    const { code } = await sides.server.refusal('exchange', 'confirm', id, string)
    assert.equal(code, 'not-approved')
    await sides.server.text('exchange', 'cancel', id)
  })

  test('Ctrl-C cancels it at the server', async () => {
    await using program = ask()
    await untilAsked(program)
    program.signal('SIGINT')
    assert.equal(await program.ended(), 3)
    assert.match(program.stderr, /interrupted; the exchange is cancelled/)
    await untilState(sides.server, 'cancelled')
  })
})

describe('what is refused', () => {
  test('before a port opens: owners, ledgers, ways and tokens that do not do', async () => {
    const server = ['--server', sides.running.url]
    const before = (await exchangesOf(sides.server)).length
    const foreign = join(sides.path, 'foreign.trust')
    writeFileSync(
      foreign,
      readFileSync(join(sides.data, 'ledgerstone.trust'), 'utf8').replace(
        /^genesis .*$/m,
        `genesis ${'ab'.repeat(32)}`,
      ),
    )
    const cases = [
      [['--owner', 'ledger', '--yes'], 'reserved'],
      [['--owner', '../x', '--yes'], 'bad-name'],
      [['--trust', foreign, '--yes'], 'wrong-ledger'],
      [['--yes', '--two-person'], 'bad-config'],
      [['--via', 'ssh', '--yes'], 'bad-config'],
      [['--ssh', 'a@b', '--yes'], 'bad-config'],
      [['--port', '1', '--yes'], 'bad-query'],
      [['--token', 'stolen', '--yes'], 'bad-token'],
    ] as const
    for (const [options, code] of cases) {
      const { stdout } = await sides.client('--json', 'exchange', ...server, ...options)
      assert.equal(codeIn(stdout), code, options.join(' '))
    }
    assert.equal((await exchangesOf(sides.server)).length, before)
    assert.deepEqual(
      readdirSync(join(sides.laptop, 'keys')).filter((name) => !/^(?:treasury|\.gitignore$)/.test(name)),
      [],
      'no keys are left of what was refused',
    )
  })
})
