// Whole exchanges over real TLS on loopback.
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bytes } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { until } from '../../core/test/until.ts'
import { beginCeremony } from '../src/ceremony.ts'
import { createIdentity, describeCertificate, type Identity } from '../src/certificate.ts'
import { type ExchangeApi, runExchange } from '../src/client.ts'
import { converse } from '../src/conversation.ts'
import type { ExchangeState } from '../src/exchange-state.ts'
import { parseView } from '../src/exchange-view.ts'
import { encodeFrame } from '../src/message.ts'
import { provingKey } from '../src/own-key.ts'
import { connect, exporterOf } from '../src/tls-client.ts'
import { keys, setting } from './ceremonies.ts'
import { listening } from './listening.ts'
import { admin, codeOf, exchanged, runOf, type Served, second, serve } from './serving.ts'

after(() => assert.deepEqual(listening(), []))

const identity = await createIdentity({ name: 'laptop', now: Date.now(), days: 1 })
const asked = { owner: 'auditor', assurance: 'token', clientCertificate: identity.certificate } as const

function stateOf({ exchanges }: Served): ExchangeState | undefined {
  return exchanges.list()[0]?.state
}

/** An exchange that is open, and who would be its client. */
async function opened(served: Served): Promise<ReturnType<typeof parseView>> {
  return parseView(await served.api().create(asked))
}

function reach(view: ReturnType<typeof parseView>, own: Identity = identity): ReturnType<typeof connect> {
  return connect({ host: '127.0.0.1', port: view.port, identity: own, peer: view })
}

