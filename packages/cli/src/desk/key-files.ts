// The private keys of the desk's folder, by name. Their bytes stay in this process, and only while they are
// used.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readKeyFile } from '@ledgerstone/border/key-file'
import type { Bytes } from '@ledgerstone/core/bytes'
import { openPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import { isEncryptedPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import { checkSpki, type PublicKeyKind } from '@ledgerstone/core/spki'

/** What the page may know of a key file. */
export type ListedKey = {
  /** Path below the data folder, with `/`: `receivers/auditor.pem`. */
  readonly name: string
  readonly encrypted: boolean
  /** Absent while the key is under its passphrase. */
  readonly kid?: string
  readonly kind?: PublicKeyKind
  /** Why the file cannot be used. */
  readonly problem?: string
}

/** A service's own keys and the OAuth service's are no business of a person at the desk. */
const closedFolders = ['ledger', 'auth', 'desk']

/** The PEM files one folder below `root` that hold a private key. */
export async function listKeyFiles(root: string): Promise<readonly ListedKey[]> {
  const listed = await Promise.all(namesIn(root).map((name) => describe(root, name)))
  return listed.filter((key) => key !== undefined)
}

/**
 * The private key of a listed file; any other name is refused as `bad-name`. `passphrase` absent: the key
 * has none. Throws `wrong-passphrase`, `wrong-key`, `malformed`, and `bad-key-file` when others may read it.
 */
export async function readListedKey(
  root: string,
  name: string,
  passphrase: string | undefined,
): Promise<OwnKey> {
  if (!namesIn(root).includes(name)) throw new Refused('bad-name', 'the desk has no key file of this name')
  const pkcs8 = await openPrivateKeyPem(readKeyFile(join(root, name)), () => {
    if (passphrase !== undefined) return passphrase
    throw new Refused('wrong-passphrase', `${name} is encrypted: its passphrase is needed`)
  })
  return ownKey(name, pkcs8)
}

/** Its errors could quote the key. */
async function ownKey(name: string, pkcs8: Bytes): Promise<OwnKey> {
  try {
    return await ownKeyOf(pkcs8)
  } catch {
    throw new Refused('malformed', `${name} is damaged, or holds a key of an unknown kind`)
  }
}

function namesIn(root: string): readonly string[] {
  const folders = readdirSync(root, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !closedFolders.includes(entry.name),
  )
  return folders.flatMap(({ name: folder }) =>
    readdirSync(join(root, folder))
      .filter((file) => file.endsWith('.pem'))
      .map((file) => `${folder}/${file}`)
      .sort(),
  )
}

/** Undefined for a file that holds something else, such as a public key or a certificate. */
async function describe(root: string, name: string): Promise<ListedKey | undefined> {
  try {
    const pem = readKeyFile(join(root, name))
    if (isEncryptedPem(pem)) return { name, encrypted: true }
    if (!/-----BEGIN (?:RSA )?PRIVATE KEY-----/.test(pem)) return undefined
    const { kid, spki } = await ownKey(name, await openPrivateKeyPem(pem, () => ''))
    return { name, encrypted: false, kid, kind: checkSpki(spki) }
  } catch (error) {
    if (error instanceof Refused) return { name, encrypted: false, problem: error.message }
    throw error
  }
}
