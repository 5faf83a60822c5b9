import type { FastifyReply } from 'fastify'

/** Cuts a stream off whose reader takes nothing for so long: he holds a connection, and data that wait for him. */
export function cutOffStalled({ raw }: FastifyReply, timeoutMs: number): void {
  raw.setTimeout(timeoutMs, () => raw.destroy())
  raw.once('close', () => raw.setTimeout(0))
}
