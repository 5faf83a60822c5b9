// Keys exchanged with a sealer over REST and TLS, and registered in a real ledger.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ledgerApi } from '@ledgerstone/client/api'
import { plainMemory } from '@ledgerstone/client/memory'
import { openBlock, readEnvelope, readVerified } from '@ledgerstone/client/open'
import { textOf } from '@ledgerstone/core/bytes'
import { createKey } from '@ledgerstone/core/key-pair'
import { openerOf } from '@ledgerstone/core/open'
import { createIdentity } from '@ledgerstone/exchange/certificate'
import { type ExchangeRun, runExchange } from '@ledgerstone/exchange/client'
import { directWay } from '@ledgerstone/exchange/ways/direct'
import { bodyStatement } from '@ledgerstone/log/genesis'
import { submissionOf } from '@ledgerstone/log/submission'
import { issuerUrl } from '../../border/test/tokens.ts'
import { until } from '../../core/test/until.ts'
import { keys, registrationOf } from '../../log/test/sample.ts'
import { type Exchanging, exchanging, origin } from './exchanging.ts'
import { recordText, untilKeysFinal } from './running.ts'

const newReceiver = await createKey('RSA-2048')
const newSigner = await createKey('Ed25519')

function runOf(exchanging: Exchanging, more: Partial<ExchangeRun> = {}): ExchangeRun {
  return {
    ...{ api: exchanging.api(), way: directWay('127.0.0.1'), origin, owner: 'auditor', assurance: 'token' },
    keys: [{ key: newReceiver, purpose: 'receive' }],
    keep: async () => ({ commit: async () => undefined, discard: async () => undefined }),
    compare: async () => true,
    ...{ onStep: () => undefined, now: Date.now, pollMs: 20 },
    ...more,
  }
}

describe('an exchange with a sealer', () => {
  test('registers keys as blocks; the next record is sealed for the new receiver, who opens it', async () => {
    await using each = await exchanging()
    const both = [
      { key: newReceiver, purpose: 'receive' } as const,
      { key: newSigner, purpose: 'sign' } as const,
    ]
    const { registered, serverKeys, exchange } = await runExchange(runOf(each, { keys: both }))
    assert.deepEqual(new Set(serverKeys.map(({ kid }) => kid)), new Set([keys.statement.kid, keys.rsa.kid]))
    const registry = await each.registry()
    for (const { kid, index } of registered.blocks) {
      assert.deepEqual([registry.key(kid).owner, registry.key(kid).assurance], ['auditor', 'token'])
      assert.equal(registry.key(kid).effective, index)
    }
    const posted = await each.post('{"type":"payment.captured","record":{"amount":"1.10"}}')
    assert.equal(posted.status, 201)
    assert.equal(await openedBy(each, Number(posted.body['index']), newReceiver.pkcs8), '{"amount":"1.10"}')
    const trail = each.lines.map((line) => JSON.parse(line)).filter((line) => line.exchange === exchange)
    assert.ok(
      trail.some((line) => line.audit === 'registered') && trail.some((line) => line.audit === 'scheduled'),
    )
  })

  test('of two people is confirmed by another person over REST', async () => {
    await using each = await exchanging({ least: { sign: 'two-person', receive: 'two-person' } })
    const compare = async (string: string): Promise<boolean> => {
      const [ben, robot] = [each.api({ sub: 'ben' }), each.api({ sub: 'shop' })]
      const state = async (): Promise<unknown> => (await ben.list())[0]?.['state']
      await until(async () => (await state()) === 'awaiting-confirmation', 'the server has the string')
      await untilKeysFinal(each.ledger)
      const [{ id } = { id: '' }] = await ben.list()
      assert.equal((await ben.get(String(id)))['string'], string)
      assert.equal((await each.api().get(String(id)))['string'], undefined)
      await assert.rejects(each.api().confirm(String(id), string), { code: 'not-approved' })
      await assert.rejects(robot.confirm(String(id), string), { code: 'not-approved' })
      assert.equal((await ben.confirm(String(id), string))['state'], 'registered')
      return true
    }
    await runExchange(runOf(each, { assurance: 'two-person', compare }))
    assert.equal((await each.registry()).key(newReceiver.kid).assurance, 'two-person')
  })

  test('is scheduled by a person, joined by a program, and confirmed by another person', async () => {
    await using each = await exchanging({ least: { sign: 'two-person', receive: 'two-person' } })
    const [ann, ben, program] = [each.api(), each.api({ sub: 'ben' }), each.api({ sub: 'shop' })]
    const asked = { owner: 'auditor', assurance: 'two-person' }
    const { id, state, certificate } = await ann.create(asked)
    assert.deepEqual([state, certificate], ['awaiting-client', undefined])
    const compare = async (string: string): Promise<boolean> => {
      const now = async (): Promise<unknown> => (await ben.get(String(id)))['state']
      await until(async () => (await now()) === 'awaiting-confirmation', 'the server has the string')
      await untilKeysFinal(each.ledger)
      for (const api of [ann, program]) {
        assert.equal((await api.get(String(id)))['string'], undefined)
        await assert.rejects(api.confirm(String(id), string), { code: 'not-approved' })
      }
      assert.equal((await ben.confirm(String(id), string))['state'], 'registered')
      return true
    }
    await runExchange(runOf(each, { api: program, join: String(id), assurance: 'two-person', compare }))
    const { createdBy, joinedBy, confirmedBy } = await ann.get(String(id))
    assert.deepEqual(
      [createdBy, joinedBy, confirmedBy],
      [`${issuerUrl} sub ann`, `${issuerUrl} client shop`, `${issuerUrl} sub ben`],
    )
    const trail = each.lines.map((line) => JSON.parse(line)).filter(({ exchange }) => exchange === id)
    const by = (audit: string): unknown => trail.find((line) => line.audit === audit)?.by
    assert.deepEqual([by('awaiting-client'), by('scheduled')], [createdBy, joinedBy])
    assert.equal((await each.registry()).key(newReceiver.kid).assurance, 'two-person')
  })

  test('rotates a key: the old one is replaced', async () => {
    await using each = await exchanging()
    const keysToRotate = [{ key: newReceiver, purpose: 'receive', replaces: keys.receiver } as const]
    await runExchange(runOf(each, { keys: keysToRotate }))
    const registry = await each.registry()
    assert.equal(registry.key(keys.receiver.kid).replaced?.by, newReceiver.kid)
    assert.throws(() => registry.keyAt(keys.receiver.kid, registry.size), { code: 'key-revoked' })
  })
})

