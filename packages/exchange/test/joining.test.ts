// Exchanges that a person schedules, and a machine joins: who may, when, once, and what survives.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { until } from '../../core/test/until.ts'
import { createIdentity, describeCertificate, type Identity } from '../src/certificate.ts'
import { runExchange } from '../src/client.ts'
import type { ExchangeRecord, ExchangeState, Person } from '../src/exchange-state.ts'
import { exchangeTransitions, mayBecome } from '../src/exchange-transitions.ts'
import { parseView } from '../src/exchange-view.ts'
import { openJournal } from '../src/journal.ts'
import { connect } from '../src/tls-client.ts'
import { listening } from './listening.ts'
import { admin, codeOf, exchanged, runOf, type Served, second, serve } from './serving.ts'

after(() => assert.deepEqual(listening(), []))

const third: Person = { id: 'https://auth.example sub cyd', isPerson: true }
const machine: Person = { id: 'https://auth.example client laptop', isPerson: false }
const laptop = await createIdentity({ name: 'laptop', now: Date.now(), days: 1 })
const other = await createIdentity({ name: 'other', now: Date.now(), days: 1 })

const asked = { owner: 'auditor', assurance: 'token', by: admin } as const

function fingerprintOf({ certificate }: Identity): string {
  return describeCertificate(certificate).fingerprint
}

describe('an exchange that is scheduled without a client', () => {
  test('waits, without a port and without certificates, and is run by whoever joins it', async () => {
    await using served = await serve()
    const { id, state, certificate, clientFingerprint } = await served.exchanges.create(asked)
    assert.deepEqual([state, certificate, clientFingerprint], ['awaiting-client', undefined, undefined])
    assert.deepEqual(listening(), [])
    const run = runOf(served, { api: served.api(machine), join: id, identity: laptop })
    const { exchange } = await runExchange(run)
    assert.equal(exchange, id)
    const record = served.exchanges.get(id)
    assert.deepEqual(
      [record.state, record.createdBy, record.joinedBy, record.clientFingerprint],
      ['registered', admin, machine, fingerprintOf(laptop)],
    )
    assert.match(run.steps[0] ?? '', /^joined: exchange /)
    assert.equal(served.registered.size, 2)
  })

  test('has both actors in its audit trail, and in the journal', async () => {
    const written: ExchangeRecord[] = []
    const journal = { records: [], append: (each: ExchangeRecord) => void written.push(each), close() {} }
    await using served = await serve({ journal })
    const { id } = await served.exchanges.create(asked)
    await runExchange(runOf(served, { api: served.api(machine), join: id, identity: laptop }))
    const [first, next] = served.events
    assert.deepEqual([first?.event, first?.by], ['awaiting-client', admin.id])
    assert.match(first?.detail ?? '', /^keys of auditor, assurance token, port \d+$/)
    assert.deepEqual([next?.event, next?.by], ['scheduled', machine.id])
    assert.match(next?.detail ?? '', new RegExp(fingerprintOf(laptop)))
    const trail = written.map(({ state, createdBy, joinedBy }) => [state, createdBy.id, joinedBy?.id])
    assert.deepEqual(trail[0], ['awaiting-client', admin.id, undefined])
    assert.deepEqual(trail[1], ['scheduled', admin.id, machine.id])
  })

  test('opens its window when the client has joined, when no time was asked for', async () => {
    await using served = await serve()
    const { id, openAt, closesAt } = await served.exchanges.create(asked)
    assert.equal(closesAt - openAt, 600_000)
    const joined = await served.exchanges.join(id, laptop.certificate, machine)
    assert.equal(joined.state, 'open')
    assert.ok(joined.openAt >= openAt)
    assert.equal(joined.closesAt - joined.openAt, 5000)
  })

  test('keeps the time that was asked for: who joins before waits, and no port is open', async () => {
    await using served = await serve()
    const at = Date.now() + 86_000_000
    const { id } = await served.exchanges.create({ ...asked, openAt: at })
    const { state, openAt, closesAt } = await served.exchanges.join(id, laptop.certificate, machine)
    assert.deepEqual([state, openAt, closesAt], ['scheduled', at, at + 5000])
    assert.deepEqual(listening(), [])
  })

  test('can be joined until its window closes', async () => {
    const clock = { ms: Date.now() }
    await using served = await serve({ now: () => clock.ms })
    const at = clock.ms + 100_000
    const create = (): Promise<ExchangeRecord> => served.exchanges.create({ ...asked, openAt: at })
    const [early, late] = [await create(), await create()]
    clock.ms = at + 1000
    const joined = await served.exchanges.join(early.id, laptop.certificate, machine)
    assert.deepEqual([joined.state, joined.closesAt], ['open', at + 5000])
    clock.ms = at + 5000
    const tooLate = served.exchanges.join(late.id, laptop.certificate, machine)
    assert.equal(await codeOf(tooLate), 'exchange-over')
    assert.equal(served.exchanges.get(late.id).clientFingerprint, undefined)
  })

  test('expires when nobody joins in time, and cannot be joined any more', async () => {
    await using served = await serve({ joinMs: 50 })
    const { id } = await served.exchanges.create(asked)
    await until(() => served.exchanges.get(id).state === 'expired', 'it expires')
    assert.equal(await codeOf(served.exchanges.join(id, laptop.certificate, machine)), 'exchange-over')
    assert.equal(served.exchanges.get(id).detail, 'nobody joined in time')
  })

  test('can be cancelled before anybody has joined', async () => {
    await using served = await serve()
    const { id } = await served.exchanges.create(asked)
    assert.equal((await served.exchanges.cancel(id, second)).state, 'cancelled')
    assert.equal(await codeOf(served.exchanges.join(id, laptop.certificate, machine)), 'exchange-over')
    assert.deepEqual(listening(), [])
  })
})

