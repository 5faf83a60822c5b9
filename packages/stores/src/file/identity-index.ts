import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Bytes } from '@ledgerstone/core/bytes'
import { equalBytes, formatHex } from '@ledgerstone/core/bytes'
import { identityRowBytes } from '../batch.ts'
import type { File } from './durable.ts'
import { readAt } from './durable.ts'
import type { Commit } from './head-file.ts'
import { readCommit } from './head-file.ts'
import type { Mark } from './identity-rows.ts'
import {
  advanceIndex,
  BrokenIndex,
  isBrokenIndex,
  openIndex,
  readMark,
  removeIndex,
} from './identity-rows.ts'
import type { IdentityThread } from './identity-thread.ts'

const tailRows = 8_192
/** Beyond this many rows commits wait for the thread: memory does not grow with a slow disk. */
const tailRowsMax = 4 * tailRows

/** What an index is derived from. */
export type IndexSource = {
  readonly folder: string
  readonly identities: File
  readonly heads: File
  readonly thread: IdentityThread
  readonly report: (message: string) => void
}

/** Identities not yet in SQLite. */
type Tail = { readonly identities: Map<string, number>; readonly cases: Map<string, number>; rows: number }

/** Look-ups of identities and cases: the newest in memory, all others in SQLite. */
export class IdentityIndex {
  readonly #source: IndexSource
  #reader: Reader
  /** Being written by the thread; older than `#tail`. */
  #flushing: Tail | undefined
  #tail: Tail = emptyTail()
  #last: Commit
  #flush: Promise<void> = Promise.resolve()
  #repairing: Promise<void> | undefined

  private constructor(source: IndexSource, reader: Reader, last: Commit) {
    this.#source = source
    this.#reader = reader
    this.#last = last
  }

  /**
   * Opens the index as of a commit. One that is missing, broken or of another history is built again: that
   * takes time.
   */
  static async open(source: IndexSource, last: Commit): Promise<IdentityIndex> {
    const { reader, size } = await openOrRebuild(source, last)
    const index = new IdentityIndex(source, reader, last)
    const rows = last.head.size - size
    if (rows > tailRowsMax) {
      await source.thread.ask('advance', source.folder, markOf(last))
    } else if (rows > 0) {
      index.#take(size, await readAt(source.identities, size * identityRowBytes, rows * identityRowBytes))
    }
    return index
  }

  /** Takes in the rows of a commit that is durable. */
  add(commit: Commit, from: number, rows: Bytes): void {
    this.#take(from, rows)
    this.#last = commit
    this.#flushWhenLong()
  }

  /** Resolves when the rows in memory are within their bound. Throws when the thread cannot write them. */
  async room(): Promise<void> {
    while (this.#tail.rows >= tailRowsMax) {
      await (this.#repairing ?? this.#flush)
      this.#flushWhenLong()
    }
  }

  async find(identities: readonly Uint8Array[]): Promise<readonly (number | undefined)[]> {
    return await this.#ask(() => {
      const lookUp = (identity: Uint8Array): number | undefined => {
        const key = keyOf(identity)
        const recent = this.#flushing?.identities.get(key) ?? this.#tail.identities.get(key)
        return blockOf(this.#reader.identity.get(identity)) ?? recent
      }
      // One transaction: SQLite then takes its locks once and keeps its pages from one look-up to the next.
      this.#reader.database.exec('BEGIN')
      try {
        return identities.map(lookUp)
      } finally {
        this.#reader.database.exec('ROLLBACK')
      }
    })
  }

