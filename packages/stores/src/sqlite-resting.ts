// SQLite's files as they lie there. Whoever opens a database in WAL mode makes two files beside it, and one
// who may not write leaves them behind. A database that was closed needs neither.
import * as fs from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

export type Resting = Disposable & {
  readonly database: DatabaseSync
  /**
   * Whether somebody has written into a file that was at rest when it was opened: what was read since may be
   * of no one state. Never so where SQLite's own locks see to that.
   */
  readonly hasMoved: () => boolean
}

/**
 * Opens a database for reading, without leaving a trace when it was closed properly: then all of it is in
 * its file. One that was not, or that somebody has open, is read as SQLite does it.
 */
export function openResting(path: string, timeoutMs: number): Resting {
  const before = stateOf(path)
  if (fs.existsSync(`${path}-wal`) || fs.existsSync(`${path}-journal`)) {
    const database = new DatabaseSync(path, { readOnly: true, timeout: timeoutMs })
    return { database, hasMoved: () => false, [Symbol.dispose]: () => database.close() }
  }
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  const database = new DatabaseSync(url, { readOnly: true })
  return { database, hasMoved: () => stateOf(path) !== before, [Symbol.dispose]: () => database.close() }
}

/** Changes with every write; undefined for a file that is gone. */
function stateOf(path: string): string | undefined {
  const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat && [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
}
