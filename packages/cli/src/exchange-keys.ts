// The private keys that an exchange brings: made for it, or read from files.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { encryptPrivateKey } from '@ledgerstone/core/encrypted-key'
import { createKey, type KeyKind, type OwnKey } from '@ledgerstone/core/key-pair'
import { formatEncryptedPrivateKeyPem, formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import { checkSpki } from '@ledgerstone/core/spki'
import type { ClientKey } from '@ledgerstone/exchange/client'
import { type DataFolder, makeSecretFolder } from './data-folder.ts'

export type KeyFile = { readonly kid: string; readonly path: string }

export type MadeKeys = {
  readonly keys: readonly ClientKey[]
  readonly files: readonly KeyFile[]
  /** Removes the files: of keys that nobody has heard of. */
  discard(): void
}

/** A key that is to be made; `replaces`: in whose place. */
export type WantedKey = {
  readonly purpose: ClientKey['purpose']
  readonly kind: KeyKind
  readonly replaces?: OwnKey
}

/** What is made when nothing else is said. */
export const usualKeys: readonly WantedKey[] = [
  { purpose: 'receive', kind: 'RSA-3072' },
  { purpose: 'sign', kind: 'Ed25519' },
]

/**
 * The new key for a registered one: of the same purpose, and of its kind or a better one. Throws
 * `unknown-key`, `key-revoked`, and `wrong-key` when it is somebody else's.
 */
export function inPlaceOf(key: OwnKey, owner: string, registry: Registry): WantedKey {
  const { purpose, kind, owner: whose } = registry.keyAt(key.kid, registry.size)
  if (whose !== owner)
    throw new Refused('wrong-key', `key ${key.kid} is registered for ${whose}, not ${owner}`)
  if (kind === 'ML-DSA-44') throw new Refused('wrong-key', 'a key of a log is not exchanged')
  return { purpose, kind: kind === 'RSA' ? 'RSA-3072' : kind, replaces: key }
}

/**
 * Keys in new files 0600: `keys/treasury-receive.pem`, `keys/treasury-sign.pem` (`-2` and so on when these
 * are taken), under the passphrase if there is one. Throws what the disk says.
 */
export async function createExchangeKeys(
  { ownKeys: folder }: DataFolder,
  owner: string,
  wanted: readonly WantedKey[],
  passphrase: string | undefined,
): Promise<MadeKeys> {
  makeSecretFolder(folder)
  const keys: ClientKey[] = []
  const files: KeyFile[] = []
  const discard = (): void => {
    for (const { path } of files) rmSync(path, { force: true })
  }
  try {
    for (const { kind, ...claimed } of wanted) {
      const key = await createKey(kind)
      const path = freePath(join(folder, `${owner}-${claimed.purpose}`))
      createKeyFile(path, await formatKey(key, passphrase))
      keys.push({ key, ...claimed })
      files.push({ kid: key.kid, path })
    }
  } catch (error) {
    discard()
    throw error
  }
  return { keys, files, discard }
}

/** By its kind: what can receive receives, anything else signs. */
export function purposeOf({ spki }: OwnKey): ClientKey['purpose'] {
  return checkSpki(spki) === 'RSA' ? 'receive' : 'sign'
}

async function formatKey({ pkcs8 }: OwnKey, passphrase: string | undefined): Promise<string> {
  if (passphrase === undefined) return formatPrivateKeyPem(pkcs8)
  return formatEncryptedPrivateKeyPem(await encryptPrivateKey(pkcs8, passphrase))
}

function freePath(stem: string): string {
  for (let i = 1; ; i++) {
    const path = i === 1 ? `${stem}.pem` : `${stem}-${i}.pem`
    if (!existsSync(path)) return path
  }
}
