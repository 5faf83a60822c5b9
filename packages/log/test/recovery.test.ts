import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refused } from '@ledgerstone/core/refused'
import { Frontier } from '@ledgerstone/core/tree'
import { liveId } from '@ledgerstone/core/uuid'
import { MemoryStore } from '@ledgerstone/stores/memory'
import { until } from '../../core/test/until.ts'
import type { LogEvent } from '../src/event.ts'
import type { Log } from '../src/log.ts'
import type { Head } from '../src/store.ts'
import { FaultyStore, type Operation } from './faulty-store.ts'
import { replayed } from './replayed.ts'
import {
  appendToKeys,
  codeOf,
  createSample,
  keys,
  openPayments,
  openSample,
  type Sample,
  seal,
  shop,
  start,
} from './sample.ts'

type Faulty = { readonly memory: MemoryStore; readonly store: FaultyStore; readonly sample: Sample }

async function createFaulty(): Promise<Faulty> {
  const memory = new MemoryStore()
  const store = new FaultyStore(memory)
  return { memory, store, sample: await createSample(store) }
}

/** Makes the next commit of payments fail, or something that is asked for before or after it. */
const faults: Readonly<Record<string, { readonly arm: (faulty: Faulty) => void; readonly code: string }>> = {
  'the commit fails and is not persisted': {
    arm: ({ memory }) => memory.failNextAppend('payments', 'lost'),
    code: 'outcome-unknown',
  },
  'the commit fails and is persisted': {
    arm: ({ memory }) => memory.failNextAppend('payments', 'kept'),
    code: 'outcome-unknown',
  },
  'the store is full': { arm: ({ memory }) => memory.failNextAppend('payments', 'full'), code: 'store-full' },
  'the commit never reaches the store': { arm: ({ store }) => store.fail('append'), code: 'outcome-unknown' },
  'the identity index cannot be asked': { arm: ({ store }) => store.fail('find'), code: 'outcome-unknown' },
}
const readFaults: readonly Operation[] = ['head', 'entries', 'hashes']

for (const [what, { arm, code }] of Object.entries(faults)) {
  test(`${what}: nothing acknowledged is lost, nothing is doubled, and the bucket goes on`, async () => {
    const faulty = await createFaulty()
    await using log = await openPayments(faulty.sample)
    await checkFault(faulty, log, () => arm(faulty), code)
  })
}

for (const operation of readFaults) {
  for (const persisted of ['lost', 'kept'] as const) {
    test(`the commit is ${persisted} and then ${operation} fails too: the bucket opens later`, async () => {
      const faulty = await createFaulty()
      await using log = await openPayments(faulty.sample)
      const arm = (): void => {
        faulty.memory.failNextAppend('payments', persisted)
        faulty.store.fail(operation, 3)
      }
      await checkFault(faulty, log, arm, 'outcome-unknown')
      assert.equal(faulty.store.faults, 0)
    })
  }
}

/** One record before the fault, a batch into it, the same batch again after it. */
async function checkFault({ store }: Faulty, log: Log, arm: () => void, code: string): Promise<void> {
  const payments = log.bucket('payments')
  const before = await seal()
  const acknowledged = await payments.append(before, 'caller')
  const batch = await Promise.all([seal(), seal(), seal()])
  arm()
  for (const result of await payments.appendBatch(batch, 'caller')) {
    assert(result instanceof Refused)
    assert.equal(result.code, code)
  }
  await until(() => payments.state.kind === 'open', 'the bucket is open')
  let results = await payments.appendBatch(batch, 'caller')
  if (results.some((result) => result instanceof Refused && result.code === 'read-only')) {
    await until(() => payments.state.kind === 'open', 'the bucket is open')
    results = await payments.appendBatch(batch, 'caller')
  }
  const indexes = results.map((result) => (result instanceof Error ? result : result.index))
  assert.deepEqual(indexes, [2, 3, 4])
  assert.equal((await payments.append(before, 'caller')).index, acknowledged.index)

  const ids = await replayed(store, 'payments')
  assert.deepEqual(
    ids.slice(1),
    [before, ...batch].map(({ statement }) => statement.payload.id),
  )
  assert.deepEqual(payments.head, await store.head('payments'))
}

test('a commit to keys that was persisted without an answer is in the registry after all', async () => {
  for (const persisted of ['kept', 'lost'] as const) {
    const faulty = await createFaulty()
    await using log = await openPayments(faulty.sample)
    const size = log.registry.size
    faulty.memory.failNextAppend('keys', persisted)
    const revocation = { kid: keys.statement.kid, reason: 'test' }
    assert.equal(await codeOf(appendToKeys(log, 'ledgerstone.key.revoke', revocation)), 'outcome-unknown')
    await until(() => log.registry.size === (persisted === 'kept' ? size + 1 : size), 'keys is read again')
    assert.equal(log.registry.key(keys.statement.kid).revoked !== undefined, persisted === 'kept')
    const code = await log
      .bucket('payments')
      .append(await seal(), 'caller')
      .then(() => 'appended', String)
    assert.match(code, persisted === 'kept' ? /revoked/ : /appended/)
  }
})

