import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatBase64url } from '../src/bytes.ts'
import type { Json, JsonObject } from '../src/canonical.ts'
import { statementSignerOf } from '../src/key-pair.ts'
import { originOf } from '../src/names.ts'
import {
  parseGenesisOfKeys,
  parseLogKeys,
  parseRegistration,
  proofMessage,
  statementVerifierOf,
} from '../src/registration.ts'
import { keyNamed, ledger, logSignersOf, newId, registrationOf, SampleLedger } from './sample-ledger.ts'
import { hex, refusedAs } from './vectors.ts'

const origin = originOf(ledger, 'keys')
const alice = await keyNamed('alice')
const aliceRsa = await keyNamed('alice-rsa')
const body = await registrationOf(alice, 'alice', { notBefore: 1000, notAfter: 2000 })
const receiving = await registrationOf(aliceRsa, 'alice', { purpose: 'receive' })

/** The body with other claims, proved anew for them. */
async function proved(change: Record<string, Json | undefined>, key = alice): Promise<JsonObject> {
  const { proof: _, ...claims } = { ...body, ...change }
  const kept = Object.fromEntries(
    Object.entries(claims).filter(([, value]) => value !== undefined),
  ) as JsonObject
  const { sign } = await statementSignerOf(key)
  return { ...kept, proof: { signature: formatBase64url(await sign(proofMessage(origin, kept))) } }
}

describe('registrations', () => {
  test('say whose key it is, what for and until when', async () => {
    const { spki, ...rest } = await parseRegistration(origin, body)
    assert.deepEqual(spki, alice.spki)
    assert.deepEqual(rest, {
      ...{ kid: alice.kid, kind: 'Ed25519', owner: 'alice', purpose: 'sign', roles: [], assurance: 'local' },
      ...{ notBefore: 1000, notAfter: 2000 },
    })
  })
  for (const name of ['alice', 'alice-p256', 'alice-rsa', 'alice-mldsa']) {
    test(`take the signing key ${name} with its proof`, async () => {
      const key = await keyNamed(name)
      assert.equal((await parseRegistration(origin, await registrationOf(key, 'alice'))).kid, key.kid)
    })
  }
  test('take a receiving key with an answered challenge', async () => {
    assert.equal((await parseRegistration(origin, receiving)).purpose, 'receive')
  })
  test('take every role once', async () => {
    const { roles } = await parseRegistration(origin, await proved({ roles: ['registrar', 'erase'] }))
    assert.deepEqual(roles, ['registrar', 'erase'])
  })

  const p256Off = `3059301306072a8648ce3d020106082a8648ce3d03010703420004${'01'.repeat(64)}`
  const refused: [string, () => Promise<Json>, string][] = [
    ['no proof', async () => (({ proof: _, ...rest }) => rest)(body), 'malformed'],
    ['an unknown member', () => proved({ note: 'x' }), 'unknown-field'],
    ['an owner in upper case', () => proved({ owner: 'Alice' }), 'bad-name'],
    ['an empty owner', () => proved({ owner: '' }), 'bad-name'],
    ['an owner with a space', () => proved({ owner: 'a b' }), 'bad-name'],
    ['an unknown purpose', () => proved({ purpose: 'encrypt' }), 'malformed'],
    ['an unknown role', () => proved({ roles: ['admin'] }), 'malformed'],
    ['no role in a list of roles', () => proved({ roles: [] }), 'malformed'],
    ['a role twice', () => proved({ roles: ['erase', 'erase'] }), 'malformed'],
    ['an unknown assurance', () => proved({ assurance: 'none' }), 'malformed'],
    ['notBefore after notAfter', () => proved({ notBefore: '2027-01-01T00:00:00.000Z' }), 'malformed'],
    ['a time in another spelling', () => proved({ notAfter: '2027-01-01' }), 'malformed'],
    ['a key with padding', () => proved({ key: `${body['key']}=` }), 'malformed'],
    ['a key of another kind', () => proved({ key: formatBase64url(new Uint8Array(44)) }), 'wrong-key'],
    ['a point off its curve', () => proved({ key: formatBase64url(hex(p256Off)) }), 'wrong-key'],
    [
      'an Ed25519 key for receiving',
      async () => ({ ...(await proved({ purpose: 'receive' })), proof: { answered: newId() } }),
      'wrong-key',
    ],
    ['a role of a receiving key', async () => ({ ...receiving, roles: ['registrar'] }), 'wrong-key'],
    [
      'an ML-DSA-44 key for signing',
      async () => ({ ...body, key: formatBase64url((await keyNamed('log-keys-mldsa')).spki) }),
      'wrong-key',
    ],
    [
      'a signature for a receiving key',
      async () => ({ ...receiving, proof: { signature: 'AA' } }),
      'malformed',
    ],
    ['an answer for a signing key', async () => ({ ...body, proof: { answered: newId() } }), 'malformed'],
    ['an answer that is no UUID', async () => ({ ...receiving, proof: { answered: 'yes' } }), 'malformed'],
    ['the proof of another key', () => proved({}, aliceRsa), 'bad-signature'],
    ['the proof of another owner', async () => ({ ...body, owner: 'mallory' }), 'bad-signature'],
    ['the proof of another role', async () => ({ ...body, roles: ['registrar'] }), 'bad-signature'],
    [
      'the proof of another validity',
      async () => ({ ...body, notAfter: '2099-01-01T00:00:00.000Z' }),
      'bad-signature',
    ],
    ['an empty signature', async () => ({ ...body, proof: { signature: '' } }), 'bad-signature'],
    ['a body that is a list', async () => [], 'malformed'],
  ]
  for (const [what, make, code] of refused) {
    test(`are refused with ${what}`, async () => {
      await assert.rejects(parseRegistration(origin, await make()), refusedAs(code))
    })
  }
  test('are proved for one ledger only', async () => {
    await assert.rejects(parseRegistration('other.example/log/keys', body), refusedAs('bad-signature'))
  })
})

