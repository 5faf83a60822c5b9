// The sealer as a process of its own, and the parts of it that `npm start` puts beside the other services.
import { readFileSync } from 'node:fs'
import { type App, createApp } from '@ledgerstone/border/app'
import { type Bearer, createBearer } from '@ledgerstone/border/bearer'
import { callerFor, requireCaller } from '@ledgerstone/border/caller'
import { addHealth } from '@ledgerstone/border/health'
import { createLogger, type Logger } from '@ledgerstone/border/logger'
import { addMetrics, createMetrics, measureRequests } from '@ledgerstone/border/metrics'
import { configuredKeyOpener, type OpenKey } from '@ledgerstone/border/private-key'
import { type LedgerApi, ledgerApi } from '@ledgerstone/client/api'
import type { Fetch } from '@ledgerstone/client/http'
import { RegistryFollower } from '@ledgerstone/client/registry'
import { clientCredentials } from '@ledgerstone/client/token'
import { type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import { keysBucket } from '@ledgerstone/core/names'
import { parseTrust, type Trust } from '@ledgerstone/core/trust'
import type { onRequestHookHandler } from 'fastify'
import { readOwnClient, type SealerConfig } from './config.ts'
import { addExchanges } from './exchange-routes.ts'
import { logExchanges, openExchanges } from './exchange-server.ts'
import { checkSender } from './keys.ts'
import { type KeysReport, OwnKeys } from './own-keys.ts'
import { type ReceiverNames, Receivers } from './receivers.ts'
import { keepFresh } from './refresh.ts'
import { sealRoutes } from './routes.ts'
import type { ClientRule } from './rules.ts'
import type { Sealer } from './seal.ts'

export type SealerParts = {
  readonly trust: Trust
  readonly keys: Pick<OwnKeys, 'sender' | 'takeUp'>
  readonly receivers: ReceiverNames
  readonly clients: readonly ClientRule[]
  /** With the sealer's own token. */
  readonly api: LedgerApi
  /** Where callers reach the ledger, when they can. */
  readonly ledgerUrl?: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A sealer without a service around it. Nothing is sealed before its follower has read the registry. */
export function createSealer(parts: SealerParts): Sealer {
  const { trust, keys, api, ledgerUrl, now, clients } = parts
  const follower = new RegistryFollower({ trust, reader: api.log(keysBucket), now })
  const receivers = new Receivers(parts.receivers, follower, now)
  return {
    ...{ ledger: trust.ledger, follower, receivers, rules: clients, api, ledgerUrl, now },
    get sender() {
      return keys.sender
    },
    takeUpKeys: () => keys.takeUp(follower),
  }
}

/** Told to the operator: which keys sign, and why changed files do not count. */
export function logKeys(logger: Logger): KeysReport {
  return (outcome) => {
    if ('kids' in outcome)
      logger.info({ kids: outcome.kids }, 'the sealer signs with the keys of changed files')
    else logger.error({ err: outcome.error }, 'changed key files are not taken: the keys of before go on')
  }
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
  const open = configuredKeyOpener(config.passphraseFile)
  const keys = await OwnKeys.open(config.keys, { open, now, report: logKeys(logger) })
  const sealer = createSealer({
    trust: parseTrust(readFileSync(config.trust, 'utf8')),
    keys,
    receivers: config.receivers,
    clients: config.clients,
    api: ledgerApi({ url: config.ledger.url, fetch: reach, token }),
    ledgerUrl: config.ledger.publicUrl,
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
  const unwatch = keys.watch(sealer.follower)
  app.addHook('preClose', async () => {
    stop()
    unwatch()
  })
  try {
    await serveExchanges(app, config, { sealer, keys, open, bearer, logger })
    // A copy: Fastify writes into what it is given.
    const url = await app.listen({ ...config.listen })
    return { url, [Symbol.asyncDispose]: () => app.close() }
  } catch (error) {
    await app.close()
    throw error
  }
}

type Serving = {
  readonly sealer: Sealer
  readonly keys: OwnKeys
  readonly open: OpenKey
  readonly bearer: Bearer
  readonly logger: Logger
}

/**
 * The registrar's key as the file has it whenever it signs, for it may be rotated meanwhile. Throws when
 * there is none at the start.
 */
export async function registrarIn(path: string, open: OpenKey): Promise<() => Promise<OwnKey>> {
  const read = async (): Promise<OwnKey> => ownKeyOf(await open(path))
  await read()
  return read
}

/** What was confirmed before a stop is registered as soon as the ledger is there. */
async function serveExchanges(
  app: App,
  config: SealerConfig,
  { sealer, keys, open, bearer, logger }: Serving,
): Promise<void> {
  if (config.exchange === undefined) return
  const { registrar, ...settings } = config.exchange
  const { clients: rules, least } = settings
  const exchanges = await openExchanges({
    ...{ sealer, settings, report: logExchanges(logger) },
    registrar: await registrarIn(registrar, open),
    ownKeys: () => keys.signing,
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
