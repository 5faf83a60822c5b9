import { configuredKeyOpener, type OpenKey } from '@ledgerstone/border/private-key'
import { type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import type { LogSigner } from '@ledgerstone/log/checkpoint'
import type { DataFolder } from '../data-folder.ts'

const unlocked = configuredKeyOpener(undefined)

/** Throws `bad-key-file` when others may read it. `open`: of a key that may be under a passphrase. */
export async function readOwnKey(path: string, open: OpenKey = unlocked): Promise<OwnKey> {
  return ownKeyOf(await open(path))
}

/** The log keys of a bucket. Throws `bad-key-file`. */
export async function readLogSigner(
  folder: DataFolder,
  bucket: string,
  open: OpenKey = unlocked,
): Promise<LogSigner> {
  return {
    ed25519: await open(folder.logKey(bucket, 'ed25519')),
    mldsa44: await open(folder.logKey(bucket, 'mldsa44')),
  }
}
