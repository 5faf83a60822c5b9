// All services in one process on one port, over one data folder: what `npm start` runs.

import { authFilesIn, checkAuthConfig, ledgerAudience } from '@ledgerstone/auth/config'
import { addCommandLine } from '@ledgerstone/auth/init'
import { createBearer } from '@ledgerstone/border/bearer'
import type { Logger } from '@ledgerstone/border/logger'
import type { OpenKey } from '@ledgerstone/border/private-key'
import type { Trust } from '@ledgerstone/core/trust'
import { createLedgerMetrics } from '@ledgerstone/ledger/metrics'
import { reportTo } from '@ledgerstone/ledger/report'
import type { Log } from '@ledgerstone/log/log'
import { SqliteDocuments } from '@ledgerstone/stores/documents/sqlite'
import { FileStore } from '@ledgerstone/stores/file/store'
import type { DataFolder } from '../data-folder.ts'
import { moveClients } from './clients.ts'
import { embeddedExplorer } from './explorer.ts'
import { openLogOver } from './open-log.ts'
import { addSealer, grantSealer, type Ports } from './sealer.ts'

export type Services = AsyncDisposable & { readonly url: string; readonly log: Log }

export type ServicesOptions = {
  readonly folder: DataFolder
  readonly trust: Trust
  /** Opens the private keys of the folder. */
  readonly open: OpenKey
  readonly host: string
  readonly port: number
  readonly exchangePorts: Ports
  readonly logger: Logger
  readonly now: () => number
}

/** Starts everything and listens. What was started is closed again when a later step fails. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const { folder, trust, open, host, port, exchangePorts, logger, now } = options
  const url = `http://${host}:${port}`
  await using stack = new AsyncDisposableStack()
  const metrics = createLedgerMetrics()
  const notice = (text: string): void => logger.warn(text)
  const store = stack.use(await FileStore.open(folder.ledger, { report: notice }))
  // The thread of the documents starts while the rest is loaded.
  const [documents, { createLedgerApp }, { createAuth }] = await Promise.all([
    SqliteDocuments.open(folder.documents, notice),
    import('@ledgerstone/ledger/app'),
    import('@ledgerstone/auth/mount'),
  ])
  stack.use(documents)
  const report = reportTo(logger, metrics)
  const log = stack.use(await openLogOver(store, folder, trust, { now, open, documents, report }))
  grantSealer(folder)
  addCommandLine(authFilesIn(folder.auth).clients)
  const page = embeddedExplorer({ folder, trust, url, logger })

  const auth = await createAuth(checkAuthConfig({ issuer: `${url}/auth`, folder: folder.auth }), {
    logger,
    now,
  })
  stack.defer(() => auth.close())
  const issuers = [{ issuer: `${url}/auth` }]
  const bearer = createBearer({ audience: ledgerAudience, issuers, publicUrls: [url], now })
  // One operator on one machine: whoever reaches the loopback address may read the log's static part.
  const isPublic = { logPublic: true, metricsPublic: true }
  const app = await createLedgerApp({
    ...{ log, documents, bearer, logger, metrics, publicUrl: url, now, ...isPublic, ...page },
    intakeThreads: 2,
  })
  stack.defer(() => app.close())
  await app.register(auth.plugin)
  const sealer = stack.use(await addSealer(app, { folder, trust, open, url, exchangePorts, logger, now }))
  await app.listen({ host, port })
  // Only now: whoever is refused the store or the port must not lead the commands to another process.
  moveClients(folder, `${url}/auth`)
  // The sealer reads the registry over the same port as everybody else, so only now.
  await sealer.begin()
  const owned = stack.move()
  return { url, log, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
