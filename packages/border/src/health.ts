import { Refused } from '@ledgerstone/core/refused'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'

/**
 * Resolves when the named part works; throws or rejects when it does not. A refusal's message may be shown.
 */
export type Check = () => void | Promise<void>

const checkTimeoutMs = 2000

/**
 * `GET /health/live`: 200 as long as the process answers at all; a restart helps when it does not. `GET
 * /health/ready`: 200 when every check passes, else 503, with the state of each by name; a part that is not
 * ready gets no traffic, but no restart. Neither needs a token, so neither shows more than names and
 * refusals.
 */
export function addHealth(app: FastifyInstance, checks: Readonly<Record<string, Check>>): void {
  app.get('/health/live', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { status: 'ok' }
  })
  app.get('/health/ready', async (request, reply) => {
    const states = await Promise.all(
      Object.entries(checks).map(
        async ([name, check]) => [name, await stateOf(name, check, request.log)] as const,
      ),
    )
    const ready = states.every(([, state]) => state === 'ok')
    reply.code(ready ? 200 : 503).header('cache-control', 'no-store')
    return { status: ready ? 'ok' : 'unavailable', checks: Object.fromEntries(states) }
  })
}

async function stateOf(name: string, check: Check, log: FastifyBaseLogger): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${checkTimeoutMs} ms`)), checkTimeoutMs)
  })
  try {
    await Promise.race([check(), late])
    return 'ok'
  } catch (error) {
    log.warn({ err: error, check: name }, 'not ready')
    return error instanceof Refused ? `${error.code}: ${error.message}` : 'failing'
  } finally {
    clearTimeout(timer)
  }
}
