import { limits } from '@ledgerstone/core/limits'

/** Bounds of this service alone; those of formats and engine are in the core's limits. */
export type LedgerLimits = {
  /** How long `?wait=final` holds an answer back. */
  readonly waitFinalMsMax: number
  /** Event streams at one time, over all buckets. */
  readonly eventStreamsMax: number
  /** Silence on an event stream after which a comment is sent, so that proxies keep it open. */
  readonly heartbeatMs: number
  /** Least time between two pieces of an event stream: a busy bucket is not sent block by block. */
  readonly eventIntervalMs: number
  /** A reader of a stream who takes nothing for so long is cut off. */
  readonly stallMsMax: number
  /** Envelopes in one answer of the envelope stream. */
  readonly envelopesMax: number
}

export const defaultLedgerLimits: LedgerLimits = {
  waitFinalMsMax: 10_000,
  eventStreamsMax: limits.eventStreamsMax,
  heartbeatMs: 15_000,
  eventIntervalMs: 50,
  stallMsMax: 45_000,
  envelopesMax: 10_000,
}
