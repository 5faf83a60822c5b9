// Keys of the store's index: what makes two statements the same one, and what makes two steps one case.
import { sha256 } from '#primitives'
import { type Hash, utf8, Writer } from './bytes.ts'

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

function keyed(...texts: readonly string[]): Hash {
  const writer = new Writer()
  for (const text of texts) writer.bytes16(utf8(text))
  return sha256(writer.finish())
}