describe('who receives', () => {
  const everyone = { '*': ['auditor', '*'] }

  test('may be everyone with a key in force: a new owner counts from the next record on', async () => {
    await using each = await exchanging({}, { receivers: everyone })
    await runExchange(runOf(each, { owner: 'team-a' }))
    const posted = await each.post('{"type":"payment.captured","record":{"amount":"1.10"}}')
    assert.equal(await openedBy(each, Number(posted.body['index']), newReceiver.pkcs8), '{"amount":"1.10"}')
    assert.equal(recordText(await each.open(Number(posted.body['index']))), '{"amount":"1.10"}')
  })

  test('are never more than an envelope takes: the key too many is refused', async () => {
    await using each = await exchanging({}, { receivers: everyone })
    const known = { purpose: 'receive', roles: [], assurance: 'token', kind: 'RSA', owner: 'team-a' } as const
    const added = (count: number): Parameters<typeof each.sealer.receivers.checkRoom>[0] =>
      Array.from({ length: count }, (_, i) => ({ ...known, spki: newReceiver.spki, kid: `key ${i}` }))
    // The auditor's is the first of sixteen.
    each.sealer.receivers.checkRoom(added(15))
    assert.throws(() => each.sealer.receivers.checkRoom(added(16)), { code: 'too-large' })
    const [first] = added(1)
    assert(first !== undefined)
    const rotated = [...added(15), { ...first, kid: 'the auditor’s new one', replaces: keys.receiver.kid }]
    each.sealer.receivers.checkRoom(rotated)
    const signing = added(16).map((key) => ({ ...key, purpose: 'sign' as const }))
    each.sealer.receivers.checkRoom(signing)
  })
})

