// A client that appends as fast as it is answered, over several connections, until the ledger is gone.
import type { LedgerApi } from '@ledgerstone/client/api'
import { Unreachable } from '@ledgerstone/client/problem'
import { Refused } from '@ledgerstone/core/refused'
import type { Sealed } from '@ledgerstone/core/sealed'
import type { History } from './history.ts'

/** A record whose fate the client does not know. */
export type Open = { readonly history: History; readonly sealed: Sealed }

export type Line = {
  readonly history: History
  /** Records in one request; 1: not as a batch. */
  readonly batch: number
  readonly seal: () => Promise<Sealed>
}

/** Answers after which a record may or may not have a block, and a client asks again. */
const tryAgain: readonly string[] = ['outcome-unknown', 'stopping', 'pool-full', 'read-only']

/** Appends over every line, until none is answered any more. Returns the records that are left open. */
export async function sendUntilGone(
  api: LedgerApi,
  lines: readonly Line[],
  onAnswer: () => void,
): Promise<readonly Open[]> {
  const left = await Promise.all(lines.map((line) => sendLine(api, line, onAnswer)))
  return left.flat()
}

async function sendLine(
  api: LedgerApi,
  { history, batch, seal }: Line,
  onAnswer: () => void,
): Promise<readonly Open[]> {
  const open: Open[] = []
  for (;;) {
    const records: Sealed[] = []
    while (records.length < batch) records.push(await seal())
    try {
      if (batch === 1) await sendOne(api, history, records[0] as Sealed)
      else open.push(...(await sendBatch(api, history, records)))
      onAnswer()
    } catch (error) {
      open.push(...records.map((sealed) => ({ history, sealed })))
      if (error instanceof Unreachable) return open
      if (!isOpenAfter(error)) throw error
    }
  }
}

async function sendOne(api: LedgerApi, history: History, sealed: Sealed): Promise<void> {
  history.acknowledge(sealed.statement.payload.id, await api.postBlock(history.bucket, sealed))
}

async function sendBatch(
  api: LedgerApi,
  history: History,
  records: readonly Sealed[],
): Promise<readonly Open[]> {
  const open: Open[] = []
  for (const [i, result] of (await api.postBatch(history.bucket, records)).entries()) {
    const sealed = records[i] as Sealed
    if (!('code' in result)) history.acknowledge(sealed.statement.payload.id, result)
    else if (tryAgain.includes(result.code)) open.push({ history, sealed })
    else throw new Error(`a sound record was refused: ${result.code}, ${result.detail}`)
  }
  return open
}

function isOpenAfter(error: unknown): boolean {
  return error instanceof Refused && tryAgain.includes(error.code)
}
