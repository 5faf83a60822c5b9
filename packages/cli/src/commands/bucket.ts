// `ledgerstone bucket add`: log keys, announced in the registry, then the bucket's genesis.
import { existsSync } from 'node:fs'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { createKey, type KeyKind } from '@ledgerstone/core/key-pair'
import { checkBucketName, isReservedBucket } from '@ledgerstone/core/names'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import { readTrust } from '../connect.ts'
import { dataFolder } from '../data-folder.ts'
import { readOwnKey } from '../embedded/keys.ts'
import { openLog } from '../embedded/open-log.ts'
import { outputOf } from '../output.ts'
import { type PassphraseOptions, unattendedOpener } from '../private-key.ts'

export type BucketOptions = PassphraseOptions & { readonly data: string; readonly json?: boolean }

/** The ledger must not be running (`store-busy`). What was cut short is finished when it is run again. */
export async function addBucket(name: string, options: BucketOptions): Promise<void> {
  if (isReservedBucket(checkBucketName(name))) throw new Refused('reserved', `${name} is a reserved name`)
  const folder = dataFolder(options.data)
  const open = unattendedOpener(options)
  await using opened = await openLog(folder, readTrust(options), { now: Date.now, open })
  await createIfMissing(folder.logKey(name, 'ed25519'), 'Ed25519')
  await createIfMissing(folder.logKey(name, 'mldsa44'), 'ML-DSA-44')
  const registrar = await readOwnKey(folder.registrarKey, open)
  const ledgerKey = await readOwnKey(folder.ledgerKey, open)
  const { origin, vkeys } = await opened.log.createBucket(name, { registrar, ledgerKey })
  outputOf(options).result({ bucket: name, origin, vkeys }, `added ${name} (${origin})`)
}

async function createIfMissing(path: string, kind: KeyKind): Promise<void> {
  if (existsSync(path)) return
  const { pkcs8 } = await createKey(kind)
  createKeyFile(path, formatPrivateKeyPem(pkcs8))
}
