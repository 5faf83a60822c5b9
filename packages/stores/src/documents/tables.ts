// The tables of the document store, and what is asked of them. Everything in here is synchronous and runs in
// a thread.
//
//     buckets     name -> number of the filling; a bucket that is dropped gets a new one, and its old
//                 rows go bit by bit
//     blocks      one row for each block
//     receivers   one for each receiver of a block, in the order of the envelope
//     meta        one for each clear label of a block
//
// Each index is a tree that every block writes to. Hashes are spread over all of theirs, so it has their
// first bytes only; times have none, for they never decrease.

import { strict as assert } from 'node:assert'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { formatHex } from '@ledgerstone/core/bytes'
import type { BlockDocument, DocumentFilter, DocumentPage } from '@ledgerstone/log/documents'

/** Written into the file; one of another version is set aside and filled anew. */
export const schemaVersion = 2

export const schema: string = `
  CREATE TABLE buckets (
    filling INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, complete INTEGER NOT NULL
  );
  CREATE TABLE blocks (
    filling INTEGER NOT NULL, block INTEGER NOT NULL, hash BLOB NOT NULL, time INTEGER NOT NULL,
    type TEXT NOT NULL, id TEXT NOT NULL, sender TEXT NOT NULL, suite TEXT, media TEXT, actor TEXT,
    PRIMARY KEY (filling, block)
  ) WITHOUT ROWID;
  CREATE INDEX blocks_hash ON blocks (filling, substr(hash, 1, 6));
  CREATE INDEX blocks_type ON blocks (filling, type, block);
  CREATE INDEX blocks_sender ON blocks (filling, sender, block);
  CREATE TABLE receivers (
    filling INTEGER NOT NULL, block INTEGER NOT NULL, position INTEGER NOT NULL, kid TEXT NOT NULL,
    PRIMARY KEY (filling, block, position)
  ) WITHOUT ROWID;
  CREATE INDEX receivers_kid ON receivers (filling, kid, block);
  CREATE TABLE meta (
    filling INTEGER NOT NULL, block INTEGER NOT NULL, label TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (filling, block, label)
  ) WITHOUT ROWID;
  CREATE INDEX meta_value ON meta (filling, label, value, block);
  PRAGMA user_version = ${schemaVersion};
`

const rowTables = ['blocks', 'receivers', 'meta'] as const
const limitMax = 1_000
const statementsMax = 100
type Row = Record<string, unknown>

/** Which document. */
export type DocumentPlace = { readonly bucket: string; readonly block: number }

export class Tables {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  complete(bucket: string): number {
    return this.#filling(bucket)?.complete ?? 0
  }

