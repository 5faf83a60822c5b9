import type { Logger } from '@ledgerstone/border/logger'
import type { LogEvent, Report } from '@ledgerstone/log/event'
import type { LedgerMetrics } from './metrics.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

/** How loud each event of the engine is. What happens all the time is counted, and written on demand only. */
const levels: Readonly<Record<LogEvent['kind'], Level>> = {
  committed: 'debug',
  published: 'debug',
  'documents-filled': 'debug',
  reopened: 'info',
  'head-moved': 'info',
  'clock-behind': 'warn',
  'publish-failed': 'warn',
  'documents-failed': 'warn',
  'outcome-unknown': 'error',
  'worker-failed': 'error',
  stopped: 'error',
}

/** Where the engine's events go: to the metrics and to the service's own log. */
export function reportTo(logger: Logger, metrics: LedgerMetrics): Report {
  return (event) => {
    metrics.count(event)
    const level = levels[event.kind]
    if (!logger.isLevelEnabled(level)) return
    const { kind, ...told } = event
    const { error, ...rest } = told as typeof told & { readonly error?: unknown }
    logger[level]({ ...rest, ...(error !== undefined && { err: error }) }, `log: ${kind}`)
  }
}
