// The private keys that an exchange brings: made for it, or read from files.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { encryptPrivateKey } from '@ledgerstone/core/encrypted-key'
import { createKey, type KeyKind, type OwnKey } from '@ledgerstone/core/key-pair'
import { formatEncryptedPrivateKeyPem, formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { checkSpki } from '@ledgerstone/core/spki'
import type { ClientKey } from '@ledgerstone/exchange/client'
import { type DataFolder, makeFolder } from './data-folder.ts'

export type KeyFile = { readonly kid: string; readonly path: string }

export type MadeKeys = {
  readonly keys: readonly ClientKey[]
  readonly files: readonly KeyFile[]
  /** Removes the files: of keys that nobody has heard of. */
  discard(): void
}

/**
 * One key to receive and one to sign, in new files 0600: `keys/treasury-receive.pem`,
 * `keys/treasury-sign.pem` (`-2` and so on when these are taken), under the passphrase if there is one.
 * Throws what the disk says.
 */
export async function createExchangeKeys(
  { ownKeys: folder }: DataFolder,
  owner: string,
  passphrase: string | undefined,
): Promise<MadeKeys> {
  makeFolder(folder)
  const keys: ClientKey[] = []
  const files: KeyFile[] = []
  const discard = (): void => {
    for (const { path } of files) rmSync(path, { force: true })
  }
  try {
    for (const { purpose, kind } of wanted) {
      const key = await createKey(kind)
      const path = freePath(join(folder, `${owner}-${purpose}`))
      createKeyFile(path, await formatKey(key, passphrase))
      keys.push({ key, purpose })
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

const wanted: readonly { readonly purpose: ClientKey['purpose']; readonly kind: KeyKind }[] = [
  { purpose: 'receive', kind: 'RSA-3072' },
  { purpose: 'sign', kind: 'Ed25519' },
]

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