  /** Blocks that are there already are left out; blocks may not be missing in between. */
  put(bucket: string, from: number, documents: readonly BlockDocument[]): void {
    for (const [i, { index }] of documents.entries())
      assert.equal(index, from + i, 'documents are consecutive')
    this.#atomically(() => {
      const { filling, complete } = this.#filling(bucket) ?? this.#createFilling(bucket)
      assert(from <= complete, `documents from ${from}, but they are complete up to ${complete}`)
      for (const document of documents.slice(complete - from)) this.#insert(filling, document)
      const end = Math.max(complete, from + documents.length)
      this.#run('UPDATE buckets SET complete = ? WHERE filling = ?', end, filling)
    })
  }

  find(
    bucket: string,
    filter: DocumentFilter,
    page: { readonly from: number; readonly limit: number; readonly order?: 'ascending' | 'descending' },
  ): DocumentPage {
    assert(page.limit > 0 && page.limit <= limitMax, `a page of ${page.limit}`)
    const found = this.#filling(bucket)
    if (found === undefined) return { indexes: [], complete: 0 }
    const { filling, complete } = found
    const isUp = page.order !== 'descending'
    const { first, last: end } = this.#range(filling, filter, complete)
    const { from, where, values } = conditions(filling, filter)
    const [low, high] = isUp ? [Math.max(first, page.from), end] : [first, Math.min(end, page.from)]
    const text = `SELECT b.block FROM ${from} WHERE ${where.join(' AND ')} AND b.block BETWEEN ? AND ?
      ORDER BY b.block ${isUp ? 'ASC' : 'DESC'} LIMIT ?`
    const indexes = this.#all(text, ...values, low, high, page.limit).map((row) => Number(row['block']))
    const last = indexes.at(-1)
    const isMore = last !== undefined && indexes.length === page.limit && (isUp ? last < end : last > first)
    return isMore ? { indexes, complete, next: isUp ? last + 1 : last - 1 } : { indexes, complete }
  }

  findHash(bucket: string, hash: string): number | undefined {
    const found = this.#filling(bucket)
    if (found === undefined || !/^[0-9a-f]{64}$/.test(hash)) return undefined
    // SQLite would rather go through all blocks than take an index of an expression, unless it is named.
    const text = `SELECT block FROM blocks INDEXED BY blocks_hash
      WHERE filling = ?1 AND substr(hash, 1, 6) = substr(?2, 1, 6) AND hash = ?2`
    const row = this.#all(text, found.filling, Uint8Array.fromHex(hash))[0]
    return row === undefined ? undefined : Number(row['block'])
  }

  read(bucket: string, from: number, limit: number): readonly BlockDocument[] {
    const found = this.#filling(bucket)
    if (found === undefined) return []
    const range = [found.filling, from, from + Math.min(limit, limitMax)] as const
    const select = (columns: string, table: string, order: string): Row[] =>
      this.#all(
        `SELECT ${columns} FROM ${table} WHERE filling = ? AND block >= ? AND block < ? ORDER BY ${order}`,
        ...range,
      )
    const receivers = Map.groupBy(select('block, kid', 'receivers', 'block, position'), (row) => row['block'])
    const meta = Map.groupBy(select('block, label, value', 'meta', 'block, label'), (row) => row['block'])
    return select('*', 'blocks', 'block').map((row) =>
      documentOf(row, receivers.get(row['block']) ?? [], meta.get(row['block']) ?? []),
    )
  }

  /** Forgets a bucket at once; its rows are removed by `sweep`. */
  drop(bucket: string): void {
    this.#run('DELETE FROM buckets WHERE name = ?', bucket)
  }

  /** Removes some rows of dropped buckets. Returns whether there may be more. */
  sweep(rowsMax: number): boolean {
    const rows = rowTables.map((table) => {
      const dropped = this.#droppedFilling(table)
      if (dropped === undefined) return 0
      const text = `DELETE FROM ${table} WHERE filling = ?1 AND block <=
        (SELECT max(block) FROM (SELECT block FROM ${table} WHERE filling = ?1 ORDER BY block LIMIT ?2))`
      return this.#run(text, dropped, rowsMax)
    })
    return rows.some((count) => count > 0)
  }

  /** What SQLite itself finds wrong with the file. */
  faults(): readonly string[] {
    const rows = this.#all('PRAGMA integrity_check(20)').map((row) => String(row['integrity_check']))
    return rows.filter((text) => text !== 'ok')
  }

  /** The block that a fault is about, when SQLite names a row, counted from 1, and an index that lacks it. */
  placeOf(fault: string): DocumentPlace | undefined {
    const [, row, index] = /^row ([0-9]+) .*index ([a-z]+)_[a-z]+$/.exec(fault) ?? []
    const table = rowTables.find((name) => name === index)
    if (row === undefined || table === undefined) return undefined
    const columns = { blocks: 'block', receivers: 'block, position', meta: 'block, label' }[table]
    const [found] = this.#all(
      `SELECT name, block FROM (SELECT filling, block FROM ${table} NOT INDEXED
        ORDER BY filling, ${columns} LIMIT 1 OFFSET ?) JOIN buckets USING (filling)`,
      Number(row) - 1,
    )
    return found && { bucket: String(found['name']), block: Number(found['block']) }
  }

  /** Blocks of the filter's time. */
  #range(
    filling: number,
    { timeFrom, timeTo }: DocumentFilter,
    complete: number,
  ): { first: number; last: number } {
    const first = timeFrom === undefined ? 0 : this.#firstSince(filling, timeFrom, complete)
    const end = timeTo === undefined ? complete : this.#firstSince(filling, timeTo + 1, complete)
    return { first, last: end - 1 }
  }

  /** The first block that is not before a time, by halving: times of blocks never decrease. */
  #firstSince(filling: number, time: number, complete: number): number {
    let first = 0
    for (let end = complete; first < end; ) {
      const middle = Math.floor((first + end) / 2)
      const [row] = this.#all('SELECT time FROM blocks WHERE filling = ? AND block = ?', filling, middle)
      if (Number(row?.['time']) < time) first = middle + 1
      else end = middle
    }
    return first
  }

  /** A filling that has rows in a table but no bucket: each step is one look-up in the primary key. */
  #droppedFilling(table: string): number | undefined {
    for (let after = 0; ; ) {
      const row = this.#all(`SELECT min(filling) AS filling FROM ${table} WHERE filling > ?`, after)[0]
      if (row === undefined || row['filling'] === null) return undefined
      after = Number(row['filling'])
      if (this.#all('SELECT 1 FROM buckets WHERE filling = ?', after).length === 0) return after
    }
  }

  #insert(filling: number, document: BlockDocument): void {
    const { index, hash, time, type, id, sender, suite, media, actor, receivers, meta } = document
    this.#run(
      'INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[
        filling,
        index,
        Uint8Array.fromHex(hash),
        time,
        type,
        id,
        sender,
        suite ?? null,
        media ?? null,
        actor ?? null,
      ],
    )
    for (const [position, kid] of receivers.entries()) {
      this.#run('INSERT INTO receivers VALUES (?, ?, ?, ?)', filling, index, position, kid)
    }
    for (const [label, value] of Object.entries(meta)) {
      this.#run('INSERT INTO meta VALUES (?, ?, ?, ?)', filling, index, label, value)
    }
  }

  #filling(bucket: string): { readonly filling: number; readonly complete: number } | undefined {
    const row = this.#all('SELECT filling, complete FROM buckets WHERE name = ?', bucket)[0]
    return row && { filling: Number(row['filling']), complete: Number(row['complete']) }
  }

  #createFilling(bucket: string): { readonly filling: number; readonly complete: number } {
    this.#run('INSERT INTO buckets (name, complete) VALUES (?, 0)', bucket)
    const created = this.#filling(bucket)
    assert(created !== undefined)
    return created
  }

  #atomically(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw cause
    }
  }

  #statement(text: string): StatementSync {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    if (this.#statements.size >= statementsMax) this.#statements.clear()
    const statement = this.#database.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }

  #all(text: string, ...values: readonly SQLInputValue[]): Row[] {
    return this.#statement(text).all(...values)
  }

  #run(text: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#statement(text).run(...values).changes)
  }
}

