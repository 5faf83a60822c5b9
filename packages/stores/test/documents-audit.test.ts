import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openDocumentsForAudit } from '../src/documents/audit.ts'
import { SqliteDocuments } from '../src/documents/sqlite.ts'
import { documentOf, documentsOf } from './documents-contract.ts'
import { filesOf, temporaryFolder } from './folders.ts'
import { refusedWith } from './store-contract.ts'

const bucket = 'payments'
const noReport = (text: string): void => assert.fail(text)

async function fill(path: string): Promise<SqliteDocuments> {
  const documents = await SqliteDocuments.open(path, noReport)
  await documents.put(bucket, 0, documentsOf(0, 300))
  return documents
}

async function opened(): Promise<AsyncDisposable & { readonly folder: string; readonly path: string }> {
  const { path: folder, [Symbol.asyncDispose]: dispose } = await temporaryFolder('memory')
  return { folder, path: join(folder, 'documents.sqlite'), [Symbol.asyncDispose]: dispose }
}

test('the audit of documents reads what is there, and leaves the folder as it was', async () => {
  await using place = await opened()
  await (await fill(place.path))[Symbol.asyncDispose]()
  const before = await filesOf(place.folder)
  {
    using audited = openDocumentsForAudit(place.path)
    assert.equal(await audited.complete(bucket), 300)
    assert.deepEqual(await audited.read(bucket, 256, 44), documentsOf(256, 44))
    assert.deepEqual(await audited.faults(), [])
    assert.deepEqual(await filesOf(place.folder), before)
  }
  assert.deepEqual(await filesOf(place.folder), before)
})

test('the audit of documents is refused as soon as a service has written into them', async () => {
  await using place = await opened()
  await (await fill(place.path))[Symbol.asyncDispose]()
  using audited = openDocumentsForAudit(place.path)
  assert.equal(await audited.complete(bucket), 300)
  {
    await using running = await SqliteDocuments.open(place.path, noReport)
    await running.put(bucket, 300, documentsOf(300, 10))
  }
  await assert.rejects(audited.read(bucket, 256, 44), refusedWith('store-busy'))
  await assert.rejects(audited.faults(), refusedWith('store-busy'))
})

test('the audit of documents reads what a killed process has left', async () => {
  await using place = await opened()
  await using running = await fill(place.path)
  await using copy = await opened()
  for (const name of await fs.readdir(place.folder)) {
    await fs.copyFile(join(place.folder, name), join(copy.folder, name))
  }
  assert((await fs.readdir(copy.folder)).includes('documents.sqlite-wal'), 'there is something to recover')
  using audited = openDocumentsForAudit(copy.path)
  assert.deepEqual(await audited.read(bucket, 0, 300), documentsOf(0, 300))
  assert.equal(await running.complete(bucket), 300)
})

test('the audit of documents is refused while a service has them open', async () => {
  await using place = await opened()
  await using running = await fill(place.path)
  assert.throws(() => openDocumentsForAudit(place.path), refusedWith('store-busy'))
  assert.equal(await running.complete(bucket), 300)
})

test('the audit of documents sets nothing aside: what is none stays, and is refused', async () => {
  const other = (path: string): void => {
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 99')
    database.close()
  }
  for (const spoil of [
    (path: string) => fs.writeFile(path, 'no database at all, and long enough to be read as one'),
    other,
  ]) {
    await using place = await opened()
    await spoil(place.path)
    assert.throws(() => openDocumentsForAudit(place.path), refusedWith('damaged-store'))
    assert.deepEqual(await fs.readdir(place.folder), ['documents.sqlite'])
  }
})

test('the audit of documents refuses a page that is overwritten, or names it as a fault', async () => {
  await using place = await opened()
  await (await fill(place.path))[Symbol.asyncDispose]()
  const bytes = await fs.readFile(place.path)
  bytes.fill(0x55, 8192, 12_288)
  await fs.writeFile(place.path, bytes)
  using audited = openDocumentsForAudit(place.path)
  const found = await audited.faults().catch((error: unknown) => {
    assert(refusedWith('damaged-store')(error))
    return ['refused']
  })
  assert.notDeepEqual(found, [])
})

test('the audit of documents names the block in whose document a byte was changed', async () => {
  await using place = await opened()
  await (await fill(place.path))[Symbol.asyncDispose]()
  const bytes = await fs.readFile(place.path)
  const { type, id } = documentOf(123)
  const at = bytes.indexOf(type + id)
  assert(at > 0 && bytes.indexOf(type + id, at + 1) < 0, 'one row holds both')
  bytes[at] = (bytes[at] as number) ^ 1
  await fs.writeFile(place.path, bytes)
  using audited = openDocumentsForAudit(place.path)
  assert.deepEqual(await audited.faults(), [
    { what: 'row 124 missing from index blocks_type', place: { bucket, block: 123 } },
  ])
})
