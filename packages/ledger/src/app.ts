import { type App, type AppLimits, createApp } from '@ledgerstone/border/app'
import type { Bearer } from '@ledgerstone/border/bearer'
import { callerFor, requireCaller } from '@ledgerstone/border/caller'
import type { Logger } from '@ledgerstone/border/logger'
import { addMetrics } from '@ledgerstone/border/metrics'
import type { Documents } from '@ledgerstone/log/documents'
import type { Log } from '@ledgerstone/log/log'
import type { onRequestHookHandler } from 'fastify'
import { attempt, readBody } from './body.ts'
import { EventStreams } from './event-streams.ts'
import { addExplorer, type ExplorerOptions } from './explorer.ts'
import { protectAnswers } from './headers.ts'
import { addHealth } from './health.ts'
import { Intake } from './intake.ts'
import { defaultLedgerLimits, type LedgerLimits } from './limits.ts'
import { type LedgerMetrics, measure } from './metrics.ts'
import { describeApi } from './openapi.ts'
import { reportTo } from './report.ts'
import { addAppend } from './routes/append.ts'
import { addArticle } from './routes/article.ts'
import { addBatch } from './routes/batch.ts'
import { addBlock } from './routes/block.ts'
import { addBlocks } from './routes/blocks.ts'
import { addBuckets } from './routes/buckets.ts'
import { addEnvelopes } from './routes/envelopes.ts'
import { addEvents } from './routes/events.ts'
import { addKeys } from './routes/keys.ts'
import { addLog } from './routes/log.ts'
import type { Service } from './service.ts'
import { traceRequests } from './trace.ts'

export type LedgerAppOptions = {
  /** Open; it stays open when the app closes. */
  readonly log: Log
  /** The document store that the log fills; without it, filters answer `documents-unavailable`. */
  readonly documents?: Documents
  readonly bearer: Bearer
  readonly logger: Logger
  /** Made before the log, so that the log reports to it. */
  readonly metrics: LedgerMetrics
  /** Where callers reach this service. */
  readonly publicUrl: string
  /** Tiles and checkpoints under `/log` need no token. */
  readonly logPublic: boolean
  /** `/metrics` needs no token; otherwise one with the scope `manage:metrics`. */
  readonly metricsPublic: boolean
  /** Threads that decode and verify records; none when absent: then this one does. */
  readonly intakeThreads?: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly limits?: Partial<LedgerLimits>
  /** Limits of the HTTP border. */
  readonly http?: Partial<AppLimits>
  readonly trustedProxies?: readonly string[]
  /** The web page; without it, this service has none but the API's description. */
  readonly explorer?: ExplorerOptions
}

/** The ledger service. Listens nowhere yet: `listen`, or pass requests to `routing`. */
export async function createLedgerApp(options: LedgerAppOptions): Promise<App> {
  const { log, bearer, logger, metrics, publicUrl, logPublic, now } = options
  const limits = { ...defaultLedgerLimits, ...options.limits }
  // Its threads would keep a process alive whose start has failed; the app's closing ends them otherwise.
  await using stack = new AsyncDisposableStack()
  const intake = stack.use(
    new Intake({
      threads: options.intakeThreads ?? 0,
      keyOf: ({ kid }) => spkiOf(log, kid),
      report: reportTo(logger, metrics),
    }),
  )
  const { documents } = options
  const service: Service = { log, intake, documents, bearer, metrics, logPublic, now, limits }

  const app = await createApp({
    logger,
    ...(options.http !== undefined && { limits: options.http }),
    ...(options.trustedProxies !== undefined && { trustedProxies: options.trustedProxies }),
  })
  takeJson(app, readBody)
  protectAnswers(app, publicUrl)
  traceRequests(app)
  measure(app, metrics, log, now)
  describeApi(app, publicUrl)

  addHealth(app, service)
  addMetrics(app, metrics.registry, options.metricsPublic ? undefined : managing(bearer, 'metrics'))

  await app.register(async (scope: App) => {
    takeJson(scope, (body) => body) // the intake reads it
    addAppend(scope, service)
    addBatch(scope, service)
  })
  app.addHook('onClose', () => intake[Symbol.asyncDispose]())
  addBuckets(app, service)
  addBlocks(app, service)
  addBlock(app, service)
  addEnvelopes(app, service)
  addEvents(app, service, new EventStreams(limits, metrics))
  addKeys(app, service)
  addLog(app, service)
  addArticle(app, service)
  if (options.explorer !== undefined) addExplorer(app, options.explorer)

  stack.move()
  return app
}

/** The public key of a statement, whatever became of it since; undefined when it is not registered. */
function spkiOf(log: Log, kid: string): Uint8Array | undefined {
  const key = attempt(() => log.registry.key(kid))
  return key instanceof Error ? undefined : key.spki
}

/** Instead of the border's own reading of JSON bodies. */
function takeJson(app: App, read: (body: Uint8Array) => unknown): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    done(null, read(body))
  })
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
