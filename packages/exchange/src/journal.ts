// What survives a stop of the service: one JSON line for each state that an exchange has reached.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { type ExchangeRecord, isOver } from './exchange-state.ts'

export type Journal = {
  /** The newest record of each exchange, oldest exchange first. */
  readonly records: readonly ExchangeRecord[]
  /** On disk when it returns. Throws what the disk says. */
  append(record: ExchangeRecord): void
  close(): void
}

const keptMax = 200

/** Nothing is kept: after a stop nobody remembers an exchange, and none goes on. */
export function noJournal(): Journal {
  return { records: [], append: () => undefined, close: () => undefined }
}

/**
 * Opens or creates the file, 0600, and writes it anew with the newest record of the last 200 exchanges. One
 * that is not over is never among those that are left out.
 */
export function openJournal(path: string): Journal {
  const records = keptOf([...newestOf(readLines(path)).values()])
  const draft = `${path}.new`
  const file = openSync(draft, 'w', 0o600)
  for (const record of records) writeSync(file, `${JSON.stringify(record)}\n`)
  fsyncSync(file)
  renameSync(draft, path)
  return {
    records,
    append(record) {
      writeSync(file, `${JSON.stringify(record)}\n`)
      fsyncSync(file)
    },
    close: () => closeSync(file),
  }
}

function keptOf(records: readonly ExchangeRecord[]): readonly ExchangeRecord[] {
  let tooMany = records.length - keptMax
  return records.filter(({ state }) => !isOver(state) || tooMany-- <= 0)
}

function newestOf(records: readonly ExchangeRecord[]): ReadonlyMap<string, ExchangeRecord> {
  return new Map(records.map((record) => [record.id, record]))
}

function readLines(path: string): readonly ExchangeRecord[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as ExchangeRecord]
    } catch {
      return [] // a line that was being written when the machine stopped
    }
  })
}
