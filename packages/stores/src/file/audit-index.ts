import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Bytes } from '@ledgerstone/core/bytes'
import { equalBytes } from '@ledgerstone/core/bytes'
import { identityRowBytes } from '../batch.ts'
import { openResting } from '../sqlite-resting.ts'
import type { File } from './durable.ts'
import { Damaged, readAt } from './durable.ts'
import type { Commit } from './head-file.ts'
import { checkedMark } from './identity-index.ts'
import { readMark } from './identity-rows.ts'
import type { Files } from './layout.ts'
import { indexFile } from './layout.ts'
import type { PlainFinding } from './plain-finding.ts'

const rowsAtOnce = 4_096

/**
 * Compares the index with the identities that it is derived from, row by row, as far as it says that it goes.
 */
export async function* auditIndex(folder: string, files: Files, last: Commit): AsyncGenerator<PlainFinding> {
  const path = join(folder, indexFile)
  if (!existsSync(path)) {
    yield found('is missing; it is built again when the bucket is opened')
    return
  }
  let hasMoved = false
  try {
    using resting = openResting(path, 5_000)
    try {
      for await (const finding of compare(resting.database, files, last)) {
        hasMoved = resting.hasMoved()
        if (hasMoved) break
        yield finding
      }
    } catch (cause) {
      hasMoved = resting.hasMoved()
      if (!hasMoved) throw cause
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    yield found(`cannot be used: ${why}; it is built again when the bucket is opened`)
  }
  // A ledger that was started beside it has written into it: SQLite then sees to it that it stands still.
  if (hasMoved) yield* auditIndex(folder, files, last)
}

/** Which byte of the file it is, SQLite does not say. */
function found(what: string, block?: number): PlainFinding {
  return { file: indexFile, what: `${indexFile} ${what}`, ...(block !== undefined && { block }) }
}

async function* compare(database: DatabaseSync, files: Files, last: Commit): AsyncGenerator<PlainFinding> {
  const size = await sizeOf(database, files, last)
  const firstOf = database.prepare('SELECT block FROM identities WHERE identity = ?')
  const newestOf = database.prepare('SELECT block FROM cases WHERE key = ?')
  const blockOf = (row: Record<string, unknown> | undefined): number =>
    row === undefined ? -1 : Number(row['block'])
  let repeated = 0
  let newest = 0
  for (let from = 0; from < size; from += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, size - from)
    const rows = await readAt(files.identities, from * identityRowBytes, count * identityRowBytes)
    for (let i = 0; i < count; i++) {
      const block = from + i
      const row = rows.subarray(i * identityRowBytes, (i + 1) * identityRowBytes)
      const identity = row.subarray(0, 32)
      const first = blockOf(firstOf.get(identity))
      if (first < block && (await holds(files.identities, first, 0, identity))) repeated++
      else if (first !== block)
        yield found(`has the identity of this block for that of ${place(first)}`, block)
      const key = row.subarray(32)
      if (key.every((byte) => byte === 0)) continue
      const last = blockOf(newestOf.get(key))
      if (last === block) newest++
      else if (last < block || last >= size || !(await holds(files.identities, last, 32, key))) {
        yield found(`has ${place(last)} for the newest of the case of this one`, block)
      }
    }
  }
  yield* compareCounts(database, size - repeated, newest)
}

/** How many blocks it has. A damaged commit record behind its mark is told of `heads`, not of the index. */
async function sizeOf(database: DatabaseSync, files: Files, last: Commit): Promise<number> {
  try {
    return (await checkedMark(files.heads, database, last))?.size ?? 0
  } catch (error) {
    if (!(error instanceof Damaged)) throw error
    return Math.min(readMark(database)?.size ?? 0, last.head.size)
  }
}

/** Rows for blocks that are there were found; so any others are for blocks that are not. */
function* compareCounts(database: DatabaseSync, identities: number, cases: number): Generator<PlainFinding> {
  for (const [table, expected] of [
    ['identities', identities],
    ['cases', cases],
  ] as const) {
    const rows = Number(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows'])
    if (rows !== expected) yield found(`has ${rows} ${table}, not ${expected}`)
  }
}

function place(block: number): string {
  return block < 0 ? 'no block' : `block ${block}`
}

/** Whether the row of a block has these bytes. */
async function holds(identities: File, block: number, at: number, bytes: Bytes): Promise<boolean> {
  if (block < 0) return false
  return equalBytes(await readAt(identities, block * identityRowBytes + at, bytes.length), bytes)
}
