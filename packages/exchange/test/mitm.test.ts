// A man in the middle who owns the REST channel: he hands each side a certificate of his own, and stands
// between them with keys of his own. He does not own the second person.
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { Bytes } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { randomBytes } from '@ledgerstone/core/primitives/node'
import { until } from '../../core/test/until.ts'
import { beginCeremony, type Ceremony, step } from '../src/ceremony.ts'
import { createIdentity, describeCertificate } from '../src/certificate.ts'
import { challengeTo } from '../src/challenge.ts'
import { type ExchangeApi, runExchange } from '../src/client.ts'
import { converse } from '../src/conversation.ts'
import { parseView } from '../src/exchange-view.ts'
import { decodeMessage, encodeMessage, type Reveal } from '../src/message.ts'
import { provingKey } from '../src/own-key.ts'
import { shortString } from '../src/sas.ts'
import { connect, exporterOf } from '../src/tls-client.ts'
import { type Listener, listen } from '../src/tls-server.ts'
import { stringInput } from '../src/transcript.ts'
import { bytes32, keys, origin, setting } from './ceremonies.ts'
import { listening } from './listening.ts'
import { admin, codeOf, runOf, type Served, second, serve } from './serving.ts'

after(() => assert.deepEqual(listening(), []))

const mine = await createIdentity({ name: 'sealer', now: Date.now(), days: 1 })
const asClient = await provingKey(keys.strangerReceive, {
  owner: 'auditor',
  assurance: 'two-person',
  purpose: 'receive',
})
const asServer = await provingKey(keys.strangerSign, { owner: 'sealer', assurance: 'local', purpose: 'sign' })

type Middle = {
  readonly api: ExchangeApi
  listener: Listener | undefined
  strings: string[]
  exchange: string
}

/** He answers the client in the server's place, and asks the server in the client's. */
function middle(served: Served): Middle {
  const api = served.api(admin)
  /** `view`: what the server made of his own certificate. `client`: the one that he was to hand on. */
  async function between(view: JsonObject, client: string): Promise<JsonObject> {
    const real = parseView(view)
    man.exchange = real.id
    man.listener = await listen({
      ...{ host: '127.0.0.1', ports: [0], identity: mine, onRefused: () => undefined },
      peer: { certificate: client, fingerprint: describeCertificate(client).fingerprint },
      async onConnection(socket) {
        const upstream = await connect({ host: '127.0.0.1', port: real.port, identity: mine, peer: real })
        const legs = [
          beginCeremony({
            ...setting('server', { keys: [asServer], nonce: randomBytes(32) }),
            ...{ binding: { exchange: real.id, exporter: exporterOf(socket) }, origin },
          }),
          beginCeremony({
            ...setting('client', { keys: [asClient], nonce: randomBytes(32) }),
            ...{ binding: { exchange: real.id, exporter: exporterOf(upstream) }, origin },
          }),
        ] as const
        const keep = async (): Promise<void> => undefined
        const [one, two] = await Promise.all([
          converse({ stream: socket, ceremony: legs[0], keep }),
          converse({ stream: upstream, ceremony: legs[1], keep }),
        ])
        man.strings.push(one.string ?? '', two.string ?? '')
        upstream.destroy()
      },
    })
    const { fingerprint } = describeCertificate(mine.certificate)
    return { ...view, port: man.listener.port, certificate: mine.certificate, fingerprint }
  }
  const man: Middle = {
    ...{ listener: undefined, strings: [], exchange: '' },
    api: {
      async create(body) {
        const view = await api.create({ ...body, clientCertificate: mine.certificate })
        return between(view, String(body['clientCertificate']))
      },
      async join(id, { certificate }) {
        return between(await api.join(id, { certificate: mine.certificate }), String(certificate))
      },
      // What he would like the client to believe.
      get: async (id) => ({ ...(await api.get(id)), state: 'registered', blocks: [], approvalsMissing: 0 }),
      cancel: async () => ({}),
    },
  }
  return man
}