describe('an exchange', () => {
  test('ends with the keys of each side at the other, and no open port', async () => {
    await using served = await serve()
    const run = runOf(served)
    const { string, serverKeys, registered } = await runExchange(run)
    assert.deepEqual(new Set(served.registered.keys()), new Set(keys.client.map(({ kid }) => kid)))
    assert.deepEqual(new Set(run.keeping.committed), new Set(serverKeys))
    assert.equal(serverKeys.length, 3)
    assert.equal(registered.blocks.length, 2)
    assert.equal(served.exchanges.list()[0]?.string, string)
    assert.deepEqual(listening(), [])
  })

  test('tells each step for people, and leaves an audit trail', async () => {
    await using served = await serve()
    const run = runOf(served)
    await runExchange(run)
    const names = run.steps.map((line) => line.split(':')[0])
    assert.deepEqual(names, [
      'asked',
      'reached',
      'handshake',
      'mutual',
      'proven',
      'string',
      'closed',
      'registered',
    ])
    assert.match(
      run.steps[2] ?? '',
      /TLSv1\.3 .*server CN=ledgerstone key exchange, client CN=ledgerstone client/,
    )
    const trail = served.events.map(({ event }) => event).filter((event) => event !== 'message')
    assert.deepEqual(trail, [
      'scheduled',
      'open',
      'talking',
      'awaiting-confirmation',
      'confirmed',
      'registered',
    ])
    assert.equal(served.events[0]?.by, admin.id)
    assert.match(served.events[0]?.detail ?? '', /^keys of auditor, assurance token, port \d+, client cert/)
    assert.match(served.events.at(-1)?.detail ?? '', / in block 0 of keys, .* in block 1 of keys$/)
  })

  test('of two people waits for the second one, who types what the first one reads out', async () => {
    await using served = await serve()
    const { exchanges } = served
    const read: string[] = []
    const compare = async (string: string): Promise<boolean> => {
      read.push(string)
      await until(() => stateOf(served) === 'awaiting-confirmation', 'the server waits')
      const [{ id } = { id: '' }] = exchanges.list()
      assert.equal(served.registered.size, 0)
      assert.equal((await served.api(admin).get(id))['string'], undefined)
      assert.equal((await served.api(second).get(id))['string'], string)
      assert.equal(await codeOf(exchanges.confirm(id, string, admin)), 'not-approved')
      assert.equal(
        await codeOf(exchanges.confirm(id, string, { id: 'robot', isPerson: false })),
        'not-approved',
      )
      await exchanges.confirm(id, string.toLowerCase().replace('-', ' '), second)
      return true
    }
    await exchanged(served, { assurance: 'two-person', compare })
    assert.equal(exchanges.list()[0]?.confirmedBy?.id, second.id)
    assert.equal(served.registered.size, 2)
    assert.equal(read.length, 1)
  })

  test('ends when the second person types another string, and is no use after that', async () => {
    await using served = await serve()
    const { exchanges } = served
    const compare = async (string: string): Promise<boolean> => {
      await until(() => stateOf(served) === 'awaiting-confirmation', 'the server waits')
      const [{ id } = { id: '' }] = exchanges.list()
      assert.equal(await codeOf(exchanges.confirm(id, '0000-0000', second)), 'wrong-string')
      assert.equal(await codeOf(exchanges.confirm(id, string, second)), 'exchange-over')
      return true
    }
    const run = runOf(served, { assurance: 'two-person', compare })
    assert.equal(await codeOf(runExchange(run)), 'wrong-string')
    assert.deepEqual(
      [stateOf(served), served.registered.size, run.keeping.committed.length],
      ['refused', 0, 0],
    )
  })

  test('takes one string of several that are typed at the same moment', async () => {
    await using served = await serve()
    const { exchanges } = served
    const compare = async (string: string): Promise<boolean> => {
      await until(() => stateOf(served) === 'awaiting-confirmation', 'the server waits')
      const [{ id } = { id: '' }] = exchanges.list()
      const typed = ['0000-0000', string, '1111-1111']
      const codes = typed.map((each) => codeOf(exchanges.confirm(id, each, second)))
      assert.deepEqual(await Promise.all(codes), ['wrong-string', 'exchange-over', 'exchange-over'])
      return true
    }
    const run = runOf(served, { assurance: 'two-person', compare })
    assert.equal(await codeOf(runExchange(run)), 'wrong-string')
    assert.deepEqual([stateOf(served), served.registered.size], ['refused', 0])
  })

  test('that is cancelled while it is being confirmed registers nothing', async () => {
    await using served = await serve()
    const { exchanges } = served
    const compare = async (string: string): Promise<boolean> => {
      await until(() => stateOf(served) === 'awaiting-confirmation', 'the server waits')
      const [{ id } = { id: '' }] = exchanges.list()
      const [confirmed, cancelled] = await Promise.allSettled([
        exchanges.confirm(id, string, second),
        exchanges.cancel(id, admin),
      ])
      assert.deepEqual([confirmed.status, cancelled.status], ['rejected', 'fulfilled'])
      return true
    }
    const run = runOf(served, { assurance: 'two-person', compare })
    assert.equal(await codeOf(runExchange(run)), 'exchange-over')
    assert.deepEqual([stateOf(served), served.registered.size], ['cancelled', 0])
  })

  test('is dropped when the first person hears another string', async () => {
    await using served = await serve()
    const run = runOf(served, { assurance: 'sas', compare: async () => false })
    assert.equal(await codeOf(runExchange(run)), 'wrong-string')
    assert.deepEqual(
      [stateOf(served), served.registered.size, run.keeping.staged.length],
      ['cancelled', 0, 0],
    )
  })

  test('can be one of two at a time', async () => {
    await using served = await serve()
    const own = [{ key: keys.strangerReceive, purpose: 'receive' }] as const
    const [a, b] = await Promise.all([exchanged(served), exchanged(served, { keys: own, owner: 'archive' })])
    assert.notEqual(a.exchange, b.exchange)
    assert.equal(served.registered.size, 3)
  })
})

