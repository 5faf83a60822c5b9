import { type Block, parseEntry } from '@ledgerstone/core/block'
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { decodeEntries } from '@ledgerstone/core/tile'
import { leafHash } from '@ledgerstone/core/tree'
import type { Store } from './store.ts'

/** A block, its exact bytes and its hash. */
export type StoredBlock = { readonly block: Block; readonly entry: Bytes; readonly hash: Hash }

/**
 * Reads one committed block. Throws `damaged-store` when the bytes are not those of a block in this place.
 */
export async function readStoredBlock(store: Store, bucket: string, index: number): Promise<StoredBlock> {
  const framed = await store.entries(bucket, index, 1)
  try {
    const [entry] = decodeEntries(framed, 1) as readonly [Bytes]
    const block = parseEntry(entry)
    if (block.bucket !== bucket || block.index !== index) throw new Error('it names another place')
    return { block, entry, hash: leafHash(entry) }
  } catch (cause) {
    throw new Refused('damaged-store', `block ${index} of ${bucket} is not what was written`, { cause })
  }
}
