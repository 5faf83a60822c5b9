// Keys of the store's index: what makes two statements the same one, and what makes two steps one case.
import { sha256 } from '#primitives'
import type { Hash } from './bytes.ts'

/**
 * Identity of a statement: SHA-256 over the log's origin, the registered owner of its key and its id, each
 * with its length. It survives a rotation of the sender's key between two tries.
 */
export function identityOf(origin: string, owner: string, id: string): Hash {
  return keyed('ledgerstone identity v1', origin, owner, id)
}

/** SHA-256 over the log's origin and the case id. */
export function caseKeyOf(origin: string, caseId: string): Hash {
  return keyed('ledgerstone case v1', origin, caseId)
}

// Hashing is synchronous, so one buffer serves every call. All that is keyed here is bounded by names.ts.
const scratch = new Uint8Array(1024)
const encoder = new TextEncoder()

/** SHA-256 over each text as `u16 n | n bytes`. */
function keyed(...texts: readonly string[]): Hash {
  let at = 0
  for (const text of texts) {
    const { read, written } = encoder.encodeInto(text, scratch.subarray(at + 2))
    if (read !== text.length) throw new RangeError('a name is longer than any name may be')
    scratch[at] = written >> 8
    scratch[at + 1] = written
    at += 2 + written
  }
  return sha256(scratch.subarray(0, at))
}
