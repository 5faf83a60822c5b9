import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JsonObject } from '../src/canonical.ts'
import { originOf } from '../src/names.ts'
import { vkeyOf } from '../src/vkey.ts'
import {
  keyNamed,
  ledger,
  logSignersOf,
  newId,
  registrationOf,
  rotationOf,
  SampleLedger,
  type Signer,
} from './sample-ledger.ts'
import { refusedAs } from './vectors.ts'

const alice = await keyNamed('alice')
const aliceNext = await keyNamed('alice-next')
const mallory = await keyNamed('mallory')
const bob = await keyNamed('bob-receive')
const carol = await keyNamed('carol-receive')
const carolNext = await keyNamed('carol-receive-next')
const ann = await keyNamed('registrar-ann')
const ben = await keyNamed('registrar-ben')
const cyd = await keyNamed('registrar-cyd')

describe('a rotation', () => {
  test('puts the new key in the place of the old one', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice')
    await sample.change('registrar-ann', 'key.rotate', await rotationOf(alice, aliceNext, 'alice'))
    assert.deepEqual(sample.registry.key(alice.kid).replaced, { index: 2, by: aliceNext.kid })
    assert.equal(sample.registry.keyAt(alice.kid, 2).kid, alice.kid)
    assert.throws(() => sample.registry.keyAt(alice.kid, 3), refusedAs('key-revoked'))
    assert.equal(sample.registry.keyAt(aliceNext.kid, 3).owner, 'alice')
    assert.throws(() => sample.registry.keyAt(aliceNext.kid, 2), refusedAs('unknown-key'))
  })
  test('of a receiving key is signed by the old one too', async () => {
    const sample = await SampleLedger.create()
    const receive = { purpose: 'receive' } as const
    await sample.register('carol-receive', 'carol', receive)
    await sample.change('registrar-ann', 'key.rotate', await rotationOf(carol, carolNext, 'carol', receive))
    assert.equal(sample.registry.key(carol.kid).replaced?.by, carolNext.kid)
  })
  const refused: [string, (sample: SampleLedger) => Promise<[Signer, JsonObject]>, string][] = [
    ['by the old key alone', async () => ['alice', await rotationOf(alice, aliceNext, 'alice')], 'wrong-key'],
    [
      'to another owner',
      async () => ['registrar-ann', await rotationOf(alice, aliceNext, 'mallory')],
      'wrong-key',
    ],
    [
      'to another purpose',
      async () => ['registrar-ann', await rotationOf(alice, bob, 'alice', { purpose: 'receive' })],
      'wrong-key',
    ],
    [
      'without the signature of the old key',
      async () => ['registrar-ann', await rotationOf(mallory, aliceNext, 'alice')],
      'unknown-key',
    ],
    [
      'with a signature of another key',
      async () => [
        'registrar-ann',
        {
          ...(await rotationOf(alice, aliceNext, 'alice')),
          replacesProof: (await rotationOf(mallory, aliceNext, 'alice'))['replacesProof'] ?? '',
        },
      ],
      'bad-signature',
    ],
    [
      'to a key that is registered',
      async () => ['registrar-ann', await rotationOf(alice, ben, 'alice')],
      'id-reused',
    ],
    [
      'to a ledger key',
      async () => ['registrar-ann', await rotationOf(alice, aliceNext, 'alice', { roles: ['ledger'] })],
      'wrong-key',
    ],
    [
      'of a revoked key',
      async (sample) => {
        await sample.revoke('alice', alice)
        return ['registrar-ann', await rotationOf(alice, aliceNext, 'alice')]
      },
      'key-revoked',
    ],
  ]
  for (const [what, make, code] of refused) {
    test(`is refused ${what}`, async () => {
      const sample = await SampleLedger.create()
      await sample.register('alice', 'alice')
      const [signer, body] = await make(sample)
      await assert.rejects(sample.change(signer, 'key.rotate', body), refusedAs(code))
    })
  }
})

