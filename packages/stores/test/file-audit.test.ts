import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Finding } from '@ledgerstone/log/store-audit'
import { openForAudit } from '../src/file/audit.ts'
import { dataFiles } from '../src/file/layout.ts'
import { FileStore } from '../src/file/store.ts'
import type { TestBlock } from './batches.ts'
import { appendBlocks, batchOf, blocksOf } from './batches.ts'
import { filesOf, temporaryFolder } from './folders.ts'
import { refusedWith } from './store-contract.ts'

const bucket = 'payments'

/** A closed store with one bucket, and its folder. */
async function storeOf(
  ...batches: (readonly TestBlock[])[]
): Promise<AsyncDisposable & { root: string; folder: string }> {
  const folder = await temporaryFolder('memory')
  await using store = await FileStore.open(folder.path)
  await store.create(bucket)
  for (const blocks of batches) await appendBlocks(store, bucket, blocks)
  return {
    root: folder.path,
    folder: join(folder.path, 'buckets', bucket),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

async function auditOf(root: string): Promise<Finding[]> {
  await using audit = await openForAudit(root)
  const findings = [...(await audit.strays())]
  for (const name of await audit.buckets()) {
    await using opened = await audit.open(name)
    findings.push(
      ...(await Array.fromAsync(opened.checkStructure())),
      ...(await Array.fromAsync(opened.checkIndex(new Map()))),
    )
  }
  return findings
}

async function structureOf(root: string): Promise<Finding[]> {
  await using audit = await openForAudit(root)
  await using opened = await audit.open(bucket)
  return await Array.fromAsync(opened.checkStructure())
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await fs.readFile(path)
  bytes[at]! ^= 0x10
  await fs.writeFile(path, bytes)
}

const small: TestBlock[][] = [
  [{ entry: 'first', envelope: 'sealed', case: 'x' }, { entry: 'second' }],
  [{ entry: 'third', envelope: 'sealed too', case: 'x', identity: 'one' }],
  [
    { entry: 'fourth', identity: 'one' },
    { entry: 'fifth', envelope: 's', identity: 'two' },
  ],
]

test('audit: a sound store gives nothing to report, and all that is in it', async () => {
  const blocks = blocksOf(600)
  await using store = await storeOf(blocks.slice(0, 300), blocks.slice(300))
  assert.deepEqual(await auditOf(store.root), [])
  await using audit = await openForAudit(store.root)
  await using opened = await audit.open(bucket)
  assert.equal(opened.isClosed, true)
  const { batch } = batchOf(0, blocks)
  assert.deepEqual(await opened.entries(0, 600), batch.entries)
  assert.deepEqual(await opened.envelopes(0, 600, 1_000_000), batch.envelopes)
  assert.deepEqual(await opened.identities(0, 601), batch.identities)
  assert.deepEqual(await opened.hashes(0, 0, 600), batch.tiles[0])
  assert.deepEqual(await opened.hashes(1, 0, 600), batch.tiles[1])
  const heads = await Array.fromAsync(opened.heads())
  assert.deepEqual(
    heads.map(({ size }) => size),
    [300, 600],
  )
  assert.deepEqual(heads.at(-1), opened.head)
  await assert.rejects(audit.open('orders'), refusedWith('unknown-bucket'))
})

test('audit: every flipped byte of heads, ends and lengths is named with its file and place', async () => {
  await using store = await storeOf(...small)
  const places: { file: string; at: number; from: number }[] = []
  const every = async (file: string, unit: number): Promise<void> => {
    const { size } = await fs.stat(join(store.folder, file))
    for (let at = 0; at < size; at++) places.push({ file, at, from: at - (at % unit) })
  }
  await every('heads', 128)
  await every('entry-ends', 8)
  await every('envelope-ends', 8)
  for (const [file, ends, width] of [
    ['entries', 'entry-ends', 2],
    ['envelopes', 'envelope-ends', 4],
  ] as const) {
    const bytes = await fs.readFile(join(store.folder, ends))
    for (let block = 0, from = 0; block < 5; from = Number(bytes.readBigUInt64BE(8 * block++))) {
      for (let i = 0; i < width; i++) places.push({ file, at: from + i, from })
    }
  }
  assert.equal(places.length, 3 * 128 + 2 * 5 * 8 + 5 * (2 + 4))
  for (const { file, at, from } of places) {
    await flip(join(store.folder, file), at)
    const findings = await structureOf(store.root)
    const named = findings.some((one) => one.file === `buckets/${bucket}/${file}` && one.offset === from)
    assert(named, `${file} at ${at}: ${JSON.stringify(findings)}`)
    await flip(join(store.folder, file), at)
  }
  assert.deepEqual(await structureOf(store.root), [])
})

test('audit and store: a file that is cut or has a byte too many is named', async () => {
  for (const file of dataFiles) {
    await using store = await storeOf(blocksOf(300), blocksOf(4))
    const path = join(store.folder, file)
    const whole = await fs.readFile(path)
    const changes: [string, Buffer][] = [['longer', Buffer.concat([whole, Buffer.alloc(1)])]]
    if (whole.length > 0) changes.push(['cut', whole.subarray(0, -1)])
    for (const [what, bytes] of changes) {
      await fs.writeFile(path, bytes)
      const findings = await structureOf(store.root)
      assert(
        findings.some((one) => one.file.endsWith(`/${file}`)),
        `${file} ${what}: ${JSON.stringify(findings)}`,
      )
      const opened = await FileStore.open(store.root)
      await assert.rejects(opened.head(bucket), (error: Error) => {
        assert(refusedWith('damaged-store')(error))
        assert(error.message.startsWith(path), error.message)
        return true
      })
      await opened[Symbol.asyncDispose]()
      assert.deepEqual(await fs.readFile(path), bytes, 'a damaged store is left as it is')
    }
  }
})

test('store: a damaged bucket does not stop the others', async () => {
  await using store = await storeOf(...small)
  const orders = await FileStore.open(store.root)
  await orders.create('orders')
  await orders[Symbol.asyncDispose]()
  await flip(join(store.folder, 'heads'), 2 * 128 + 20)
  await using opened = await FileStore.open(store.root)
  assert.deepEqual(await opened.buckets(), ['orders', bucket])
  await assert.rejects(opened.head(bucket), /heads at 256: has a wrong checksum/)
  await assert.rejects(opened.entries(bucket, 0, 1), refusedWith('damaged-store'))
  await appendBlocks(opened, 'orders', blocksOf(1))
  await flip(join(store.folder, 'heads'), 2 * 128 + 20)
  assert.equal((await opened.head(bucket)).size, 5)
})

test('audit: what does not belong into the store is named', async () => {
  await using store = await storeOf(...small)
  await fs.writeFile(join(store.folder, 'entries.old'), 'x')
  await fs.writeFile(join(store.root, 'buckets', 'notes.txt'), 'x')
  await fs.chmod(join(store.folder, 'envelopes'), 0o640)
  const findings = (await auditOf(store.root)).map(({ file, what }) => `${file}: ${what}`)
  assert.deepEqual(findings.sort(), [
    'buckets/notes.txt: is not a bucket',
    'buckets/payments/entries.old: does not belong to a bucket',
    'buckets/payments/envelopes: is open to others (mode 640)',
  ])
  await fs.rm(join(store.folder, 'tiles-1'))
  await assert.rejects(auditOf(store.root), /tiles-1 at 0: is missing/)
})

test('audit: every row of the index that is missing, changed or too many is found', async () => {
  await using store = await storeOf(...small)
  for (const [change, expected] of [
    ['DELETE FROM identities WHERE block = 0', /has the identity of this block for that of no block/],
    ['UPDATE identities SET block = 1 WHERE block = 4', /has the identity of this block for that of block 1/],
    ['INSERT INTO identities VALUES (zeroblob(32), 3)', /has 5 identities, not 4/],
    ['DELETE FROM cases', /has no block for the newest of the case/],
    ['UPDATE cases SET block = 0', /has block 0 for the newest of the case/],
    ["INSERT INTO cases VALUES (x'aa', 3)", /has 2 cases, not 1/],
    ['UPDATE mark SET checksum = zeroblob(32)', /of another history/],
  ] as const) {
    const copy = join(store.root, 'saved')
    await fs.cp(join(store.folder, 'identities.sqlite'), copy)
    const database = new DatabaseSync(join(store.folder, 'identities.sqlite'))
    database.exec(change)
    database.close()
    const findings = await auditOf(store.root)
    assert(
      findings.some(({ file, what }) => file.endsWith('identities.sqlite') && expected.test(what)),
      `${change}: ${JSON.stringify(findings)}`,
    )
    await fs.cp(copy, join(store.folder, 'identities.sqlite'))
  }
  assert.deepEqual(await auditOf(store.root), [])
  await fs.writeFile(join(store.folder, 'identities.sqlite'), 'no database')
  const [finding, ...more] = await auditOf(store.root)
  assert.deepEqual(finding, {
    ...{ bucket, file: `buckets/${bucket}/identities.sqlite` },
    what:
      'identities.sqlite cannot be used: file is not a database; ' +
      'it is built again when the bucket is opened',
  })
  assert.deepEqual(more, [])
})

test('audit: a changed byte of the index names its file and block, and no byte', async () => {
  await using store = await storeOf(...small)
  const path = join(store.folder, 'identities.sqlite')
  const row = (await fs.readFile(join(store.folder, 'identities'))).subarray(64, 96)
  const at = (await fs.readFile(path)).indexOf(row)
  assert(at > 0)
  await flip(path, at + 31)
  const findings = await auditOf(store.root)
  assert.deepEqual(
    findings.map(({ file, offset, block }) => [file, offset, block]),
    [[`buckets/${bucket}/identities.sqlite`, undefined, 1]],
  )
})

test('audit: leaves the folder of a closed store as it was, file by file and byte by byte', async () => {
  await using store = await storeOf(...small)
  const before = await filesOf(store.root)
  assert.deepEqual(await auditOf(store.root), [])
  assert.deepEqual(await filesOf(store.root), before)
})

test('audit: an index into which a ledger writes in the middle is read once more', async () => {
  await using store = await storeOf(...small)
  await using audit = await openForAudit(store.root)
  await using opened = await audit.open(bucket)
  const path = join(store.folder, 'identities.sqlite')
  const whole = await fs.readFile(path)
  // Two are missing: between the first finding and the second the index is made whole again.
  const database = new DatabaseSync(path)
  database.exec('DELETE FROM identities WHERE block IN (0, 2)')
  database.close()
  const findings: Finding[] = []
  for await (const finding of opened.checkIndex(new Map())) {
    findings.push(finding)
    await fs.writeFile(path, whole)
  }
  assert.deepEqual(
    findings.map(({ block }) => block),
    [0],
  )
})

test('audit: takes for no damage what is appended to a store at rest after it was opened', async () => {
  await using folder = await temporaryFolder()
  const store = await FileStore.open(folder.path)
  await store.create(bucket)
  await using audit = await openForAudit(folder.path)
  await using opened = await audit.open(bucket)
  assert.equal(opened.isClosed, true)
  await appendBlocks(store, bucket, blocksOf(3))
  assert.deepEqual(await Array.fromAsync(opened.checkStructure()), [])
  await store[Symbol.asyncDispose]()
  assert.deepEqual(await Array.fromAsync(opened.checkStructure()), [])
})

test('audit: reads beside a writer without disturbing it', async () => {
  await using folder = await temporaryFolder()
  await using store = await FileStore.open(folder.path, { journalBytesMax: 5_000 })
  await store.create(bucket)
  const appending = (async () => {
    for (let i = 0; i < 60; i++) await appendBlocks(store, bucket, blocksOf(50))
  })()
  let audits = 0
  let isDone = false
  const auditing = (async () => {
    while (!isDone || audits === 0) {
      assert.deepEqual(await auditOf(folder.path), [])
      audits++
    }
  })()
  await appending
  isDone = true
  await auditing
  assert.equal((await store.head(bucket)).size, 3_000)
  await using audit = await openForAudit(folder.path)
  await using opened = await audit.open(bucket)
  assert.equal(opened.isClosed, false)
})
