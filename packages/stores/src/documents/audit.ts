// The document store as it lies there, for the audit: read-only, and nothing is mended or set aside.
import { DatabaseSync } from 'node:sqlite'
import { Refused } from '@ledgerstone/core/refused'
import type { Documents } from '@ledgerstone/log/documents'
import { isBrokenFile, sqliteBusy, sqliteCode } from '../sqlite-error.ts'
import { schemaVersion, Tables } from './tables.ts'

export type AuditedDocuments = Pick<Documents, 'complete' | 'read' | 'faults'> & Disposable

/**
 * Opens the file, which must exist. Throws `store-busy` while a service has it open, `damaged-store` when it
 * is no document store, or one of another version.
 */
export function openDocumentsForAudit(path: string): AuditedDocuments {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 100 })
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
    if (version !== schemaVersion) throw new Refused('damaged-store', `${path} is of version ${version}`)
  } catch (cause) {
    database.close()
    throw refusedFor(path, cause)
  }
  const tables = new Tables(database)
  const ask = async <T>(question: () => T): Promise<T> => {
    try {
      return question()
    } catch (cause) {
      throw refusedFor(path, cause)
    }
  }
  return {
    complete: (bucket) => ask(() => tables.complete(bucket)),
    read: (bucket, from, limit) => ask(() => tables.read(bucket, from, limit)),
    faults: () => ask(() => tables.faults()),
    [Symbol.dispose]: () => database.close(),
  }
}

function refusedFor(path: string, cause: unknown): unknown {
  if (sqliteCode(cause) === sqliteBusy) {
    return new Refused('store-busy', `${path} is open in another process`, { cause })
  }
  if (isBrokenFile(cause)) return new Refused('damaged-store', `${path}: ${String(cause)}`, { cause })
  return cause
}
