// The newest final checkpoint of a bucket, held against the registry, the policy and what is remembered.
import { type VerifiedCheckpoint, verifyCheckpoint } from '@ledgerstone/core/checkpoint'
import { expectedOf } from '@ledgerstone/core/evidence'
import { originOf } from '@ledgerstone/core/names'
import { isSatisfied, type Policy } from '@ledgerstone/core/policy'
import type { Registry } from '@ledgerstone/core/registry'
import type { Head } from '@ledgerstone/core/tree'
import { type Anchor, pinnedOf } from './anchor.ts'
import { compareWithMemory, type Memory } from './memory.ts'
import type { LogReader } from './tiles.ts'

export type FinalHead = {
  readonly checkpoint: VerifiedCheckpoint
  /** What was remembered of the log; undefined: this is the first sight of it. */
  readonly remembered: Head | undefined
}

/**
 * Reads and verifies it. Throws what `verifyCheckpoint` throws, `unknown-bucket` when the registry has no log
 * keys of the bucket, and `rolled-back`, `forked` or `bad-proof` when it does not continue what is
 * remembered.
 */
export async function readFinal(
  reader: LogReader,
  bucket: string,
  registry: Registry,
  trust: Anchor,
  memory: Memory,
): Promise<FinalHead> {
  const expected = expectedOf(registry, originOf(trust.ledger, bucket), pinnedOf(trust))
  const checkpoint = await verifyCheckpoint(await reader.checkpoint(), expected)
  return { checkpoint, remembered: await compareWithMemory(memory, registry, checkpoint, reader) }
}

/**
 * How old the checkpoint is at most, by others' clocks; milliseconds since 1970. Logs publish again when
 * nothing happens, so an old final head that is shown again grows old by it. With a quorum it is the time
 * since which the quorum has stood; where the log stands alone, its own signature's.
 */
export function publishedAt(checkpoint: VerifiedCheckpoint, policy: Policy | undefined): number | undefined {
  const { quorum, cosigners, logSeconds } = checkpoint
  if (quorum !== 'reached' || policy === undefined)
    return logSeconds === undefined ? undefined : logSeconds * 1000
  const newest = new Set<string>()
  for (const { witness, seconds } of cosigners.toSorted((a, b) => b.seconds - a.seconds)) {
    newest.add(witness)
    if (isSatisfied(policy, newest)) return seconds * 1000
  }
  return undefined
}
