import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { FileStore } from '../src/file/store.ts'
import { MemoryStore } from '../src/memory.ts'
import { appendBlocks, batchOf, blocksOf, identityOf } from './batches.ts'
import { temporaryFolder } from './folders.ts'
import { Model } from './model.ts'
import { refusedWith, testStoreContract } from './store-contract.ts'

const bucket = 'payments'

testStoreContract('file store', async () => {
  const folder = await temporaryFolder()
  let store = await FileStore.open(folder.path)
  return {
    store,
    reopen: async () => {
      await store[Symbol.asyncDispose]()
      store = await FileStore.open(folder.path)
      return store
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
})

test('file store: answers as the memory store does after any appends and openings', async () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ count: fc.integer({ min: 1, max: 300 }), isStale: fc.constant(false) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ count: fc.integer({ min: 1, max: 3 }), isStale: fc.constant(true) }),
    },
    { weight: 2, arbitrary: fc.constant('reopen' as const) },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.integer({ min: 1, max: 40_000 }),
      async (steps, journalBytesMax) => {
        await using folder = await temporaryFolder('memory')
        const memory = new MemoryStore()
        let file = await FileStore.open(folder.path, { journalBytesMax })
        await Promise.all([memory.create(bucket), file.create(bucket)])
        const model = new Model()
        for (const step of steps) {
          if (step === 'reopen') {
            await file[Symbol.asyncDispose]()
            file = await FileStore.open(folder.path, { journalBytesMax })
            continue
          }
          const { size, root } = model.head
          const blocks = blocksOf(step.count).map((block, i) => ({
            ...block,
            identity: `${(size + i) % 200}`,
            case: `${i % 3}`,
          }))
          const expected = step.isStale ? { size, root: new Uint8Array(32) } : { size, root }
          const { batch, next } = batchOf(size, blocks)
          const outcomes = await Promise.allSettled(
            [memory, file].map((store) => store.append(bucket, expected, batch, next)),
          )
          assert.deepEqual(
            outcomes.map(({ status }) => status),
            Array(2).fill(step.isStale ? 'rejected' : 'fulfilled'),
          )
          if (!step.isStale) model.append({ batch, next })
        }
        await model.check(memory, bucket)
        await model.check(file, bucket)
        await file[Symbol.asyncDispose]()
      },
    ),
    { numRuns: 40 },
  )
})

test('file store: files are for their owner alone', async () => {
  await using folder = await temporaryFolder()
  const root = join(folder.path, 'new', 'store')
  await using store = await FileStore.open(root)
  await store.create(bucket)
  await appendBlocks(store, bucket, blocksOf(5_000 / 2))
  await appendBlocks(store, bucket, blocksOf(5_000 / 2))
  let files = 0
  for (const entry of await fs.readdir(root, { recursive: true, withFileTypes: true })) {
    const mode = (await fs.stat(join(entry.parentPath, entry.name))).mode & 0o777
    assert.equal(mode, entry.isDirectory() ? 0o700 : 0o600, entry.name)
    files++
  }
  assert(files > 15, `${files} files`)
  assert.equal((await fs.stat(root)).mode & 0o777, 0o700)
})

test('file store: a bucket whose making was cut off leaves nothing; strays are reported', async () => {
  await using folder = await temporaryFolder()
  const buckets = join(folder.path, 'buckets')
  await fs.mkdir(join(buckets, '.creating-payments'), { recursive: true })
  await fs.writeFile(join(buckets, '.creating-payments', 'entries'), '')
  await fs.writeFile(join(buckets, 'notes.txt'), '')
  const reports: string[] = []
  await using store = await FileStore.open(folder.path, { report: (text) => reports.push(text) })
  assert.deepEqual(await store.buckets(), [])
  assert.deepEqual(reports, [`${join(buckets, 'notes.txt')} is not a bucket`])
  await store.create(bucket)
  assert.deepEqual(await fs.readdir(buckets), ['notes.txt', bucket])
})

test('file store: makes no bucket with a name that is a path', async () => {
  await using folder = await temporaryFolder()
  await using store = await FileStore.open(folder.path)
  for (const name of ['', '.', '..', 'a/b', '../a', 'A', '.creating-a', 'a~0', 'a'.repeat(64)]) {
    await assert.rejects(store.create(name), refusedWith('bad-name'), name)
  }
})

