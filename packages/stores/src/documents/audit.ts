// The document store as it lies there, for the audit: read-only, and nothing is mended or set aside.
import { Refused } from '@ledgerstone/core/refused'
import type { Documents } from '@ledgerstone/log/documents'
import { isBrokenFile, sqliteBusy, sqliteCode } from '../sqlite-error.ts'
import { openResting, type Resting } from '../sqlite-resting.ts'
import { type DocumentPlace, schemaVersion, Tables } from './tables.ts'

/** What SQLite finds wrong with the file, and the block whose document that is, where it can be told. */
export type DocumentFault = { readonly what: string; readonly place?: DocumentPlace }

export type RestingDocuments = Pick<Documents, 'complete' | 'read'> &
  Disposable & { readonly faults: () => Promise<readonly DocumentFault[]> }

/**
 * Opens the file, which must exist. Throws `store-busy` while a service has it open, also later, and
 * `damaged-store` when it is no document store, or one of another version.
 */
export function openDocumentsForAudit(path: string): RestingDocuments {
  const resting = openResting(path, 100)
  const tables = new Tables(resting.database)
  const ask = <T>(question: () => T): T => askResting(path, resting, question)
  try {
    const version = ask(() => resting.database.prepare('PRAGMA user_version').get()?.['user_version'])
    if (version !== schemaVersion) throw new Refused('damaged-store', `${path} is of version ${version}`)
  } catch (cause) {
    resting[Symbol.dispose]()
    throw cause
  }
  return {
    complete: async (bucket) => ask(() => tables.complete(bucket)),
    read: async (bucket, from, limit) => ask(() => tables.read(bucket, from, limit)),
    faults: async () => ask(() => faultsOf(tables)),
    [Symbol.dispose]: () => resting[Symbol.dispose](),
  }
}

/** An answer counts when the file is still what it was when it was opened. */
function askResting<T>(path: string, { hasMoved }: Resting, question: () => T): T {
  const busy = (cause?: unknown): Refused =>
    new Refused('store-busy', `${path} is open in another process`, { cause })
  try {
    const answer = question()
    if (!hasMoved()) return answer
  } catch (cause) {
    if (hasMoved() || sqliteCode(cause) === sqliteBusy) throw busy(cause)
    if (!isBrokenFile(cause)) throw cause
    throw new Refused('damaged-store', `${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
  throw busy()
}

/** Faults of one document are one: a changed byte may be missed in several indexes. */
function faultsOf(tables: Tables): readonly DocumentFault[] {
  const byPlace = new Map<string, DocumentFault>()
  for (const what of tables.faults()) {
    const place = tables.placeOf(what)
    const key = place === undefined ? what : `${place.bucket} ${place.block}`
    const before = byPlace.get(key)
    const all = before === undefined ? what : `${before.what}; ${what}`
    byPlace.set(key, { what: all, ...(place !== undefined && { place }) })
  }
  return [...byPlace.values()]
}
