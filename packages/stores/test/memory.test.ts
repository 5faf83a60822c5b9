import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { emptyHead } from '../src/batch.ts'
import { MemoryStore } from '../src/memory.ts'
import { batchOf, blocksOf } from './batches.ts'
import { refusedWith, testStoreContract } from './store-contract.ts'

testStoreContract('memory store', async () => {
  const store = new MemoryStore()
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
})

test('memory store: a buffer that is changed while it is written is a bug', async () => {
  for (const part of ['entries', 'envelopes', 'identities'] as const) {
    const store = new MemoryStore()
    await store.create('payments')
    const { batch, next } = batchOf(0, blocksOf(3))
    const appended = store.append('payments', emptyHead, batch, next)
    batch[part].fill(9, -1)
    await assert.rejects(appended, { name: 'AssertionError' }, part)
    assert.deepEqual(await store.head('payments'), emptyHead)
  }
})

test('memory store: takes no append after an unknown outcome until the head is read', async () => {
  for (const failure of ['lost', 'kept'] as const) {
    const store = new MemoryStore()
    await store.create('payments')
    const { batch, next } = batchOf(0, blocksOf(3))
    store.failNextAppend('payments', failure)
    await assert.rejects(store.append('payments', emptyHead, batch, next), /outcome/)
    await assert.rejects(store.append('payments', emptyHead, batch, next), refusedWith('read-only'))
    assert.equal((await store.entries('payments', 0, 9)).length, 0)
    const head = await store.head('payments')
    assert.deepEqual(head, failure === 'kept' ? next : emptyHead)
    const second = batchOf(head.size, blocksOf(1))
    await store.append('payments', head, second.batch, second.next)
  }
})

test('memory store: a full store has changed nothing', async () => {
  const store = new MemoryStore()
  await store.create('payments')
  const { batch, next } = batchOf(0, blocksOf(3))
  store.failNextAppend('payments', 'full')
  await assert.rejects(store.append('payments', emptyHead, batch, next), refusedWith('store-full'))
  assert.deepEqual(await store.head('payments'), emptyHead)
  await store.append('payments', emptyHead, batch, next)
})