test('file store: refuses everything after it was closed', async () => {
  await using folder = await temporaryFolder()
  const store = await FileStore.open(folder.path)
  await store.create(bucket)
  await store[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await assert.rejects(store.head(bucket), refusedWith('stopping'))
  await assert.rejects(store.create('orders'), refusedWith('stopping'))
})

test('file store: appends under way are finished when it is closed', async () => {
  await using folder = await temporaryFolder()
  const store = await FileStore.open(folder.path)
  await store.create(bucket)
  const head = await store.head(bucket)
  const { batch, next } = batchOf(0, blocksOf(10))
  const appended = store.append(bucket, head, batch, next)
  await store.entries(bucket, 0, 1)
  await store[Symbol.asyncDispose]()
  await appended
  await using reopened = await FileStore.open(folder.path)
  assert.deepEqual(await reopened.head(bucket), next)
})

/** A closed store with 9,000 blocks, its index wholly written. */
async function storeWithIndex(root: string): Promise<string> {
  await using store = await FileStore.open(root)
  await store.create(bucket)
  for (let i = 0; i < 3; i++) await appendBlocks(store, bucket, blocksOf(3_000))
  return join(root, 'buckets', bucket, 'identities.sqlite')
}

async function checkFound(store: FileStore): Promise<void> {
  const asked = [0, 2_999, 5_000, 8_999]
  assert.deepEqual(
    await store.find(
      bucket,
      asked.map((i) => identityOf(`of block ${i}`)),
    ),
    asked,
  )
}

test("file store: an identity index that is missing, broken or another's is built again", async () => {
  const spoil: Record<string, (path: string) => Promise<void> | void> = {
    missing: (path) => fs.rm(path),
    'no database': (path) => fs.writeFile(path, 'x'.repeat(9_000)),
    'of another history': (path) => change(path, 'UPDATE mark SET checksum = zeroblob(32)'),
    'ahead of its bucket': (path) => change(path, 'UPDATE mark SET number = 4, size = 9001'),
    'without its tables': (path) => change(path, 'DROP TABLE identities'),
    'of another form': (path) =>
      change(
        path,
        "DROP TABLE mark; CREATE TABLE mark (number, size, checksum); INSERT INTO mark VALUES (1, 'a', 2)",
      ),
  }
  for (const [what, change] of Object.entries(spoil)) {
    await using folder = await temporaryFolder('memory')
    const path = await storeWithIndex(folder.path)
    await change(path)
    const reports: string[] = []
    await using store = await FileStore.open(folder.path, { report: (text) => reports.push(text) })
    await checkFound(store)
    assert.equal(reports.length, what === 'missing' ? 0 : 1, `${what}: ${reports.join()}`)
    if (what === 'missing') continue
    assert.match(reports[0]!, /identity index is built again/)
  }
})

function change(path: string, statements: string): void {
  const database = new DatabaseSync(path)
  database.exec(statements)
  database.close()
}

test('file store: an identity index that breaks while it is asked is built again and answers', async () => {
  await using folder = await temporaryFolder('memory')
  const path = await storeWithIndex(folder.path)
  const bytes = await fs.readFile(path)
  bytes.fill(0xab, 8 * 4_096)
  await fs.writeFile(path, bytes)
  const reports: string[] = []
  await using store = await FileStore.open(folder.path, { report: (text) => reports.push(text) })
  await Promise.all([checkFound(store), checkFound(store), appendBlocks(store, bucket, blocksOf(3))])
  await checkFound(store)
  assert.equal(reports.length, 1)
  assert.deepEqual(await store.find(bucket, [identityOf('of block 9002'), identityOf('none')]), [
    9_002,
    undefined,
  ])
})

test('file store: a journal that lost a frame in its midst is damage, not a crash', async () => {
  await using folder = await temporaryFolder('memory')
  const live = join(folder.path, 'live')
  await using store = await FileStore.open(live)
  await store.create(bucket)
  const model = new Model()
  for (let i = 0; i < 5; i++) {
    const { batch, next } = batchOf(model.head.size, blocksOf(3))
    await store.append(bucket, model.head, batch, next)
    model.append({ batch, next })
  }
  const copy = join(folder.path, 'copy')
  const saveCopy = (): Promise<void> =>
    fs.cp(join(live, 'buckets'), join(copy, 'buckets'), { recursive: true, force: true })
  await saveCopy()
  const asAfterCrash = await FileStore.open(copy)
  await model.check(asAfterCrash, bucket)
  await asAfterCrash[Symbol.asyncDispose]()

  const journal = join(copy, 'buckets', bucket, 'journal-0')
  await saveCopy()
  const whole = await fs.readFile(journal)
  for (const [at, what] of [
    [whole.length >> 1, /journal-0 at [0-9]+: holds a frame that is not whole, and commit [45] behind it/],
    [whole.length - 1, /heads at [0-9]+: has a record that the journal has lost: commit 5/],
  ] as const) {
    await saveCopy()
    const bytes = Buffer.from(whole)
    bytes[at]! ^= 1
    await fs.writeFile(journal, bytes)
    await using damaged = await FileStore.open(copy)
    await assert.rejects(damaged.head(bucket), what)
  }
})
