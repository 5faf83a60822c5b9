// Reading a CSV file, plain or gzipped, line by line and never whole.
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Refused } from '@ledgerstone/core/refused'
import { parse } from 'csv-parse'

/** A line with its number in the file (the header is line 1). */
export type CsvLine<Column extends string> = {
  readonly number: number
  readonly values: Readonly<Record<Column, string>>
}

/** SHA-256 of the content, decompressed: the same for the file and its gzipped copy. Also counts the lines. */
export async function measureFile(
  path: string,
): Promise<{ readonly digest: Uint8Array; readonly lines: number }> {
  const hash = createHash('sha256')
  let lines = 0
  let last = 0x0a
  for await (const chunk of contentOf(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) lines++
    last = chunk.at(-1) ?? last
  }
  return { digest: hash.digest(), lines: lines + (last === 0x0a ? 0 : 1) }
}

/** The lines after the header, which must name exactly these columns. Throws `malformed` naming the line. */
export async function* readLines<Column extends string>(
  path: string,
  columns: readonly Column[],
): AsyncGenerator<CsvLine<Column>> {
  const parser = parse({ bom: true, columns: (header: string[]) => checkHeader(header, columns), info: true })
  const content = contentOf(path).on('error', (error) => parser.destroy(error))
  try {
    for await (const { record, info } of content.pipe(parser)) yield { number: info.lines, values: record }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('CSV_')) {
      throw new Refused('malformed', `${path}: ${cause.message}`, { cause })
    }
    throw cause
  }
}

function checkHeader<Column extends string>(header: readonly string[], columns: readonly Column[]): Column[] {
  if (header.length !== columns.length || header.some((name, i) => name !== columns[i])) {
    throw new Refused('malformed', `the first line must name the columns ${columns.join(',')}`)
  }
  return [...columns]
}

function contentOf(path: string): Readable {
  const file = createReadStream(path)
  if (!isGzip(path)) return file
  const content = createGunzip()
  file.on('error', (error) => content.destroy(error))
  return file.pipe(content)
}

function isGzip(path: string): boolean {
  const magic = new Uint8Array(2)
  const file = openSync(path, 'r')
  try {
    readSync(file, magic, 0, 2, 0)
  } finally {
    closeSync(file)
  }
  return magic[0] === 0x1f && magic[1] === 0x8b
}
