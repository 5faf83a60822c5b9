import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

/**
 * What `pieces` yields as a stream for this reply, one piece at a time as the reader takes them. A reader who
 * takes nothing for `timeoutMs`, though there is something to take, is cut off: he holds a connection and
 * what waits for him.
 */
export function streamTo(
  { raw }: FastifyReply,
  pieces: AsyncGenerator<string | Uint8Array>,
  timeoutMs: number,
): Readable {
  async function* watched(): AsyncGenerator<string | Uint8Array> {
    for await (const piece of pieces) {
      const timer = setTimeout(() => raw.destroy(), timeoutMs)
      try {
        yield piece
      } finally {
        clearTimeout(timer)
      }
    }
  }
  return Readable.from(watched(), { objectMode: false })
}
