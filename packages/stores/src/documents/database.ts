import * as fs from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { Refused } from '@ledgerstone/core/refused'
import { isBrokenFile, sqliteBusy, sqliteCode } from '../sqlite-error.ts'
import { schema, schemaVersion, Tables } from './tables.ts'

const companions = ['', '-wal', '-shm', '-journal']
const rowsPerSweep = 2_000

/**
 * The file of the document store, open in this process alone. Its functions are synchronous and run in a
 * thread.
 */
export class DocumentDatabase {
  readonly #path: string
  readonly #report: (text: string) => void
  #database: DatabaseSync
  #tables: Tables
  #isClosed = false

  constructor(path: string, report: (text: string) => void) {
    this.#path = path
    this.#report = report
    this.#database = openOrSetAside(path, report)
    this.#tables = new Tables(this.#database)
  }

  /**
   * A file that turns out to be broken is set aside; the question is refused, the next one meets an empty
   * store.
   */
  ask<T>(question: (tables: Tables) => T): T {
    try {
      return question(this.#tables)
    } catch (cause) {
      if (!isBroken(cause)) throw cause
      this.#database.close()
      setAside(this.#path, cause, this.#report)
      this.#database = openDatabase(this.#path)
      this.#tables = new Tables(this.#database)
      throw new Refused('documents-unavailable', 'the document store was broken and is filled again', {
        cause,
      })
    }
  }

  /**
   * Removes the rows of dropped buckets bit by bit, letting other questions in between, and every trace of
   * them.
   */
  async sweep(): Promise<void> {
    while (!this.#isClosed && this.ask((tables) => tables.sweep(rowsPerSweep))) await setImmediate()
    if (!this.#isClosed) this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  close(): void {
    this.#isClosed = true
    this.#database.close()
  }
}

class OtherSchema extends Error {}

function openOrSetAside(path: string, report: (text: string) => void): DatabaseSync {
  try {
    return openDatabase(path)
  } catch (cause) {
    if (!isBroken(cause)) throw cause
    setAside(path, cause, report)
    return openDatabase(path)
  }
}

/** Opens the file for this process alone, making it where there is none. What is deleted is overwritten. */
function openDatabase(path: string): DatabaseSync {
  if (!fs.existsSync(path)) fs.closeSync(fs.openSync(path, 'wx', 0o600))
  const database = new DatabaseSync(path, { timeout: 100 })
  try {
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA secure_delete = ON;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA journal_size_limit = 16777216;
      BEGIN IMMEDIATE;
    `)
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
    if (version === 0) database.exec(schema)
    else if (version !== schemaVersion) throw new OtherSchema(`it is of version ${version}`)
    database.exec('COMMIT')
    return database
  } catch (cause) {
    database.close()
    if (sqliteCode(cause) !== sqliteBusy) throw cause
    throw new Refused('store-busy', `${path} is open in another process`, { cause })
  }
}

function setAside(path: string, cause: unknown, report: (text: string) => void): void {
  const aside = `${path}.broken-${Date.now()}`
  for (const companion of companions) {
    if (fs.existsSync(path + companion)) fs.renameSync(path + companion, aside + companion)
  }
  report(`${path} is broken (${String(cause)}); it was moved to ${aside} and is filled again from the log`)
}

function isBroken(error: unknown): boolean {
  return error instanceof OtherSchema || isBrokenFile(error)
}
