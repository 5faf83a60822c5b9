import type { OpenKey } from '@ledgerstone/border/private-key'
import type { Trust } from '@ledgerstone/core/trust'
import type { Documents } from '@ledgerstone/log/documents'
import type { Report } from '@ledgerstone/log/event'
import { Log } from '@ledgerstone/log/log'
import { FileStore } from '@ledgerstone/stores/file/store'
import type { DataFolder } from '../data-folder.ts'
import { readLogSigner } from './keys.ts'

export type OpenLog = AsyncDisposable & { readonly log: Log }

export type OpenLogOptions = {
  readonly now: () => number
  /** Of log keys that may be under a passphrase. */
  readonly open?: OpenKey
  readonly documents?: Documents
  readonly publishIntervalMs?: number
  readonly report?: Report
  /** Told what an operator should know of the files. */
  readonly notice?: (text: string) => void
}

/** The log of a data folder over its files. Throws `store-busy` while another process has them. */
export async function openLog(folder: DataFolder, trust: Trust, options: OpenLogOptions): Promise<OpenLog> {
  const { now, open, documents, publishIntervalMs = 1000, report = () => undefined, notice } = options
  const store = await FileStore.open(folder.ledger, notice === undefined ? {} : { report: notice })
  try {
    const signers = async (bucket: string) => readLogSigner(folder, bucket, open)
    const filled = documents === undefined ? {} : { documents }
    const log = await Log.open({
      trust,
      store,
      signers,
      now,
      // The service's intake verifies, but for the first statement of a key; other work is short.
      verifyWorkers: 0,
      publishIntervalMs,
      report,
      ...filled,
    })
    return {
      log,
      async [Symbol.asyncDispose]() {
        await log[Symbol.asyncDispose]()
        await store[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
}