describe('a theft that is found out when the key has ended', () => {
  const since = '2026-11-01T00:00:00.000Z'
  const earlier = '2026-10-01T00:00:00.000Z'

  async function rotated(): Promise<SampleLedger> {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice')
    await sample.change('registrar-ann', 'key.rotate', await rotationOf(alice, aliceNext, 'alice'))
    return sample
  }

  test('marks a replaced key, and moves neither its end nor what it was replaced by', async () => {
    const sample = await rotated()
    await sample.revoke('registrar-ben', alice, { suspectFrom: since })
    const { revoked, replaced } = sample.registry.key(alice.kid)
    assert.deepEqual(revoked, { index: 3, reason: 'stolen', suspectFrom: Date.parse(since) })
    assert.deepEqual(replaced, { index: 2, by: aliceNext.kid })
    assert.equal(sample.registry.keyAt(alice.kid, 2).kid, alice.kid)
    for (const size of [3, 4])
      assert.throws(() => sample.registry.keyAt(alice.kid, size), refusedAs('key-revoked'))
    assert.equal(sample.registry.keyAt(aliceNext.kid, 4).owner, 'alice')
  })
  test('dates a revoked key anew, earlier and later, and its end and reason stay', async () => {
    const sample = await rotated()
    await sample.revoke('alice-next', aliceNext, { reason: 'laptop lost' })
    const end = { index: 3, reason: 'laptop lost' }
    for (const suspectFrom of [since, earlier, since]) {
      await sample.revoke('registrar-ann', aliceNext, { suspectFrom })
      const { revoked } = sample.registry.key(aliceNext.kid)
      assert.deepEqual(revoked, { ...end, suspectFrom: Date.parse(suspectFrom) })
    }
  })
  test('is said by registrars alone, with its time', async () => {
    const sample = await rotated()
    await assert.rejects(sample.revoke('registrar-ann', alice), refusedAs('key-revoked'))
    const mark = { suspectFrom: since }
    await assert.rejects(sample.revoke('alice-next', alice, mark), refusedAs('wrong-key'))
    await assert.rejects(sample.revoke('alice', alice, mark), refusedAs('key-revoked'))
    await assert.rejects(sample.revoke('registrar-ann', mallory, mark), refusedAs('unknown-key'))
    assert.equal(sample.registry.key(alice.kid).revoked, undefined)
  })
  test('is said by as many as the threshold wants', async () => {
    const sample = await SampleLedger.create(2)
    await sample.revoke('registrar-ann', ann)
    const request = await sample.revoke('registrar-ben', ann, { suspectFrom: since })
    assert.equal(sample.registry.key(ann.kid).revoked?.suspectFrom, undefined)
    await sample.approve('registrar-cyd', request)
    assert.equal(sample.registry.key(ann.kid).revoked?.suspectFrom, Date.parse(since))
  })
  test('lets the open requests of a registrar fall, once', async () => {
    const sample = await SampleLedger.create(2)
    const next = await rotationOf(ann, mallory, 'ann', { roles: ['registrar'] })
    await sample.approve('registrar-ben', await sample.change('registrar-ann', 'key.rotate', next))
    const request = await registrationOf(alice, 'alice')
    const asked = await sample.change(mallory, 'key.register', request)
    const mark = async (suspectFrom: string): Promise<void> => {
      const found = await sample.revoke('registrar-ben', ann, { suspectFrom })
      await sample.approve('registrar-cyd', found)
    }
    await mark(since)
    assert.equal(sample.registry.requests().has(asked), false)
    const again = await sample.change(mallory, 'key.register', request)
    await mark(earlier)
    assert.equal(sample.registry.requests().has(again), true)
  })
})

