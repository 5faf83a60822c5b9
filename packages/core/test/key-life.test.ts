import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keyHistory, keyLife, keyLives, pendingChanges } from '../src/key-life.ts'
import { viewEvent, viewKey, viewPending } from '../src/key-view.ts'
import { formatTime } from '../src/time.ts'
import { keyNamed, now, registrationOf, rotationOf, SampleLedger } from './sample-ledger.ts'
import { refusedAs } from './vectors.ts'

const alice = await keyNamed('alice')
const aliceNext = await keyNamed('alice-next')
const bob = await keyNamed('bob-receive')
const ann = await keyNamed('registrar-ann')
const ledgerKey = await keyNamed('ledger')
const day = 86_400_000

describe('the state of a key', () => {
  test('is waiting as long as approvals are missing, then active', async () => {
    const sample = await SampleLedger.create(2)
    const id = await sample.change('registrar-ann', 'key.register', await registrationOf(alice, 'alice'))
    const waiting = keyLife(sample.registry, alice.kid, now)
    assert.partialDeepStrictEqual(waiting, {
      state: 'waiting',
      owner: 'alice',
      requested: 1,
      effective: undefined,
    })
    assert.deepEqual(
      waiting.pending.map(({ id: open, missing }) => [open, missing]),
      [[id, 1]],
    )
    await sample.approve('registrar-ben', id)
    const active = keyLife(sample.registry, alice.kid, now)
    assert.partialDeepStrictEqual(active, { state: 'active', requested: 1, effective: 2, pending: [] })
  })

  test('follows its notBefore and notAfter, both included', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice', { notBefore: now + 1000, notAfter: now + 40 * day })
    const at = (time: number): [string, boolean] => {
      const { state, expiresSoon } = keyLife(sample.registry, alice.kid, time)
      return [state, expiresSoon]
    }
    assert.deepEqual(at(now + 999), ['upcoming', false])
    assert.deepEqual(at(now + 1000), ['active', false])
    assert.deepEqual(at(now + 10 * day), ['active', false])
    assert.deepEqual(at(now + 10 * day + 1), ['active', true])
    assert.deepEqual(at(now + 40 * day), ['active', true])
    assert.deepEqual(at(now + 40 * day + 1), ['expired', false])
  })

  test('is replaced after a rotation, and revoked after a revocation, whatever its validity', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice', { notAfter: now })
    await sample.change('registrar-ann', 'key.rotate', await rotationOf(alice, aliceNext, 'alice'))
    await sample.revoke('registrar-ann', aliceNext)
    assert.equal(keyLife(sample.registry, alice.kid, now + day).state, 'replaced')
    assert.equal(keyLife(sample.registry, aliceNext.kid, now + day).state, 'revoked')
  })

  test('is not there for a key that nobody asked for', async () => {
    const { registry } = await SampleLedger.create()
    assert.throws(() => keyLife(registry, alice.kid, now), refusedAs('unknown-key'))
    assert.deepEqual(keyHistory(registry, alice.kid), [])
  })
})

describe('all keys', () => {
  test('are in the order of asking, one row for each, however often it is asked for', async () => {
    const sample = await SampleLedger.create(2)
    const first = await sample.change('registrar-ann', 'key.register', await registrationOf(alice, 'alice'))
    await sample.change('registrar-ann', 'key.register', await registrationOf(aliceNext, 'alice'))
    await sample.change('registrar-ben', 'key.register', await registrationOf(alice, 'alice'))
    const rows = (): readonly string[] => {
      return keyLives(sample.registry, now).map(
        ({ owner, requested, state }) => `${owner} ${requested} ${state}`,
      )
    }
    const founders = ['ledger 0 active', 'ann 0 active', 'ben 0 active', 'cyd 0 active']
    assert.deepEqual(rows(), [...founders, 'alice 1 waiting', 'alice 2 waiting'])
    await sample.approve('registrar-cyd', first)
    assert.deepEqual(rows(), [...founders, 'alice 1 active', 'alice 2 waiting'])
  })
})

describe('the history of a key', () => {
  test('has every block about it: who signed, what it approved, whether it counted', async () => {
    const sample = await SampleLedger.create(2)
    const asked = await sample.change('registrar-ann', 'key.register', await registrationOf(alice, 'alice'))
    await sample.approve('registrar-ben', asked)
    const rotation = await rotationOf(alice, aliceNext, 'alice')
    const rotated = await sample.change('registrar-cyd', 'key.rotate', rotation)
    await sample.approve('registrar-ann', rotated)
    const told = keyHistory(sample.registry, alice.kid).map(viewEvent)
    assert.deepEqual(
      told.map(({ index, event, signer, approves, counts, missing }) => {
        return [index, event, signer.owner, approves, counts, missing]
      }),
      [
        [1, 'register', 'ann', null, false, 1],
        [2, 'register', 'ben', asked, true, 0],
        [3, 'rotate', 'cyd', null, false, 1],
        [4, 'rotate', 'ann', rotated, true, 0],
      ],
    )
    assert.equal(told[0]?.hash, asked)
    assert.equal(told[0]?.time, formatTime(now))
    const next = keyHistory(sample.registry, aliceNext.kid).map(viewEvent)
    assert.deepEqual(next, told.slice(2))
    assert.partialDeepStrictEqual(next[0]?.asked, {
      change: 'rotate',
      replaces: alice.kid,
      kid: aliceNext.kid,
    })
  })

  test('begins with the genesis for the keys that it names', async () => {
    const sample = await SampleLedger.create()
    await sample.revoke('registrar-ben', ann, { suspectFrom: formatTime(now - day) })
    const [genesis, revocation, ...rest] = keyHistory(sample.registry, ann.kid).map(viewEvent)
    assert.partialDeepStrictEqual(genesis, { index: 0, event: 'genesis', asked: null, counts: true })
    assert.deepEqual(genesis?.signer, { kid: ledgerKey.kid, owner: 'ledger' })
    assert.deepEqual(revocation?.asked, {
      ...{ change: 'revoke', kid: ann.kid, reason: 'stolen' },
      suspectFrom: formatTime(now - day),
    })
    assert.deepEqual(rest, [])
  })
})

describe('what is open', () => {
  test('is told with who asked and how many are missing, and falls with a registrar', async () => {
    const sample = await SampleLedger.create(3)
    const id = await sample.change(
      'registrar-ann',
      'key.register',
      await registrationOf(bob, 'bob', { purpose: 'receive' }),
    )
    await sample.approve('registrar-ben', id)
    const [open, ...others] = pendingChanges(sample.registry).map(viewPending)
    assert.partialDeepStrictEqual(open, { id, index: 1, missing: 1, owners: ['ann', 'ben'] })
    assert.deepEqual(others, [])
    await sample.revoke(ann, ann)
    assert.partialDeepStrictEqual(pendingChanges(sample.registry).map(viewPending)[0], {
      missing: 2,
      owners: ['ben'],
    })
  })
})

test('a key is viewed with null for what there is not', async () => {
  const sample = await SampleLedger.create()
  await sample.register('bob-receive', 'bob', { purpose: 'receive' })
  assert.deepEqual(viewKey(keyLife(sample.registry, bob.kid, now)), {
    ...{ kid: bob.kid, owner: 'bob', purpose: 'receive', kind: 'RSA', roles: [], assurance: 'local' },
    ...{ key: bob.spki.toBase64({ alphabet: 'base64url', omitPadding: true }), state: 'active' },
    ...{ expiresSoon: false, requested: 1, effective: 1, notBefore: null, notAfter: null },
    ...{ revoked: null, replaced: null, pending: [] },
  })
})
