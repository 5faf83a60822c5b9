// The sealer as a process of its own, and the parts of it that `npm start` puts beside the other services.
import { readFileSync } from 'node:fs'
import { type App, createApp } from '@ledgerstone/border/app'
import { type Bearer, createBearer } from '@ledgerstone/border/bearer'
import { callerFor, requireCaller } from '@ledgerstone/border/caller'
import { addHealth } from '@ledgerstone/border/health'
import { readPrivateKey } from '@ledgerstone/border/key-file'
import { createLogger, type Logger } from '@ledgerstone/border/logger'
import { addMetrics, createMetrics, measureRequests } from '@ledgerstone/border/metrics'
import { type LedgerApi, ledgerApi } from '@ledgerstone/client/api'
import type { Fetch } from '@ledgerstone/client/http'
import { RegistryFollower } from '@ledgerstone/client/registry'
import { clientCredentials } from '@ledgerstone/client/token'
import { ownKeyOf } from '@ledgerstone/core/key-pair'
import { keysBucket } from '@ledgerstone/core/names'
import type { Sender } from '@ledgerstone/core/seal'
import { parseTrust, type Trust } from '@ledgerstone/core/trust'
import type { onRequestHookHandler } from 'fastify'
import { readOwnClient, type SealerConfig } from './config.ts'
import { addExchanges } from './exchange-routes.ts'
import { logExchanges, openExchanges } from './exchange-server.ts'
import { checkSender, readOwnKeys, readSender } from './keys.ts'
import { type ReceiverNames, Receivers } from './receivers.ts'
import { keepFresh } from './refresh.ts'
import { sealRoutes } from './routes.ts'
import type { ClientRule } from './rules.ts'
import type { Sealer } from './seal.ts'

export type SealerParts = {
  readonly trust: Trust
  readonly sender: Sender
  readonly receivers: ReceiverNames
  readonly clients: readonly ClientRule[]
  /** With the sealer's own token. */
  readonly api: LedgerApi
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A sealer without a service around it. Nothing is sealed before its follower has read the registry. */
export function createSealer(parts: SealerParts): Sealer {
  const { trust, sender, api, now, clients } = parts
  const follower = new RegistryFollower({ trust, reader: api.log(keysBucket), now })
  const receivers = new Receivers(parts.receivers, follower, now)
  return { ledger: trust.ledger, sender, follower, receivers, rules: clients, api, now }
}

export type RunningSealer = AsyncDisposable & { readonly url: string }

/** Throws `bad-config`, `bad-key-file`, and what the trust file is refused for, before anything listens. */
export async function startSealer(
  config: SealerConfig,
  options: { readonly logger?: Logger; readonly fetch?: Fetch; readonly now?: () => number } = {},
): Promise<RunningSealer> {
  const { logger = createLogger({ name: 'sealer', level: config.logLevel }), now = Date.now } = options
  const reach: Fetch = options.fetch ?? ((url, init) => fetch(url, init))
  const token = clientCredentials({
    ...readOwnClient(config.ledger.client),
    ...config.ledger,
    fetch: reach,
    now,
  })
  const sealer = createSealer({
    trust: parseTrust(readFileSync(config.trust, 'utf8')),
    sender: await readSender(config.keys),
    receivers: config.receivers,
    clients: config.clients,
    api: ledgerApi({ url: config.ledger.url, fetch: reach, token }),
    now,
  })
  const { audience, issuers, publicUrls } = config
  const bearer = createBearer({ audience, issuers, publicUrls, now })

  const app = await createApp({ logger, trustedProxies: config.trustedProxies })
  const metrics = createMetrics('sealer')
  measureRequests(app, metrics)
  addMetrics(app, metrics, config.metrics === 'public' ? undefined : managing(bearer, 'metrics'))
  addHealth(app, { keys: () => checkSender(sealer.sender, sealer.follower.fresh(), now()) })
  await app.register(sealRoutes({ sealer, bearer }))
  const stop = keepFresh(sealer.follower, {
    everyMs: config.refreshMs,
    onFailure: (error) => logger.error({ err: error }, 'the key registry cannot be read'),
  })
  app.addHook('preClose', async () => stop())
  try {
    await serveExchanges(app, config, sealer, bearer, logger)
    // A copy: Fastify writes into what it is given.
    const url = await app.listen({ ...config.listen })
    return { url, [Symbol.asyncDispose]: () => app.close() }
  } catch (error) {
    await app.close()
    throw error
  }
}

/** What was confirmed before a stop is registered as soon as the ledger is there. */
async function serveExchanges(
  app: App,
  config: SealerConfig,
  sealer: Sealer,
  bearer: Bearer,
  logger: Logger,
): Promise<void> {
  if (config.exchange === undefined) return
  const { registrar, ...settings } = config.exchange
  const { clients: rules, least } = settings
  const exchanges = await openExchanges({
    ...{ sealer, settings, report: logExchanges(logger) },
    registrar: await ownKeyOf(readPrivateKey(registrar)),
    ownKeys: await readOwnKeys(config.keys),
  })
  app.addHook('preClose', () => exchanges[Symbol.asyncDispose]())
  addExchanges(app, { sealer, bearer, rules, least, exchanges: () => exchanges })
}

/** A token with the scope `manage:{area}`. */
function managing(bearer: Bearer, area: string): onRequestHookHandler {
  const accept = requireCaller(bearer)
  return function guard(request, reply, next) {
    accept(request, reply, (error) => {
      if (error !== undefined) return next(error)
      callerFor(request, 'manage', area)
      next()
    })
  }
}
