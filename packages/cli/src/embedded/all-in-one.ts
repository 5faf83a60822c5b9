// All services in one process on one port, over one data folder: what `npm start` runs.

import { checkAuthConfig, ledgerAudience, sealerAudience } from '@ledgerstone/auth/config'
import { createAuth } from '@ledgerstone/auth/mount'
import { createBearer } from '@ledgerstone/border/bearer'
import type { Logger } from '@ledgerstone/border/logger'
import { ledgerApi } from '@ledgerstone/client/api'
import type { RegistryFollower } from '@ledgerstone/client/registry'
import { clientCredentials } from '@ledgerstone/client/token'
import type { Trust } from '@ledgerstone/core/trust'
import { createLedgerApp } from '@ledgerstone/ledger/app'
import { createLedgerMetrics } from '@ledgerstone/ledger/metrics'
import { reportTo } from '@ledgerstone/ledger/report'
import type { Log } from '@ledgerstone/log/log'
import { readSender } from '@ledgerstone/sealer/keys'
import { createSealer } from '@ledgerstone/sealer/main'
import { keepFresh } from '@ledgerstone/sealer/refresh'
import { sealRoutes } from '@ledgerstone/sealer/routes'
import { SqliteDocuments } from '@ledgerstone/stores/documents/sqlite'
import type { DataFolder } from '../data-folder.ts'
import { moveClients, readClient } from './clients.ts'
import { drainable } from './drain.ts'
import { openLog } from './open-log.ts'

export type Services = AsyncDisposable & { readonly url: string; readonly log: Log }

export type ServicesOptions = {
  readonly folder: DataFolder
  readonly trust: Trust
  readonly host: string
  readonly port: number
  readonly logger: Logger
  readonly now: () => number
}

/** Starts everything and listens. What was started is closed again when a later step fails. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const { folder, trust, host, port, logger, now } = options
  const url = `http://${host}:${port}`
  await using stack = new AsyncDisposableStack()
  const metrics = createLedgerMetrics()
  const notice = (text: string): void => logger.warn(text)
  const documents = stack.use(await SqliteDocuments.open(folder.documents, notice))
  const report = reportTo(logger, metrics)
  const { log } = stack.use(
    await openLog(folder, trust, { now, documents, verifyWorkers: 2, report, notice }),
  )
  // Only now: whoever is refused the store must not lead the commands away from the process that has it.
  moveClients(folder, `${url}/auth`)

  const auth = await createAuth(checkAuthConfig({ issuer: `${url}/auth`, folder: folder.auth }), {
    logger,
    now,
  })
  stack.defer(() => auth.close())
  const issuers = [{ issuer: `${url}/auth` }]
  const bearer = createBearer({ audience: ledgerAudience, issuers, publicUrls: [url], now })
  // One operator on one machine: whoever reaches the loopback address may read the log's static part.
  const open = { logPublic: true, metricsPublic: true }
  const app = await createLedgerApp({ log, documents, bearer, logger, metrics, publicUrl: url, now, ...open })
  stack.defer(() => app.close())
  await app.register(auth.plugin)
  const follower = await addSealer()
  await app.listen({ host, port })
  // The sealer reads the registry over the same port as everybody else, so only now.
  await follower.refresh()
  const onFailure = (error: unknown): void => logger.warn({ err: error }, 'the key registry cannot be read')
  stack.defer(keepFresh(follower, { everyMs: 60_000, onFailure }))
  const owned = stack.move()
  return { url, log, [Symbol.asyncDispose]: () => owned.disposeAsync() }

  async function addSealer(): Promise<RegistryFollower> {
    const { client_id: clientId, client_secret: clientSecret, issuer } = readClient(folder.sealerClient)
    const scope = 'append:* read:keys'
    const reach: typeof fetch = (input, init) => fetch(input, init)
    const token = clientCredentials({
      issuer,
      clientId,
      clientSecret,
      scope,
      resource: ledgerAudience,
      fetch: reach,
      now,
    })
    const sender = await readSender({
      statement: folder.statementKey,
      key: folder.sealerKey,
      retry: folder.retryKey,
    })
    const api = ledgerApi({ url, fetch: reach, token })
    const clients = [{ client: '*', types: ['*'] }]
    const sealer = createSealer({ trust, sender, receivers: { '*': ['auditor'] }, clients, api, now })
    const sealerBearer = createBearer({ audience: sealerAudience, issuers, publicUrls: [url], now })
    const seals = drainable(sealRoutes({ sealer, bearer: sealerBearer }))
    await app.register(seals.plugin)
    stack.defer(seals.drain)
    return sealer.follower
  }
}
