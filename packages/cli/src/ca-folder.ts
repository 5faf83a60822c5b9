// A small CA for the certificates of exchanges, in a folder: `ca.pem`, `ca.key`, and what it has issued.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyFile, readKeyFile } from '@ledgerstone/border/key-file'
import { Refused } from '@ledgerstone/core/refused'
import type { Identity } from '@ledgerstone/exchange/certificate'
import { makeSecretFolder } from './data-folder.ts'

export type IdentityFiles = { readonly certificate: string; readonly key: string }

const caName = 'ca'

/** Throws `bad-config` when there is no CA, `bad-key-file` when others may read its key. */
export function readCa(folder: string): Identity {
  const { certificate, key } = filesOf(folder, caName)
  if (!existsSync(certificate)) {
    throw new Refused('bad-config', `there is no ${certificate}: \`ledgerstone ca init\` makes a CA`)
  }
  return { certificate: readFileSync(certificate, 'utf8'), key: readKeyFile(key) }
}

/** Throws `bad-key-file` when there is one already. */
export function keepCa(folder: string, ca: Identity): IdentityFiles {
  return keepIssued(folder, caName, ca)
}

/** Throws `bad-key-file` when the name is taken. */
export function keepIssued(folder: string, name: string, { certificate, key }: Identity): IdentityFiles {
  makeSecretFolder(folder)
  const files = filesOf(folder, name)
  createKeyFile(files.key, key)
  createKeyFile(files.certificate, certificate)
  return files
}

function filesOf(folder: string, name: string): IdentityFiles {
  return { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
}
