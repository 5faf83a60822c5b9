// What survives a stop of the service: one JSON line for each state that an exchange has reached.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type ExchangeRecord, isOver } from './exchange-state.ts'
import { syncFolder } from './sync-folder.ts'

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
  writeFileSync(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  fsyncSync(file)
  renameSync(draft, path)
  syncFolder(dirname(path))
  let torn = ''
  return {
    records,
    append(record) {
      const line = `${torn}${JSON.stringify(record)}\n`
      // A disk that fills takes a part of it; the next line is not to be the rest of that one.
      torn = '\n'
      writeFileSync(file, line)
      fsyncSync(file)
      torn = ''
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
