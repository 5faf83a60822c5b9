// A block is named in paths by its index or by its hash: 64 characters are always a hash.
import { equalBytes, formatHex, type Hash, parseHex } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { Bucket } from '@ledgerstone/log/bucket'
import type { Documents } from '@ledgerstone/log/documents'
import { readHash } from '@ledgerstone/log/read'
import { askDocuments } from './documents.ts'

/** How many of the newest blocks are searched one by one, those that the document store does not hold yet. */
const searchedMax = 65_536

/** The index of a block. Throws `malformed`, `unknown-block`, and for a hash `documents-unavailable`. */
export async function indexOf(
  bucket: Bucket,
  reference: string,
  documents: Documents | undefined,
): Promise<number> {
  if (reference.length === 64) return findHash(bucket, parseHex(reference, 'the block hash', 32), documents)
  const index = Number(reference)
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(reference) || !Number.isSafeInteger(index)) {
    throw new Refused(
      'malformed',
      'a block is named by its index or by its hash of 64 hexadecimal characters',
    )
  }
  return index
}

async function findHash(bucket: Bucket, hash: Hash, documents: Documents | undefined): Promise<number> {
  const { name } = bucket
  const { size } = bucket.head
  const [found, complete] = await askDocuments(documents, async (store) => [
    await store.findHash(name, formatHex(hash)),
    await store.complete(name),
  ])
  if (found !== undefined) {
    // The document store is derived data and decides nothing: the log's own hash is what was asked for.
    if (found < size && equalBytes(await readHash(bucket, found), hash)) return found
    throw new Refused('documents-unavailable', `the document store does not agree with ${name}`)
  }
  if (size - complete > searchedMax) {
    throw new Refused(
      'documents-unavailable',
      `the document store holds ${complete} of ${size} blocks so far`,
    )
  }
  const tail = await bucket.store.hashes(name, 0, complete, Math.max(0, size - complete))
  for (let at = 0; at < tail.length; at += 32) {
    if (equalBytes(tail.subarray(at, at + 32), hash)) return complete + at / 32
  }
  throw new Refused('unknown-block', `${name} has no block with this hash`)
}