test('two processes on one store both commit, and both give the same answers', async () => {
  const sample = await createSample()
  const events: LogEvent[] = []
  await using first = await openPayments(sample, { events })
  await using second = await openSample(sample, { events })
  const shared = liveId(start)
  const append = async (log: Log): Promise<readonly number[]> => {
    const indexes: number[] = []
    for (let i = 0; i < 30; i++) {
      const submission = await seal(i === 15 ? { id: shared } : {})
      indexes.push((await log.bucket('payments').append(submission, 'caller')).index)
    }
    return indexes
  }
  const [one, other] = await Promise.all([append(first), append(second)])
  assert.equal(one[15], other[15])
  assert.equal(new Set([...one, ...other]).size, 59)
  assert.equal((await replayed(sample.store, 'payments')).length, 60)
  assert(events.some(({ kind }) => kind === 'head-moved'))
  assert(events.every(({ kind }) => kind !== 'stopped' && kind !== 'outcome-unknown'))
})

test('a process follows the registry that another one has added to', async () => {
  const sample = await createSample()
  await using first = await openPayments(sample)
  await using second = await openSample(sample)
  await appendToKeys(first, 'ledgerstone.key.revoke', { kid: keys.statement.kid, reason: 'test' })
  assert.equal(second.registry.size, first.registry.size - 1)
  await first.bucket('payments').append(await seal({ sender: shop }), 'caller')
  // The head has moved, and its newest block names a larger registry.
  assert.equal(await codeOf(second.bucket('payments').append(await seal(), 'caller')), 'key-revoked')
  assert.equal(second.registry.size, first.registry.size)
  await appendToKeys(second, 'ledgerstone.key.revoke', { kid: keys.other.kid, reason: 'test' })
  await replayed(sample.store, 'keys')
})

test('a leaf hash that flips in memory stops the bucket; nothing is written or signed', async () => {
  const { store, sample } = await createFaulty()
  const events: LogEvent[] = []
  await using log = await openPayments(sample, { events })
  await log.createBucket('orders', { registrar: keys.registrar, ledgerKey: keys.ledger })
  const payments = log.bucket('payments')
  await payments.append(await seal(), 'caller')
  const before = { note: payments.headNote, head: await store.head('payments') }
  const submission = await seal()
  store.onAppend = () => assert.fail('it was written')
  const { append } = Frontier.prototype
  Frontier.prototype.append = function flip(leaf) {
    Frontier.prototype.append = append
    leaf[31] = (leaf[31] as number) ^ 1
    this.append(leaf)
  }
  assert.equal(await codeOf(payments.append(submission, 'caller')), 'outcome-unknown')
  store.onAppend = undefined
  assert.deepEqual({ note: payments.headNote, head: await store.head('payments') }, before)
  assert.equal(payments.state.kind, 'read-only')
  assert.equal(events.filter(({ kind }) => kind === 'stopped').length, 1)
  assert.equal(await codeOf(payments.append(submission, 'caller')), 'read-only')
  assert.equal((await log.bucket('orders').append(await seal({ bucket: 'orders' }), 'caller')).index, 1)
})

test('time never decreases, and a clock that is far behind stops the sequencing', async () => {
  const sample = await createSample()
  const events: LogEvent[] = []
  await using log = await openPayments(sample, { events })
  const payments = log.bucket('payments')
  sample.clock.ms = start + 60_000
  const late = await payments.append(await seal(), 'caller')
  assert.equal(late.time, start + 60_000)
  sample.clock.ms = start + 56_000
  assert.equal((await payments.append(await seal(), 'caller')).time, start + 60_000)
  sample.clock.ms = start + 54_000
  assert.equal(await codeOf(payments.append(await seal(), 'caller')), 'read-only')
  assert(events.some(({ kind }) => kind === 'clock-behind'))
  sample.clock.ms = start + 61_000
  assert.equal((await payments.append(await seal(), 'caller')).time, start + 61_000)
})

test('a bucket whose store was rolled back under it is read-only', async () => {
  const faulty = await createFaulty()
  await using log = await openPayments(faulty.sample)
  const payments = log.bucket('payments')
  await payments.append(await seal(), 'caller')
  const old = await faulty.memory.head('payments')
  await payments.append(await seal(), 'caller')
  // The store claims the earlier head from now on.
  faulty.store.head = async () => old
  faulty.memory.failNextAppend('payments', 'lost')
  assert.equal(await codeOf(payments.append(await seal(), 'caller')), 'outcome-unknown')
  await until(() => payments.state.kind === 'read-only', 'the bucket is read-only')
  assert(payments.state.kind === 'read-only')
  assert.equal(payments.state.code, 'rolled-back')
  assert.equal(await codeOf(payments.append(await seal(), 'caller')), 'read-only')
})

