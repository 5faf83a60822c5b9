// The files by which the command line and the sealer of one data folder get tokens from its own OAuth
// service.
import { existsSync } from 'node:fs'
import { createKeyFile, readKeyFile, replaceKeyFile } from '@ledgerstone/border/key-file'
import { membersOf, parseJson, textMember } from '@ledgerstone/core/canonical'
import { Refused } from '@ledgerstone/core/refused'
import type { DataFolder } from '../data-folder.ts'

type Credentials = { readonly id: string; readonly secret: string }

/** A client's file: `{issuer, client_id, client_secret}`, as private as a key. */
export type ClientFile = {
  readonly issuer: string
  readonly client_id: string
  readonly client_secret: string
}

export function writeClients(
  folder: DataFolder,
  issuer: string,
  clients: { readonly local: Credentials; readonly sealer: Credentials },
): void {
  createKeyFile(folder.localClient, format(issuer, clients.local))
  createKeyFile(folder.sealerClient, format(issuer, clients.sealer))
}

/** The services were moved to another port: the issuer is where they are. */
export function moveClients(folder: DataFolder, issuer: string): void {
  for (const path of [folder.localClient, folder.sealerClient]) {
    const { issuer: before, client_id: id, client_secret: secret } = readClient(path)
    if (before !== issuer) replaceKeyFile(path, format(issuer, { id, secret }))
  }
}

/** Throws `bad-config` when there is none, `bad-key-file` when others may read it. */
export function readClient(path: string): ClientFile {
  if (!existsSync(path))
    throw new Refused('bad-config', `there is no ${path}: has \`ledgerstone start\` run here?`)
  const m = membersOf(parseJson(readKeyFile(path), path), path, ['issuer', 'client_id', 'client_secret'])
  return {
    issuer: textMember(m['issuer'], 'issuer'),
    client_id: textMember(m['client_id'], 'client_id'),
    client_secret: textMember(m['client_secret'], 'client_secret'),
  }
}

function format(issuer: string, { id, secret }: Credentials): string {
  return `${JSON.stringify({ issuer, client_id: id, client_secret: secret }, null, 2)}\n`
}
