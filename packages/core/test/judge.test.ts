import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Block } from '../src/block.ts'
import type { JsonObject } from '../src/canonical.ts'
import { judgeBlock, judgeEnvelope, judgeStatement } from '../src/judge.ts'
import { statementSignerOf } from '../src/key-pair.ts'
import { originOf } from '../src/names.ts'
import { parseStatement, type StatementPayload, signStatement } from '../src/statement.ts'
import { checkIssued } from '../src/window.ts'
import {
  draftOf,
  keyNamed,
  ledger,
  now,
  openSample,
  registrationOf,
  rotationOf,
  type Signer,
  sealFor,
} from './sample-ledger.ts'
import { refusedAs } from './vectors.ts'

const day = 86_400_000
const { sample, payments, alice } = await openSample()
const { registry } = sample
const mallory = await sample.register('mallory', 'mallory')
const malloryRsa = await sample.register('mallory-rsa', 'mallory')
await sample.register('alice-p256', 'alice', { notBefore: now - 1000, notAfter: now + 1000 })
await sample.register('alice-mldsa', 'alice', { roles: ['erase'] })
const bob = await keyNamed('bob-receive')

/** A statement over an envelope that nobody has seen. */
async function statementBy(signer: Signer, more: Partial<StatementPayload> = {}): Promise<string> {
  const key = typeof signer === 'string' ? await keyNamed(signer) : signer
  const { log, id, type, issued } = draftOf()
  const content = { suite: 'rsa-aes-cfb', digest: new Uint8Array(32), bytes: 16 }
  return signStatement({ log, id, type, issued, content, ...more }, await statementSignerOf(key))
}

const judge = async (jws: string, place: Partial<Block> = {}): Promise<string> => {
  const { key } = await judgeBlock(payments.next(jws, registry.size, place), registry)
  return key.owner
}

describe('a record', () => {
  for (const signer of ['alice', 'alice-rsa', 'alice-p256']) {
    test(`signed by the registered key ${signer} may stand`, async () => {
      assert.equal(await judge(await statementBy(signer)), 'alice')
    })
  }
  const refused: [string, () => Promise<string>, Partial<Block>, string][] = [
    ['for another bucket', () => statementBy('alice', { log: originOf(ledger, 'orders') }), {}, 'wrong-log'],
    ['in another bucket', () => statementBy('alice'), { bucket: 'orders' }, 'wrong-log'],
    ['in a lane', () => statementBy('alice'), { bucket: 'payments~2' }, 'wrong-log'],
    [
      'for another ledger',
      () => statementBy('alice', { log: 'staging.example.com/log/payments' }),
      {},
      'wrong-log',
    ],
    [
      'for keys',
      () => statementBy('alice', { log: originOf(ledger, 'keys') }),
      { bucket: 'keys' },
      'reserved',
    ],
    [
      'issued 24 h and 1 ms before its block',
      () => statementBy('alice'),
      { time: now + day + 1 },
      'stale-statement',
    ],
    [
      'issued 5 min and 1 ms after its block',
      () => statementBy('alice'),
      { time: now - 300_001 },
      'stale-statement',
    ],
    ['by an unknown key', () => statementBy('alice-next'), {}, 'unknown-key'],
    ['under an empty registry', () => statementBy('alice'), { keys: 0 }, 'unknown-key'],
    ['under the registry before its key', () => statementBy('alice'), { keys: 1 }, 'unknown-key'],
    [
      'under a registry that is not there yet',
      () => statementBy('alice'),
      { keys: registry.size + 1 },
      'gap',
    ],
    ['by a key that is not valid yet', () => statementBy('alice-p256'), { time: now - 1001 }, 'key-expired'],
    ['by a key that is valid no more', () => statementBy('alice-p256'), { time: now + 1001 }, 'key-expired'],
    ['by the ledger key', () => statementBy('ledger'), {}, 'wrong-key'],
    ['by a registrar', () => statementBy('registrar-ann'), {}, 'wrong-key'],
    ['by a key that may erase', () => statementBy('alice-mldsa'), {}, 'wrong-key'],
    ['by a receiving key', () => statementBy('bob-receive'), {}, 'wrong-key'],
    ['in block 0', () => statementBy('alice'), { index: 0 }, 'reserved'],
  ]
  for (const [what, make, place, code] of refused) {
    test(`is refused ${what}`, async () => assert.rejects(judge(await make(), place), refusedAs(code)))
  }
  test('may be issued exactly 24 h before and 5 min after its block', async () => {
    const jws = await statementBy('alice')
    assert.equal(await judge(jws, { time: now + day }), 'alice')
    assert.equal(await judge(jws, { time: now - 300_000 }), 'alice')
  })
  test('is refused with the signature of another key under its kid', async () => {
    const { kid } = await keyNamed('alice')
    const { sign, alg } = await statementSignerOf(mallory)
    const { payload } = parseStatement(await statementBy('alice'))
    await assert.rejects(judge(await signStatement(payload, { alg, kid, sign })), refusedAs('bad-signature'))
  })
  test("is refused with an alg other than its key's, before its signature is checked", async () => {
    const { kid } = await keyNamed('alice')
    for (const alg of ['ES256', 'PS256', 'ML-DSA-65'] as const) {
      const { payload } = parseStatement(await statementBy('alice'))
      const jws = await signStatement(payload, { alg, kid, sign: () => new Uint8Array(64) })
      assert.throws(
        () => judgeStatement(parseStatement(jws), payments.next(jws, registry.size), registry),
        refusedAs('wrong-key'),
      )
    }
  })
  test('is refused with one signature for two records', async () => {
    const [header, , signature] = (await statementBy('alice')).split('.')
    const [, payload] = (await statementBy('alice')).split('.')
    await assert.rejects(judge(`${header}.${payload}.${signature}`), refusedAs('bad-signature'))
  })
  for (const type of ['ledgerstone.erased', 'ledgerstone.key.register', 'ledgerstone.x']) {
    test(`is not what ${type} is: that is taken from nobody here`, async () => {
      for (const signer of ['alice', 'ledger', 'registrar-ann']) {
        await assert.rejects(
          judge(await sample.statement('payments', signer, type, {})),
          refusedAs('reserved'),
        )
      }
    })
  }
})

