import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Block, formatEntry, noHash } from '../src/block.ts'
import { formatHex, parseBase64, utf8 } from '../src/bytes.ts'
import { statementSignerOf } from '../src/key-pair.ts'
import { originOf } from '../src/names.ts'
import type { RegisteredKey } from '../src/registered-key.ts'
import { Registry } from '../src/registry.ts'
import type { RegistryChange } from '../src/registry-change.ts'
import { type StatementPayload, signStatement } from '../src/statement.ts'
import { leafHash } from '../src/tree.ts'
import { keyNamed, ledger, newId, now, registrationOf, SampleLedger, type Signer } from './sample-ledger.ts'
import { type Case, readVectors, refusedAs, testEach } from './vectors.ts'

const alice = await keyNamed('alice')
const mallory = await keyNamed('mallory')
const bob = await keyNamed('bob-receive')
const carol = await keyNamed('carol-receive')
const ann = await keyNamed('registrar-ann')
const ben = await keyNamed('registrar-ben')
const cyd = await keyNamed('registrar-cyd')
const ledgerKey = await keyNamed('ledger')
const day = 86_400_000

type Named = { kid: string; owner: string; purpose: string; roles: string[] }
type Row = Named & { good: [number, number | null]; suspectFrom?: string }
type Replay = { genesis: string; threshold: number; size: number; root: string; keys: Row[]; open: string[] }
type Vectors = {
  ledger: string
  chains: Record<string, string[]>
  valid: (Case & Replay & { chain: string })[]
  invalid: (Case & { chain: string; size: number; entry: string; code: string })[]
}
const vectors = readVectors<Vectors>('registry')

async function replayed(chain: string, size?: number): Promise<Registry> {
  const entries = (vectors.chains[chain] ?? []).slice(0, size).map((entry) => parseBase64(entry, 'an entry'))
  const [first, ...rest] = entries as [Uint8Array, ...Uint8Array[]]
  const registry = await Registry.open(vectors.ledger, first)
  for (const entry of rest) await registry.apply(entry)
  return registry
}

describe('a replay of keys', () => {
  testEach(vectors.valid, async ({ chain, genesis, threshold, size, root, keys, open }) => {
    const registry = await replayed(chain)
    assert.deepEqual([formatHex(registry.genesis), registry.threshold], [genesis, threshold])
    assert.deepEqual([registry.head.size, formatHex(registry.head.root)], [size, root])
    assert.deepEqual([...registry.requests().keys()], open)
    assert.deepEqual(
      registry.keys().map(({ kid }) => kid),
      keys.map(({ kid }) => kid),
    )
    for (const { kid, owner, purpose, roles, good, suspectFrom } of keys) {
      assert.deepEqual({ owner, purpose, roles }, pick(registry.key(kid)))
      const suspect = registry.key(kid).revoked?.suspectFrom
      assert.equal(suspect, suspectFrom === undefined ? undefined : Date.parse(suspectFrom))
      for (let n = 0; n <= size; n++) {
        const isGood = n >= good[0] && n <= (good[1] ?? size)
        if (isGood) assert.equal(registry.keyAt(kid, n).kid, kid)
        else assert.throws(() => registry.keyAt(kid, n), { name: 'Refused' }, `${kid} at ${n}`)
      }
    }
  })
  testEach(vectors.invalid, async ({ chain, size, entry, code }) => {
    const registry = await replayed(chain, size)
    await assert.rejects(registry.apply(parseBase64(entry, 'the entry')), refusedAs(code))
    assert.equal(registry.size, size)
  })
})

function pick({ owner, purpose, roles }: RegisteredKey): object {
  return { owner, purpose, roles }
}

