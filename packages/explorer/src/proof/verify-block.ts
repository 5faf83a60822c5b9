// One block as the page shows it: each step, the way from the leaf to the root, who signed.
import { pinnedOf } from '@ledgerstone/client/anchor'
import { remember } from '@ledgerstone/client/memory'
import type { BlockReader } from '@ledgerstone/client/open'
import { verifyBlock as verify } from '@ledgerstone/client/verify-block'
import { formatHex } from '@ledgerstone/core/bytes'
import { type BlockVerdict, fingerprintsOf, viewCheckpoint, viewPath, viewSender } from './views.ts'

/** Throws what says nothing about the block; see the client's `verifyBlock`. */
export async function verifyBlock(
  reader: BlockReader,
  bucket: string,
  index: number,
  shown: string | undefined,
): Promise<BlockVerdict> {
  const start = performance.now()
  const { steps, standing, policy, entry, view, receipt, checkpoint, judged, suspect } = await verify(
    reader,
    bucket,
    index,
    shown,
  )
  const path = entry && receipt && checkpoint && viewPath(entry.hash, receipt, checkpoint)
  const isContinued = steps.every(({ name, state }) => name !== 'history' || state !== 'failed')
  if (view && checkpoint && isContinued)
    await remember(reader.memory, view.registry, checkpoint, reader.api.log(bucket))
  return {
    standing,
    policy,
    steps,
    suspect,
    ...(entry && { hash: formatHex(entry.hash) }),
    ...(judged && { sender: viewSender(judged.key) }),
    ...(checkpoint && { checkpoint: viewCheckpoint(checkpoint, pinnedOf(reader.trust)?.policy) }),
    ...(path && { path }),
    ...(view && { fingerprints: await fingerprintsOf(view.registry, bucket) }),
    tookMs: performance.now() - start,
  }
}