describe('an exchange is joined once', () => {
  test('by one certificate: another one, or another caller, is refused and told', async () => {
    await using served = await serve()
    const { id } = await served.exchanges.create(asked)
    const { port, certificate } = await served.exchanges.join(id, laptop.certificate, machine)
    assert.equal(await codeOf(served.exchanges.join(id, other.certificate, machine)), 'exchange-over')
    assert.equal(await codeOf(served.exchanges.join(id, laptop.certificate, third)), 'exchange-over')
    const refused = served.events.filter(({ event }) => event === 'join-refused')
    assert.deepEqual(
      refused.map(({ by }) => by),
      [machine.id, third.id],
    )
    assert.equal(served.exchanges.get(id).clientFingerprint, fingerprintOf(laptop))
    // Nor does the port take it.
    const peer = {
      certificate: String(certificate),
      fingerprint: describeCertificate(String(certificate)).fingerprint,
    }
    const socket = await connect({ host: '127.0.0.1', port, identity: other, peer })
    await until(() => served.exchanges.get(id).refusedConnections === 1, 'it is refused')
    socket.destroy()
  })

  test('by the same one from the same caller again: the same answer', async () => {
    await using served = await serve()
    const { id } = await served.exchanges.create(asked)
    const [first, again] = await Promise.all([
      served.exchanges.join(id, laptop.certificate, machine),
      served.exchanges.join(id, laptop.certificate, machine),
    ])
    assert.deepEqual(again, first)
    assert.equal(served.events.filter(({ event }) => event === 'scheduled').length, 1)
  })

  test('by one of two who come at the same moment', async () => {
    await using served = await serve()
    const { id } = await served.exchanges.create(asked)
    const joins = await Promise.allSettled([
      served.exchanges.join(id, laptop.certificate, machine),
      served.exchanges.join(id, other.certificate, third),
    ])
    assert.deepEqual(
      joins.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
    assert.equal(served.exchanges.get(id).joinedBy?.id, machine.id)
  })

  test('and not at all when it was asked for with a certificate', async () => {
    await using served = await serve()
    const create = { ...asked, clientCertificate: laptop.certificate }
    const { id, joinedBy } = await served.exchanges.create(create)
    assert.equal(joinedBy, admin)
    assert.equal(await codeOf(served.exchanges.join(id, other.certificate, machine)), 'exchange-over')
  })

  test('with a certificate that TLS would take', async () => {
    await using served = await serve()
    const { id } = await served.exchanges.create(asked)
    assert.equal(await codeOf(served.exchanges.join(id, 'none', machine)), 'wrong-certificate')
    assert.equal(served.exchanges.get(id).state, 'awaiting-client')
    const unknown = '019ab123-4567-7000-8000-000000000001'
    assert.equal(
      await codeOf(served.exchanges.join(unknown, laptop.certificate, machine)),
      'unknown-exchange',
    )
  })

  test('by a client that was told the same: owner and assurance are not the server’s to say', async () => {
    await using served = await serve()
    const { id } = await served.exchanges.create({ ...asked, assurance: 'token' })
    const run = runOf(served, { join: id, assurance: 'sas' })
    assert.equal(await codeOf(runExchange(run)), 'bad-config')
    assert.equal(await codeOf(exchanged(served, { join: id, owner: 'archive' })), 'bad-config')
    assert.equal(served.exchanges.get(id).state, 'awaiting-client')
  })

  test('and not another one that the server would rather have joined', async () => {
    await using served = await serve()
    const { id } = await served.exchanges.create(asked)
    const { id: rather } = await served.exchanges.create(asked)
    const api = served.api()
    const run = (more: Partial<typeof api>): Promise<unknown> =>
      runExchange(runOf(served, { api: { ...api, ...more }, join: id, identity: laptop }))
    assert.equal(await codeOf(run({ get: () => api.get(rather) })), 'unknown-exchange')
    assert.equal(served.exchanges.get(rather).state, 'awaiting-client')
    assert.equal(await codeOf(run({ join: (_, client) => api.join(rather, client) })), 'unknown-exchange')
    assert.equal(served.registered.size, 0)
  })
})

describe('two persons', () => {
  for (const [who, joiner] of [
    ['a program', machine],
    ['another person', third],
  ] as const) {
    test(`are neither who scheduled it nor ${who} that joined it`, async () => {
      await using served = await serve()
      const { exchanges } = served
      const { id } = await exchanges.create({ ...asked, assurance: 'two-person' })
      const compare = async (string: string): Promise<boolean> => {
        await until(() => exchanges.get(id).state === 'awaiting-confirmation', 'the server waits')
        for (const by of [admin, joiner]) {
          assert.equal((await served.api(by).get(id))['string'], undefined)
          assert.equal(await codeOf(exchanges.confirm(id, string, by)), 'not-approved')
        }
        assert.equal((await served.api(second).get(id))['string'], string)
        await exchanges.confirm(id, string, second)
        return true
      }
      const run = runOf(served, { api: served.api(joiner), join: id, assurance: 'two-person', compare })
      await runExchange(run)
      assert.equal(exchanges.get(id).confirmedBy?.id, second.id)
    })
  }
})

describe('after a restart', () => {
  async function restarted(
    work: (open: (more?: Parameters<typeof serve>[0]) => Promise<Served>) => Promise<void>,
  ): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'exchange-'))
    const path = join(folder, 'exchanges.jsonl')
    await work((more) => serve({ ...more, journal: openJournal(path) }))
    rmSync(folder, { recursive: true })
  }

  test('it still waits, and is joined as before', async () => {
    await restarted(async (open) => {
      const ports = { from: 20_000 + (process.pid % 900), to: 20_000 + (process.pid % 900) }
      const before = await open({ ports, instance: 'pod-1' })
      const { id, port } = await before.exchanges.create(asked)
      await before[Symbol.asyncDispose]()
      await using served = await open({ ports, instance: 'pod-2' })
      assert.deepEqual(
        [served.exchanges.get(id).state, served.exchanges.get(id).port],
        ['awaiting-client', port],
      )
      assert.equal(served.exchanges.get(id).instance, 'pod-2')
      await runExchange(runOf(served, { join: id, identity: laptop }))
      assert.equal(served.exchanges.get(id).state, 'registered')
    })
  })

  test('it has expired when its time is over, and failed when its port is no longer configured', async () => {
    await restarted(async (open) => {
      const clock = { ms: Date.now() }
      const ports = { from: 20_910, to: 20_919 }
      const before = await open({ ports, now: () => clock.ms })
      const { id } = await before.exchanges.create(asked)
      const far = await before.exchanges.create({ ...asked, openAt: clock.ms + 80_000_000 })
      await before[Symbol.asyncDispose]()
      clock.ms += 600_000
      const served = await open({ ports, now: () => clock.ms })
      await until(() => served.exchanges.get(id).state === 'expired', 'it expires')
      await served[Symbol.asyncDispose]()
      await using moved = await open({ ports: { from: 20_920, to: 20_929 }, now: () => clock.ms })
      const { state, code } = moved.exchanges.get(far.id)
      assert.deepEqual([state, code], ['failed', 'no-port'])
    })
  })

  test('it still waits, however many exchanges have come and gone since', async () => {
    await restarted(async (open) => {
      const ports = { from: 20_930, to: 20_939 }
      const before = await open({ ports })
      const { id } = await before.exchanges.create({ ...asked, openAt: Date.now() + 80_000_000 })
      for (let count = 0; count < 201; count++) {
        const passing = await before.exchanges.create(asked)
        await before.exchanges.cancel(passing.id, admin)
      }
      await before[Symbol.asyncDispose]()
      await using served = await open({ ports })
      assert.equal(served.exchanges.get(id).state, 'awaiting-client')
      assert.equal(served.exchanges.list().length, 200)
    })
  })

  test('what had been joined has failed, with its certificate known', async () => {
    await restarted(async (open) => {
      const before = await open()
      const { id } = await before.exchanges.create({ ...asked, openAt: Date.now() + 80_000_000 })
      await before.exchanges.join(id, laptop.certificate, machine)
      await before[Symbol.asyncDispose]()
      await using served = await open()
      const { state, clientFingerprint } = served.exchanges.get(id)
      assert.deepEqual([state, clientFingerprint], ['failed', fingerprintOf(laptop)])
      assert.equal(await codeOf(served.exchanges.join(id, laptop.certificate, machine)), 'exchange-over')
    })
  })
})