describe('the genesis of the registry', async () => {
  const sample = await SampleLedger.create()
  const [entry] = sample.keys.entries as [Uint8Array]
  const genesis = await sample.genesis(1)
  const statement = (
    type = 'ledgerstone.genesis',
    more: Partial<StatementPayload> = {},
    signer: Signer = 'ledger',
  ): Promise<string> => {
    return sample.statement('keys', signer, type, genesis, more)
  }
  const open = async (jws: string, place: Partial<Block> = {}): Promise<Registry> => {
    const block = { bucket: 'keys', index: 0, time: now, prev: noHash, keys: 0, statement: jws, ...place }
    return Registry.open(ledger, formatEntry(block))
  }

  test('opens when it is the pinned one', async () => {
    const registry = await Registry.open(ledger, entry, leafHash(entry))
    assert.deepEqual(registry.genesis, leafHash(entry))
    assert.deepEqual([registry.size, registry.threshold, registry.origin], [1, 1, originOf(ledger, 'keys')])
    assert.deepEqual(registry.key(ann.kid).roles, ['registrar'])
    assert.deepEqual(registry.key(ledgerKey.kid).roles, ['ledger'])
    assert.deepEqual(registry.head, sample.keys.frontier().head())
  })
  test('is refused when it is not the pinned one', async () => {
    await assert.rejects(Registry.open(ledger, entry, leafHash(utf8('x'))), refusedAs('wrong-ledger'))
  })
  test('is refused under another ledger name', async () => {
    await assert.rejects(Registry.open('other.example/log', entry), refusedAs('wrong-log'))
    await assert.rejects(Registry.open('\u001b[2Jx', entry), refusedAs('bad-name'))
  })
  test('is signed by the ledger key that it names', async () => {
    assert.equal((await open(await statement())).size, 1)
    await assert.rejects(
      open(await statement('ledgerstone.genesis', {}, 'mallory')),
      refusedAs('bad-signature'),
    )
    await assert.rejects(
      open(await statement('ledgerstone.genesis', {}, 'alice-p256')),
      refusedAs('wrong-key'),
    )
  })
  test('is a genesis', async () => {
    await assert.rejects(open(await statement('ledgerstone.key.register')), refusedAs('reserved'))
  })
  test('stands at the beginning', async () => {
    const jws = await statement()
    for (const place of [
      { index: 1 },
      { keys: 1 },
      { bucket: 'payments' },
      { bucket: 'keys~2' },
      { prev: leafHash(entry) },
    ]) {
      await assert.rejects(open(jws, place), refusedAs('bad-link'), JSON.stringify(place))
    }
  })
  test('is issued at its time, for its log', async () => {
    await assert.rejects(open(await statement(), { time: now + day + 1 }), refusedAs('stale-statement'))
    const log = originOf(ledger, 'payments')
    await assert.rejects(open(await statement('ledgerstone.genesis', { log })), refusedAs('wrong-log'))
  })
})

