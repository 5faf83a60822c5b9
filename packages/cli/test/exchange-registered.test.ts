// What is shown as registered is what the own replay holds, whatever the server said.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keyNamed, registrationOf, SampleLedger } from '../../core/test/sample-ledger.ts'
import { type Exchanging, findRegistered, missingOf } from '../src/exchange-registered.ts'

const [sign, receive] = [await keyNamed('alice'), await keyNamed('bob-receive')]
const exchanging: Exchanging = {
  ...{ owner: 'alice', assurance: 'sas' },
  keys: [
    { key: sign, purpose: 'sign' },
    { key: receive, purpose: 'receive' },
  ],
}

describe('exchanged keys', () => {
  test('that count are found with the blocks that asked for them', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice', { assurance: 'sas' })
    await sample.register('bob-receive', 'alice', { assurance: 'sas', purpose: 'receive' })
    const found = findRegistered(sample.registry, exchanging)
    assert.deepEqual(
      found.map(({ kid, purpose, index, missing }) => [kid, purpose, index, missing]),
      [
        [sign.kid, 'sign', 1, 0],
        [receive.kid, 'receive', 2, 0],
      ],
    )
    assert.equal(missingOf(found), 0)
  })

  test('that wait for registrars are found under the hash that approvals name', async () => {
    const sample = await SampleLedger.create(2)
    const asked = await registrationOf(sign, 'alice', { assurance: 'sas' })
    const hash = await sample.change('registrar-ann', 'key.register', asked)
    const found = findRegistered(sample.registry, { ...exchanging, keys: exchanging.keys.slice(0, 1) })
    assert.deepEqual([found[0]?.hash, missingOf(found)], [hash, 1])
  })

  test('of which one is not there are refused', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice', { assurance: 'sas' })
    assert.throws(() => findRegistered(sample.registry, exchanging), { code: 'wrong-key' })
  })

  for (const [what, owner, assurance] of [
    ['another owner', 'mallory', 'sas'],
    ['another assurance', 'alice', 'two-person'],
  ] as const) {
    test(`that are there for ${what} are refused`, async () => {
      const sample = await SampleLedger.create()
      await sample.register('alice', owner, { assurance })
      await sample.register('bob-receive', owner, { assurance, purpose: 'receive' })
      assert.throws(() => findRegistered(sample.registry, exchanging), { code: 'wrong-key' })
    })
  }
})
