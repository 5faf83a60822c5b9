import { readPrivateKey } from '@ledgerstone/border/key-file'
import { type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import type { LogSigner } from '@ledgerstone/log/checkpoint'
import type { DataFolder } from '../data-folder.ts'

/** Throws `bad-key-file` when others may read it. */
export function readOwnKey(path: string): Promise<OwnKey> {
  return ownKeyOf(readPrivateKey(path))
}

/** The log keys of a bucket. Throws `bad-key-file`. */
export function readLogSigner(folder: DataFolder, bucket: string): LogSigner {
  return {
    ed25519: readPrivateKey(folder.logKey(bucket, 'ed25519')),
    mldsa44: readPrivateKey(folder.logKey(bucket, 'mldsa44')),
  }
}
