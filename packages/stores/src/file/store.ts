// The file store: <root>/buckets/<bucket>/, one folder for each bucket. The layout is in spec/store.md.
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import type { Bytes } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { Batch, Head, Store } from '@ledgerstone/log/store'
import { storedName } from '../batch.ts'
import { Bucket } from './bucket.ts'
import type { FileOperations } from './durable.ts'
import { createFolder, createFolderOf, creatingPrefix, operatingSystem } from './durable.ts'
import { createIdentityThread } from './identity-thread.ts'
import { bucketsFolder, dataFiles, journalFiles } from './layout.ts'
import { takeLock } from './lock.ts'

export type FileStoreOptions = {
  /** Takes what an operator should know: an index that is built again, a stray file. */
  readonly report?: (message: string) => void
  /** For tests: how files are written, cut and synced. */
  readonly operations?: FileOperations
  /**
   * From what length on a journal file is left for the other: what a start after a crash has to go through.
   */
  readonly journalBytesMax?: number
}

export class FileStore implements Store {
  readonly #folder: string
  readonly #lock: Disposable
  readonly #thread = createIdentityThread()
  readonly #options: Required<FileStoreOptions>
  /** All buckets; opened when first asked for, so that a broken one stops none of the others. */
  readonly #buckets: Map<string, Promise<Bucket> | undefined>
  readonly #creating = new Set<string>()
  #isOpen = true

  private constructor(
    folder: string,
    lock: Disposable,
    names: readonly string[],
    options: Required<FileStoreOptions>,
  ) {
    this.#folder = folder
    this.#lock = lock
    this.#buckets = new Map(names.map((name) => [name, undefined]))
    this.#options = options
  }

  /** Opens a store's folder, making it where there is none. Throws `store-busy` when it is open already. */
  static async open(root: string, options: FileStoreOptions = {}): Promise<FileStore> {
    const folder = join(root, bucketsFolder)
    await createFolder(root)
    const lock = takeLock(root)
    const report = options.report ?? (() => undefined)
    try {
      await createFolder(folder)
      const names = await sweep(folder, report)
      const { operations = operatingSystem, journalBytesMax = 8 * 1024 * 1024 } = options
      return new FileStore(folder, lock, names, { report, operations, journalBytesMax })
    } catch (cause) {
      lock[Symbol.dispose]()
      throw cause
    }
  }

  async buckets(): Promise<readonly string[]> {
    this.#checkOpen()
    return [...this.#buckets.keys()].sort()
  }

  async create(name: string): Promise<void> {
    this.#checkOpen()
    if (!storedName.test(name)) throw new Refused('bad-name', 'not the name of a bucket')
    if (this.#buckets.has(name) || this.#creating.has(name)) {
      throw new Refused('bucket-exists', `bucket ${name} exists`)
    }
    this.#creating.add(name)
    try {
      await createFolderOf(this.#folder, name, [...dataFiles, ...journalFiles])
      this.#buckets.set(name, undefined)
    } finally {
      this.#creating.delete(name)
    }
  }

  async append(name: string, expected: Head, batch: Batch, next: Head): Promise<void> {
    await (await this.#bucket(name)).append(expected, batch, next)
  }

  async head(name: string): Promise<Head> {
    return await (await this.#bucket(name)).head()
  }

  async entries(name: string, from: number, count: number): Promise<Bytes> {
    return await (await this.#bucket(name)).entries(from, count)
  }

  async envelopes(name: string, from: number, count: number, bytesMax: number): Promise<Bytes> {
    return await (await this.#bucket(name)).envelopes(from, count, bytesMax)
  }

  async hashes(name: string, level: number, from: number, count: number): Promise<Bytes> {
    return await (await this.#bucket(name)).hashes(level, from, count)
  }

  async find(name: string, identities: readonly Uint8Array[]): Promise<readonly (number | undefined)[]> {
    return await (await this.#bucket(name)).find(identities)
  }

  async newestOfCase(name: string, key: Uint8Array): Promise<number | undefined> {
    return await (await this.#bucket(name)).newestOfCase(key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    try {
      const opened = await Promise.allSettled([...this.#buckets.values()])
      const buckets = opened.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []))
      const closed = await Promise.allSettled(buckets.map((bucket) => bucket[Symbol.asyncDispose]()))
      const failed = closed.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
      if (failed.length > 0) throw new AggregateError(failed, 'buckets could not be closed')
    } finally {
      await this.#thread[Symbol.asyncDispose]()
      this.#lock[Symbol.dispose]()
    }
  }

  async #bucket(name: string): Promise<Bucket> {
    this.#checkOpen()
    if (!this.#buckets.has(name)) throw new Refused('unknown-bucket', 'there is no such bucket')
    const opened = this.#buckets.get(name) ?? this.#openBucket(name)
    this.#buckets.set(name, opened)
    try {
      return await opened
    } catch (cause) {
      // The next one who asks tries again: what was wrong may have been put right.
      if (this.#buckets.get(name) === opened) this.#buckets.set(name, undefined)
      throw cause
    }
  }

  #openBucket(name: string): Promise<Bucket> {
    const { operations, journalBytesMax, report } = this.#options
    return Bucket.open(join(this.#folder, name), {
      operations,
      journalBytesMax,
      thread: this.#thread,
      report,
    })
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new Refused('stopping', 'the store is closed')
  }
}

/**
 * Names of the buckets' folders; removes those whose making was cut off, and leaves everything else alone.
 */
async function sweep(folder: string, report: (message: string) => void): Promise<readonly string[]> {
  const names: string[] = []
  for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(creatingPrefix)) {
      await fs.rm(join(folder, entry.name), { recursive: true, force: true })
    } else if (entry.isDirectory() && storedName.test(entry.name)) {
      names.push(entry.name)
    } else {
      report(`${join(folder, entry.name)} is not a bucket`)
    }
  }
  return names
}
