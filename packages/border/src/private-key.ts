// Private key files as services open them: nobody is there to be asked for a passphrase, so that it stands in
// a file of its own, as private as a key. Never in an argument or in the configuration.
import type { Bytes } from '@ledgerstone/core/bytes'
import { decryptPrivateKey } from '@ledgerstone/core/encrypted-key'
import { isEncryptedPem, parseEncryptedPrivateKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import { parsePrivateKey, readKeyFile } from './key-file.ts'

/** The PKCS#8 of a private key file. Throws `bad-key-file`, `wrong-passphrase`. */
export type OpenKey = (path: string) => Promise<Bytes>

/**
 * Opens key files, encrypted or not. `passphrase`: of all that are encrypted; it is asked for when one is,
 * and undefined where there is none.
 */
export function keyOpener(passphrase: () => string | undefined): OpenKey {
  return async (path) => {
    const pem = readKeyFile(path)
    if (!isEncryptedPem(pem)) return parsePrivateKey(pem, path)
    const given = passphrase()
    if (given === undefined) {
      throw new Refused('bad-key-file', `${path} is encrypted, and no file of its passphrase is named`)
    }
    try {
      return await decryptPrivateKey(parseEncryptedPrivateKeyPem(pem), given)
    } catch (cause) {
      if (!(cause instanceof Refused)) throw cause
      throw new Refused(cause.code, `${path}: ${cause.message}`)
    }
  }
}

/** `passphraseFile` as a configuration names it. */
export function configuredKeyOpener(passphraseFile: string | undefined): OpenKey {
  return keyOpener(() => (passphraseFile === undefined ? undefined : readPassphrase(passphraseFile)))
}

/** The first line of a file that only this process may read. Throws `bad-key-file`. */
export function readPassphrase(path: string): string {
  return readKeyFile(path).split(/\r?\n/, 1)[0] ?? ''
}
