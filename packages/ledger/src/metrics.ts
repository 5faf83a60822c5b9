import { createMetrics, measureRequests } from '@ledgerstone/border/metrics'
import { problemOf } from '@ledgerstone/border/problem'
import type { LogEvent } from '@ledgerstone/log/event'
import type { Log } from '@ledgerstone/log/log'
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The service's numbers. It exists before the log, so that the log can report to it: see `reportTo`. */
export type LedgerMetrics = {
  readonly registry: Registry
  /** Counts an event of the engine. */
  count(event: LogEvent): void
  /** Counts a refusal; `bucket` must be one that exists: callers must not make labels. */
  refused(bucket: string, code: string): void
  readonly streams: Gauge
}

export function createLedgerMetrics(): LedgerMetrics {
  const registry = createMetrics('ledger')
  const about = (name: string, help: string, ...labels: string[]) => ({
    name: `ledgerstone_${name}`,
    help,
    labelNames: labels,
    registers: [registry],
  })
  const appends = new Counter(about('appends_total', 'Blocks appended', 'bucket'))
  const refusals = new Counter(about('refusals_total', 'Requests and records refused', 'bucket', 'code'))
  const records = new Histogram({
    ...about('commit_records', 'Blocks in one commit', 'bucket'),
    buckets: [1, 4, 16, 64, 256, 1024, 4096],
  })
  const bytes = new Counter(about('commit_bytes_total', 'Bytes of entries and envelopes', 'bucket'))
  const seconds = new Histogram({
    ...about('commit_duration_seconds', 'From the plan of a commit to its signature', 'bucket'),
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  })
  const events = new Counter(about('log_events_total', 'What the engine reports', 'bucket', 'kind'))
  const streams = new Gauge(about('event_streams', 'Event streams that are open'))

  return {
    registry,
    streams,
    refused: (bucket, code) => refusals.inc({ bucket, code }),
    count(event) {
      const bucket = 'bucket' in event ? event.bucket : ''
      events.inc({ bucket, kind: event.kind })
      if (event.kind !== 'committed') return
      appends.inc({ bucket }, event.count)
      bytes.inc({ bucket }, event.bytes)
      records.observe({ bucket }, event.count)
      seconds.observe({ bucket }, event.ms / 1000)
    },
  }
}

/** Times every request, counts every refusal, and reads the state of the log whenever it is asked for. */
export function measure(app: FastifyInstance, metrics: LedgerMetrics, log: Log, now: () => number): void {
  const { registry } = metrics
  measureRequests(app, registry)
  app.addHook('onError', (request, _reply, error, next) => {
    const named = (request.params as { bucket?: string } | undefined)?.bucket
    const known = log.buckets().some(({ name }) => name === named)
    metrics.refused(known ? (named as string) : '', problemOf(error).code)
    next()
  })
  watchBuckets(registry, log, now)
}

/** Gauges per bucket, read at the time of a scrape. */
function watchBuckets(registry: Registry, log: Log, now: () => number): void {
  const finals = new Map<string, { readonly size: number; readonly since: number }>()
  for (const bucket of log.buckets()) {
    bucket.subscribe((event) => {
      if (event.kind === 'final') finals.set(bucket.name, { size: event.final.head.size, since: now() })
    })
  }
  const rows = {
    head_size: ['Blocks committed', (name: string) => log.bucket(name).head.size],
    final_size: ['Blocks that are final', (name: string) => log.bucket(name).final?.head.size ?? 0],
    final_age_seconds: [
      'Time since the newest final checkpoint',
      (name: string) => (now() - (finals.get(name)?.since ?? Number.NaN)) / 1000,
    ],
    pool_bytes: ['Bytes of records that wait', (name: string) => log.bucket(name).poolBytes],
    bucket_open: ['1: takes appends', (name: string) => (log.bucket(name).state.kind === 'open' ? 1 : 0)],
  } as const
  for (const [name, [help, read]] of Object.entries(rows)) {
    new Gauge({
      name: `ledgerstone_${name}`,
      help,
      labelNames: ['bucket'],
      registers: [registry],
      collect() {
        this.reset()
        for (const bucket of log.buckets()) {
          const value = readable(() => read(bucket.name))
          if (value !== undefined) this.set({ bucket: bucket.name }, value)
        }
      },
    })
  }
}

/** A bucket that could not be opened has no head; its other numbers are told all the same. */
function readable(read: () => number): number | undefined {
  try {
    const value = read()
    return Number.isNaN(value) ? undefined : value
  } catch {
    return undefined
  }
}
