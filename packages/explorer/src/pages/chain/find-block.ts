import type { LedgerApi } from '@ledgerstone/client/api'
import { Refused } from '@ledgerstone/core/refused'
import { parseTarget } from './jump.ts'

/** The index of the block that a person means. Throws what to tell them when there is none. */
export async function findBlock(
  ledger: LedgerApi,
  bucket: string,
  size: number,
  text: string,
): Promise<number> {
  const target = parseTarget(text)
  if (target === undefined) throw new Error('Write an index, a hash of 64 characters, or a date.')
  if (target.kind === 'index') {
    if (target.index < size) return target.index
    throw new Error(`The newest block is #${(size - 1).toLocaleString('en')}.`)
  }
  if (target.kind === 'hash') return (await ledger.block(bucket, target.hash).catch(unknownHash)).index
  const timeFrom = new Date(target.ms).toISOString()
  const { blocks } = await ledger.blocks(bucket, { timeFrom, limit: 1 })
  if (blocks[0] === undefined) throw new Error('There is no block at that time or after it.')
  return blocks[0].index
}

function unknownHash(error: unknown): never {
  if (error instanceof Refused && error.code === 'unknown-block') {
    throw new Error('No block of this bucket has that hash.')
  }
  throw error
}
