// Pushing a file of invoices through the sealer: many at a time, and safe to run again.
import { utf8 } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { importId } from '@ledgerstone/core/uuid'
import { measureFile, readLines } from './csv-file.ts'
import {
  type InvoiceLine,
  InvoiceMapper,
  invoiceBuckets,
  invoiceColumns,
  type MappedRecord,
} from './invoices.ts'

/** Pushes one record; says whether it was new or had been pushed before. */
export type PushRecord = (record: MappedRecord, id: string, content: Uint8Array) => Promise<'new' | 'known'>

export type ImportCount = {
  readonly lines: number
  /** Lines that are no business of any bucket. */
  readonly leftOut: number
  /** Of each bucket that has any, always in the same order. */
  readonly records: Readonly<Record<string, { readonly pushed: number; readonly known: number }>>
}

export type ImportOptions = {
  readonly path: string
  /**
   * Which lines to push, and how many they are; all without it. Every line is mapped, so that records do not
   * differ.
   */
  readonly chosen?: { readonly count: number; includes(line: InvoiceLine): boolean }
  readonly push: PushRecord
  readonly concurrency: number
  /** When it is aborted nothing more is pushed; what is under way ends, and its reason is thrown. */
  readonly signal?: AbortSignal
  /** Called once with the number of lines, then with the number of lines done. */
  readonly onStart: (lines: number) => void
  readonly onLine: (done: number) => void
}

/**
 * A record's id comes from the file's content, its line and its bucket, so a second run finds every record
 * there and adds nothing. The first failure stops the import; run it again to go on.
 */
export async function importCsv(options: ImportOptions): Promise<ImportCount> {
  const { digest, lines } = await measureFile(options.path)
  const { chosen = { count: Math.max(lines - 1, 0), includes: () => true } } = options
  options.onStart(chosen.count)
  const mapper = new InvoiceMapper()
  const counts = new Map<MappedRecord['bucket'], { pushed: number; known: number }>()
  const pushes = new BoundedWork(options.concurrency)
  let done = 0
  let leftOut = 0
  for await (const { number, values } of readLines(options.path, invoiceColumns)) {
    if (done === chosen.count || options.signal?.aborted === true) break
    const mapped = mapLine(mapper, number, values)
    if (!chosen.includes(values)) continue
    if (mapped.length === 0) leftOut++
    for (const item of mapped) {
      const id = importId(digest, number, item.bucket)
      await pushes.start(async () => {
        const outcome = await options.push(item, id, utf8(JSON.stringify(item.record)))
        const count = counts.get(item.bucket) ?? { pushed: 0, known: 0 }
        count[outcome === 'new' ? 'pushed' : 'known']++
        counts.set(item.bucket, count)
      })
    }
    options.onLine(++done)
  }
  await pushes.finish()
  if (done < chosen.count) options.signal?.throwIfAborted()
  // Which bucket's first record is acknowledged first is chance.
  const told = invoiceBuckets.flatMap((bucket) => {
    const count = counts.get(bucket)
    return count === undefined ? [] : [[bucket, count] as const]
  })
  return { lines: done, leftOut, records: Object.fromEntries(told) }
}

function mapLine(mapper: InvoiceMapper, number: number, values: InvoiceLine): readonly MappedRecord[] {
  try {
    return mapper.map(values)
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    throw new Refused(cause.code, `line ${number}: ${cause.message}`)
  }
}

/** Runs at most so many tasks at once; the first error is thrown by the next `start` or by `finish`. */
class BoundedWork {
  readonly #max: number
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(max: number) {
    this.#max = max
  }

  async start(task: () => Promise<void>): Promise<void> {
    if (this.#running.size >= this.#max) await Promise.race(this.#running)
    this.#check()
    const running: Promise<void> = task()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async finish(): Promise<void> {
    await Promise.all(this.#running)
    this.#check()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
