// The identity index of a bucket: `identities.sqlite`, derived from the file `identities` and never ahead of
// it.
//
//     identities   identity (32 bytes) -> index of its first block
//     cases        case key (32 bytes) -> index of its newest block
//     mark         rows of all blocks below `size` are in, according to commit `number` with `checksum`
//
// The mark is in the same transaction as the rows, so a crash leaves rows missing but never rows unaccounted
// for.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { identityRowBytes } from '../batch.ts'
import { isBrokenFile } from '../sqlite-error.ts'
import { indexFile, indexFiles } from './layout.ts'

/** The state that an index has, or is to be brought to. */
export type Mark = { readonly number: number; readonly size: number; readonly checksum: Uint8Array }

const schemaVersion = 1
// Made once: tables that went missing later must not be taken for empty ones.
const schema = `
  CREATE TABLE identities (identity BLOB PRIMARY KEY, block INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE cases (key BLOB PRIMARY KEY, block INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE mark (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL, size INTEGER NOT NULL, checksum BLOB NOT NULL
  );
  PRAGMA user_version = ${schemaVersion};
`

const rowsPerTransaction = 16_384
const noCase = Buffer.alloc(32)

/** Opens the index of a bucket's folder, making an empty one where there is none. */
export function openIndex(folder: string): DatabaseSync {
  const path = join(folder, indexFile)
  // Created before SQLite does it, which would let others read it. Never opened otherwise: closing it drops
  // locks.
  if (!fs.existsSync(path)) fs.closeSync(fs.openSync(path, 'wx', 0o600))
  const database = new DatabaseSync(path, { timeout: 5_000 })
  try {
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = 4000;
      PRAGMA journal_size_limit = 33554432;
      BEGIN IMMEDIATE;
    `)
    const version = database.prepare('PRAGMA user_version').get()?.['user_version']
    if (version === 0) database.exec(schema)
    else if (version !== schemaVersion) throw new BrokenIndex(`it is of version ${version}`)
    database.exec('COMMIT')
  } catch (cause) {
    database.close()
    throw cause
  }
  return database
}

export function removeIndex(folder: string): void {
  for (const file of indexFiles) fs.rmSync(join(folder, file), { force: true })
}

/** The index cannot be used and must be built again: another history, another schema, or damaged. */
export class BrokenIndex extends Error {
  override readonly name = 'BrokenIndex'
}

export function isBrokenIndex(error: unknown): boolean {
  return error instanceof BrokenIndex || isBrokenFile(error)
}

/** How far the index is; undefined when it is empty. */
export function readMark(database: DatabaseSync): Mark | undefined {
  const row = database.prepare('SELECT number, size, checksum FROM mark').get()
  if (row === undefined) return undefined
  const { number, size, checksum } = row
  if (typeof number !== 'number' || typeof size !== 'number' || !(checksum instanceof Uint8Array)) {
    throw new BrokenIndex('its mark has other types')
  }
  return { number, size, checksum }
}

/** Adds the rows from the index's mark up to another one, out of the open file `identities`. */
export function advanceIndex(database: DatabaseSync, identities: number, target: Mark): void {
  const identity = database.prepare('INSERT INTO identities VALUES (?, ?) ON CONFLICT DO NOTHING')
  const newest = database.prepare(
    'INSERT INTO cases VALUES (?, ?) ON CONFLICT DO UPDATE SET block = max(block, excluded.block)',
  )
  const mark = database.prepare('INSERT OR REPLACE INTO mark VALUES (1, ?, ?, ?)')
  for (let from = readMark(database)?.size ?? 0; from < target.size; ) {
    const count = Math.min(rowsPerTransaction, target.size - from)
    const rows = Buffer.alloc(count * identityRowBytes)
    const bytesRead = fs.readSync(identities, rows, 0, rows.length, from * identityRowBytes)
    if (bytesRead !== rows.length) throw new Error(`identities end before block ${from + count}`)
    database.exec('BEGIN IMMEDIATE')
    try {
      for (const i of inKeyOrder(rows)) {
        const at = i * identityRowBytes
        identity.run(rows.subarray(at, at + 32), from + i)
        const key = rows.subarray(at + 32, at + 64)
        if (!key.equals(noCase)) newest.run(key, from + i)
      }
      mark.run(target.number, from + count, target.checksum)
      database.exec('COMMIT')
    } catch (cause) {
      database.exec('ROLLBACK')
      throw cause
    }
    from += count
  }
}

/**
 * Positions of rows by their identities, so that each page of the tree is written once in a transaction.
 * Those that begin alike stay in the order of blocks, for of equal ones the first must be inserted first.
 */
function inKeyOrder(rows: Buffer): readonly number[] {
  const starts = Array.from({ length: rows.length / identityRowBytes }, (_, i) =>
    rows.readUIntBE(i * identityRowBytes, 6),
  )
  return starts.map((_, i) => i).sort((a, b) => (starts[a] as number) - (starts[b] as number) || a - b)
}
