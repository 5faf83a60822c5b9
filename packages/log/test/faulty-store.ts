// A store that fails when it is told to, around one that works. What it does not fail it passes on untouched.
import type { Bytes } from '@ledgerstone/core/bytes'
import type { Batch, Head, Store } from '../src/store.ts'

export type Operation = 'append' | 'head' | 'entries' | 'hashes' | 'find' | 'newestOfCase'

export class FaultyStore implements Store {
  readonly #store: Store
  readonly #faults: Operation[] = []
  #isCut = false
  /** Called with each batch before it is written. */
  onAppend: ((bucket: string, batch: Batch) => void) | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** The next calls of this operation throw an operating error, without reaching the store. */
  fail(operation: Operation, times = 1): void {
    for (let i = 0; i < times; i++) this.#faults.push(operation)
  }

  /** From now on every call fails: the process that holds this store is gone. */
  cut(): void {
    this.#isCut = true
  }

  /** Faults that have not happened yet. */
  get faults(): number {
    return this.#faults.length
  }

  buckets(): Promise<readonly string[]> {
    return this.#store.buckets()
  }

  create(bucket: string): Promise<void> {
    return this.#store.create(bucket)
  }

  async append(bucket: string, expected: Head, batch: Batch, next: Head): Promise<void> {
    this.#meet('append')
    this.onAppend?.(bucket, batch)
    await this.#store.append(bucket, expected, batch, next)
  }

  async head(bucket: string): Promise<Head> {
    this.#meet('head')
    return this.#store.head(bucket)
  }

  async entries(bucket: string, from: number, count: number): Promise<Bytes> {
    this.#meet('entries')
    return this.#store.entries(bucket, from, count)
  }

  envelopes(bucket: string, from: number, count: number, bytesMax: number): Promise<Bytes> {
    return this.#store.envelopes(bucket, from, count, bytesMax)
  }

  async hashes(bucket: string, level: number, from: number, count: number): Promise<Bytes> {
    this.#meet('hashes')
    return this.#store.hashes(bucket, level, from, count)
  }

  async find(bucket: string, identities: readonly Uint8Array[]): Promise<readonly (number | undefined)[]> {
    this.#meet('find')
    return this.#store.find(bucket, identities)
  }

  async newestOfCase(bucket: string, key: Uint8Array): Promise<number | undefined> {
    this.#meet('newestOfCase')
    return this.#store.newestOfCase(bucket, key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]()
  }

  #meet(operation: Operation): void {
    if (this.#isCut) throw new Error(`EIO: ${operation} after the end`)
    const at = this.#faults.indexOf(operation)
    if (at === -1) return
    this.#faults.splice(at, 1)
    throw new Error(`EIO: ${operation} failed`)
  }
}
