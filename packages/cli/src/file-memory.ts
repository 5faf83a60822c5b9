// The newest final head of each log that this computer has verified, in one file: what a rollback is noticed
// by.
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { replaceKeyFile } from '@ledgerstone/border/key-file'
import type { Memory } from '@ledgerstone/client/memory'
import { integerMember, isObject, membersOf, parseJson, textMember } from '@ledgerstone/core/canonical'
import { Refused } from '@ledgerstone/core/refused'
import { makeSecretFolder } from './data-folder.ts'

type Remembered = Record<string, { readonly size: number; readonly checkpoint: string }>

const lockTimeoutMs = 10_000

/**
 * `{"<trust and origin>": {"size", "checkpoint"}, ...}`, replaced as a whole. A file that cannot be read is
 * refused, and never taken for a first sight: that would be how to make a client forget. Throws `malformed`.
 */
export function fileMemory(path: string): Memory {
  return {
    async read(key) {
      return readAll(path)[key]?.checkpoint
    },
    async write(key, size, checkpoint, before) {
      makeSecretFolder(dirname(path))
      using _ = takeLock(`${path}.lock`)
      const all = readAll(path)
      if (all[key]?.checkpoint !== before) return false
      replaceKeyFile(path, `${JSON.stringify({ ...all, [key]: { size, checkpoint } }, null, 2)}\n`)
      return true
    },
  }
}

/**
 * Commands may run at the same time, and none may forget what another has remembered. The kernel ends it,
 * too.
 */
function takeLock(path: string): Disposable {
  const database = new DatabaseSync(path, { timeout: lockTimeoutMs })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    throw error
  }
  return { [Symbol.dispose]: () => database.close() }
}

function readAll(path: string): Remembered {
  if (!existsSync(path)) return {}
  const value = parseJson(readFileSync(path, 'utf8'), path)
  if (!isObject(value)) throw new Refused('malformed', `${path} is not a memory of final heads`)
  const all: Remembered = {}
  for (const [key, item] of Object.entries(value)) {
    const { size, checkpoint } = membersOf(item, path, ['size', 'checkpoint'])
    all[key] = { size: integerMember(size, 'size'), checkpoint: textMember(checkpoint, 'checkpoint') }
  }
  return all
}
