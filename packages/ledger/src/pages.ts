// Pages of blocks as they are shown: at most 100 blocks, and at most 8 MiB of stored bytes are read for one.
import { parseEntry } from '@ledgerstone/core/block'
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { limits } from '@ledgerstone/core/limits'
import { leafHash } from '@ledgerstone/core/tree'
import type { Bucket } from '@ledgerstone/log/bucket'
import { cutFrames } from '@ledgerstone/log/frames'
import { readBlock, readEntries, readEnvelope, readEnvelopes, readHash } from '@ledgerstone/log/read'
import { type BlockView, viewBlock } from './block-view.ts'
import { isFinal } from './final-wait.ts'

/** One block. Throws `unknown-block`, `damaged-store`. */
export async function readView(bucket: Bucket, index: number): Promise<BlockView> {
  const [view] = await readViews(bucket, [index])
  return view as BlockView
}

/**
 * The blocks of `indexes`, in this order; fewer, but at least one, when they are large. Throws
 * `unknown-block`.
 */
export async function readViews(bucket: Bucket, indexes: readonly number[]): Promise<readonly BlockView[]> {
  const views: BlockView[] = []
  let bytes = 0
  for (const index of indexes) {
    const { block, entry, hash } = await readBlock(bucket, index)
    const envelope = (await readEnvelope(bucket, index)) ?? new Uint8Array(0)
    bytes += entry.length + envelope.length
    if (bytes > limits.listBytesMax && views.length > 0) break
    const next = index + 1 < bucket.head.size ? await readHash(bucket, index + 1) : undefined
    views.push(viewBlock(block, { hash, next, envelope, final: isFinal(bucket, index) }))
  }
  return views
}

/** `count` blocks from index `from` on, or fewer when they are large or the head comes first. */
export async function readViewsFrom(
  bucket: Bucket,
  from: number,
  count: number,
): Promise<readonly BlockView[]> {
  const envelopes = cutFrames(await readEnvelopes(bucket, from, count, limits.listBytesMax))
  const entries = await readEntries(bucket, from, envelopes.length)
  const hashes: Hash[] = entries.map(leafHash)
  const after = from + entries.length
  if (entries.length > 0 && after < bucket.head.size) hashes.push(await readHash(bucket, after))
  return entries.map((entry, i) =>
    viewBlock(parseEntry(entry), {
      hash: hashes[i] as Hash,
      next: hashes[i + 1],
      envelope: envelopes[i] as Bytes,
      final: isFinal(bucket, from + i),
    }),
  )
}
