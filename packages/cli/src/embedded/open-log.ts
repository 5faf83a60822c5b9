import type { OpenKey } from '@ledgerstone/border/private-key'
import type { Trust } from '@ledgerstone/core/trust'
import type { Documents } from '@ledgerstone/log/documents'
import type { Report } from '@ledgerstone/log/event'
import { Log } from '@ledgerstone/log/log'
import type { Store } from '@ledgerstone/log/store'
import { FileStore } from '@ledgerstone/stores/file/store'
import type { DataFolder } from '../data-folder.ts'
import { readLogSigner } from './keys.ts'

export type OpenLog = AsyncDisposable & { readonly log: Log }

export type LogOptions = {
  readonly now: () => number
  /** Of log keys that may be under a passphrase. */
  readonly open?: OpenKey
  readonly documents?: Documents
  readonly publishIntervalMs?: number
  readonly report?: Report
}

/** The log of a data folder over its files. Throws `store-busy` while another process has them. */
export async function openLog(folder: DataFolder, trust: Trust, options: LogOptions): Promise<OpenLog> {
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await FileStore.open(folder.ledger))
  const log = stack.use(await openLogOver(store, folder, trust, options))
  const owned = stack.move()
  return { log, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The log of a data folder over its store, which is closed after it. */
export async function openLogOver(
  store: Store,
  folder: DataFolder,
  trust: Trust,
  { now, open, documents, publishIntervalMs = 1000, report = () => undefined }: LogOptions,
): Promise<Log> {
  return await Log.open({
    ...{ trust, store, now, publishIntervalMs, report },
    signers: async (bucket) => readLogSigner(folder, bucket, open),
    // The service's intake verifies, but for the first statement of a key; other work is short.
    verifyWorkers: 0,
    ...(documents !== undefined && { documents }),
  })
}
