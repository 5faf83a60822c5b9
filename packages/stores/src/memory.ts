// A store in memory, for tests. It polices the contract: what a real store would corrupt silently is an
// assertion here.
import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Bytes } from '@ledgerstone/core/bytes'
import { concat } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { Batch, Head, Store } from '@ledgerstone/log/store'
import { checkBatch, emptyHead, equalHeads, hashBytes, identityRowBytes, storedName } from './batch.ts'

/**
 * How an append may fail: `full` refuses it with `store-full`; `lost` and `kept` throw an operating error,
 * the batch being absent or present when the head is read again.
 */
export type Failure = 'full' | 'lost' | 'kept'

type Bucket = {
  head: Head
  readonly entries: Bytes[]
  readonly envelopes: Bytes[]
  readonly tiles: Bytes[][]
  readonly identities: Map<string, number>
  readonly cases: Map<string, number>
  /** Set after an append whose outcome is unknown, until the head is read: what is then found. */
  unknown: (() => void) | undefined
  failure: Failure | undefined
}

export class MemoryStore implements Store {
  readonly #buckets = new Map<string, Bucket>()
  #open = true

  async buckets(): Promise<readonly string[]> {
    assert(this.#open, 'the store is closed')
    return [...this.#buckets.keys()].sort()
  }

  async create(name: string): Promise<void> {
    assert(this.#open, 'the store is closed')
    assert.match(name, storedName)
    if (this.#buckets.has(name)) throw new Refused('bucket-exists', `bucket ${name} exists`)
    this.#buckets.set(name, {
      head: emptyHead,
      entries: [],
      envelopes: [],
      tiles: [],
      identities: new Map(),
      cases: new Map(),
      unknown: undefined,
      failure: undefined,
    })
  }

  async append(name: string, expected: Head, batch: Batch, next: Head): Promise<void> {
    const bucket = this.#bucket(name)
    const ends = checkBatch(expected, batch, next)
    const fingerprint = fingerprintOf(batch, expected, next)
    await setImmediate()
    assert.deepEqual(
      fingerprintOf(batch, expected, next),
      fingerprint,
      'a batch was changed while it was written',
    )

    if (bucket.unknown !== undefined) throw new Refused('read-only', `bucket ${name}: read its head first`)
    if (!equalHeads(bucket.head, expected)) throw new Refused('head-moved', `bucket ${name} has moved on`)
    const committed = { size: next.size, root: next.root.slice() }
    const kept = { ...batch, entries: batch.entries.slice(), envelopes: batch.envelopes.slice() }
    const rows = batch.identities.slice()
    const tiles = batch.tiles.map((hashes) => hashes.slice())
    const apply = (): void => {
      bucket.entries.push(...cut(kept.entries, ends.entries))
      bucket.envelopes.push(...cut(kept.envelopes, ends.envelopes))
      for (const [level, hashes] of tiles.entries()) {
        bucket.tiles[level] ??= []
        bucket.tiles[level].push(...rowsOf(hashes, hashBytes))
      }
      for (const [i, row] of rowsOf(rows, identityRowBytes).entries()) {
        const identity = row.subarray(0, 32).toHex()
        if (!bucket.identities.has(identity)) bucket.identities.set(identity, batch.from + i)
        if (row.subarray(32).some((byte) => byte !== 0))
          bucket.cases.set(row.subarray(32).toHex(), batch.from + i)
      }
      bucket.head = committed
    }
    const failure = bucket.failure
    bucket.failure = undefined
    if (failure === 'full') throw new Refused('store-full', 'no space left in the store')
    if (failure !== undefined) {
      bucket.unknown = failure === 'kept' ? apply : () => undefined
      throw new Error(`bucket ${name}: the outcome of a commit is unknown`)
    }
    apply()
  }

  async head(name: string): Promise<Head> {
    const bucket = this.#bucket(name)
    bucket.unknown?.()
    bucket.unknown = undefined
    return { size: bucket.head.size, root: bucket.head.root.slice() }
  }

  async entries(name: string, from: number, count: number): Promise<Bytes> {
    return concat(...slice(this.#bucket(name).entries, from, count))
  }

  async envelopes(name: string, from: number, count: number, bytesMax: number): Promise<Bytes> {
    const frames: Bytes[] = []
    let bytes = 0
    for (const frame of slice(this.#bucket(name).envelopes, from, count)) {
      bytes += frame.length
      if (bytes > bytesMax && frames.length > 0) break
      frames.push(frame)
    }
    return concat(...frames)
  }

  async hashes(name: string, level: number, from: number, count: number): Promise<Bytes> {
    return concat(...slice(this.#bucket(name).tiles[level] ?? [], from, count))
  }

  async find(name: string, identities: readonly Uint8Array[]): Promise<readonly (number | undefined)[]> {
    const bucket = this.#bucket(name)
    return identities.map((identity) => {
      assert.equal(identity.length, 32, 'an identity has 32 bytes')
      return bucket.identities.get(identity.toHex())
    })
  }

  async newestOfCase(name: string, key: Uint8Array): Promise<number | undefined> {
    assert.equal(key.length, 32, 'a case key has 32 bytes')
    return this.#bucket(name).cases.get(key.toHex())
  }

  /** The next append to the bucket fails in this way. */
  failNextAppend(name: string, failure: Failure): void {
    this.#bucket(name).failure = failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false
  }

  #bucket(name: string): Bucket {
    assert(this.#open, 'the store is closed')
    const bucket = this.#buckets.get(name)
    if (bucket === undefined) throw new Refused('unknown-bucket', `there is no bucket ${name}`)
    return bucket
  }
}

/** Committed frames from an index; asserts that the question makes sense. */
function slice(frames: readonly Bytes[], from: number, count: number): readonly Bytes[] {
  assert(Number.isSafeInteger(from) && from >= 0, `from ${from}`)
  assert(Number.isSafeInteger(count) && count >= 0, `count ${count}`)
  return frames.slice(from, from + count)
}

function cut(framed: Bytes, ends: readonly number[]): Bytes[] {
  return ends.map((end, i) => framed.slice(i === 0 ? 0 : ends[i - 1], end))
}

function rowsOf(bytes: Bytes, rowBytes: number): Bytes[] {
  return Array.from({ length: bytes.length / rowBytes }, (_, i) =>
    bytes.slice(i * rowBytes, (i + 1) * rowBytes),
  )
}

function fingerprintOf(batch: Batch, expected: Head, next: Head): string {
  const digest = createHash('sha256')
  for (const part of [batch.entries, batch.envelopes, batch.identities, ...batch.tiles]) digest.update(part)
  digest.update(expected.root).update(next.root)
  digest.update(JSON.stringify([expected.size, batch.from, batch.count, next.size]))
  return digest.digest('hex')
}
