// GET /v1/buckets/{bucket}/envelopes: a stream of `u32 n | n bytes`, n = 0 for a block that has none.
import { type Bytes, concat } from '@ledgerstone/core/bytes'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { Http } from './http.ts'
import { Unreachable } from './problem.ts'

const perRequest = 10_000
const triesMax = 4

/**
 * Envelopes of `count` blocks; goes on after a stream that broke off. Throws `gap` when there are not so
 * many.
 */
export async function* streamEnvelopes(
  http: Http,
  path: string,
  from: number,
  count: number,
): AsyncGenerator<Bytes | undefined> {
  let next = from
  let failures = 0
  while (next < from + count) {
    const start = next
    const query = { from: next, limit: Math.min(perRequest, from + count - next) }
    try {
      for await (const frame of framesOf(
        http.stream({ path, query, accept: ['application/octet-stream'] }),
      )) {
        next++
        yield frame.length === 0 ? undefined : frame
      }
      if (next === start) throw new Refused('gap', `there is no envelope of block ${next}`)
      failures = 0
    } catch (error) {
      if (!(error instanceof Unreachable) || ++failures === triesMax) throw error
    }
  }
}

/**
 * Frames out of the pieces of a stream. Throws `too-large`, and `malformed` for a frame that is cut short.
 */
export async function* framesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : concat(rest, chunk)
    for (let bytes = lengthOf(rest); rest.length >= 4 + bytes; bytes = lengthOf(rest)) {
      yield rest.slice(4, 4 + bytes) as Bytes
      rest = rest.subarray(4 + bytes)
    }
  }
  if (rest.length > 0) throw new Refused('malformed', 'the last envelope is cut short')
}

/** Infinity while the length itself is not there yet. */
function lengthOf(bytes: Uint8Array): number {
  if (bytes.length < 4) return Infinity
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (length > limits.envelopeBytesMax) throw new Refused('too-large', 'an envelope is too long')
  return length
}
