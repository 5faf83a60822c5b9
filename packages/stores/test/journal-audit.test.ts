// What an audit sees of a store that was not closed: the journal is part of it.
import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Finding } from '@ledgerstone/log/store-audit'
import { openForAudit } from '../src/file/audit.ts'
import { FileStore } from '../src/file/store.ts'
import { appendBlocks, batchOf, blocksOf } from './batches.ts'
import { filesOf, temporaryFolder } from './folders.ts'
import { refusedWith } from './store-contract.ts'

const bucket = 'payments'
const commits = 5
const blocksPerCommit = 3
const blocks = Array.from({ length: commits }, () => blocksOf(blocksPerCommit)).flat()
const recordBytes = 128

/** A store as `kill -9` leaves it after five commits. */
async function killedStore(): Promise<AsyncDisposable & { root: string; file: (name: string) => string }> {
  const folder = await temporaryFolder('memory')
  const live = join(folder.path, 'live')
  await using store = await FileStore.open(live)
  await store.create(bucket)
  for (let i = 0; i < commits; i++) await appendBlocks(store, bucket, blocksOf(blocksPerCommit))
  const root = join(folder.path, 'killed')
  await fs.cp(join(live, 'buckets'), join(root, 'buckets'), { recursive: true })
  return {
    root,
    file: (name) => join(root, 'buckets', bucket, name),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

async function structureOf(root: string): Promise<readonly Finding[]> {
  await using audit = await openForAudit(root)
  await using opened = await audit.open(bucket)
  return await Array.fromAsync(opened.checkStructure())
}

async function checkRefused(root: string): Promise<void> {
  await using store = await FileStore.open(root)
  await assert.rejects(store.head(bucket), refusedWith('damaged-store'))
}

/** Where the frames of the journal begin. */
async function framesOf(path: string): Promise<readonly number[]> {
  const bytes = await fs.readFile(path)
  const starts: number[] = []
  for (let at = 0; at >= 0; at = bytes.indexOf('LSJRNL1\n', at + 1)) starts.push(at)
  assert.equal(starts.length, 1 + commits)
  return starts
}

async function overwrite(path: string, at: number, bytes: Uint8Array): Promise<void> {
  await using file = await fs.open(path, 'r+')
  await file.write(bytes, 0, bytes.length, at)
}

test('audit: blocks that only the journal has are read there, and nothing is written', async () => {
  await using store = await killedStore()
  // The machine lost its power: nothing but the journal had reached the disk.
  for (const name of ['entries', 'entry-ends', 'envelopes', 'envelope-ends', 'identities', 'heads']) {
    await fs.truncate(store.file(name))
  }
  const before = await filesOf(store.root)
  {
    await using audit = await openForAudit(store.root)
    await using opened = await audit.open(bucket)
    assert.deepEqual([opened.head.size, opened.journalled, opened.isClosed], [15, 15, false])
    assert.deepEqual(await Array.fromAsync(opened.checkStructure()), [])
    const { batch } = batchOf(0, blocks)
    assert.deepEqual(await opened.entries(0, 15), batch.entries)
    assert.deepEqual(await opened.envelopes(0, 15, 1_000_000), batch.envelopes)
    assert.deepEqual(await opened.identities(0, 15), batch.identities)
    assert.equal((await Array.fromAsync(opened.heads())).length, commits)
  }
  assert.deepEqual(await filesOf(store.root), before)
  await using started = await FileStore.open(store.root)
  assert.equal((await started.head(bucket)).size, 15)
})

test('audit: a commit whose record is not written yet counts, for its frame is on the disk', async () => {
  await using store = await killedStore()
  await overwrite(store.file('heads'), 4 * recordBytes, new Uint8Array(recordBytes))
  await using audit = await openForAudit(store.root)
  await using opened = await audit.open(bucket)
  assert.deepEqual([opened.head.size, opened.journalled], [15, 3])
  assert.deepEqual(await Array.fromAsync(opened.checkStructure()), [])
})

test('audit: a journal that was cut is missed by the commit records behind its end', async () => {
  await using store = await killedStore()
  const frames = await framesOf(store.file('journal-0'))
  for (const bytes of [frames[5]!, frames[4]! + 50]) {
    await fs.truncate(store.file('journal-0'), bytes)
    const [finding, ...more] = await structureOf(store.root)
    const commit = bytes === frames[5] ? 5 : 4
    assert.deepEqual(finding, {
      ...{ bucket, file: `buckets/${bucket}/heads`, offset: (commit - 1) * recordBytes },
      what: `has a record that the journal has lost: commit ${commit}; a start would refuse the bucket`,
    })
    assert.deepEqual(more, [])
    await checkRefused(store.root)
  }
})

test('audit: a changed frame with others behind it is damage, also without commit records', async () => {
  await using store = await killedStore()
  const journal = store.file('journal-0')
  const frames = await framesOf(journal)
  await overwrite(store.file('heads'), 0, new Uint8Array(commits * recordBytes))
  const whole = await fs.readFile(journal)
  for (const changed of [[1], [3], [2, 3]]) {
    const bytes = Buffer.from(whole)
    for (const frame of changed) bytes[frames[frame]! + 250]! ^= 1
    await fs.writeFile(journal, bytes)
    const [finding, ...more] = await structureOf(store.root)
    assert.deepEqual(
      [finding?.file, finding?.offset, more],
      [`buckets/${bucket}/journal-0`, frames[changed[0]!], []],
    )
    assert.match(finding?.what ?? '', /^holds a frame that is not whole, and commit [0-9] behind it; a start/)
    await checkRefused(store.root)
  }
})

test('audit: a last frame that is torn was never answered for, and is no damage', async () => {
  await using store = await killedStore()
  const frames = await framesOf(store.file('journal-0'))
  await overwrite(store.file('heads'), 4 * recordBytes, new Uint8Array(recordBytes))
  await fs.truncate(store.file('journal-0'), frames[5]! + 300)
  await using audit = await openForAudit(store.root)
  await using opened = await audit.open(bucket)
  assert.deepEqual(await Array.fromAsync(opened.checkStructure()), [])
  assert.equal(opened.head.size, 12)
})
