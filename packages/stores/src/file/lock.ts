// One process at a time: an exclusive lock on the SQLite file `store.lock`. The kernel releases it with the
// process, however that ends. It is never opened but by SQLite: closing any descriptor of it would release
// the lock.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Refused } from '@ledgerstone/core/refused'
import { sqliteBusy, sqliteCode } from '../sqlite-error.ts'

const lockFile = 'store.lock'
/** Who holds the lock: for the message of whoever does not get it, and for nothing else. */
const ownerFile = 'store.pid'

/** Takes the lock of a store's folder. Throws `store-busy`, naming the process that has it. */
export function takeLock(root: string): Disposable {
  const path = join(root, lockFile)
  if (!fs.existsSync(path)) fs.closeSync(fs.openSync(path, 'wx', 0o600))
  const database = new DatabaseSync(path, { timeout: 100 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (sqliteCode(cause) !== sqliteBusy) throw cause
    throw new Refused('store-busy', `${root} is open in another process (${owner(root)})`, { cause })
  }
  const ownerPath = join(root, ownerFile)
  fs.writeFileSync(ownerPath, `${process.pid}\n`, { mode: 0o600 })
  return {
    [Symbol.dispose]: () => {
      fs.rmSync(ownerPath, { force: true })
      database.close()
    },
  }
}

/** Whether a process has the store open now. Nothing is written. */
export function isLocked(root: string): boolean {
  const path = join(root, lockFile)
  if (!fs.existsSync(path)) return false
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get()
    return false
  } catch (cause) {
    if (sqliteCode(cause) !== sqliteBusy) throw cause
    return true
  } finally {
    database.close()
  }
}

function owner(root: string): string {
  try {
    const pid = fs.readFileSync(join(root, ownerFile), 'utf8').trim()
    return /^[0-9]+$/.test(pid) ? `process ${pid}` : 'unknown process'
  } catch {
    return 'unknown process'
  }
}
