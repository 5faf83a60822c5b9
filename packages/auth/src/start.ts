import { type App, createApp } from '@ledgerstone/border/app'
import { addHealth } from '@ledgerstone/border/health'
import { createLogger } from '@ledgerstone/border/logger'
import { addMetrics, createMetrics, measureRequests } from '@ledgerstone/border/metrics'
import type { AuthConfig } from './config.ts'
import { createAuth } from './mount.ts'

/**
 * Runs the OAuth service alone, as its own process. Resolves when it listens; `app.close()` drains and stops
 * it.
 */
export async function startAuth(config: AuthConfig): Promise<App> {
  const logger = createLogger({ name: 'auth', level: config.logLevel })
  const trusted = config.trustedProxies.length === 0 ? {} : { trustedProxies: config.trustedProxies }
  const app = await createApp({ logger, ...trusted })
  const registry = createMetrics('auth')
  measureRequests(app, registry)
  const auth = await createAuth(config, { logger })
  addHealth(app, { auth: auth.check })
  addMetrics(app, registry)
  app.addHook('onClose', async () => auth.close())
  await app.register(auth.plugin)
  await app.listen({ ...config.listen })
  return app
}
