// The port, with real TLS on loopback: who gets in, who does not, and that nothing is left.
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import tls, { type TLSSocket } from 'node:tls'
import { until } from '../../core/test/until.ts'
import {
  createCa,
  createIdentity,
  describeCertificate,
  type Identity,
  issueIdentity,
} from '../src/certificate.ts'
import { connect, exporterOf } from '../src/tls-client.ts'
import {
  type Listener,
  type ListenOptions,
  listen,
  portsOf,
  type RefusedConnection,
} from '../src/tls-server.ts'
import { listening } from './listening.ts'

const now = Date.now()
const server = await createIdentity({ name: 'server', now, days: 1 })
const client = await createIdentity({ name: 'client', now, days: 1 })
const ca = await createCa({ name: 'ca', now, days: 1 })
const issued = await issueIdentity(ca, { name: 'client', now, days: 1 })
const sibling = await issueIdentity(ca, { name: 'client', now, days: 1 })

type Opened = Listener & { readonly refused: RefusedConnection[]; readonly taken: TLSSocket[] }

function peerOf({ certificate }: Identity): ListenOptions['peer'] {
  return { certificate, fingerprint: describeCertificate(certificate).fingerprint }
}

async function open(more: Partial<ListenOptions> = {}): Promise<Opened> {
  const refused: RefusedConnection[] = []
  const taken: TLSSocket[] = []
  const listener = await listen({
    ...{ host: '127.0.0.1', ports: [0], identity: server, peer: peerOf(client) },
    onConnection: async (socket) => {
      taken.push(socket)
      socket.write('hello')
      await new Promise((resolve) => socket.once('close', resolve))
    },
    onRefused: (each) => void refused.push(each),
    ...more,
  })
  return { ...listener, refused, taken }
}

/** The first bytes that the server sends; undefined when it ends the connection before. */
function greeting(socket: TLSSocket): Promise<string | undefined> {
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(data.toString()))
    socket.once('close', () => resolve(undefined))
  })
}

function reach(port: number, identity: Identity = client, more: object = {}): Promise<TLSSocket> {
  return connect({ host: '127.0.0.1', port, identity, peer: peerOf(server), ...more })
}

async function isOpen(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1')
  const opened = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  })
  socket.destroy()
  return opened
}

after(() => assert.deepEqual(listening(), []))

