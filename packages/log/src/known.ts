// What the store knows already of the records of one batch: the blocks of their identities, the newest steps
// of their cases.
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { parseStatement } from '@ledgerstone/core/statement'
import type { Admitted } from './admit.ts'
import type { Store } from './store.ts'
import { readStoredBlock } from './stored-block.ts'

/** The first block of an identity. */
export type FirstBlock = {
  readonly index: number
  readonly hash: Hash
  readonly prev: Hash
  readonly time: number
  readonly retry: Bytes | undefined
}

/** One per record, in their order. */
export type Known = {
  readonly first: FirstBlock | undefined
  /** Hash of the newest block of the record's case. */
  readonly newestStep: Hash | undefined
}

const nothing: Known = { first: undefined, newestStep: undefined }

/** Correct as of a head that is still the newest: the compare-and-swap of the commit sees to that. */
export async function lookUp(
  store: Store,
  bucket: string,
  records: readonly Admitted[],
): Promise<readonly Known[]> {
  const found = await store.find(
    bucket,
    records.map(({ identity }) => identity),
  )
  if (!found.some((index) => index !== undefined) && !records.some(({ caseKey }) => caseKey !== undefined)) {
    return records.map(() => nothing)
  }
  const known: Known[] = []
  for (const [i, { caseKey }] of records.entries()) {
    const index = found[i]
    const first = index === undefined ? undefined : await readFirst(store, bucket, index)
    const step = caseKey === undefined ? undefined : await store.newestOfCase(bucket, caseKey)
    const newestStep = step === undefined ? undefined : await store.hashes(bucket, 0, step, 1)
    known.push({ first, newestStep })
  }
  return known
}

async function readFirst(store: Store, bucket: string, index: number): Promise<FirstBlock> {
  const { block, hash } = await readStoredBlock(store, bucket, index)
  const { prev, time, statement } = block
  return { index, hash, prev, time, retry: parseStatement(statement).payload.retry }
}