describe('the window', () => {
  test('opens at its time: a client that comes early finds no port', async () => {
    await using served = await serve()
    const openAt = new Date(Date.now() + 400).toISOString()
    const view = parseView(await served.api().create({ ...asked, openAt }))
    assert.equal(stateOf(served), 'scheduled')
    await assert.rejects(reach(view), { code: 'ECONNREFUSED' })
    await until(() => stateOf(served) === 'open', 'it opens')
    const socket = await reach(view)
    socket.destroy()
  })

  test('is waited for by the clock of the server, however wrong the own one is', async () => {
    await using served = await serve()
    const openAt = new Date(Date.now() + 300).toISOString()
    const { steps, ...run } = runOf(served, { openAt, now: () => Date.now() - 3_600_000 })
    await runExchange({ ...run, now: () => Date.now() - 3_600_000 })
    assert.match(steps.join('\n'), /the port opens in 1 s/)
  })

  test('closes when nobody comes', async () => {
    await using served = await serve({ windowMs: 150 })
    const { port } = await opened(served)
    assert.deepEqual(listening(), [port])
    await until(() => stateOf(served) === 'expired', 'it expires')
    await until(() => listening().length === 0, 'the port is closed')
  })

  test('closes when the exchange is deleted, also in the middle of a conversation', async () => {
    await using served = await serve()
    const view = await opened(served)
    const socket = await reach(view)
    await until(() => stateOf(served) === 'talking', 'it talks')
    await served.exchanges.cancel(view.id, admin)
    await until(() => socket.closed || socket.readableEnded, 'the connection ends')
    assert.equal(stateOf(served), 'cancelled')
    assert.deepEqual(listening(), [])
    assert.equal(await codeOf(served.exchanges.cancel(view.id, admin)), 'exchange-over')
  })

  test('needs a free port of the range, at its time too', async () => {
    await using served = await serve()
    const view = parseView(
      await served.api().create({ ...asked, openAt: new Date(Date.now() + 200).toISOString() }),
    )
    const squatter = net.createServer().listen(view.port, '127.0.0.1')
    await until(() => stateOf(served) === 'failed', 'it fails')
    assert.equal(served.exchanges.get(view.id).code, 'no-port')
    const taken = { code: 'no-port', message: `port ${view.port} is taken` }
    await assert.rejects(served.api().create({ ...asked, port: view.port }), taken)
    assert.equal(await codeOf(served.api().create({ ...asked, port: 80 })), 'bad-query')
    await new Promise((resolve) => squatter.close(resolve))
  })

  test('is asked for within bounds: time, number, certificate', async () => {
    await using served = await serve()
    const late = new Date(Date.now() - 3_600_000).toISOString()
    const far = new Date(Date.now() + 90_000_000).toISOString()
    for (const openAt of [late, far])
      assert.equal(await codeOf(served.api().create({ ...asked, openAt })), 'bad-query')
    const wrong = { ...asked, clientCertificate: 'none' }
    assert.equal(await codeOf(served.api().create(wrong)), 'wrong-certificate')
    for (let i = 0; i < 4; i++) await served.api().create(asked)
    assert.equal(await codeOf(served.api().create(asked)), 'no-port')
    assert.equal(await codeOf(served.api().get('019ab123-4567-7000-8000-000000000001')), 'unknown-exchange')
    assert.equal(await codeOf(serve({ windowMs: 600_001 })), 'bad-config')
  })
})

describe('abuse does not close the window for the right client', () => {
  test('junk, another certificate, a client that says nothing or nonsense: then the right one', async () => {
    await using served = await serve({ messageTimeoutMs: 100 })
    const view = await opened(served)
    const junk = net.connect(view.port, '127.0.0.1', () => junk.end('\u0000junk\r\n\r\n'))
    junk.on('error', () => undefined)
    const other = await createIdentity({ name: 'other', now: Date.now(), days: 1 })
    const wrong = await reach(view, other).catch(() => undefined)
    await until(() => (served.exchanges.list()[0]?.refusedConnections ?? 0) >= 2, 'both are counted')
    const silent = await reach(view)
    await until(() => stateOf(served) === 'talking', 'it talks')
    await until(() => stateOf(served) === 'open', 'and waits again')
    const nonsense = await reach(view)
    nonsense.write(encodeFrame(new Uint8Array(40)))
    const back = (): boolean => served.events.filter(({ event }) => event === 'open').length === 3
    await until(back, 'and again')
    const run = runOf(served, { identity })
    const api: ExchangeApi = { ...run.api, create: () => run.api.get(view.id) }
    await runExchange({ ...run, api })
    assert.equal(served.registered.size, 2)
    for (const socket of [junk, wrong, silent, nonsense]) socket?.destroy()
  })

  test('but a wrong proof does, and a replayed transcript is one', async () => {
    await using served = await serve()
    const first = await opened(served)
    const socket = await reach(first)
    const binding = { exchange: first.id, exporter: exporterOf(socket) }
    const claims = { owner: 'auditor', assurance: 'token', purpose: 'sign' } as const
    const own = [await provingKey(keys.strangerSign, claims)]
    const ceremony = beginCeremony(setting('client', { binding, keys: own }))
    const { messages, state } = await converse({ stream: socket, ceremony, keep: async () => undefined })
    assert.equal(state, 'awaiting')
    await until(() => stateOf(served) === 'registered', 'it is registered')
    served.registered.clear()

    const again = await reach(await opened(served))
    for (const i of [0, 2, 4]) again.write(encodeFrame(messages[i] as Bytes))
    await until(() => stateOf(served) === 'refused', 'it is refused')
    await until(() => listening().length === 0, 'the port is closed')
    assert.equal(served.exchanges.list()[0]?.code, 'bad-signature')
    assert.equal(served.registered.size, 0)
    for (const each of [socket, again]) each.destroy()
  })
})

