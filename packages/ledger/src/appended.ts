// The answer of an append. Eight thousand of them leave in a second, so they are put together as text.
import { formatHex } from '@ledgerstone/core/bytes'
import { formatTime } from '@ledgerstone/core/time'
import type { Appended, Bucket } from '@ledgerstone/log/bucket'
import { isFinal } from './final-wait.ts'

/** 201 for a new block, 200 for the first block of a record that was sent before. */
export function statusOf({ duplicate }: Appended): 200 | 201 {
  return duplicate ? 200 : 201
}

/**
 * The members `"bucket", "index", "hash", "prevhash", "time", "size", "final", "checkpoint"` as JSON, without
 * braces. `checkpoint` covers the block and is of `size`: the newest final one when that covers it, else a
 * note of the log.
 */
export function formatAppended(bucket: Bucket, appended: Appended): string {
  const { index, hash, prev, time } = appended
  const final = isFinal(bucket, index) ? bucket.final : undefined
  const { head, checkpoint } = final ?? appended
  return (
    `"bucket":"${bucket.name}","index":${index},"hash":"${formatHex(hash)}",` +
    `"prevhash":"${formatHex(prev)}","time":"${formatTime(time)}",` +
    `"size":${head.size},"final":${final !== undefined},` +
    `"checkpoint":${quoted(checkpoint)}`
  )
}

// All records of one commit are answered with the same note. Its em dash is escaped: an answer of ASCII alone
// is kept, measured and sent in one byte a character.
let last = { text: '', json: '""' }

function quoted(text: string): string {
  if (last.text !== text) last = { text, json: JSON.stringify(text).replaceAll('\u2014', '\\u2014') }
  return last.json
}
