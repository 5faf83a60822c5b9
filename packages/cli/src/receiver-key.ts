// Which of the keys on this computer opens an envelope: after a rotation, old records need the old key.
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Opener, openerOf } from '@ledgerstone/core/open'
import { Refused } from '@ledgerstone/core/refused'
import type { DataFolder } from './data-folder.ts'
import { isEncryptedFile, openPrivateKey, type PassphraseOptions } from './private-key.ts'

export type KeyChoice = PassphraseOptions & { readonly key?: string }

/**
 * The key named; or the first of the data folder's receiving keys that is among the envelope's receivers,
 * those without passphrase first. Throws `cannot-open` when there is none, `bad-key-file`,
 * `wrong-passphrase`.
 */
export async function chooseOpener(
  folder: DataFolder,
  receivers: readonly { readonly kid: string }[],
  options: KeyChoice,
): Promise<Opener> {
  if (options.key !== undefined) return openerOf(await openPrivateKey(options.key, options))
  const files = receivingKeysIn(folder)
  const encrypted = new Set(files.filter(isEncryptedFile))
  for (const file of [...files.filter((each) => !encrypted.has(each)), ...encrypted]) {
    const opener = await openerIn(file, options)
    if (opener !== undefined && receivers.some(({ kid }) => kid === opener.kid)) return opener
  }
  if (receivers.length === 0) {
    throw new Refused(
      'cannot-open',
      'an imported block does not say for which key it was sealed: name the receiver’s with --key',
    )
  }
  const kids = receivers.map(({ kid }) => kid).join(', ')
  throw new Refused(
    'cannot-open',
    `no key in ${folder.root} is one that this is sealed for (${kids}): use --key`,
  )
}

/** The first receiver's key, what it was before its rotations, and keys that were exchanged. */
function receivingKeysIn(folder: DataFolder): readonly string[] {
  const folders = [dirname(folder.receiverKey), folder.ownKeys].filter((path) => existsSync(path))
  const all = folders.flatMap((path) =>
    readdirSync(path)
      .filter((name) => name.endsWith('.pem'))
      .sort()
      .map((name) => join(path, name)),
  )
  return all.sort((a, b) => Number(b === folder.receiverKey) - Number(a === folder.receiverKey))
}

/** Undefined for a key that receives nothing. */
async function openerIn(file: string, options: PassphraseOptions): Promise<Opener | undefined> {
  const pkcs8 = await openPrivateKey(file, options)
  return openerOf(pkcs8).catch(() => undefined)
}
