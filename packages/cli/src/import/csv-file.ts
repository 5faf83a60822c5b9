// Reading a CSV file, plain or gzipped, line by line and never whole.
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { PassThrough, pipeline, type Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Refused } from '@ledgerstone/core/refused'
import { parse } from 'csv-parse'

/** A line with its number in the file (the header is line 1). */
export type CsvLine<Column extends string> = {
  readonly number: number
  readonly values: Readonly<Record<Column, string>>
}

/**
 * SHA-256 of the content, decompressed: the same for the file and its gzipped copy. Also counts the lines.
 * Throws `malformed` for what is not UTF-8: replaced characters would be sealed unnoticed.
 */
export async function measureFile(
  path: string,
): Promise<{ readonly digest: Uint8Array; readonly lines: number }> {
  const hash = createHash('sha256')
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let lines = 0
  let last = 0x0a
  try {
    for await (const chunk of contentOf(path, new PassThrough()) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      decoder.decode(chunk, { stream: true })
      for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) lines++
      last = chunk.at(-1) ?? last
    }
    decoder.decode()
  } catch (cause) {
    throw refusedFor(path, cause)
  }
  return { digest: hash.digest(), lines: lines + (last === 0x0a ? 0 : 1) }
}

/**
 * The lines after the header, which must be there and name exactly these columns. Throws `malformed` naming
 * the line.
 */
export async function* readLines<Column extends string>(
  path: string,
  columns: readonly Column[],
): AsyncGenerator<CsvLine<Column>> {
  let headed = false
  const parser = parse({
    bom: true,
    columns(header: string[]) {
      headed = true
      return checkHeader(header, columns)
    },
    info: true,
    skip_empty_lines: true,
  })
  try {
    for await (const { record, info } of contentOf(path, parser)) yield { number: info.lines, values: record }
  } catch (cause) {
    throw refusedFor(path, cause)
  }
  if (!headed) checkHeader([], columns)
}

/** What is wrong with the file's content is the file's fault; anything else is passed on. */
function refusedFor(path: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return new Refused('malformed', `${path} is not UTF-8`, { cause })
  }
  if (!(cause instanceof Error) || !/^(?:CSV|Z)_/.test(code)) return cause
  return new Refused('malformed', `${path}: ${cause.message}`, { cause })
}

function checkHeader<Column extends string>(header: readonly string[], columns: readonly Column[]): Column[] {
  if (header.length !== columns.length || header.some((name, i) => name !== columns[i])) {
    throw new Refused('malformed', `the first line must name the columns ${columns.join(',')}`)
  }
  return [...columns]
}

/** The file's content, going through `end`. When the reader stops, the file is closed. */
function contentOf(path: string, end: Transform): Transform {
  // Whoever reads `end` gets the error; the callback keeps it from being thrown a second time.
  const done = (): void => undefined
  // First of all: a file that cannot be opened is told by a throw, not by a stream that nobody holds yet.
  const zipped = isGzip(path)
  const file = createReadStream(path)
  if (zipped) pipeline(file, createGunzip(), end, done)
  else pipeline(file, end, done)
  return end
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
