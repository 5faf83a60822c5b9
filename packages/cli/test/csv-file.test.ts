import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { Refused } from '@ledgerstone/core/refused'
import { type CsvLine, measureFile, readLines } from '../src/import/csv-file.ts'
import { temporaryFolder } from './temporary-folder.ts'

const columns = ['name', 'amount'] as const
const text = 'name,amount\nAda,1.10\n"Grace, Hopper",2\n'

async function linesOf(content: string | Uint8Array): Promise<readonly CsvLine<'name' | 'amount'>[]> {
  using folder = temporaryFolder()
  writeFileSync(folder.at('a.csv'), content)
  return await Array.fromAsync(readLines(folder.at('a.csv'), columns))
}

async function refusedAs(content: string | Uint8Array, message: RegExp): Promise<void> {
  using folder = temporaryFolder()
  const path = folder.at('a.csv')
  writeFileSync(path, content)
  const both = async (): Promise<void> => {
    await measureFile(path)
    await Array.fromAsync(readLines(path, columns))
  }
  await assert.rejects(both, (error) => {
    return error instanceof Refused && error.code === 'malformed' && message.test(error.message)
  })
}

test('lines come with their numbers in the file, and values as they are spelled', async () => {
  assert.deepEqual(await linesOf(text), [
    { number: 2, values: { name: 'Ada', amount: '1.10' } },
    { number: 3, values: { name: 'Grace, Hopper', amount: '2' } },
  ])
})

test('a byte order mark, other line ends and empty lines change no value', async () => {
  const values = (await linesOf(text)).map((line) => line.values)
  for (const other of [`\ufeff${text}`, text.replaceAll('\n', '\r\n'), `${text}\n\n`, text.trimEnd()]) {
    assert.deepEqual(
      (await linesOf(other)).map((line) => line.values),
      values,
      JSON.stringify(other),
    )
  }
})

test('a gzipped file is read as what it holds, and has the digest of it', async () => {
  assert.deepEqual(await linesOf(gzipSync(text)), await linesOf(text))
  using folder = temporaryFolder()
  writeFileSync(folder.at('a.csv'), text)
  writeFileSync(folder.at('a.csv.gz'), gzipSync(text))
  const expected = { digest: createHash('sha256').update(text).digest(), lines: 3 }
  assert.deepEqual(await measureFile(folder.at('a.csv')), expected)
  assert.deepEqual(await measureFile(folder.at('a.csv.gz')), expected)
})

test('a last line without its end is counted too', async () => {
  using folder = temporaryFolder()
  writeFileSync(folder.at('a.csv'), text.trimEnd())
  assert.equal((await measureFile(folder.at('a.csv'))).lines, 3)
  writeFileSync(folder.at('a.csv'), '')
  assert.equal((await measureFile(folder.at('a.csv'))).lines, 0)
})

test('other columns are refused', async () => {
  await refusedAs('name,price\nAda,1\n', /first line must name the columns name,amount/)
  await refusedAs('name,amount,more\nAda,1,2\n', /first line/)
})

test('a file without any line is refused: it is not the file that was meant', async () => {
  await refusedAs('', /first line must name the columns name,amount/)
  assert.deepEqual(await linesOf('name,amount\n'), [])
})

test('a file that is not there is told by a rejection alone', async () => {
  using folder = temporaryFolder()
  const missing = { code: 'ENOENT' }
  await assert.rejects(measureFile(folder.at('a.csv')), missing)
  await assert.rejects(Array.fromAsync(readLines(folder.at('a.csv'), columns)), missing)
})

test('a line of another length is refused, and its number named', async () => {
  await refusedAs(`${text}Linus\n`, /line 4/)
})

test('a gzipped file that is cut off or damaged is refused', async () => {
  const gzipped = gzipSync(text.repeat(100))
  await refusedAs(gzipped.subarray(0, gzipped.length - 20), /unexpected end of file/)
  gzipped[gzipped.length - 6] = (gzipped[gzipped.length - 6] as number) ^ 1
  await refusedAs(gzipped, /incorrect data check/)
})

test('a file that is not UTF-8 is refused, and not mended', async () => {
  await refusedAs(Buffer.from('name,amount\nJosé,1\n', 'latin1'), /not UTF-8/)
  await refusedAs(Buffer.from(`${text}é`).subarray(0, -1), /not UTF-8/)
})

test('whoever stops reading leaves no file open', async () => {
  using folder = temporaryFolder()
  writeFileSync(folder.at('a.csv'), text.repeat(50_000))
  writeFileSync(folder.at('a.csv.gz'), gzipSync(text.repeat(50_000)))
  const readOnce = async (): Promise<void> => {
    for (const name of ['a.csv', 'a.csv.gz']) {
      for await (const { number } of readLines(folder.at(name), columns)) if (number === 2) break
    }
  }
  await readOnce()
  await delay(100)
  const before = openFiles()
  for (let times = 0; times < 5; times++) await readOnce()
  for (let tries = 0; openFiles() > before; tries++) {
    assert(tries < 100, `${openFiles()} files are open, of ${before} before`)
    await delay(10)
  }
})

function openFiles(): number {
  return readdirSync('/dev/fd').length
}
