// The ledger as a process of its own, over the file store: the place where stores and service meet.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBearer } from '@ledgerstone/border/bearer'
import { createLogger } from '@ledgerstone/border/logger'
import { configuredKeyOpener } from '@ledgerstone/border/private-key'
import { Refused } from '@ledgerstone/core/refused'
import { parseTrust, type Trust } from '@ledgerstone/core/trust'
import type { LedgerConfig } from '@ledgerstone/ledger/config'
import type { ExplorerOptions } from '@ledgerstone/ledger/explorer'
import { createLedgerMetrics } from '@ledgerstone/ledger/metrics'
import { reportTo } from '@ledgerstone/ledger/report'
import { Log } from '@ledgerstone/log/log'
import { SqliteDocuments } from '@ledgerstone/stores/documents/sqlite'
import { FileStore } from '@ledgerstone/stores/file/store'
import { explorerFolder } from './explorer-folder.ts'

export async function startLedger(config: LedgerConfig): Promise<AsyncDisposable> {
  const now = Date.now
  const logger = createLogger({ name: 'ledger', level: config.logLevel })
  const metrics = createLedgerMetrics()
  const notice = (text: string): void => logger.warn(text)
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await FileStore.open(config.store, { report: notice }))
  // The thread of the documents starts while the rest is loaded.
  const [documents, { createLedgerApp }] = await Promise.all([
    config.documents === undefined ? undefined : SqliteDocuments.open(config.documents, notice),
    import('@ledgerstone/ledger/app'),
  ])
  if (documents !== undefined) stack.use(documents)
  const open = configuredKeyOpener(config.passphraseFile)
  const trust = parseTrust(readFileSync(config.trust, 'utf8'))
  const { verifyWorkers, publishIntervalMs, publicUrls, audience, issuers, trustedProxies } = config
  const log = stack.use(
    await Log.open({
      ...{ trust, store, now, publishIntervalMs, report: reportTo(logger, metrics) },
      // The intake verifies, but for the first statement of a key.
      verifyWorkers: 0,
      ...(documents !== undefined && { documents }),
      signers: async (bucket) => ({
        ed25519: await open(join(config.keys, `log-${bucket}-ed25519.pem`)),
        mldsa44: await open(join(config.keys, `log-${bucket}-mldsa44.pem`)),
      }),
    }),
  )
  for (const bucket of config.buckets) log.bucket(bucket)
  const publicUrl = publicUrls[0]
  if (publicUrl === undefined) throw new Refused('bad-config', 'publicUrls names no URL')
  const { requestsPerSecondMax, eventStreamsMax, waitFinalMsMax } = config.limits
  const app = await createLedgerApp({
    ...{ log, logger, metrics, publicUrl, now, trustedProxies },
    ...(documents !== undefined && { documents }),
    bearer: createBearer({ audience, issuers, publicUrls, now }),
    intakeThreads: verifyWorkers,
    logPublic: config.log === 'public',
    metricsPublic: config.metrics === 'public',
    limits: { eventStreamsMax, waitFinalMsMax },
    http: { requestsMax: requestsPerSecondMax },
    ...explorerOf(config, trust, publicUrl),
  })
  stack.defer(() => app.close())
  await app.listen({ ...config.listen })
  return stack.move()
}

function explorerOf(
  { explorer, issuers, audience }: LedgerConfig,
  trust: Trust,
  publicUrl: string,
): { readonly explorer?: ExplorerOptions } {
  if (explorer === undefined) return {}
  const { folder = explorerFolder, issuer = issuers[0]?.issuer, clientId, sealerAudience, scopes } = explorer
  if (issuer === undefined) throw new Refused('bad-config', 'the explorer needs an issuer to sign in at')
  const configuration = {
    ledger: trust.ledger,
    ...{ issuer, clientId, audiences: { ledger: audience, sealer: sealerAudience } },
    ...(scopes !== undefined && { scopes }),
    servedBy: 'ledger',
    oneOperator: trust.policy.quorum === 'none',
    opening: isLoopback(publicUrl),
  } as const
  return { explorer: { folder, configuration } }
}

function isLoopback(url: string): boolean {
  return ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(url).hostname)
}
