// Others at the port of an exchange, and a service that is killed in the middle of one.
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import { readTrust } from '@ledgerstone/cli/connect'
import { exchangesApi } from '@ledgerstone/client/exchanges'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { createKey } from '@ledgerstone/core/key-pair'
import { originOf } from '@ledgerstone/core/names'
import { createIdentity, formatFingerprint, type Identity } from '@ledgerstone/exchange/certificate'
import { type ExchangeRun, runExchange } from '@ledgerstone/exchange/client'
import { parseView } from '@ledgerstone/exchange/exchange-view'
import { connect } from '@ledgerstone/exchange/tls-client'
import { until } from '../../packages/core/test/until.ts'
import { listening } from '../../packages/exchange/test/listening.ts'
import { exchangesOf, openSides, type Sides } from './exchange-sides.ts'
import { Program } from './program.ts'

let sides: Sides
let api: ReturnType<typeof exchangesApi>
const [client, stranger] = await Promise.all(
  ['client', 'stranger'].map((name) => createIdentity({ name, now: Date.now(), days: 1 })),
)
const receiver = await createKey('RSA-2048')

before(async () => {
  sides = await openSides()
  const text = (await sides.server.text('token', '--scope', 'manage:exchanges')).trim()
  const token = async (): Promise<string> => text
  api = exchangesApi({ url: sides.running.url, token, fetch: (url, init) => fetch(url, init) })
})
after(() => sides[Symbol.asyncDispose]())

function openPorts(): readonly number[] {
  const { from, to } = sides.ports
  return listening(sides.running.pid).filter((port) => port >= from && port <= to)
}

function ask(owner: string): Promise<JsonObject> {
  return api.create({ owner, assurance: 'token', clientCertificate: client?.certificate ?? '' })
}

async function keysSize(): Promise<number> {
  return (await sides.server.json<{ size: number }>('list', 'keys')).size
}

/** A client of this process, over a way of the test's own. */
function runOf(run: Pick<ExchangeRun, 'api' | 'way'>): ExchangeRun {
  return {
    ...{ owner: 'treasury', assurance: 'token', identity: client as Identity, ...run },
    origin: originOf(readTrust({ data: sides.data }).ledger, 'keys'),
    keys: [{ key: receiver, purpose: 'receive' }],
    keep: async () => ({ commit: async () => undefined, discard: async () => undefined }),
    ...{ compare: async () => true, onStep: () => undefined, now: Date.now, pollMs: 50 },
  }
}

