import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { SqliteDocuments } from '../src/documents/sqlite.ts'
import { documentOf, documentsOf, testDocumentsContract } from './documents-contract.ts'
import { temporaryFolder } from './folders.ts'
import { refusedWith } from './store-contract.ts'

const bucket = 'payments'
const noReport = (text: string): void => assert.fail(text)

testDocumentsContract('documents in SQLite', async () => {
  const folder = await temporaryFolder('memory')
  const path = join(folder.path, 'documents.sqlite')
  let documents = await SqliteDocuments.open(path, noReport)
  return {
    documents,
    reopen: async () => {
      await documents[Symbol.asyncDispose]()
      documents = await SqliteDocuments.open(path, noReport)
      return documents
    },
    [Symbol.asyncDispose]: async () => {
      await documents[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
})

test('documents in SQLite: a file that is none is moved aside and an empty store opened', async () => {
  const other = (path: string): void => {
    const database = new DatabaseSync(path)
    database.exec('CREATE TABLE buckets (x); PRAGMA user_version = 99')
    database.close()
  }
  for (const spoil of [
    (path: string) => fs.writeFile(path, 'no database at all, and long enough to be read as one'),
    other,
  ]) {
    await using folder = await temporaryFolder('memory')
    const path = join(folder.path, 'documents.sqlite')
    await spoil(path)
    const reports: string[] = []
    await using documents = await SqliteDocuments.open(path, (text) => reports.push(text))
    assert.equal(reports.length, 1)
    assert.match(reports[0]!, /is broken/)
    const names = await fs.readdir(folder.path)
    assert(
      names.some((name) => /^documents\.sqlite\.broken-[0-9]+$/.test(name)),
      names.join(),
    )
    await documents.put(bucket, 0, documentsOf(0, 5))
    assert.equal(await documents.complete(bucket), 5)
  }
})

test('documents in SQLite: a file that breaks while it is asked is refused once and begun anew', async () => {
  await using folder = await temporaryFolder('memory')
  const path = join(folder.path, 'documents.sqlite')
  const first = await SqliteDocuments.open(path, noReport)
  await first.put(bucket, 0, documentsOf(0, 2_000))
  await first[Symbol.asyncDispose]()
  const bytes = await fs.readFile(path)
  bytes.fill(0xab, 8_192)
  await fs.writeFile(path, bytes)
  const reports: string[] = []
  await using documents = await SqliteDocuments.open(path, (text) => reports.push(text))
  const asked = (async () => {
    for (let from = 0; from < 2_000; from += 100) await documents.read(bucket, from, 100)
  })()
  await assert.rejects(asked, refusedWith('documents-unavailable'))
  assert.equal(reports.length, 1)
  assert.equal(await documents.complete(bucket), 0)
  await documents.put(bucket, 0, documentsOf(0, 3))
  assert.deepEqual(await documents.read(bucket, 0, 10), documentsOf(0, 3))
})

test('documents in SQLite: the file is for its owner alone and for one process', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'documents.sqlite')
  await using documents = await SqliteDocuments.open(path, noReport)
  await documents.put(bucket, 0, documentsOf(0, 5))
  for (const name of await fs.readdir(folder.path)) {
    assert.equal((await fs.stat(join(folder.path, name))).mode & 0o777, 0o600, name)
  }
  await assert.rejects(SqliteDocuments.open(path, noReport), refusedWith('store-busy'))
})

test('documents in SQLite: a file that cannot be opened is told, and tried by every question', async () => {
  await using folder = await temporaryFolder('memory')
  const path = join(folder.path, 'documents.sqlite')
  await fs.mkdir(path)
  const reports: string[] = []
  await using documents = await SqliteDocuments.open(path, (text) => reports.push(text))
  assert.deepEqual(
    reports.map((text) => text.includes('cannot be opened')),
    [true],
  )
  for (let i = 0; i < 3; i++) await assert.rejects(documents.complete(bucket), /unable to open/)
  await fs.rmdir(path)
  await documents.put(bucket, 0, documentsOf(0, 5))
  assert.equal(await documents.complete(bucket), 5)
})

test('documents in SQLite: what was dropped is in none of the files', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'documents.sqlite')
  await using documents = await SqliteDocuments.open(path, noReport)
  const secret = { ...documentOf(7), meta: { note: 'only-in-this-document' } }
  await documents.put(bucket, 0, [...documentsOf(0, 7), secret, ...documentsOf(8, 5_000)])
  assert(await isAnywhere(folder.path, 'only-in-this-document'), 'the search finds it while it is there')
  await documents.drop(bucket)
  assert(!(await isAnywhere(folder.path, 'only-in-this-document')))
})

async function isAnywhere(folder: string, text: string): Promise<boolean> {
  const files = await Promise.all((await fs.readdir(folder)).map((name) => fs.readFile(join(folder, name))))
  return files.some((bytes) => bytes.includes(text))
}

test('documents in SQLite: a fault in an index is found', async () => {
  await using folder = await temporaryFolder('memory')
  const path = join(folder.path, 'documents.sqlite')
  await (await SqliteDocuments.open(path, noReport).then(filled))[Symbol.asyncDispose]()
  const database = new DatabaseSync(path, { defensive: false })
  database.exec(`PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, 'kid, block)', 'kid, position)')
    WHERE name = 'receivers_kid'`)
  database.close()
  await using documents = await SqliteDocuments.open(path, noReport)
  assert.notDeepEqual(await documents.faults(), [])
})

async function filled(documents: SqliteDocuments): Promise<SqliteDocuments> {
  await documents.put(bucket, 0, documentsOf(0, 50))
  return documents
}