describe('a genesis', () => {
  const body = { bucket: 'payments', ledger }
  const genesis = (
    given: JsonObject = body,
    signer: Signer = 'ledger',
    bucket = 'payments',
  ): Promise<string> => {
    return sample.statement(bucket, signer, 'ledgerstone.genesis', given)
  }
  test('stands in block 0', async () => assert.equal(await judge(await genesis(), { index: 0 }), 'ledger'))
  test('stands in no other block', async () => {
    await assert.rejects(judge(await genesis(), { index: 1 }), refusedAs('reserved'))
  })
  test('is signed by the ledger key only', async () => {
    for (const signer of ['alice', 'registrar-ann']) {
      await assert.rejects(judge(await genesis(body, signer), { index: 0 }), refusedAs('wrong-key'))
    }
  })
  test('names its ledger and bucket, and nothing else', async () => {
    const place = { index: 0 }
    await assert.rejects(
      judge(await genesis({ ...body, bucket: 'orders' }), place),
      refusedAs('wrong-ledger'),
    )
    await assert.rejects(judge(await genesis({ ...body, ledger: 'x/log' }), place), refusedAs('wrong-ledger'))
    await assert.rejects(judge(await genesis({ bucket: 'payments' }), place), refusedAs('malformed'))
    await assert.rejects(judge(await genesis({ ...body, note: 'x' }), place), refusedAs('unknown-field'))
  })
})

describe('a key revoked at block r of keys', async () => {
  const { sample, payments } = await openSample()
  const key = await sample.register('mallory', 'mallory')
  const jws = await statementBy('mallory')
  const before = sample.registry.size
  await sample.revoke('mallory', key)
  const r = sample.registry.key(key.kid).revoked?.index as number
  const stand = async (keys: number): Promise<string> => {
    return (await judgeBlock(payments.next(jws, keys), sample.registry)).key.owner
  }
  test('is good for blocks that name N <= r, whenever they are judged', async () => {
    assert.equal(r, before)
    assert.equal(await stand(r), 'mallory')
  })
  test('is refused for blocks that name N > r', async () => {
    await assert.rejects(stand(r + 1), refusedAs('key-revoked'))
  })
})

