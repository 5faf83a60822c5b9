import { Refused } from '@ledgerstone/core/refused'
import type { Documents } from '@ledgerstone/log/documents'

/** Asks the document store, and says so when it is not there. Throws `documents-unavailable`. */
export async function askDocuments<T>(
  documents: Documents | undefined,
  ask: (documents: Documents) => Promise<T>,
): Promise<T> {
  if (documents === undefined)
    throw new Refused('documents-unavailable', 'this ledger runs without a document store')
  try {
    return await ask(documents)
  } catch (cause) {
    if (cause instanceof Refused) throw cause
    throw new Refused('documents-unavailable', 'the document store does not answer', { cause })
  }
}