describe('the genesis of keys', async () => {
  const sample = await SampleLedger.create(2)
  const genesis = await sample.genesis(2)
  const [ann, ben, cyd] = genesis['registrars'] as [JsonObject, JsonObject, JsonObject]
  const parse = (change: Record<string, Json>): Promise<unknown> => {
    return parseGenesisOfKeys(ledger, origin, { ...genesis, ...change })
  }
  const registrar = { roles: ['registrar'] } as const
  const annAgain = await registrationOf(await keyNamed('registrar-ann'), 'eve', registrar)
  const ledgerKey = await registrationOf(await keyNamed('ledger'), 'eve', registrar)
  const both = await registrationOf(await keyNamed('mallory'), 'eve', { roles: ['registrar', 'ledger'] })
  const roleless = await registrationOf(await keyNamed('mallory'), 'eve')
  const sameOwner = await registrationOf(await keyNamed('mallory'), 'ann', registrar)
  const receiver = await registrationOf(aliceRsa, 'eve', { purpose: 'receive' })

  test('names ledger key, registrars, threshold, log keys and policy', async () => {
    const read = await parseGenesisOfKeys(ledger, origin, genesis)
    assert.deepEqual([read.threshold, read.registrars.length, read.logKeys.length], [2, 3, 2])
    assert.deepEqual(read.ledgerKey, (await keyNamed('ledger')).spki)
  })
  const refused: [string, Record<string, Json>, string][] = [
    ['another ledger', { ledger: 'other.example/log' }, 'wrong-ledger'],
    ['another bucket', { bucket: 'payments' }, 'wrong-ledger'],
    ['an unknown member', { note: 'x' }, 'unknown-field'],
    ['no registrar', { registrars: [] }, 'bad-policy'],
    ['threshold 0', { threshold: 0 }, 'bad-policy'],
    ['a threshold that cannot be reached', { threshold: 4 }, 'bad-policy'],
    ['a threshold in quotes', { threshold: '2' }, 'malformed'],
    ['two registrars of one owner', { registrars: [ann, ben, sameOwner] }, 'bad-policy'],
    ['one registrar key under two owners', { registrars: [ann, annAgain] }, 'wrong-key'],
    ['the ledger key as a registrar', { registrars: [ann, ben, ledgerKey] }, 'wrong-key'],
    ["a registrar with the ledger key's role", { registrars: [ann, ben, both] }, 'wrong-key'],
    ['a registrar without the role', { registrars: [ann, ben, roleless] }, 'wrong-key'],
    ['a receiving key as a registrar', { registrars: [ann, ben, receiver] }, 'wrong-key'],
    ['a registrar without proof', { registrars: [{ ...cyd, proof: { signature: 'AA' } }] }, 'bad-signature'],
    ['a policy that is no hash', { policy: 'none' }, 'malformed'],
    [
      'a ledger key of small order',
      { ledgerKey: 'MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
      'wrong-key',
    ],
    ['no log key', { logKeys: [] }, 'malformed'],
  ]
  for (const [what, change, code] of refused) {
    test(`is refused with ${what}`, () => assert.rejects(parse(change), refusedAs(code)))
  }
})

describe('log keys', async () => {
  const [note, mldsa] = (await logSignersOf('keys')).map(({ vkey }) => vkey.text) as [string, string]
  const [other] = (await logSignersOf('payments')).map(({ vkey }) => vkey.text) as [string, string]

  test('are vkeys of the origin', () => {
    assert.deepEqual(parseLogKeys(origin, [note, mldsa]), [note, mldsa])
    assert.deepEqual(parseLogKeys(origin, [note]), [note])
  })
  const refused: [string, Json | undefined, string][] = [
    ['absent', undefined, 'malformed'],
    ['none', [], 'malformed'],
    ['five', [note, mldsa, note, note, note], 'malformed'],
    ['no vkeys', ['hello'], 'malformed'],
    ['numbers', [1], 'malformed'],
    ["another log's", [other], 'wrong-key'],
    ['one twice', [note, note], 'wrong-key'],
    ['of ML-DSA-44 alone', [mldsa], 'wrong-key'],
  ]
  for (const [what, value, code] of refused) {
    test(`are refused when they are ${what}`, () => {
      assert.throws(() => parseLogKeys(origin, value), refusedAs(code))
    })
  }
})

test('a verifier of statements is made of keys that sign statements only', async () => {
  const mldsa = await keyNamed('log-keys-mldsa')
  await assert.rejects(statementVerifierOf(mldsa.spki, 'ML-DSA-44'), refusedAs('wrong-key'))
  await assert.rejects(statementVerifierOf(alice.spki, 'RSA'), refusedAs('wrong-key'))
})
