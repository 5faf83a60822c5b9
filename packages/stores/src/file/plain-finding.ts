import type { Bytes } from '@ledgerstone/core/bytes'

/** A finding with the bare name of its file. */
export type PlainFinding = {
  readonly file: string
  readonly offset?: number
  readonly what: string
  readonly block?: number
  /** What belongs at the offset, where something else says it: the audit goes on from that. */
  readonly believed?: Bytes
}
