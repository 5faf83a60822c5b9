import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { originOf } from '../src/names.ts'
import { registrationBody, rotationBody } from '../src/registration-body.ts'
import { keyNamed, ledger, now, SampleLedger } from './sample-ledger.ts'
import { refusedAs } from './vectors.ts'

const at = { origin: originOf(ledger, 'keys'), now }
const alice = await keyNamed('alice')
const aliceNext = await keyNamed('alice-next')
const bob = await keyNamed('bob-receive')
const carol = await keyNamed('carol-receive')

describe('bodies of registrations', () => {
  test('are taken by the registry, for signing and for receiving keys', async () => {
    const sample = await SampleLedger.create()
    const signing = { owner: 'alice', purpose: 'sign', assurance: 'local', notAfter: now + 1 } as const
    await sample.change('registrar-ann', 'key.register', await registrationBody(alice, signing, at))
    const receiving = { owner: 'bob', purpose: 'receive', assurance: 'local' } as const
    await sample.change('registrar-ann', 'key.register', await registrationBody(bob, receiving, at))
    const { keyAt } = sample.registry
    assert.partialDeepStrictEqual(keyAt.call(sample.registry, alice.kid, 3), signing)
    assert.partialDeepStrictEqual(keyAt.call(sample.registry, bob.kid, 3), receiving)
  })

  test('of rotations too, signed by the key that is replaced', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice')
    await sample.register('bob-receive', 'bob', { purpose: 'receive' })
    const signing = { owner: 'alice', purpose: 'sign', assurance: 'local' } as const
    await sample.change('registrar-ann', 'key.rotate', await rotationBody(alice, aliceNext, signing, at))
    const receiving = { owner: 'bob', purpose: 'receive', assurance: 'local' } as const
    await sample.change('registrar-ann', 'key.rotate', await rotationBody(bob, carol, receiving, at))
    assert.equal(sample.registry.key(alice.kid).replaced?.by, aliceNext.kid)
    assert.equal(sample.registry.key(bob.kid).replaced?.by, carol.kid)
  })

  test('are not made for a receiving key whose private half is another', async () => {
    const receiving = { owner: 'bob', purpose: 'receive', assurance: 'local' } as const
    const swapped = { ...bob, pkcs8: carol.pkcs8 }
    await assert.rejects(registrationBody(swapped, receiving, at), refusedAs('wrong-key'))
    await assert.rejects(registrationBody(alice, receiving, at), refusedAs('wrong-key'))
  })
})
