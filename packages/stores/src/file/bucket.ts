// One bucket of the file store. Staging, committing and recovering are the same steps over the same files.
import { join } from 'node:path'
import type { Bytes } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { Batch, Head } from '@ledgerstone/log/store'
import type { Ends } from '../batch.ts'
import { checkBatch, equalHeads } from '../batch.ts'
import type { File, FileOperations } from './durable.ts'
import { closeFiles, isFull, openFile, readAt } from './durable.ts'
import type { Commit } from './head-file.ts'
import { noCommit, recordBytes } from './head-file.ts'
import { IdentityIndex } from './identity-index.ts'
import type { IdentityThread } from './identity-thread.ts'
import { Journal } from './journal.ts'
import type { DataFile, Files } from './layout.ts'
import { dataFiles, journalFiles } from './layout.ts'
import { readEntries, readEnvelopes, readHashes } from './read.ts'
import { recover } from './recover.ts'
import { planCommit, stageBatch, syncFiles, truncateTo, writeRecord } from './stage.ts'

export type BucketSettings = {
  readonly operations: FileOperations
  /** From what length on a journal file is left for the other. */
  readonly journalBytesMax: number
  readonly thread: IdentityThread
  readonly report: (message: string) => void
}

export class Bucket implements AsyncDisposable {
  readonly #folder: string
  readonly #settings: BucketSettings
  readonly #files: Files
  readonly #journals: readonly [File, File]
  readonly #journal: Journal
  /** False after an error of unknown outcome, until the bucket is recovered: no appends. */
  #isSound = false
  #last: Commit = noCommit
  #index: IdentityIndex | undefined
  /** The data files' way to the disk, behind the journal's back; over before the journal turns again. */
  #syncing: Promise<void> = Promise.resolve()
  #turn: Promise<unknown> = Promise.resolve()
  readonly #reads = new Set<Promise<unknown>>()

  private constructor(
    folder: string,
    files: Files,
    journals: readonly [File, File],
    settings: BucketSettings,
  ) {
    this.#folder = folder
    this.#files = files
    this.#journals = journals
    this.#journal = new Journal(journals, settings.operations, settings.journalBytesMax)
    this.#settings = settings
  }

  /** Opens a bucket's folder and recovers its last commit. Throws `damaged-store`, naming file and offset. */
  static async open(folder: string, settings: BucketSettings): Promise<Bucket> {
    const opened = new Map<string, File>()
    try {
      for (const name of [...dataFiles, ...journalFiles])
        opened.set(name, await openFile(join(folder, name), 'r+'))
      const files = Object.fromEntries(opened) as Record<DataFile | (typeof journalFiles)[number], File>
      const bucket = new Bucket(folder, files, [files['journal-0'], files['journal-1']], settings)
      await bucket.#recover()
      return bucket
    } catch (cause) {
      await closeFiles(opened.values())
      throw cause
    }
  }

  async append(expected: Head, batch: Batch, next: Head): Promise<void> {
    const ends = checkBatch(expected, batch, next)
    await this.#inTurn(async () => {
      if (!this.#isSound)
        throw new Refused('read-only', `${this.#folder}: an outcome is unknown, read the head`)
      if (!equalHeads(this.#last.head, expected))
        throw new Refused('head-moved', `${this.#folder} has moved on`)
      await this.#commit(batch, next, ends)
    })
  }

  /** The committed head; after an error of unknown outcome, recovered from the disk. */
  async head(): Promise<Head> {
    if (!this.#isSound) {
      await this.#inTurn(async () => {
        if (!this.#isSound) await this.#recover()
      })
    }
    const { size, root } = this.#last.head
    return { size, root: root.slice() }
  }

  async entries(from: number, count: number): Promise<Bytes> {
    return await this.#read(readEntries(this.#files, this.#last, from, count))
  }

  async envelopes(from: number, count: number, bytesMax: number): Promise<Bytes> {
    return await this.#read(readEnvelopes(this.#files, this.#last, from, count, bytesMax))
  }

  async hashes(level: number, from: number, count: number): Promise<Bytes> {
    return await this.#read(readHashes(this.#files, this.#last, level, from, count))
  }

