// The thread that writes identity indexes. This module is both its program and the description of its calls.
import * as fs from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { serve, Thread } from '../thread.ts'
import type { Mark } from './identity-rows.ts'
import { advanceIndex, openIndex } from './identity-rows.ts'

export type IndexCalls = {
  /** Brings the index of a bucket's folder up to a mark. */
  readonly advance: (folder: string, target: Mark) => void
  /** Closes the thread's connection to an index. */
  readonly release: (folder: string) => void
}
export type IdentityThread = Thread<IndexCalls>

const role = 'ledgerstone identity index'

export function createIdentityThread(): IdentityThread {
  return new Thread<IndexCalls>(new URL(import.meta.url), role, () => undefined)
}

serve<IndexCalls>((input) => {
  if (input !== role) return undefined
  const open = new Map<string, { readonly database: DatabaseSync; readonly identities: number }>()
  return {
    advance: (folder, target) => {
      const index = open.get(folder) ?? {
        database: openIndex(folder),
        identities: fs.openSync(join(folder, 'identities'), 'r'),
      }
      open.set(folder, index)
      advanceIndex(index.database, index.identities, target)
    },
    release: (folder) => {
      const index = open.get(folder)
      open.delete(folder)
      index?.database.close()
      if (index !== undefined) fs.closeSync(index.identities)
    },
  }
})
