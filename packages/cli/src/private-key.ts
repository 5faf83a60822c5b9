// Private keys that a command is pointed at, encrypted or not.
import { parsePrivateKey, readKeyFile } from '@ledgerstone/border/key-file'
import { keyOpener, type OpenKey, readPassphrase } from '@ledgerstone/border/private-key'
import type { Bytes } from '@ledgerstone/core/bytes'
import { decryptPrivateKey } from '@ledgerstone/core/encrypted-key'
import { type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import { isEncryptedPem, parseEncryptedPrivateKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import { secretOf } from './secret-environment.ts'
import { askHidden } from './terminal.ts'

/** Where a passphrase comes from when not from the terminal; never from an argument, which others can see. */
export type PassphraseOptions = { readonly passphraseFile?: string }

const passphraseCharactersMin = 8

/** The PKCS#8 of a key file that only this user may read. Throws `bad-key-file`, `wrong-passphrase`. */
export async function openPrivateKey(path: string, options: PassphraseOptions): Promise<Bytes> {
  return (await openKeyFile(path, options)).pkcs8
}

export async function openOwnKey(path: string, options: PassphraseOptions): Promise<OwnKey> {
  return ownKeyOf(await openPrivateKey(path, options))
}

/** As `openPrivateKey`, with the passphrase that it was under; undefined for a key that is not encrypted. */
export async function openKeyFile(
  path: string,
  options: PassphraseOptions,
): Promise<{ readonly pkcs8: Bytes; readonly passphrase: string | undefined }> {
  const pem = readKeyFile(path)
  if (!isEncryptedPem(pem)) return { pkcs8: parsePrivateKey(pem, path), passphrase: undefined }
  const passphrase = given(options) ?? (await askHidden(`passphrase of ${path}: `))
  if (passphrase === undefined) throw unattended(`${path} is encrypted`)
  return { pkcs8: await decryptPrivateKey(parseEncryptedPrivateKeyPem(pem), passphrase), passphrase }
}

/** For a process that runs unattended: nothing is asked on the terminal. */
export function unattendedOpener(options: PassphraseOptions): OpenKey {
  return keyOpener(() => given(options))
}

/** Whether a passphrase is needed to open this key file. Throws `bad-key-file`. */
export function isEncryptedFile(path: string): boolean {
  return isEncryptedPem(readKeyFile(path))
}

/** A passphrase for a key that is to be encrypted: on a terminal it is typed twice. */
export async function choosePassphrase(path: string, options: PassphraseOptions): Promise<string> {
  const passphrase = given(options) ?? (await typedTwice(path))
  if (passphrase === undefined) throw unattended(`${path} is to be encrypted`)
  if ([...passphrase].length < passphraseCharactersMin) {
    throw new Refused('wrong-passphrase', `a passphrase has at least ${passphraseCharactersMin} characters`)
  }
  return passphrase
}

async function typedTwice(path: string): Promise<string | undefined> {
  const first = await askHidden(`new passphrase for ${path}: `)
  if (first === undefined || first === (await askHidden('the same again: '))) return first
  throw new Refused('wrong-passphrase', 'the two passphrases are not the same')
}

/** The first line of the file, which must be as private as a key; or $LEDGERSTONE_PASSPHRASE. */
function given({ passphraseFile }: PassphraseOptions): string | undefined {
  if (passphraseFile === undefined) return secretOf('LEDGERSTONE_PASSPHRASE')
  return readPassphrase(passphraseFile)
}

function unattended(what: string): Refused {
  return new Refused(
    'wrong-passphrase',
    `${what}, and there is no terminal to ask on: name a file with --passphrase-file, or set ` +
      '$LEDGERSTONE_PASSPHRASE',
  )
}