describe('with a threshold of two', () => {
  const requestOf = async (sample: SampleLedger): Promise<string> => {
    return sample.change('registrar-ann', 'key.register', await registrationOf(alice, 'alice'))
  }

  test('a registration counts with the second owner, from that block on', async () => {
    const sample = await SampleLedger.create(2)
    const request = await requestOf(sample)
    assert.throws(() => sample.registry.key(alice.kid), refusedAs('unknown-key'))
    assert.deepEqual(sample.registry.requests().get(request)?.owners, ['ann'])
    await sample.approve('registrar-ben', request)
    assert.deepEqual(
      [sample.registry.key(alice.kid).requested, sample.registry.key(alice.kid).effective],
      [1, 2],
    )
    assert.throws(() => sample.registry.keyAt(alice.kid, 2), refusedAs('unknown-key'))
    assert.equal(sample.registry.requests().size, 0)
  })
  test('nobody approves twice, a request of his own included', async () => {
    const sample = await SampleLedger.create(3)
    const request = await requestOf(sample)
    await assert.rejects(sample.approve('registrar-ann', request), refusedAs('not-approved'))
    await sample.approve('registrar-ben', request)
    await assert.rejects(sample.approve('registrar-ben', request), refusedAs('not-approved'))
    await sample.approve('registrar-cyd', request)
    await assert.rejects(sample.approve('registrar-cyd', request), refusedAs('not-approved'))
  })
  test('one owner with two registrar keys is one', async () => {
    const sample = await SampleLedger.create(2)
    const request = await sample.change(
      'registrar-ann',
      'key.register',
      await registrationOf(mallory, 'ann', { roles: ['registrar'] }),
    )
    await sample.approve('registrar-ben', request)
    const own = await sample.change(mallory, 'key.register', await registrationOf(alice, 'alice'))
    await assert.rejects(sample.approve('registrar-ann', own), refusedAs('not-approved'))
  })
  test('only registrars approve', async () => {
    const sample = await SampleLedger.create(2)
    const request = await requestOf(sample)
    await sample.approve('registrar-ben', request)
    const second = await sample.change(
      'registrar-ann',
      'key.register',
      await registrationOf(mallory, 'mallory'),
    )
    await assert.rejects(sample.approve('alice', second), refusedAs('wrong-key'))
    await assert.rejects(sample.approve('ledger', second), refusedAs('wrong-key'))
  })
  test('an approval refers to exactly one request and says nothing else', async () => {
    const sample = await SampleLedger.create(2)
    const request = Uint8Array.fromHex(await requestOf(sample))
    const twice = sample.change(ben, 'key.approve', {}, { refs: [request, request] })
    await assert.rejects(twice, refusedAs('not-approved'))
    const more = sample.change(ben, 'key.approve', { note: 'ok' }, { refs: [request] })
    await assert.rejects(more, refusedAs('unknown-field'))
  })
  test('a late approval does not move the block at which the owner has revoked', async () => {
    const sample = await SampleLedger.create(2)
    await sample.approve('registrar-ben', await requestOf(sample))
    const request = await sample.revoke('registrar-ann', alice)
    await sample.revoke('alice', alice)
    const revoked = sample.registry.key(alice.kid).revoked?.index
    await assert.rejects(sample.approve('registrar-ben', request), refusedAs('key-revoked'))
    assert.equal(sample.registry.key(alice.kid).revoked?.index, revoked)
    assert.throws(() => sample.registry.keyAt(alice.kid, (revoked as number) + 1), refusedAs('key-revoked'))
  })
  test('a key is rotated once, whatever else was asked for', async () => {
    const sample = await SampleLedger.create(2)
    await sample.approve('registrar-ben', await requestOf(sample))
    const first = await sample.change(ann, 'key.rotate', await rotationOf(alice, aliceNext, 'alice'))
    const second = await sample.change(ben, 'key.rotate', await rotationOf(alice, mallory, 'alice'))
    await sample.approve('registrar-ben', first)
    await assert.rejects(sample.approve('registrar-ann', second), refusedAs('key-revoked'))
    assert.equal(sample.registry.key(alice.kid).replaced?.by, aliceNext.kid)
    assert.throws(() => sample.registry.key(mallory.kid), refusedAs('unknown-key'))
  })
  test('one key is registered once, whatever else was asked for', async () => {
    const sample = await SampleLedger.create(2)
    const first = await requestOf(sample)
    const second = await sample.change(
      'registrar-ben',
      'key.register',
      await registrationOf(alice, 'mallory'),
    )
    await sample.approve('registrar-ben', first)
    await assert.rejects(sample.approve('registrar-ann', second), refusedAs('id-reused'))
    assert.equal(sample.registry.key(alice.kid).owner, 'alice')
  })
  test('what a registrar asked for falls when his key is revoked', async () => {
    const sample = await SampleLedger.create(2)
    const request = await requestOf(sample)
    const kept = await sample.change(
      'registrar-ben',
      'key.register',
      await registrationOf(mallory, 'mallory'),
    )
    await sample.approve('registrar-cyd', await sample.revoke('registrar-ben', ann))
    await assert.rejects(sample.approve('registrar-ben', request), refusedAs('not-approved'))
    assert.deepEqual([...sample.registry.requests().keys()], [kept])
    await sample.approve('registrar-cyd', kept)
    assert.equal(sample.registry.key(mallory.kid).owner, 'mallory')
  })
  test('an approval of a registrar falls when his key is revoked', async () => {
    const sample = await SampleLedger.create(3)
    const request = await requestOf(sample)
    await sample.approve('registrar-ben', request)
    await sample.revoke('registrar-ben', ben)
    await sample.approve('registrar-cyd', request)
    assert.throws(() => sample.registry.key(alice.kid), refusedAs('unknown-key'))
    assert.deepEqual(sample.registry.requests().get(request)?.owners, ['ann', 'cyd'])
  })
  test('a revoked registrar asks and approves no more', async () => {
    const sample = await SampleLedger.create(2)
    const request = await requestOf(sample)
    await sample.revoke('registrar-cyd', cyd)
    await assert.rejects(sample.approve('registrar-cyd', request), refusedAs('key-revoked'))
  })
})