describe('what fails has a name, and leaves nothing', () => {
  test('the client is gone after its last word: the keys are registered, as it can ask', async () => {
    await using served = await serve()
    const run = runOf(served, { pollMs: 10 })
    const controller = new AbortController()
    const onStep: typeof run.onStep = ({ step }) => {
      if (step === 'proven') controller.abort()
    }
    await runExchange({ ...run, onStep, signal: controller.signal }).catch(() => undefined)
    await until(() => stateOf(served) === 'registered' || stateOf(served) === 'cancelled', 'it ends')
    assert.deepEqual(listening(), [])
  })

  test('a full disk at the client ends it before anything is registered', async () => {
    await using served = await serve()
    const run = runOf(served)
    run.keeping.trouble = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    assert.equal(await codeOf(runExchange(run)), 'ENOSPC')
    assert.ok(['refused', 'cancelled'].includes(stateOf(served) ?? ''))
    assert.equal(served.registered.size, 0)
    assert.deepEqual(listening(), [])
  })

  test('a full disk at the server ends it before anything is registered', async () => {
    for (const state of ['scheduled', 'open', 'talking', 'awaiting-confirmation', 'confirmed']) {
      const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      const append = (record: { state: string }): void => {
        if (record.state === state) throw full
      }
      await using served = await serve({
        windowMs: 1000,
        journal: { records: [], append, close: () => undefined },
      })
      const run = runOf(served)
      await assert.rejects(runExchange(run))
      await until(() => stateOf(served) === 'failed', `it fails when ${state} cannot be written`)
      assert.equal(served.registered.size, 0)
      assert.equal(run.keeping.committed.length, 0)
      assert.deepEqual(listening(), [])
    }
  })

  test('a registry that refuses: failed, with its reason', async () => {
    await using served = await serve()
    served.trouble.push(new Refused('id-reused', 'the key is registered already'))
    assert.equal(await codeOf(exchanged(served)), 'id-reused')
    assert.deepEqual([stateOf(served), served.registered.size], ['failed', 0])
  })

  test('a registry that says beforehand that it would refuse', async () => {
    const admit = async (): Promise<void> => {
      throw new Refused('id-reused', 'the key is registered already')
    }
    await using served = await serve({ admit })
    assert.equal(await codeOf(exchanged(served)), 'id-reused')
    assert.deepEqual([stateOf(served), served.registered.size], ['refused', 0])
  })

  test('a ledger that is away for a moment is asked again; one that stays away is a failure', async () => {
    await using served = await serve({ registerMs: 1500 })
    const away = new Error('nothing answers')
    served.trouble.push(away, new Refused('outcome-unknown', 'no answer'))
    await exchanged(served)
    assert.equal(served.registered.size, 2)
    served.registered.clear()
    served.trouble.push(...Array<Error>(20).fill(away))
    await assert.rejects(exchanged(served, { keys: [{ key: keys.strangerSign, purpose: 'sign' }] }))
    assert.deepEqual([stateOf(served), served.exchanges.list()[0]?.detail], ['failed', 'nothing answers'])
    assert.equal(served.registered.size, 0)
  })

  test('nobody confirms in time', async () => {
    await using served = await serve({ confirmMs: 100 })
    assert.equal(await codeOf(exchanged(served, { assurance: 'sas' })), 'wrong-string')
    assert.deepEqual([stateOf(served), served.registered.size], ['expired', 0])
  })

  test('a server certificate that is not the announced one', async () => {
    await using served = await serve()
    const run = runOf(served)
    const { certificate } = await createIdentity({ name: 'other', now: Date.now(), days: 1 })
    const { fingerprint } = describeCertificate(certificate)
    const forged: ExchangeApi = {
      ...run.api,
      create: async (body) => ({ ...(await run.api.create(body)), certificate, fingerprint }),
    }
    assert.equal(await codeOf(runExchange({ ...run, api: forged })), 'wrong-certificate')
    const half: ExchangeApi = {
      ...run.api,
      create: async (body) => ({ ...(await run.api.create(body)), fingerprint }),
    }
    assert.equal(await codeOf(runExchange({ ...run, api: half })), 'wrong-certificate')
    assert.equal(served.registered.size, 0)
    await sleep(0)
  })
})
