// What a start and an append read of a bucket does not grow with its history.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { MemoryStore } from '@ledgerstone/stores/memory'
import type { Store } from '../src/store.ts'
import { createSample, openPayments, openSample, seal } from './sample.ts'

/** Of the bucket payments: how many entries and how many bytes of hashes were read. */
type Read = { entries: number; hashBytes: number; calls: number }

class CountingStore extends MemoryStore {
  readonly read: Read = { entries: 0, hashBytes: 0, calls: 0 }

  override entries(...asked: Parameters<Store['entries']>): ReturnType<Store['entries']> {
    const [bucket, , count] = asked
    if (bucket === 'payments') this.read.entries += count
    return this.#counted(bucket, super.entries(...asked))
  }

  override async hashes(...asked: Parameters<Store['hashes']>): ReturnType<Store['hashes']> {
    const hashes = await this.#counted(asked[0], super.hashes(...asked))
    if (asked[0] === 'payments') this.read.hashBytes += hashes.length
    return hashes
  }

  override envelopes(...asked: Parameters<Store['envelopes']>): ReturnType<Store['envelopes']> {
    return this.#counted(asked[0], super.envelopes(...asked))
  }

  #counted<T>(bucket: string, answer: T): T {
    if (bucket === 'payments') this.read.calls++
    return answer
  }
}

/** What is read to open the bucket with so many records, and to append one. */
async function readWith(records: number): Promise<Read> {
  const store = new CountingStore()
  const sample = await createSample(store)
  const log = await openPayments(sample)
  const sealed = await Promise.all(Array.from({ length: records }, () => seal()))
  await log.bucket('payments').appendBatch(sealed, 'caller')
  await log[Symbol.asyncDispose]()
  Object.assign(store.read, { entries: 0, hashBytes: 0, calls: 0 })
  await using again = await openSample(sample)
  const { index } = await again.bucket('payments').append(await seal(), 'caller')
  assert.equal(index, records + 1)
  return { ...store.read }
}

test('a bucket with 512 blocks more is opened, and appended to, by the same reads', async () => {
  const [few, many] = [await readWith(40), await readWith(552)]
  assert.deepEqual([few.entries, many.entries], [1, 1], 'the newest block')
  // The right edge: two tiles more are two hashes more of the level above.
  assert.equal(many.hashBytes, few.hashBytes + 64)
  assert.equal(many.calls, few.calls + 1)
})
