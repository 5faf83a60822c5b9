// The newest final head of every bucket, held against what this browser remembers, then remembered.
import { readFinal } from '@ledgerstone/client/final'
import { recall, remember } from '@ledgerstone/client/memory'
import type { BlockReader } from '@ledgerstone/client/open'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'

/** `remembered`: blocks that were remembered before; absent: this is the first sight of the bucket. */
export type HeadCheck = {
  readonly bucket: string
  readonly origin: string
  readonly remembered?: number
} & (
  | { readonly state: 'continued'; readonly size: number }
  | { readonly state: 'refused'; readonly refused: Refused }
)

/** Throws when the ledger cannot be asked at all. */
export async function checkHeads(reader: BlockReader): Promise<readonly HeadCheck[]> {
  const { api, trust, follower } = reader
  const keys = await again(() => checkKeys(reader))
  if (keys.state === 'refused') return [keys]
  const { registry } = follower.view
  const names = (await api.buckets()).map(({ name }) => name).filter((name) => name !== keysBucket)
  const known = new Set(registry.origins())
  const checks = names.filter((name) => known.has(originOf(trust.ledger, name)))
  return [keys, ...(await Promise.all(checks.map((name) => again(() => checkBucket(reader, name)))))]
}

/**
 * Another tab may have remembered a newer head while this one was reading, and one pod of a ledger may be a
 * moment behind another: a rollback is one that is still there a little later.
 */
async function again(check: () => Promise<HeadCheck>): Promise<HeadCheck> {
  const first = await check()
  if (first.state !== 'refused' || first.refused.code !== 'rolled-back') return first
  await new Promise((resolve) => setTimeout(resolve, 1500))
  return check()
}

async function checkKeys({ trust, follower }: BlockReader): Promise<HeadCheck> {
  const about = { bucket: keysBucket, origin: originOf(trust.ledger, keysBucket) }
  try {
    const { checkpoint } = await follower.refresh()
    const remembered = follower.remembered?.size
    return {
      ...about,
      ...(remembered !== undefined && { remembered }),
      state: 'continued',
      size: checkpoint.head.size,
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { ...about, state: 'refused', refused: error }
  }
}

async function checkBucket(
  { api, trust, follower, memory }: BlockReader,
  bucket: string,
): Promise<HeadCheck> {
  const { registry } = follower.view
  const origin = originOf(trust.ledger, bucket)
  const old = await recall(memory, registry, origin)
  const about = { bucket, origin, ...(old !== undefined && { remembered: old.size }) }
  try {
    const log = api.log(bucket)
    const { checkpoint } = await readFinal(log, bucket, registry, trust, memory)
    await remember(memory, registry, checkpoint, log)
    return { ...about, state: 'continued', size: checkpoint.head.size }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { ...about, state: 'refused', refused: error }
  }
}
