import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { parseEntry } from '@ledgerstone/core/block'
import { equalBytes } from '@ledgerstone/core/bytes'
import { leafHash } from '@ledgerstone/core/tree'
import { MemoryStore } from '@ledgerstone/stores/memory'
import { bodyStatement, createLedger } from '../src/genesis.ts'
import { readBlock } from '../src/read.ts'
import { submissionOf } from '../src/submission.ts'
import {
  codeOf,
  createSample,
  keys,
  ledger,
  openPayments,
  openSample,
  registrationOf,
  seal,
  signerFor,
  start,
} from './sample.ts'

const makers = { registrar: keys.registrar, ledgerKey: keys.ledger }

test('the trust file pins block 0 of keys', async () => {
  const sample = await createSample()
  await using log = await openSample(sample)
  const { entry, hash } = await readBlock(log.bucket('keys'), 0)
  assert(equalBytes(hash, sample.trust.genesis))
  assert(equalBytes(hash, leafHash(entry)))
  assert.equal(parseEntry(entry).keys, 0)
  assert.equal(log.registry.threshold, 1)
  assert.deepEqual(log.registry.logKeysAt(log.bucket('keys').origin, 1), log.bucket('keys').vkeys)
})

test('a ledger is created once', async () => {
  const sample = await createSample()
  const signer = await signerFor('keys')
  const made = { ledger, store: sample.store, signer, ledgerKey: keys.ledger, registrars: [], threshold: 1 }
  const { text } = sample.trust.policy
  const again = createLedger({ ...made, policyText: text, now: () => start, report: () => undefined })
  assert.equal(await codeOf(again), 'bucket-exists')
})

test('a creation that ended before the genesis is finished by the next one', async () => {
  const store = new MemoryStore()
  await store.create('keys')
  const sample = await createSample(store)
  await using log = await openSample(sample)
  assert.equal(log.registry.size, 1)
})

test('a ledger whose trust file is another one does not open', async () => {
  const sample = await createSample()
  const genesis = new Uint8Array(32)
  assert.equal(await codeOf(openSample({ ...sample, trust: { ...sample.trust, genesis } })), 'wrong-ledger')
  const policy = { ...sample.trust.policy, text: `${sample.trust.policy.text}# another\n` }
  assert.equal(await codeOf(openSample({ ...sample, trust: { ...sample.trust, policy } })), 'bad-policy')
  assert.equal(await codeOf(openSample({ ...sample, store: new MemoryStore() })), 'unknown-bucket')
})

test('a bucket begins with its announcement in keys and a genesis of the ledger key', async () => {
  await using log = await openSample(await createSample())
  const bucket = await log.createBucket('orders', makers)
  assert.deepEqual(log.registry.logKeysAt(bucket.origin, 2), bucket.vkeys)
  const { block } = await readBlock(bucket, 0)
  assert.equal(block.keys, 2)
  assert.equal(await codeOf(log.createBucket('orders', makers)), 'bucket-exists')
  assert.equal(await codeOf(log.createBucket('Orders', makers)), 'bad-name')
  assert.throws(() => log.bucket('other'), { code: 'unknown-bucket' })
  assert.deepEqual(
    log.buckets().map(({ name }) => name),
    ['keys', 'orders'],
  )
})

for (const [cut, steps] of [
  ['after the announcement', 1],
  ['after the bucket was made', 2],
] as const) {
  test(`a bucket whose creation was cut short ${cut} is finished by the next one`, async () => {
    const sample = await createSample()
    const { store } = sample
    {
      await using log = await openSample(sample)
      const create = store.create.bind(store)
      store.create = async (name) => {
        if (steps === 2) await create(name)
        throw new Error('the process ends here')
      }
      await assert.rejects(log.createBucket('orders', makers), /ends here/)
      store.create = create
    }
    await using log = await openSample(sample)
    const bucket = await log.createBucket('orders', makers)
    assert.equal(bucket.head.size, 1)
    assert.equal(log.registry.size, 2)
  })
}

test('where two registrars must agree, a bucket begins when the second has approved', async () => {
  await using log = await openSample(await createSample(new MemoryStore(), 2))
  assert.equal(await codeOf(log.createBucket('orders', makers)), 'not-approved')
  assert.equal(await codeOf(log.createBucket('orders', makers)), 'not-approved')
  assert.equal(log.registry.size, 2)
  const { hash } = await readBlock(log.bucket('keys'), 1)
  const { origin } = log.bucket('keys')
  const type = 'ledgerstone.key.approve'
  const statement = await bodyStatement(origin, type, {}, keys.secondRegistrar, start, [hash])
  await log.bucket('keys').append(submissionOf({ statement }), 'second')
  const bucket = await log.createBucket('orders', makers)
  assert.equal((await readBlock(bucket, 0)).block.keys, 3)
})

test('a bucket whose private keys are not the announced ones is read-only', async () => {
  const sample = await createSample()
  {
    await using log = await openPayments(sample)
    await log.bucket('payments').append(await seal(), 'caller')
  }
  const other = await signerFor('something else')
  await using log = await openSample(sample, {
    signers: async (name) => (name === 'payments' ? other : signerFor(name)),
  })
  const { state } = log.bucket('payments')
  assert(state.kind === 'read-only')
  assert.equal(state.code, 'wrong-key')
})

test('a registrar that is nobody changes nothing', async () => {
  await using log = await openPayments(await createSample())
  const size = log.registry.size
  assert.equal(
    await codeOf(log.createBucket('orders', { ...makers, registrar: keys.statement })),
    'wrong-key',
  )
  assert.equal(log.registry.size, size)
  assert.equal(
    await codeOf(log.createBucket('orders', { ...makers, ledgerKey: keys.registrar })),
    'wrong-key',
  )
  await registrationOf(keys.other, { owner: 'x', purpose: 'sign' })
})
