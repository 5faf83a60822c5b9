// The server's public keys on the client's disk: one PEM file each, in a folder that appears whole or not at
// all.
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatPublicKeyPem } from '@ledgerstone/core/pem'
import type { AnnouncedKey } from './announced-key.ts'
import type { Kept } from './client.ts'
import { syncFolder } from './sync-folder.ts'

/**
 * For `runExchange`: writes `<folder>/<exchange>.pending/<purpose>-<kid>.pem`, and on commit renames it to
 * `<folder>/<owner>-<first 8 of the exchange>`. Throws what the disk says, before anything is registered.
 */
export function keepIn(folder: string): (keys: readonly AnnouncedKey[], exchange: string) => Promise<Kept> {
  return async (keys, exchange) => {
    const pending = join(folder, `${exchange}.pending`)
    const discard = async (): Promise<void> => rmSync(pending, { recursive: true, force: true })
    try {
      mkdirSync(pending, { recursive: true, mode: 0o700 })
      for (const { kid, purpose, spki } of keys) {
        writeSynced(join(pending, `${purpose}-${kid}.pem`), formatPublicKeyPem(spki))
      }
      syncFolder(pending)
    } catch (error) {
      await discard()
      throw error
    }
    return {
      discard,
      async commit() {
        renameSync(pending, keptAt(folder, keys, exchange))
        syncFolder(folder)
      },
    }
  }
}

/** Where they are once the exchange is over. */
export function keptAt(folder: string, keys: readonly AnnouncedKey[], exchange: string): string {
  return join(folder, `${keys[0]?.owner ?? 'server'}-${exchange.slice(0, 8)}`)
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