describe('others at the port', () => {
  test('without the right certificate, or TLS, are refused; the right client still gets in', async () => {
    const asked = await ask('treasury')
    const view = parseView(asked)
    const { id, port } = view
    const refused = async (): Promise<unknown> => (await api.get(id))['refusedConnections']
    // In TLS 1.3 a client hears later than its own handshake that its certificate is not taken.
    const socket = await connect({ host: '127.0.0.1', port, identity: stranger as Identity, peer: view })
    await until(() => socket.destroyed, 'the stranger is cut off')
    const bare = tls.connect({
      ...{ host: '127.0.0.1', port, servername: 'exchange.invalid', ca: view.certificate },
      checkServerIdentity: (_host, { fingerprint256 }) =>
        formatFingerprint(fingerprint256) === view.fingerprint ? undefined : new Error('another server'),
    })
    bare.on('error', () => undefined)
    await until(() => bare.destroyed, 'who shows none is cut off')
    const junk = net.connect({ host: '127.0.0.1', port })
    junk.on('error', () => undefined)
    junk.write('GET / HTTP/1.1\r\n\r\n')
    await until(() => junk.destroyed, 'who speaks no TLS is cut off')
    await until(async () => (await refused()) === 3, 'each of them is counted')
    assert.equal((await api.get(id))['state'], 'open')

    const before = await keysSize()
    const way = {
      name: 'test',
      open: async () => ({ host: '127.0.0.1', port, account: [], close: async () => undefined }),
    }
    await runExchange(runOf({ api: { ...api, create: async () => asked }, way }))
    assert.equal(await keysSize(), before + 1)
    assert.equal((await api.get(id))['state'], 'registered')
    assert.deepEqual(openPorts(), [])
  })

  test('with the bytes of an earlier exchange get nowhere', async () => {
    const recorded: Buffer[] = []
    const recorder = net.createServer((socket) => {
      const server = net.connect({ host: '127.0.0.1', port: recordedPort })
      socket.on('data', (chunk) => recorded.push(chunk as Buffer))
      for (const each of [socket, server]) each.on('error', () => undefined)
      socket.pipe(server).pipe(socket)
    })
    await new Promise<void>((resolve) => recorder.listen(0, '127.0.0.1', resolve))
    let recordedPort = 0
    const { port } = recorder.address() as net.AddressInfo
    const reached = { host: '127.0.0.1', port, account: [], close: async () => undefined }
    const way: ExchangeRun['way'] = {
      name: 'recorded',
      async open(target) {
        recordedPort = target.port
        return reached
      },
    }
    const other = await createKey('RSA-2048')
    await runExchange({ ...runOf({ api, way }), keys: [{ key: other, purpose: 'receive' }] })
    recorder.close()
    assert(Buffer.concat(recorded).length > 1000)

    const before = await keysSize()
    const { id, port: next } = parseView(await ask('treasury'))
    const replay = net.connect({ host: '127.0.0.1', port: next })
    replay.on('error', () => undefined).resume()
    replay.write(Buffer.concat(recorded))
    await until(() => replay.destroyed, 'the replay is cut off')
    await until(async () => (await api.get(id))['refusedConnections'] === 1, 'it is counted')
    assert.equal((await api.get(id))['state'], 'open')
    await api.cancel(id)
    await until(() => openPorts().length === 0, 'the port is closed')
    assert.equal(await keysSize(), before)
  })

  test('with a message out of turn end the exchange, and the port is closed', async () => {
    const before = await keysSize()
    const view = parseView(await ask('treasury'))
    const socket = await connect({
      host: '127.0.0.1',
      port: view.port,
      identity: client as Identity,
      peer: view,
    })
    // Messages 1 and 6: a commitment, and a "done" that is the server's to say.
    socket.write(Buffer.from(`00000022${'0101'}${'ab'.repeat(32)}`, 'hex'))
    await sleep(100)
    socket.write(Buffer.from(`00000002${'0106'}`, 'hex'))
    await until(async () => (await api.get(view.id))['state'] === 'refused', 'it is refused')
    assert.equal((await api.get(view.id))['code'], 'bad-ceremony')
    await until(() => openPorts().length === 0, 'the port is closed')
    assert.equal(await keysSize(), before)
    socket.destroy()
  })
})

describe('a service that is killed', () => {
  const command = (...more: readonly string[]): Program =>
    Program.ask([
      ...['--data', sides.laptop, 'exchange', '--server', sides.running.url, '--owner', 'team-b', ...more],
    ])

  test('before the port opens, or before anybody has confirmed, leaves no port and a named end', async () => {
    const before = await keysSize()
    for (const [more, told] of [
      [['--yes', '--at', '+1h'], 'waiting'],
      [[], '[yes/no]'],
    ] as const) {
      await using program = command(...more)
      await program.complains(told)
      await sides.running.kill()
      assert.deepEqual(await portsInUse(), [])
      await sides.start()
      const [newest] = await exchangesOf(sides.server)
      assert.deepEqual([newest?.['state'], newest?.['code']], ['failed', 'stopping'])
      assert.deepEqual(openPorts(), [])
    }
    assert.equal(await keysSize(), before)
  })
})

/** Those of the range that answer. */
async function portsInUse(): Promise<readonly number[]> {
  const { from, to } = sides.ports
  const used: number[] = []
  for (let port = from; port <= to; port++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = net.connect({ host: '127.0.0.1', port })
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) used.push(port)
  }
  return used
}
