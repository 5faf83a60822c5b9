// Requests that call this very process again, over its own port, must end before the port is closed.
import { setTimeout as sleep } from 'node:timers/promises'
import { Refused } from '@ledgerstone/core/refused'
import type { sealRoutes } from '@ledgerstone/sealer/routes'

type Routes = ReturnType<typeof sealRoutes>

const drainMsMax = 10_000

export type Drainable = {
  readonly plugin: Routes
  /** Refuses new requests of these routes, and waits until running ones have ended, ten seconds at most. */
  drain(): Promise<void>
}

export function drainable(routes: Routes): Drainable {
  let running = 0
  let isStopping = false
  const plugin: Routes = async (app) => {
    app.addHook('onRequest', (_request, reply, next) => {
      running++
      reply.raw.once('close', () => running--)
      next(isStopping ? new Refused('stopping', 'the service is stopping') : undefined)
    })
    await app.register(routes)
  }
  async function drain(): Promise<void> {
    isStopping = true
    const until = performance.now() + drainMsMax
    while (running > 0 && performance.now() < until) await sleep(10)
  }
  return { plugin, drain }
}
