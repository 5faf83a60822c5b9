import type { Bucket } from '@ledgerstone/log/bucket'

/** Whether a block is covered by a checkpoint that satisfies the policy. */
export function isFinal(bucket: Bucket, index: number): boolean {
  return bucket.final !== undefined && index < bucket.final.head.size
}

/** Resolves when the block is final, or when the time is up: whoever asked looks for himself. */
export function waitFinal(bucket: Bucket, index: number, timeoutMs: number): Promise<void> {
  if (isFinal(bucket, index)) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      unsubscribe()
      resolve()
    }
    const timer = setTimeout(end, timeoutMs)
    const unsubscribe = bucket.subscribe(({ kind }) => {
      if (kind === 'final' && isFinal(bucket, index)) end()
    })
  })
}