/**
 * Conditions on blocks `b`. The rows of the condition that is likely to be the rarest are gone through in the
 * order of blocks, which its index has; for each the others are looked up.
 */
function conditions(
  filling: number,
  filter: DocumentFilter,
): { from: string; where: string[]; values: SQLInputValue[] } {
  const { type, sender, receiver, meta } = filter
  const beside: (readonly [table: string, condition: string, values: readonly string[]])[] = [
    ...Object.entries(meta ?? {}).map(
      ([label, value]) => ['meta', 'label = ? AND value = ?', [label, value]] as const,
    ),
    ...(receiver === undefined ? [] : [['receivers', 'kid = ?', [receiver]] as const]),
  ]
  const where: string[] = []
  const values: SQLInputValue[] = []
  let from = 'blocks b'
  // A scalar query rather than EXISTS, which SQLite 3.53 joins by the page's range of blocks instead of by
  // the block.
  const same = (table: string, condition: string): string =>
    `(SELECT 1 FROM ${table} t WHERE t.filling = b.filling AND t.block = b.block AND ${condition}) = 1`
  for (const [i, [table, condition, of]] of beside.entries()) {
    if (i === 0) from = `${table} b`
    where.push(i === 0 ? condition : same(table, condition))
    values.push(...of)
  }
  const plain = Object.entries({ type, sender }).filter(([, value]) => value !== undefined)
  for (const [column, value] of plain as (readonly [string, string])[]) {
    where.push(beside.length === 0 ? `b.${column} = ?` : same('blocks', `t.${column} = ?`))
    values.push(value)
  }
  return { from, where: [...where, 'b.filling = ?'], values: [...values, filling] }
}

function documentOf(row: Row, receivers: readonly Row[], meta: readonly Row[]): BlockDocument {
  const { hash, suite, media, actor } = row
  assert(hash instanceof Uint8Array)
  return {
    index: Number(row['block']),
    hash: formatHex(hash),
    time: Number(row['time']),
    type: String(row['type']),
    id: String(row['id']),
    sender: String(row['sender']),
    ...(suite !== null && { suite: String(suite) }),
    receivers: receivers.map(({ kid }) => String(kid)),
    ...(media !== null && { media: String(media) }),
    ...(actor !== null && { actor: String(actor) }),
    meta: Object.fromEntries(meta.map(({ label, value }) => [String(label), String(value)])),
  }
}