test('a broken bucket is quarantined and the others go on; without keys nothing opens', async () => {
  const faulty = await createFaulty()
  {
    await using log = await openPayments(faulty.sample)
    await log.createBucket('orders', { registrar: keys.registrar, ledgerKey: keys.ledger })
    await log.bucket('payments').append(await seal(), 'caller')
  }
  const { entries } = faulty.store
  const flipIn = (broken: string): void => {
    faulty.store.entries = async (bucket, from, count) => {
      const bytes = await entries.call(faulty.store, bucket, from, count)
      if (bucket === broken) bytes[200] = (bytes[200] as number) ^ 1
      return bytes
    }
  }
  flipIn('payments')
  {
    await using log = await openSample(faulty.sample)
    assert.equal(log.bucket('payments').state.kind, 'read-only')
    assert.throws(() => log.bucket('payments').head, { code: 'damaged-store' })
    assert.equal(await codeOf(log.bucket('payments').append(await seal(), 'caller')), 'read-only')
    assert.equal((await log.bucket('orders').append(await seal({ bucket: 'orders' }), 'caller')).index, 1)
  }
  flipIn('keys')
  await assert.rejects(openSample(faulty.sample), Refused)
})

test('a bucket whose tiles do not have the root of its head is read-only', async () => {
  const { store, sample } = await createFaulty()
  {
    await using log = await openPayments(sample)
    const records = await Promise.all(Array.from({ length: 5 }, () => seal()))
    await log.bucket('payments').appendBatch(records, 'caller')
  }
  const { hashes } = store
  store.hashes = async (bucket, level, from, count) => {
    const bytes = await hashes.call(store, bucket, level, from, count)
    // Neither the newest block's hash nor the one before it, which are compared with the block.
    if (bucket === 'payments' && level === 0 && from === 0) bytes[0] = (bytes[0] as number) ^ 1
    return bytes
  }
  await using log = await openSample(sample)
  const { state } = log.bucket('payments')
  assert.partialDeepStrictEqual(state, { kind: 'read-only', code: 'damaged-store' })
  assert.match(state.kind === 'read-only' ? state.detail : '', /tiles .* root/)
  assert.equal(await codeOf(log.bucket('payments').append(await seal(), 'caller')), 'read-only')
})

test('a bucket is read-only where only keys was put back to an older state', async () => {
  const { store, sample } = await createFaulty()
  const { head } = store
  let old: Head
  {
    await using log = await openPayments(sample)
    old = await head.call(store, 'keys')
    await appendToKeys(log, 'ledgerstone.key.revoke', { kid: keys.other.kid, reason: 'test' })
    await log.bucket('payments').append(await seal(), 'caller')
  }
  store.head = async (bucket) => (bucket === 'keys' ? old : head.call(store, bucket))
  await using log = await openSample(sample)
  assert.equal(log.bucket('keys').head.size, old.size)
  const { state } = log.bucket('payments')
  assert.partialDeepStrictEqual(state, { kind: 'read-only', code: 'rolled-back' })
  assert.equal(await codeOf(log.bucket('payments').append(await seal(), 'caller')), 'read-only')
})

test('a store that says it is damaged has written nothing; the bucket opens again, if it can', async () => {
  const damage = new Refused('damaged-store', 'a file is shorter than its head says')
  for (const isReadable of [true, false]) {
    const { store, sample } = await createFaulty()
    const events: LogEvent[] = []
    await using log = await openPayments(sample, { events })
    const payments = log.bucket('payments')
    const submission = await seal()
    store.onAppend = () => {
      store.onAppend = undefined
      throw damage
    }
    if (!isReadable) store.head = () => Promise.reject(damage)
    assert.equal(await codeOf(payments.append(submission, 'caller')), 'damaged-store')
    const kind = isReadable ? 'reopened' : 'stopped'
    await until(() => events.some((event) => event.kind === kind), `the bucket is ${kind}`)
    if (isReadable) assert.equal((await payments.append(submission, 'caller')).index, 1)
    else {
      assert.partialDeepStrictEqual(payments.state, { kind: 'read-only', code: 'damaged-store' })
      assert.equal(await codeOf(payments.append(submission, 'caller')), 'read-only')
    }
  }
})

test('while keys is broken no bucket admits', async () => {
  const faulty = await createFaulty()
  await using log = await openPayments(faulty.sample)
  const { head } = faulty.store
  faulty.store.head = async (bucket) => {
    if (bucket === 'keys') throw new Error('EIO')
    return head.call(faulty.store, bucket)
  }
  faulty.memory.failNextAppend('keys', 'lost')
  const revocation = { kid: keys.other.kid, reason: 'test' }
  assert.equal(await codeOf(appendToKeys(log, 'ledgerstone.key.revoke', revocation)), 'outcome-unknown')
  await until(() => log.bucket('keys').state.kind === 'read-only', 'keys is read-only')
  assert.equal(await codeOf(log.bucket('payments').append(await seal(), 'caller')), 'read-only')
  faulty.store.head = head
  await until(() => log.bucket('keys').state.kind === 'open', 'keys is open')
  await sleep(1)
  assert.equal((await log.bucket('payments').append(await seal(), 'caller')).index, 1)
})