describe('blocks of the registry', async () => {
  const sample = await SampleLedger.create()
  const { registry } = sample
  const body = await registrationOf(alice, 'alice')
  const register = (
    more: Partial<StatementPayload> = {},
    signer: Signer = 'registrar-ann',
  ): Promise<string> => {
    return sample.statement('keys', signer, 'ledgerstone.key.register', body, more)
  }
  const judge = async (jws: string, place: Partial<Block> = {}): Promise<RegistryChange> => {
    return registry.judge(formatEntry(sample.keys.next(jws, 1, place)))
  }

  test('are judged without changing anything', async () => {
    const change = await judge(await register())
    assert.ok(change.counts)
    assert.equal(registry.size, 1)
    assert.throws(() => registry.key(alice.kid), refusedAs('unknown-key'))
  })
  const links: [string, Partial<Block>][] = [
    ['another bucket', { bucket: 'payments' }],
    ['an index left out', { index: 2 }],
    ['an index again', { index: 0 }],
    ['keys that are not the index', { keys: 0 }],
    ['keys beyond the index', { keys: 2 }],
    ['a wrong prev', { prev: noHash }],
    ['a time before the last', { time: now - 1 }],
  ]
  for (const [what, place] of links) {
    test(`are refused with ${what}`, async () => {
      await assert.rejects(judge(await register(), place), refusedAs('bad-link'))
    })
  }
  const statements: [string, () => Promise<string>, string][] = [
    ['for another bucket', () => register({ log: originOf(ledger, 'payments') }), 'wrong-log'],
    ['for another ledger', () => register({ log: 'other.example/log/keys' }), 'wrong-log'],
    ['issued a day and more before', () => register({ issued: now - day - 1 }), 'stale-statement'],
    ['issued five minutes and more after', () => register({ issued: now + 300_001 }), 'stale-statement'],
    ['by an unknown key', () => register({}, 'mallory'), 'unknown-key'],
    ['by the ledger key', () => register({}, 'ledger'), 'wrong-key'],
    ['that is a genesis', () => sample.statement('keys', 'ledger', 'ledgerstone.genesis', {}), 'reserved'],
    [
      'of a type that nobody knows',
      () => sample.statement('keys', ann, 'ledgerstone.key.lend', {}),
      'reserved',
    ],
    [
      'with an unknown member',
      () => sample.statement('keys', ann, 'ledgerstone.key.register', { ...body, x: 1 }),
      'unknown-field',
    ],
    [
      'with a ledger role',
      async () =>
        sample.statement(
          'keys',
          ann,
          'ledgerstone.key.register',
          await registrationOf(alice, 'a', { roles: ['ledger'] }),
        ),
      'wrong-key',
    ],
    [
      'that registers a key again',
      async () => sample.statement('keys', ann, 'ledgerstone.key.register', await registrationOf(ben, 'ben')),
      'id-reused',
    ],
    [
      'that revokes an unknown key',
      () => sample.statement('keys', ann, 'ledgerstone.key.revoke', { kid: alice.kid, reason: 'x' }),
      'unknown-key',
    ],
    [
      'that revokes without a reason',
      () => sample.statement('keys', ann, 'ledgerstone.key.revoke', { kid: ben.kid }),
      'malformed',
    ],
    [
      'that approves nothing',
      () => sample.statement('keys', ann, 'ledgerstone.key.approve', {}),
      'not-approved',
    ],
    [
      'that approves an unknown block',
      () => sample.statement('keys', ann, 'ledgerstone.key.approve', {}, { refs: [noHash] }),
      'not-approved',
    ],
    [
      'that names a policy by no hash',
      () => sample.statement('keys', ann, 'ledgerstone.policy', { policy: 'x' }),
      'malformed',
    ],
    [
      'that announces keys of another ledger',
      () =>
        sample.statement('keys', ann, 'ledgerstone.log-keys', { log: 'other.example/log/a', logKeys: ['x'] }),
      'wrong-log',
    ],
  ]
  for (const [what, make, code] of statements) {
    test(`are refused with a statement ${what}`, async () => {
      await assert.rejects(judge(await make()), refusedAs(code))
    })
  }
  test('are refused with a record', async () => {
    const content = { suite: 'rsa-aes-cfb', digest: noHash, bytes: 16 }
    const { body: _, ...payload } = {
      log: registry.origin,
      id: newId(),
      type: 'payment.captured',
      issued: now,
      body,
    }
    const jws = await signStatement({ ...payload, content }, await statementSignerOf(ann))
    await assert.rejects(judge(jws), refusedAs('reserved'))
  })
  test("are refused with a signature that is not the key holder's", async () => {
    const jws = await register()
    const forged = `${jws.slice(0, -86)}${jws.slice(-86).split('').reverse().join('')}`
    await assert.rejects(judge(forged.replace(/.$/, 'A')), refusedAs('bad-signature'))
  })
  test("are refused with an alg that is not the key's", async () => {
    const { sign } = await statementSignerOf(ann)
    const payload = { log: registry.origin, id: newId(), type: 'ledgerstone.key.register', issued: now, body }
    const jws = await signStatement(payload, { alg: 'ES256', kid: ann.kid, sign })
    await assert.rejects(judge(jws), refusedAs('wrong-key'))
  })
  test('are applied once, in their place', async () => {
    const first = await judge(await register())
    const second = await judge(await register())
    registry.accept(first)
    assert.equal(registry.key(alice.kid).effective, 1)
    assert.throws(() => registry.accept(second), { message: /does not follow size 2/ })
  })
})