describe('a statement in the registry', () => {
  test('counts once: log keys that were changed do not come back with the old statement', async () => {
    const sample = await SampleLedger.create()
    const log = originOf(ledger, 'payments')
    const [note, mldsa] = (await logSignersOf('payments')).map(({ vkey }) => vkey.text) as [string, string]
    const first = await sample.statement('keys', ann, 'ledgerstone.log-keys', { log, logKeys: [note] })
    await sample.appendKeys(first)
    await sample.change(ann, 'log-keys', { log, logKeys: [note, mldsa] })
    await assert.rejects(sample.appendKeys(first), refusedAs('id-reused'))
    assert.deepEqual(sample.registry.logKeysAt(log, 3), [note, mldsa])
  })
  test('has an id that its owner has not used, for whatever', async () => {
    const sample = await SampleLedger.create()
    const id = newId()
    await sample.change(ann, 'key.register', await registrationOf(alice, 'alice'), { id })
    const again = sample.change(ann, 'key.register', await registrationOf(mallory, 'mallory'), { id })
    await assert.rejects(again, refusedAs('id-reused'))
    await sample.change(ben, 'key.register', await registrationOf(mallory, 'mallory'), { id })
  })
})

describe('log keys in the registry', async () => {
  const log = originOf(ledger, 'payments')
  const [note, mldsa] = (await logSignersOf('payments')).map(({ vkey }) => vkey.text) as [string, string]

  test('are those of the newest announcement among the first N blocks', async () => {
    const sample = await SampleLedger.create()
    await sample.change(ann, 'log-keys', { log, logKeys: [note] })
    await sample.change(ann, 'log-keys', { log, logKeys: [note, mldsa] })
    assert.throws(() => sample.registry.logKeysAt(log, 1), refusedAs('unknown-bucket'))
    assert.deepEqual(sample.registry.logKeysAt(log, 2), [note])
    assert.deepEqual(sample.registry.logKeysAt(log, 3), [note, mldsa])
    assert.deepEqual(sample.registry.origins(), [originOf(ledger, 'keys'), log])
  })
  test('are those of keys from its genesis', async () => {
    const { registry } = await SampleLedger.create()
    const texts = (await logSignersOf('keys')).map(({ vkey }) => vkey.text)
    assert.deepEqual(registry.logKeysAt(registry.origin, 1), texts)
    assert.throws(() => registry.logKeysAt(registry.origin, 0), refusedAs('unknown-bucket'))
  })
  test('are not those of another log, under whatever name', async () => {
    const sample = await SampleLedger.create()
    const { spki } = await keyNamed('log-keys')
    const stolen = vkeyOf(log, 'note', spki).text
    await assert.rejects(sample.change(ann, 'log-keys', { log, logKeys: [stolen] }), refusedAs('wrong-key'))
  })
  test('wait for the threshold too', async () => {
    const sample = await SampleLedger.create(2)
    const request = await sample.change(ann, 'log-keys', { log, logKeys: [note] })
    assert.throws(() => sample.registry.logKeysAt(log, 2), refusedAs('unknown-bucket'))
    await sample.approve('registrar-cyd', request)
    assert.deepEqual(sample.registry.logKeysAt(log, 3), [note])
  })
})
