// Pushing a record without handing its plaintext to anyone: sealed here, appended at the ledger.
import type { Hash } from '@ledgerstone/core/bytes'
import type { Labels } from '@ledgerstone/core/labels'
import { originOf } from '@ledgerstone/core/names'
import { type Receiver, type Sender, sealRecord } from '@ledgerstone/core/seal'
import type { Sealed } from '@ledgerstone/core/sealed'
import type { Case } from '@ledgerstone/core/statement'
import { liveId } from '@ledgerstone/core/uuid'
import type { LedgerApi, Posted, PostOptions } from './api.ts'

/** Who seals, for whom, and where it goes. */
export type Pusher = {
  readonly api: LedgerApi
  /** The ledger's name, out of the trust file. */
  readonly ledger: string
  readonly sender: Sender
  /** Registered receiving keys, by this client's own replay of the registry. */
  readonly receivers: readonly Receiver[]
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** One record. `record` is sealed as exactly these bytes. */
export type PushedRecord = {
  readonly bucket: string
  readonly type: string
  readonly record: Uint8Array
  readonly labels: Labels
  /**
   * A UUID of the caller's; with it a call can be made again, by another process even. Made up when absent.
   */
  readonly id?: string
  readonly case?: Case
  readonly refs?: readonly Hash[]
}

export type Pushed = {
  readonly id: string
  readonly posted: Posted
  readonly sealed: Sealed
}

/**
 * Seals and appends. What is sent again after a failure is the same sealed record; and when the caller pushes
 * the same record under the same id again, the sender's retry key lets the ledger know it, and the answer is
 * its first block.
 */
export async function push(pusher: Pusher, pushed: PushedRecord, options?: PostOptions): Promise<Pushed> {
  const { api, ledger, sender, receivers, now } = pusher
  const { bucket, id = liveId(now()), ...rest } = pushed
  const draft = { ...rest, id, log: originOf(ledger, bucket), issued: now() }
  const sealed = await sealRecord(draft, sender, receivers)
  return { id, sealed, posted: await api.postBlock(bucket, sealed, options) }
}