describe('a key in the registry', () => {
  test('counts from the block after its own', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice')
    assert.throws(() => sample.registry.keyAt(alice.kid, 1), refusedAs('unknown-key'))
    assert.equal(sample.registry.keyAt(alice.kid, 2).owner, 'alice')
    assert.equal(sample.registry.key(alice.kid).effective, 1)
  })
  test('that is revoked at block r is good for N up to r, and refused for N > r', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice')
    await sample.register('bob-receive', 'bob', { purpose: 'receive' })
    await sample.revoke('registrar-ann', alice)
    await sample.register('mallory', 'mallory')
    const r = 3
    assert.equal(sample.registry.key(alice.kid).revoked?.index, r)
    for (const n of [2, 3]) assert.equal(sample.registry.keyAt(alice.kid, n).kid, alice.kid)
    for (const n of [4, 5]) assert.throws(() => sample.registry.keyAt(alice.kid, n), refusedAs('key-revoked'))
  })
  test('is revoked by its owner with that key alone', async () => {
    const sample = await SampleLedger.create(2)
    const request = await sample.change('registrar-ann', 'key.register', await registrationOf(alice, 'alice'))
    await sample.approve('registrar-ben', request)
    await sample.revoke('alice', alice, { suspectFrom: '2026-11-01T00:00:00.000Z' })
    const { revoked } = sample.registry.key(alice.kid)
    assert.deepEqual(revoked, {
      index: 3,
      reason: 'stolen',
      suspectFrom: Date.parse('2026-11-01T00:00:00.000Z'),
    })
    await assert.rejects(sample.revoke('alice', alice), refusedAs('key-revoked'))
  })
  test('that receives is revoked with that key alone too, and signs nothing else', async () => {
    const sample = await SampleLedger.create(2)
    const receive = { purpose: 'receive' } as const
    for (const name of ['bob-receive', 'carol-receive']) {
      const body = await registrationOf(await keyNamed(name), 'bob', receive)
      await sample.approve('registrar-ben', await sample.change('registrar-ann', 'key.register', body))
    }
    await assert.rejects(sample.revoke('bob-receive', carol), refusedAs('wrong-key'))
    const register = await registrationOf(alice, 'alice')
    await assert.rejects(sample.change('bob-receive', 'key.register', register), refusedAs('wrong-key'))
    await assert.rejects(sample.change('bob-receive', 'key.approve', {}), refusedAs('wrong-key'))
    await sample.revoke('bob-receive', bob)
    assert.equal(sample.registry.key(bob.kid).revoked?.index, 5)
    await assert.rejects(sample.revoke('bob-receive', bob), refusedAs('key-revoked'))
  })
  test('is not revoked by another key of its owner, nor by a stranger', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice')
    await sample.register('alice-next', 'alice')
    await sample.register('mallory', 'mallory')
    await assert.rejects(sample.revoke('alice-next', alice), refusedAs('wrong-key'))
    await assert.rejects(sample.revoke('mallory', alice), refusedAs('wrong-key'))
    assert.equal(sample.registry.key(alice.kid).revoked, undefined)
  })
  test('does not come back once it is revoked, under any owner', async () => {
    const sample = await SampleLedger.create()
    await sample.register('alice', 'alice')
    await sample.revoke('alice', alice)
    await assert.rejects(sample.register('alice', 'alice'), refusedAs('id-reused'))
    await assert.rejects(sample.register('alice', 'mallory'), refusedAs('id-reused'))
  })
  test('signs changes of the registry while it is valid only', async () => {
    const sample = await SampleLedger.create()
    const claims = { roles: ['registrar'], notBefore: now - 10, notAfter: now + 10 } as const
    await sample.register('mallory', 'dan', claims)
    const register = await registrationOf(alice, 'alice')
    const jws = await sample.statement('keys', mallory, 'ledgerstone.key.register', register)
    await assert.rejects(sample.appendKeys(jws, { time: now + 11 }), refusedAs('key-expired'))
    await sample.appendKeys(jws, { time: now + 10 })
    assert.equal(sample.registry.key(alice.kid).owner, 'alice')
  })
})

test('a policy is kept by its digest, the newest last', async () => {
  const sample = await SampleLedger.create()
  await sample.change(ann, 'policy', { policy: 'ab'.repeat(32) })
  const digests = sample.registry.policyDigests().map(formatHex)
  assert.equal(digests.length, 2)
  assert.equal(digests[1], 'ab'.repeat(32))
})

test('the registry has at most 16 MiB of entries', async () => {
  const sample = await SampleLedger.create(2)
  const reason = 'x'.repeat(16_000)
  let bytes = sample.keys.entries.reduce((sum, { length }) => sum + length, 0)
  const ask = (): Promise<string> => sample.revoke('registrar-ann', ben, { reason })
  for (;;) {
    await ask()
    const { length } = sample.keys.entries.at(-1) as Uint8Array
    bytes += length
    if (bytes + length > 16_777_216) break
  }
  await assert.rejects(ask(), refusedAs('too-large'))
  assert.equal(sample.registry.size, sample.keys.entries.length)
})

test('two replays of the same blocks are the same registry', async () => {
  const sample = await SampleLedger.create(2)
  const request = await sample.change(ann, 'key.register', await registrationOf(alice, 'alice'))
  await sample.approve('registrar-ben', request)
  await sample.change(cyd, 'key.register', await registrationOf(mallory, 'mallory'))
  await sample.revoke('alice', alice)
  const [first, ...rest] = sample.keys.entries as [Uint8Array, ...Uint8Array[]]
  const again = await Registry.open(ledger, first)
  for (const entry of rest) await again.apply(entry)
  assert.deepEqual(again.keys(), sample.registry.keys())
  assert.deepEqual([...again.requests()], [...sample.registry.requests()])
  assert.deepEqual(again.head, sample.registry.head)
  assert.deepEqual(again.head, sample.keys.frontier().head())
})