describe('an exchange is refused', () => {
  test('without the scope, and for owners without a rule, with a role, or the sealer itself', async () => {
    await using each = await exchanging()
    const { certificate: clientCertificate } = await createIdentity({ name: 'a', now: Date.now(), days: 1 })
    const asked = { owner: 'auditor', assurance: 'token', clientCertificate }
    const cases = [
      [each.api({}, 'read:* append:* manage:keys'), asked, 'insufficient-scope'],
      [each.api({ client_id: 'other' }), asked, 'insufficient-scope'],
      [each.api(), { ...asked, owner: 'somebody' }, 'insufficient-scope'],
      [each.api(), { ...asked, owner: 'sealer' }, 'reserved'],
      [each.api(), { ...asked, owner: 'registrar' }, 'reserved'],
      [each.api(), { ...asked, clientCertificate: 'none' }, 'wrong-certificate'],
      [each.api(), { ...asked, openAt: 'tomorrow' }, 'malformed'],
      [each.api(), { ...asked, more: 1 }, 'unknown-field'],
    ] as const
    for (const [api, body, code] of cases) await assert.rejects(api.create(body), { code })
    assert.deepEqual(await each.api().list(), [])
    const unknown = '019ab123-4567-7000-8000-000000000001'
    await assert.rejects(each.api().get(unknown), { code: 'unknown-exchange' })
  })

  test('to whoever joins and could not have asked for it, and to a second certificate', async () => {
    await using each = await exchanging()
    const { certificate } = await createIdentity({ name: 'a', now: Date.now(), days: 1 })
    const { certificate: another } = await createIdentity({ name: 'b', now: Date.now(), days: 1 })
    const { id } = await each.api().create({ owner: 'auditor', assurance: 'token' })
    const cases = [
      [each.api({}, 'read:* append:* manage:keys'), { certificate }, 'insufficient-scope'],
      [each.api({ client_id: 'other' }), { certificate }, 'insufficient-scope'],
      [each.api(), { certificate: 'none' }, 'wrong-certificate'],
      [each.api(), { certificate, owner: 'team-a' }, 'unknown-field'],
      [each.api(), {}, 'malformed'],
    ] as const
    for (const [api, body, code] of cases) {
      await assert.rejects(api.join(String(id), body), { code }, code)
      assert.equal((await each.api().get(String(id)))['state'], 'awaiting-client')
    }
    assert.equal((await each.api().join(String(id), { certificate }))['state'], 'open')
    assert.equal((await each.api().join(String(id), { certificate }))['state'], 'open')
    await assert.rejects(each.api().join(String(id), { certificate: another }), { code: 'exchange-over' })
    await assert.rejects(each.api({ sub: 'ben' }).join(String(id), { certificate }), {
      code: 'exchange-over',
    })
    await each.api().cancel(String(id))
    await assert.rejects(each.api().join(String(id), { certificate }), { code: 'exchange-over' })
  })

  test('for an owner who was given a role after it was asked for', async () => {
    await using each = await exchanging()
    const direct = directWay('127.0.0.1')
    const way: ExchangeRun['way'] = {
      name: 'late',
      async open(target) {
        const { log, clock } = each.ledger
        const roles = ['erase'] as const
        const key = await createKey('Ed25519')
        const body = await registrationOf(key, { owner: 'auditor', purpose: 'sign', roles })
        const type = 'ledgerstone.key.register'
        const statement = await bodyStatement(origin, type, body, keys.registrar, clock.ms)
        await log.bucket('keys').append(submissionOf({ statement }), 'registrar')
        await untilKeysFinal(each.ledger)
        return direct.open(target)
      },
    }
    await assert.rejects(runExchange(runOf(each, { way })), { code: 'reserved' })
    assert.ok((await each.registry()).keys().every(({ kid }) => kid !== newReceiver.kid))
  })

  test('with less assurance than counts for the purpose of a key', async () => {
    await using each = await exchanging({ least: { sign: 'token', receive: 'two-person' } })
    await assert.rejects(runExchange(runOf(each)), { code: 'not-approved' })
    const before = (await each.registry()).size
    await runExchange(runOf(each, { keys: [{ key: newSigner, purpose: 'sign' }] }))
    assert.equal((await each.registry()).size, before + 1)
    await using stricter = await exchanging({ least: { sign: 'sas', receive: 'two-person' } })
    await assert.rejects(
      stricter.api().create({ owner: 'auditor', assurance: 'token', clientCertificate: '' }),
      {
        code: 'not-approved',
      },
    )
  })

  test('for a key that is registered already, before the client is told that all is well', async () => {
    await using each = await exchanging()
    await runExchange(runOf(each))
    const before = (await each.registry()).size
    await assert.rejects(runExchange(runOf(each)), { code: 'id-reused' })
    assert.equal((await each.registry()).size, before)
    assert.deepEqual(
      (await each.api().list()).map(({ state }) => state),
      ['refused', 'registered'],
    )
  })
})

async function openedBy(each: Exchanging, index: number, pkcs8: Uint8Array<ArrayBuffer>): Promise<string> {
  const { ledger, sealer, ledgerUrl } = each
  const payments = ledger.log.bucket('payments')
  await until(() => (payments.final?.head.size ?? 0) > index, 'the block is final')
  const token = async (): Promise<string> =>
    (await ledger.bearer('read:payments read:keys')).authorization.slice('Bearer '.length)
  const api = ledgerApi({ url: ledgerUrl, fetch: (at, init) => fetch(at, init), token })
  const reader = { api, trust: ledger.sample.trust, follower: sealer.follower, memory: plainMemory() }
  const verified = await readVerified(reader, 'payments', index)
  const opened = await openBlock(verified, await readEnvelope(api, verified), await openerOf(pkcs8))
  return textOf(opened.record, 'the record')
}
