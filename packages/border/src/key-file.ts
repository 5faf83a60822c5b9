import { createPrivateKey } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Bytes } from '@ledgerstone/core/bytes'
import { isEncryptedPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'

/**
 * What decides whether a file is private: the facts of `fstat` and of the process, as arguments for the
 * tests.
 */
export type Ownership = { readonly uid: number; readonly gid: number; readonly mode: number }
export type Process = { readonly uid: number; readonly groups: readonly number[] }

const keyFileBytesMax = 1_048_576

/**
 * The text of a file that only this process may read, else `bad-key-file` with the command that mends it.
 * What is checked is the open file, so that it cannot be swapped in between. Symbolic links are followed:
 * that is how Kubernetes mounts a Secret.
 */
export function readKeyFile(path: string): string {
  return withKeyFile(path, (file, bytes) => {
    if (bytes > keyFileBytesMax) throw new Refused('bad-key-file', `${path} is too large for a key file`)
    return readFileSync(file, 'utf8')
  })
}

/** As `readKeyFile`, for a file that another library reads. */
export function checkKeyFile(path: string): void {
  withKeyFile(path, () => undefined)
}

/**
 * Accepted are files of this process's user that nobody else may open (mode & 077 = 0), and files of root
 * that one of this process's groups may read and nobody may write or run (mode & 037 = 0): the latter is what
 * Kubernetes makes of a 0400 Secret under `fsGroup` and a random user id. Throws `bad-key-file`.
 */
export function checkOwnership(path: string, file: Ownership, self: Process): void {
  const mode = file.mode & 0o777
  if (file.uid === self.uid && (mode & 0o077) === 0) return
  if (file.uid === 0 && (mode & 0o037) === 0 && self.groups.includes(file.gid)) return
  const shown = mode.toString(8).padStart(4, '0')
  const mend =
    file.uid === self.uid ? `chmod 600 '${path}'` : `chown ${self.uid} '${path}' && chmod 600 '${path}'`
  throw new Refused(
    'bad-key-file',
    `${path} (mode ${shown}, owner ${file.uid}) may be read by others than user ${self.uid}; run: ${mend}`,
  )
}

/**
 * The private key of a PEM text (PKCS#8, PKCS#1 or SEC1, without passphrase) as PKCS#8 DER; `path` is where
 * it was read. Throws `bad-key-file`.
 */
export function parsePrivateKey(pem: string, path: string): Bytes {
  if (isEncryptedPem(pem)) {
    throw new Refused('bad-key-file', `${path} is encrypted: this needs a private key without passphrase`)
  }
  try {
    return new Uint8Array(createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }))
  } catch {
    // OpenSSL's own message could quote the file.
    throw new Refused('bad-key-file', `${path} holds no private key in PEM without passphrase`)
  }
}

/** Writes a new file 0600 that is on disk when this returns. Throws `bad-key-file` when the path is taken. */
export function createKeyFile(path: string, text: string): void {
  writeSynced(path, text, constants.O_EXCL)
  syncFolder(path)
}

/** Puts a file 0600 in the place of another, so that a crash leaves the old one or the new one whole. */
export function replaceKeyFile(path: string, text: string): void {
  const draft = `${path}.new`
  writeSynced(draft, text, constants.O_TRUNC)
  renameSync(draft, path)
  syncFolder(path)
}

function withKeyFile<T>(path: string, use: (file: number, bytes: number) => T): T {
  const file = openKeyFile(path)
  try {
    const facts = fstatSync(file)
    if (!facts.isFile()) throw new Refused('bad-key-file', `${path} is not a file`)
    checkOwnership(path, facts, thisProcess())
    return use(file, facts.size)
  } finally {
    closeSync(file)
  }
}

function openKeyFile(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY)
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be opened'
    throw new Refused('bad-key-file', `${path} ${why}`, { cause })
  }
}

function thisProcess(): Process {
  const { geteuid, getegid, getgroups } = process
  if (geteuid === undefined || getegid === undefined || getgroups === undefined) {
    throw new Refused('bad-key-file', 'this platform has no file modes to keep keys private by')
  }
  return { uid: geteuid(), groups: [getegid(), ...getgroups()] }
}

function writeSynced(path: string, text: string, how: number): void {
  let file: number
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_CREAT | how, 0o600)
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    throw new Refused('bad-key-file', `${path} ${exists ? 'exists already' : 'cannot be written'}`, { cause })
  }
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The name is durable only with its folder. */
function syncFolder(path: string): void {
  const folder = openSync(dirname(path), constants.O_RDONLY)
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
