// A process that appends to a file store until it is killed, and says after each batch how far it has got.
// Arguments: folder, number of blocks per batch. Prints `open`, then the size after each acknowledged batch.
import { Refused } from '@ledgerstone/core/refused'
import { FileStore } from '../src/file/store.ts'
import { batchOf, blocksOf, digestOf } from './batches.ts'

export const bucket = 'payments'
export const journalBytesMax = 20_000

/** The batch that follows a size: the same in every process. */
export function batchAfter(size: number, count: number): ReturnType<typeof batchOf> {
  return batchOf(size, blocksOf(count, `after ${size}`), digestOf(`root of ${size + count}`))
}

if (import.meta.main) {
  const [root = '', count = ''] = process.argv.slice(2)
  try {
    const store = await FileStore.open(root, { journalBytesMax })
    process.stdout.write('open\n')
    if (!(await store.buckets()).includes(bucket)) await store.create(bucket)
    for (let head = await store.head(bucket); ; ) {
      const { batch, next } = batchAfter(head.size, Number(count))
      await store.append(bucket, head, batch, next)
      head = next
      process.stdout.write(`${head.size}\n`)
    }
  } catch (error) {
    process.stdout.write(`${error instanceof Refused ? error.code : 'failed'}: ${String(error)}\n`)
    process.exitCode = 1
  }
}