describe('the right client', () => {
  test('gets in over TLS 1.3, and both sides export the same secret', async () => {
    const listener = await open()
    const socket = await reach(listener.port)
    assert.equal(await greeting(socket), 'hello')
    assert.equal(socket.getProtocol(), 'TLSv1.3')
    assert.deepEqual(exporterOf(socket), exporterOf(listener.taken[0] as TLSSocket))
    socket.destroy()
    await listener.close()
    assert.equal(await isOpen(listener.port), false)
  })

  test('gets in with a certificate that a CA issued, and another one of that CA does not', async () => {
    const listener = await open({ peer: peerOf(issued) })
    const socket = await reach(listener.port, issued)
    assert.equal(await greeting(socket), 'hello')
    socket.destroy()
    const other = await reach(listener.port, sibling).catch(() => undefined)
    assert.equal(other === undefined ? undefined : await greeting(other), undefined)
    await until(() => listener.refused.length > 0, 'it is reported')
    assert.equal(listener.refused[0]?.why, 'wrong-certificate')
    await listener.close()
  })

  test('gets in after junk, silence, an old TLS, no certificate and a wrong one, all reported', async () => {
    const listener = await open({ handshakeTimeoutMs: 300 })
    const { port } = listener
    const junk = net.connect(port, '127.0.0.1', () => junk.end('GET / HTTP/1.1\r\n\r\n'))
    const silent = net.connect(port, '127.0.0.1')
    for (const socket of [junk, silent]) socket.on('error', () => undefined).resume()
    const trust = { host: '127.0.0.1', port, ca: [server.certificate], checkServerIdentity: accepting }
    const attempts = [
      tls.connect({ ...trust }),
      tls.connect({ ...trust, cert: server.certificate, key: server.key }),
      tls.connect({ ...trust, cert: client.certificate, key: client.key, maxVersion: 'TLSv1.2' }),
    ]
    const ends = attempts.map((socket) => socket.on('error', () => undefined)).map(greeting)
    assert.deepEqual(await Promise.all(ends), [undefined, undefined, undefined])
    await until(() => listener.refused.length === 5, 'all are reported')
    const reasons = listener.refused.map(({ why }) => why).sort()
    assert.deepEqual(reasons, ['no-certificate', 'no-tls', 'no-tls', 'slow-handshake', 'wrong-certificate'])
    await until(() => silent.closed, 'the silent one is cut off')
    const socket = await reach(port)
    assert.equal(await greeting(socket), 'hello')
    for (const each of [junk, silent, socket]) each.destroy()
    await listener.close()
  })

  test('is not kept out by a flood of connections that say nothing', async () => {
    const listener = await open({ handshakesMax: 16 })
    const flood = Array.from({ length: 200 }, () =>
      net.connect(listener.port, '127.0.0.1').on('error', () => undefined),
    )
    await until(() => listener.refused.length >= 180, 'the oldest are dropped')
    const socket = await reach(listener.port)
    assert.equal(await greeting(socket), 'hello')
    for (const each of [...flood, socket]) each.destroy()
    await listener.close()
  })

  test('is alone: a second connection is refused while the first one lasts, and taken after it', async () => {
    const listener = await open()
    const first = await reach(listener.port)
    assert.equal(await greeting(first), 'hello')
    const second = await reach(listener.port)
    assert.equal(await greeting(second), undefined)
    assert.equal(listener.refused[0]?.why, 'busy')
    first.destroy()
    await sleep(50)
    const third = await reach(listener.port)
    assert.equal(await greeting(third), 'hello')
    third.destroy()
    await listener.close()
  })
})

describe('a session', () => {
  test('is not resumed, whatever ticket OpenSSL has sent', async () => {
    const listener = await open()
    const first = await reach(listener.port)
    const sent = new Promise<Buffer>((resolve) => first.once('session', resolve))
    await greeting(first)
    const session = await sent
    first.destroy()
    const trust = {
      host: '127.0.0.1',
      port: listener.port,
      ca: [server.certificate],
      checkServerIdentity: accepting,
    }
    const again = tls.connect({
      ...trust,
      cert: client.certificate,
      key: client.key,
      session,
    })
    await new Promise((resolve) => again.once('secureConnect', resolve))
    assert.equal(again.isSessionReused(), false)
    again.destroy()
    await listener.close()
  })
})

describe('a client', () => {
  test('refuses a server with another certificate, also of the same CA', async () => {
    const listener = await open()
    const wrong = { peer: peerOf(client) }
    await assert.rejects(reach(listener.port, client, wrong), { code: 'wrong-certificate' })
    const { fingerprint } = peerOf(client)
    const mixed = { peer: { ...peerOf(server), fingerprint } }
    await assert.rejects(reach(listener.port, client, mixed), { code: 'wrong-certificate' })
    await listener.close()
  })

  test('does not wait for ever for a server that says nothing', async () => {
    const silent = net.createServer((socket) => socket.resume())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as net.AddressInfo
    await assert.rejects(reach(port, client, { timeoutMs: 100 }), /no handshake in time/)
    await new Promise((resolve) => silent.close(resolve))
  })
})

describe('a port', () => {
  test('is one of the range that is free, and none is an error', async () => {
    const first = await open()
    await assert.rejects(open({ ports: [first.port] }), { code: 'no-port' })
    const second = await open({ ports: [first.port, 0] })
    assert.notEqual(second.port, first.port)
    await first.close()
    await second.close()
  })

  test('is picked at random from the whole range', () => {
    assert.deepEqual(
      [...portsOf(20_000, 20_099)].sort(),
      Array.from({ length: 100 }, (_, i) => 20_000 + i),
    )
    assert.notDeepEqual(portsOf(20_000, 20_099), portsOf(20_000, 20_099))
  })
})

/** The tests look at what the server does; who the server is, others check. */
function accepting(): undefined {
  return undefined
}