describe('an envelope', async () => {
  test('stands under a statement of the same owner, for registered receivers', async () => {
    const { envelope } = await sealFor(alice, ['bob-receive', 'carol-receive'])
    judgeEnvelope(
      envelope,
      registry.key((await keyNamed('alice')).kid),
      payments.next('x', registry.size),
      registry,
    )
  })
  const place = payments.next('x', registry.size)
  const { envelope } = await sealFor(alice, ['bob-receive'])
  const owner = registry.key((await keyNamed('alice')).kid)
  const stranger = await keyNamed('carol-receive-next')
  const [wrapped] = envelope.receivers as [(typeof envelope.receivers)[number]]
  const refused: [string, Partial<typeof envelope>, string][] = [
    ['signed by an unknown key', { signer: stranger.kid }, 'unknown-key'],
    ["signed by another owner's key", { signer: malloryRsa.kid }, 'wrong-key'],
    ['signed by a receiving key', { signer: bob.kid }, 'wrong-key'],
    ['signed by a key that is no RSA key', { signer: owner.kid }, 'wrong-key'],
    ['for an unknown receiver', { receivers: [{ ...wrapped, kid: stranger.kid }] }, 'unknown-key'],
    ['for a signing key', { receivers: [{ ...wrapped, kid: malloryRsa.kid }] }, 'wrong-key'],
  ]
  for (const [what, change, code] of refused) {
    test(`is refused when it is ${what}`, () => {
      assert.throws(() => judgeEnvelope({ ...envelope, ...change }, owner, place, registry), refusedAs(code))
    })
  }
  test("is refused under a stranger's statement over it", () => {
    assert.throws(
      () => judgeEnvelope(envelope, registry.key(mallory.kid), place, registry),
      refusedAs('wrong-key'),
    )
  })
  test('is refused for a receiver whose key is replaced, at the registry that says so', async () => {
    const { sample } = await openSample()
    const next = await keyNamed('carol-receive-next')
    const carol = await keyNamed('carol-receive')
    const key = sample.registry.key(owner.kid)
    const size = sample.registry.size
    const { envelope } = await sealFor(alice, ['carol-receive'])
    const at = (keys: number) => () => judgeEnvelope(envelope, key, payments.next('x', keys), sample.registry)
    await sample.change(
      'registrar-ann',
      'key.rotate',
      await rotationOf(carol, next, 'carol', { purpose: 'receive' }),
    )
    at(size)()
    assert.throws(at(size + 1), refusedAs('key-revoked'))
  })
  test('is refused when it is signed by a receiving key of the same owner', async () => {
    const { sample } = await openSample()
    const key = await sample.register('carol-receive-next', 'alice', { purpose: 'receive' })
    const place = payments.next('x', sample.registry.size)
    const given = { ...envelope, signer: key.kid }
    assert.throws(() => judgeEnvelope(given, owner, place, sample.registry), refusedAs('wrong-key'))
  })
  test('is refused when it is signed by a key that is not valid at the time', async () => {
    const { sample } = await openSample()
    const key = await sample.register('mallory-rsa', 'alice', { notBefore: now, notAfter: now + 1 })
    const given = { ...envelope, signer: key.kid }
    const at = (time: number) => () =>
      judgeEnvelope(given, owner, payments.next('x', sample.registry.size, { time }), sample.registry)
    at(now)()
    at(now + 1)()
    assert.throws(at(now - 1), refusedAs('key-expired'))
    assert.throws(at(now + 2), refusedAs('key-expired'))
  })
  test('is refused for a receiver whose key is valid no more', async () => {
    const { sample } = await openSample()
    const key = await keyNamed('carol-receive-next')
    const body = await registrationOf(key, 'carol', { purpose: 'receive', notAfter: now })
    await sample.change('registrar-ann', 'key.register', body)
    const { envelope } = await sealFor(alice, ['carol-receive-next'])
    const at = (time: number) => () =>
      judgeEnvelope(envelope, owner, payments.next('x', sample.registry.size, { time }), sample.registry)
    at(now)()
    assert.throws(at(now + 1), refusedAs('key-expired'))
  })
})

test('the window of a statement has both its ends', () => {
  checkIssued(now, now + day)
  checkIssued(now, now - 300_000)
  assert.throws(() => checkIssued(now, now + day + 1), refusedAs('stale-statement'))
  assert.throws(() => checkIssued(now, now - 300_001), refusedAs('stale-statement'))
})