  async newestOfCase(key: Uint8Array): Promise<number | undefined> {
    return await this.#ask(() => {
      const text = keyOf(key)
      const recent = this.#tail.cases.get(text) ?? this.#flushing?.cases.get(text)
      return recent ?? blockOf(this.#reader.newest.get(key))
    })
  }

  /** Writes what is in memory, which is little, and closes. */
  async close(): Promise<void> {
    const { folder, identities, thread, report } = this.#source
    try {
      await this.#flush
      if (thread.isRunning) await thread.ask('release', folder)
      if (this.#tail.rows > 0) advanceIndex(this.#reader.database, identities.fd, markOf(this.#last))
    } catch (error) {
      report(`${folder}: the identity index was left behind: ${String(error)}`)
    } finally {
      this.#reader.database.close()
    }
  }

  #take(from: number, rows: Bytes): void {
    const { identities, cases } = this.#tail
    for (let at = 0, block = from; at < rows.length; at += identityRowBytes, block++) {
      const identity = keyOf(rows.subarray(at, at + 32))
      if (!identities.has(identity)) identities.set(identity, block)
      if (hasCase(rows, at)) cases.set(keyOf(rows.subarray(at + 32, at + 64)), block)
    }
    this.#tail.rows += rows.length / identityRowBytes
  }

  /** One flush at a time, and none while the index is built again. */
  #flushWhenLong(): void {
    if (this.#tail.rows < tailRows || this.#flushing !== undefined || this.#repairing !== undefined) return
    const { folder, thread } = this.#source
    this.#flushing = this.#tail
    this.#tail = emptyTail()
    const flush = thread.ask('advance', folder, markOf(this.#last)).then(() => {
      this.#flushing = undefined
      this.#flushWhenLong()
    })
    this.#flush = flush.catch(async (error: unknown) => await this.#repair(error))
    // Whoever waits for room, or closes, meets the error.
    this.#flush.catch(() => undefined)
  }

  /** Asks once more after building a broken index again. */
  async #ask<T>(question: () => T): Promise<T> {
    while (this.#repairing !== undefined) await this.#repairing
    try {
      return question()
    } catch (error) {
      await this.#repair(error)
      return question()
    }
  }

  /** Builds a broken index again; throws any other error. */
  async #repair(error: unknown): Promise<void> {
    if (!isBrokenIndex(error)) throw error
    this.#repairing ??= this.#rebuild(error).finally(() => {
      this.#repairing = undefined
    })
    await this.#repairing
  }

  async #rebuild(cause: unknown): Promise<void> {
    this.#flushing = undefined
    this.#tail = emptyTail()
    this.#reader.database.close()
    this.#reader = await rebuild(this.#source, this.#last, cause)
  }
}

type Reader = {
  readonly database: DatabaseSync
  readonly identity: StatementSync
  readonly newest: StatementSync
}

function openReader(folder: string): Reader {
  const database = openIndex(folder)
  database.exec('PRAGMA cache_size = -4096')
  return {
    database,
    identity: database.prepare('SELECT block FROM identities WHERE identity = ?'),
    newest: database.prepare('SELECT block FROM cases WHERE key = ?'),
  }
}

async function openOrRebuild(source: IndexSource, last: Commit): Promise<{ reader: Reader; size: number }> {
  let reader: Reader | undefined
  try {
    reader = openReader(source.folder)
    return { reader, size: (await checkedMark(source.heads, reader.database, last))?.size ?? 0 }
  } catch (cause) {
    reader?.database.close()
    if (!isBrokenIndex(cause)) throw cause
    return { reader: await rebuild(source, last, cause), size: last.head.size }
  }
}

/** How far the index goes. Throws `BrokenIndex` when it is not of the history that ends in `last`. */
export async function checkedMark(
  heads: File,
  database: DatabaseSync,
  last: Commit,
): Promise<Mark | undefined> {
  const mark = readMark(database)
  if (mark === undefined) return undefined
  if (mark.number > last.number) throw new BrokenIndex('it is ahead of its bucket')
  const commit = await readCommit(heads, mark.number)
  if (!equalBytes(commit.checksum, mark.checksum) || mark.size > commit.head.size) {
    throw new BrokenIndex('it is of another history')
  }
  return mark
}

async function rebuild(source: IndexSource, last: Commit, cause: unknown): Promise<Reader> {
  source.report(`${source.folder}: the identity index is built again: ${String(cause)}`)
  if (source.thread.isRunning) await source.thread.ask('release', source.folder)
  removeIndex(source.folder)
  if (last.number > 0) await source.thread.ask('advance', source.folder, markOf(last))
  return openReader(source.folder)
}

function markOf({ number, head, checksum }: Commit): Mark {
  return { number, size: head.size, checksum }
}

function emptyTail(): Tail {
  return { identities: new Map(), cases: new Map(), rows: 0 }
}

/** Hexadecimal: half the memory would do, but a Buffer around so few bytes takes seven times as long. */
function keyOf(bytes: Uint8Array): string {
  return formatHex(bytes)
}

function blockOf(row: Record<string, unknown> | undefined): number | undefined {
  return row === undefined ? undefined : Number(row['block'])
}

function hasCase(rows: Bytes, at: number): boolean {
  for (let i = at + 32; i < at + identityRowBytes; i++) if (rows[i] !== 0) return true
  return false
}