  async find(identities: readonly Uint8Array[]): Promise<readonly (number | undefined)[]> {
    return await this.#read((await this.#openIndex()).find(identities))
  }

  async newestOfCase(key: Uint8Array): Promise<number | undefined> {
    return await this.#read((await this.#openIndex()).newestOfCase(key))
  }

  /** Leaves everything on the disk and the journal empty; after an unknown outcome, everything as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inTurn(async () => {
      await Promise.allSettled(this.#reads)
      try {
        await this.#syncing
        if (this.#isSound && this.#journal.isBegun) {
          await syncFiles(this.#files, this.#settings.operations)
          await this.#journal.clear()
        }
      } finally {
        this.#isSound = false
        await this.#index?.close()
        await closeFiles([...dataFiles.map((name) => this.#files[name]), ...this.#journals])
      }
    })
  }

  async #commit(batch: Batch, next: Head, ends: Ends): Promise<void> {
    const { operations } = this.#settings
    const { commit, record } = planCommit(this.#last, batch, next)
    if (this.#journal.isLong) await this.#checkSynced()
    try {
      await this.#index?.room()
      await this.#makeReady()
      stageBatch(this.#files, operations, this.#last, batch, ends)
      this.#journal.stage(commit.number, batch, record)
    } catch (cause) {
      throw this.#unstage(cause)
    }
    try {
      await this.#journal.commit()
      writeRecord(this.#files, operations, commit, record)
    } catch (cause) {
      this.#isSound = false
      throw new Error(`${this.#folder}: the outcome of commit ${commit.number} is unknown`, { cause })
    }
    this.#last = commit
    this.#index?.add(commit, batch.from, batch.identities)
  }

  /** A failed sync may have dropped what it should have written: only staging it again helps. */
  async #checkSynced(): Promise<void> {
    try {
      await this.#syncing
    } catch (cause) {
      this.#isSound = false
      throw new Error(`${this.#folder}: the data files could not be synced`, { cause })
    }
  }

  /**
   * Opens the journal, or turns it when it is long; what it holds then goes to the disk in the data files.
   */
  async #makeReady(): Promise<void> {
    if (!this.#journal.isBegun) {
      const { number } = this.#last
      const record =
        number === 0
          ? new Uint8Array(recordBytes)
          : await readAt(this.#files.heads, (number - 1) * recordBytes, recordBytes)
      await this.#journal.begin(this.#last, record)
    } else if (this.#journal.isLong) {
      this.#journal.turn()
      this.#syncing = syncFiles(this.#files, this.#settings.operations)
      // Met by whoever waits for it; until then the other journal file holds what is not on the disk.
      this.#syncing.catch(() => undefined)
    }
  }

  /** Takes back what was staged. When that succeeds nothing has changed; a full disk is then a refusal. */
  #unstage(cause: unknown): Error {
    try {
      this.#journal.unstage()
      truncateTo(this.#files, this.#settings.operations, this.#last)
      if (isFull(cause)) return new Refused('store-full', `${this.#folder}: no space left`, { cause })
    } catch {
      // The leftovers are cut off by the recovery that the caller is now made to ask for.
    }
    this.#isSound = false
    return new Error(`${this.#folder}: a batch could not be staged`, { cause })
  }

  async #recover(): Promise<void> {
    const { operations, thread, report } = this.#settings
    await this.#syncing.catch(() => undefined)
    this.#syncing = Promise.resolve()
    await this.#index?.close()
    this.#index = undefined
    this.#last = await recover(this.#files, this.#journals, this.#journal, operations)
    const { identities, heads } = this.#files
    const source = { folder: this.#folder, identities, heads, thread, report }
    this.#index = await IdentityIndex.open(source, this.#last)
    this.#isSound = true
  }

  async #openIndex(): Promise<IdentityIndex> {
    if (this.#index === undefined) await this.head()
    if (this.#index === undefined) throw new Error(`${this.#folder}: the identity index is closed`)
    return this.#index
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return await done
  }

  async #read<T>(read: Promise<T>): Promise<T> {
    this.#reads.add(read)
    try {
      return await read
    } finally {
      this.#reads.delete(read)
    }
  }
}
