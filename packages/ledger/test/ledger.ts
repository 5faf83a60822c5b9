// A ledger service for tests: a real log over the memory store, real tokens of an issuer over no network, no
// port.
import type { App } from '@ledgerstone/border/app'
import { createBearer } from '@ledgerstone/border/bearer'
import { createLogger } from '@ledgerstone/border/logger'
import { formatSealed } from '@ledgerstone/core/sealed'
import type { Documents } from '@ledgerstone/log/documents'
import type { Log, LogOptions } from '@ledgerstone/log/log'
import { MemoryStore } from '@ledgerstone/stores/memory'
import type { JWTPayload } from 'jose'
import {
  audience,
  createKey,
  FakeIssuer,
  issuerUrl,
  mint,
  publicUrl,
  type SigningKey,
} from '../../border/test/tokens.ts'
import { type Clock, createSample, openPayments, type Sample, sealDraft } from '../../log/test/sample.ts'
import { createLedgerApp, type LedgerAppOptions } from '../src/app.ts'
import { createLedgerMetrics } from '../src/metrics.ts'
import { reportTo } from '../src/report.ts'

export type Tested = {
  readonly app: App
  readonly log: Log
  readonly store: MemoryStore
  readonly sample: Sample
  readonly clock: Clock
  readonly issuer: FakeIssuer
  readonly issuerKey: SigningKey
  /** Lines of the service's log. */
  readonly lines: string[]
  /** A token with these scopes, as a header. */
  bearer(scope: string, claims?: JWTPayload): Promise<{ authorization: string }>
  close(): Promise<void>
}

export type TestOptions = Partial<Omit<LedgerAppOptions, 'documents' | 'log'>> & {
  /** A log to use instead of a new one. */
  readonly over?: Log
  readonly documents?: Documents | undefined
  readonly engine?: Partial<LogOptions>
  readonly level?: string
}

const issuerKey = await createKey('first')

/** A ledger with `keys` and `payments`: a sealer, a shop and a receiver are registered. */
export async function startLedger(options: TestOptions = {}): Promise<Tested> {
  const { documents, over, engine = {}, level = 'info', ...rest } = options
  const store = new MemoryStore()
  const sample = await createSample(store)
  const { clock } = sample
  const lines: string[] = []
  const logger = createLogger({ name: 'ledger', level }, { write: (line) => void lines.push(line) })
  const metrics = createLedgerMetrics()
  const derived = documents === undefined ? {} : { documents }
  const report = reportTo(logger, metrics)
  const log = over ?? (await openPayments(sample, { ...derived, report, ...engine }))
  const issuer = new FakeIssuer(issuerKey)
  const now = (): number => clock.ms
  const issuers = [{ issuer: issuerUrl, fetch: issuer.fetch }]
  const app = await createLedgerApp({
    ...{ log, ...derived, logger, metrics, publicUrl, now, logPublic: false, metricsPublic: false },
    bearer: createBearer({ audience, issuers, publicUrls: [publicUrl], now }),
    intakeThreads: 1,
    ...rest,
  })
  return {
    ...{ app, log, store, sample, clock, issuer, issuerKey, lines },
    async bearer(scope, claims = {}) {
      return { authorization: `Bearer ${await mint(issuerKey, clock.ms, { scope, ...claims })}` }
    },
    async close() {
      await app.close()
      await log[Symbol.asyncDispose]()
    },
  }
}

/** A sealed record as callers send it. */
export async function sealedJson(
  draft: Parameters<typeof sealDraft>[0] = {},
): Promise<Record<string, unknown>> {
  return { ...formatSealed(await sealDraft(draft)) }
}
