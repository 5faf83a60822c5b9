import type { Bearer } from '@ledgerstone/border/bearer'
import type { Documents } from '@ledgerstone/log/documents'
import type { Log } from '@ledgerstone/log/log'
import type { Intake } from './intake.ts'
import type { LedgerLimits } from './limits.ts'
import type { LedgerMetrics } from './metrics.ts'

/** What the routes work with. */
export type Service = {
  readonly log: Log
  readonly intake: Intake
  /** Filters and look-ups by hash; without it they answer `documents-unavailable`. */
  readonly documents: Documents | undefined
  readonly bearer: Bearer
  readonly metrics: LedgerMetrics
  /** Tiles and checkpoints need no token. */
  readonly logPublic: boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly limits: LedgerLimits
}