describe('a man in the middle who owns the REST channel', () => {
  for (const how of ['asked for by the client', 'scheduled by a person, and joined'] as const) {
    test(`of an exchange ${how}: he gets through both ceremonies, and is caught by the string`, async () => {
      await using served = await serve()
      const man = middle(served)
      const compare = async (string: string): Promise<boolean> => {
        const state = (): string => served.exchanges.get(man.exchange).state
        await until(() => state() === 'awaiting-confirmation', 'the server waits')
        assert.notEqual(served.exchanges.get(man.exchange).string, string)
        assert.equal(await codeOf(served.exchanges.confirm(man.exchange, string, second)), 'wrong-string')
        return false
      }
      const scheduled = { owner: 'auditor', assurance: 'two-person', by: admin } as const
      const join = how.startsWith('asked') ? undefined : (await served.exchanges.create(scheduled)).id
      const run = runOf(served, { assurance: 'two-person', compare, ...(join !== undefined && { join }) })
      assert.equal(await codeOf(runExchange({ ...run, api: man.api })), 'wrong-string')
      assert.equal(new Set(man.strings).size, 2)
      assert.equal(served.exchanges.get(man.exchange).state, 'refused')
      assert.deepEqual([served.registered.size, run.keeping.committed.length], [0, 0])
      await man.listener?.close()
    })
  }

  test('cannot confirm in the second person’s place with the first one’s token', async () => {
    await using served = await serve()
    const man = middle(served)
    const compare = async (): Promise<boolean> => {
      await until(() => man.strings.length === 2, 'he knows both strings')
      const [, theirs] = man.strings as [string, string]
      assert.equal(await codeOf(served.exchanges.confirm(man.exchange, theirs, admin)), 'not-approved')
      return false
    }
    await codeOf(runExchange({ ...runOf(served, { assurance: 'two-person', compare }), api: man.api }))
    assert.equal(served.registered.size, 0)
    await man.listener?.close()
  })
})

/** The server after message 2, and what the man in the middle had committed to. */
async function offered(): Promise<{ server: Ceremony; commit: Bytes; offer: Bytes; reveal: Reveal }> {
  const client = beginCeremony(setting('client'))
  const { ceremony, send: commit } = await step(client, { type: 'connected' })
  const { ceremony: server, send: offer } = await step(beginCeremony(setting('server')), {
    type: 'message',
    bytes: commit as Bytes,
  })
  const { send: reveal } = await step(ceremony, { type: 'message', bytes: offer as Bytes })
  return {
    server,
    commit: commit as Bytes,
    offer: offer as Bytes,
    reveal: decodeMessage(reveal as Bytes) as Reveal,
  }
}

describe('grinding', () => {
  test('of the nonce would work without the commitment', async () => {
    const { commit, offer, reveal } = await offered()
    const exporter = bytes32('exporter')
    const target = shortString(exporter, bytes32('what the other side shows')).slice(0, 2)
    let tries = 0
    const tried = (): string => {
      return shortString(exporter, stringInput(commit, offer, bytes32(`try ${tries++}`), reveal.keys)).slice(
        0,
        2,
      )
    }
    while (tried() !== target) assert.ok(tries < 100_000)
    assert.ok(tries > 0)
  })

  test('of the nonce, or of the keys, is refused because of the commitment', async () => {
    const { server, reveal } = await offered()
    for (const changed of [
      { ...reveal, nonce: bytes32('another') },
      { ...reveal, keys: reveal.keys.slice(1) },
    ]) {
      const { ceremony } = await step(server, { type: 'message', bytes: encodeMessage(changed) })
      assert.deepEqual([ceremony.state, ceremony.refusal?.code], ['refused', 'bad-ceremony'])
    }
  })

  test('of the challenges changes nothing: the string does not depend on them', async () => {
    const { server, reveal } = await offered()
    const strings = new Set<string | undefined>()
    for (let i = 0; i < 20; i++) {
      const challenges = [await challengeTo(keys.serverReceive.spki, bytes32(`try ${i}`))]
      const bytes = encodeMessage({ ...reveal, challenges })
      const { ceremony } = await step(server, { type: 'message', bytes })
      assert.equal(ceremony.state, 'challenged')
      strings.add(ceremony.string)
    }
    assert.equal(strings.size, 1)
  })

  test('by asking again is no use: one exchange takes one attempt', async () => {
    await using served = await serve()
    const view = parseView(
      await served
        .api()
        .create({ owner: 'auditor', assurance: 'token', clientCertificate: mine.certificate }),
    )
    const socket = await connect({ host: '127.0.0.1', port: view.port, identity: mine, peer: view })
    const { send } = await step(beginCeremony(setting('client')), { type: 'connected' })
    const { Frames } = await import('../src/frames.ts')
    const frames = new Frames(socket)
    await frames.write(send as Bytes)
    assert.equal(decodeMessage((await frames.next(5000)) as Bytes).type, 'offer')
    socket.destroy()
    await until(() => served.exchanges.get(view.id).state === 'refused', 'it is over')
    assert.equal(served.exchanges.get(view.id).code, 'peer-lost')
  })
})
