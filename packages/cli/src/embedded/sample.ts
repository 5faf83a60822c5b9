// The first start imports a few hundred real invoices by the way that every record goes, so that there is
// something to see.
import { fileURLToPath } from 'node:url'
import type { SealerApi } from '@ledgerstone/client/sealer'
import { type ImportCount, type ImportOptions, importCsv } from '../import/import-csv.ts'
import { interruptedAfter } from '../interruption.ts'
import type { Progress } from '../output.ts'

/** The invoices that come with the project (examples/README.md has their source). */
export const sampleFile: string = fileURLToPath(
  new URL('../../../../examples/online-retail-invoices.csv.gz', import.meta.url),
)

/** 500 lines: the first orders, and the first cancellations, which stand at the end of the file. */
export function sampleLines(): Chosen {
  const left = { orders: 420, cancellations: 80 }
  return {
    count: left.orders + left.cancellations,
    includes({ InvoiceNo }) {
      const kind = InvoiceNo.startsWith('C') ? 'cancellations' : 'orders'
      return left[kind]-- > 0
    },
  }
}

/** The first lines of the file. */
export function firstLines(count: number): Chosen {
  return { count, includes: () => true }
}

type Chosen = NonNullable<ImportOptions['chosen']>

/**
 * Pushes invoices through the sealer. `progress` is made when the number of lines is known. Throws
 * `Interrupted` when the signal is aborted; what was under way has ended then.
 */
export async function pushInvoices(
  sealer: SealerApi,
  source: Pick<ImportOptions, 'path' | 'chosen' | 'signal'>,
  progressOf: (lines: number) => Progress,
): Promise<ImportCount> {
  let progress: Progress | undefined
  let total = 0
  let done = 0
  const count = await importCsv({
    ...source,
    concurrency: 32,
    push: async ({ bucket, type, meta }, id, record) => {
      const { created } = await sealer.seal(bucket, { type, id, meta, record: new Uint8Array(record) })
      return created ? 'new' : 'known'
    },
    onStart(lines) {
      total = lines
      progress = progressOf(lines)
    },
    onLine(lines) {
      done = lines
      progress?.advance(lines)
    },
  }).catch((error: unknown) => {
    progress?.clear()
    throw source.signal?.aborted === true && error === source.signal.reason
      ? interruptedAfter(done, total, 'invoices')
      : error
  })
  progress?.finish(describe(count))
  return count
}

function describe({ lines, leftOut, records }: ImportCount): string {
  const parts = Object.entries(records).map(([bucket, { pushed, known }]) => {
    return `${bucket} ${pushed}${known > 0 ? ` (+ ${known} there before)` : ''}`
  })
  const rest = leftOut > 0 ? `, ${leftOut} left out` : ''
  return `imported ${lines.toLocaleString('en')} invoices: ${parts.join(', ')}${rest}`
}