describe('whatever is asked, in any order', () => {
  const acts = ['join', 'join-other', 'cancel', 'confirm', 'connect', 'restart'] as const

  test('an exchange moves by the table, and listens only for a certificate that it knows', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'exchange-'))
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.constantFrom(...acts), { maxLength: 6 }),
        async (alone, all) => {
          const path = join(folder, `${runs++}.jsonl`)
          const moves: ExchangeState[] = []
          const open = (): Promise<Served> => {
            const journal = openJournal(path)
            const append = (record: ExchangeRecord): void => {
              moves.push(record.state)
              journal.append(record)
            }
            return serve({ journal: { ...journal, append }, confirmMs: 1000 })
          }
          let served = await open()
          const { id } = await served.exchanges.create({
            ...{ ...asked, assurance: 'sas' },
            ...(!alone && { clientCertificate: laptop.certificate }),
          })
          for (const act of all) {
            const { exchanges } = served
            if (act === 'restart') {
              await served[Symbol.asyncDispose]()
              served = await open()
            } else if (act === 'join')
              await exchanges.join(id, laptop.certificate, machine).catch(() => undefined)
            else if (act === 'join-other')
              await exchanges.join(id, other.certificate, third).catch(() => undefined)
            else if (act === 'cancel') await exchanges.cancel(id, second).catch(() => undefined)
            else if (act === 'confirm')
              await exchanges.confirm(id, '0000-0000', second).catch(() => undefined)
            else await visit(served, id)
            const { clientFingerprint, state } = served.exchanges.get(id)
            if (listening().length > 0)
              assert.ok(clientFingerprint !== undefined && state !== 'awaiting-client')
          }
          await served[Symbol.asyncDispose]()
          moves.forEach((to, i) => {
            const from = i === 0 ? undefined : moves[i - 1]
            assert.ok(mayBecome(from, to), `${from} -> ${to}`)
          })
        },
      ),
      { numRuns: 40 },
    )
    rmSync(folder, { recursive: true })
  })

  test('and nothing follows an end', () => {
    for (const end of ['registered', 'expired', 'refused', 'cancelled', 'failed'] as const) {
      assert.ok(exchangeTransitions.every(({ to }) => !mayBecome(end, to)))
    }
  })
})

/** Somebody at the port, who hangs up at once. */
async function visit({ exchanges, api }: Served, id: string): Promise<void> {
  if (exchanges.get(id).state !== 'open') return
  const view = parseView(await api().get(id))
  const socket = await connect({ host: '127.0.0.1', port: view.port, identity: laptop, peer: view })
  socket.destroy()
}
