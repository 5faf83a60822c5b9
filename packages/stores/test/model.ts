// What a bucket should hold after some batches, and the comparison of a store with it.
import { strict as assert } from 'node:assert'
import type { Bytes } from '@ledgerstone/core/bytes'
import { concat } from '@ledgerstone/core/bytes'
import type { Head, Store } from '@ledgerstone/log/store'
import { emptyHead, tileHashes, tileLevels } from '../src/batch.ts'
import type { TestBatch } from './batches.ts'
import { tileRange } from './batches.ts'

export class Model {
  readonly #batches: TestBatch[] = []

  get head(): Head {
    return this.#batches.at(-1)?.next ?? emptyHead
  }

  append(batch: TestBatch): void {
    assert.equal(batch.batch.from, this.head.size)
    this.#batches.push(batch)
  }

  /** Asserts that every read of a bucket gives exactly what was appended. */
  async check(store: Store, bucket: string): Promise<void> {
    const { size } = this.head
    assert.deepEqual(await store.head(bucket), this.head)
    assert.deepEqual(await store.entries(bucket, 0, size + 1), this.#all('entries'))
    assert.deepEqual(
      await store.envelopes(bucket, 0, size + 1, Number.MAX_SAFE_INTEGER),
      this.#all('envelopes'),
    )
    for (let level = 0; level < tileLevels; level++) {
      const hashes = tileHashes(size, level)
      assert.deepEqual(await store.hashes(bucket, level, 0, hashes + 1), tileRange(level, 0, hashes))
    }
    await this.#checkIndex(store, bucket)
  }

  async #checkIndex(store: Store, bucket: string): Promise<void> {
    const rows = this.#all('identities')
    const identities: Bytes[] = []
    const first = new Map<string, number>()
    const newest = new Map<string, number>()
    for (let at = 0, block = 0; at < rows.length; at += 64, block++) {
      const identity = rows.slice(at, at + 32)
      identities.push(identity)
      if (!first.has(identity.toHex())) first.set(identity.toHex(), block)
      const key = rows.slice(at + 32, at + 64)
      if (key.some((byte) => byte !== 0)) newest.set(key.toHex(), block)
    }
    const expected = identities.map((identity) => first.get(identity.toHex()))
    assert.deepEqual(await store.find(bucket, identities), expected)
    for (const [key, block] of newest) {
      assert.equal(await store.newestOfCase(bucket, Uint8Array.fromHex(key)), block)
    }
  }

  #all(part: 'entries' | 'envelopes' | 'identities'): Bytes {
    return concat(...this.#batches.map(({ batch }) => batch[part]))
  }
}
