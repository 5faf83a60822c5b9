// A bucket whose files are each in good form but do not belong together: of two backups, or of two times.
import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { concat } from '@ledgerstone/core/bytes'
import { openForAudit } from '../src/file/audit.ts'
import { type Commit, decodeCommit, encodeCommit, recordBytes } from '../src/file/head-file.ts'
import { FileStore } from '../src/file/store.ts'
import { appendBlocks, blocksOf } from './batches.ts'
import { temporaryFolder } from './folders.ts'
import { refusedWith } from './store-contract.ts'

const bucket = 'payments'

/** Two stores with blocks of the same sizes and other contents. */
async function pair(
  make: (live: string, label: string, saved: string) => Promise<void>,
): Promise<AsyncDisposable & { one: string; other: string; file: (root: string, name: string) => string }> {
  const folder = await temporaryFolder('memory')
  const [one, other] = [join(folder.path, 'one'), join(folder.path, 'other')]
  await make(join(folder.path, 'live one'), 'block', one)
  await make(join(folder.path, 'live two'), 'other', other)
  const file = (root: string, name: string): string => join(root, 'buckets', bucket, name)
  return { one, other, file, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

async function append(store: FileStore, label: string, commits: number): Promise<void> {
  for (let i = 0; i < commits; i++) await appendBlocks(store, bucket, blocksOf(3, label))
}

async function save(live: string, saved: string): Promise<void> {
  await fs.cp(join(live, 'buckets'), join(saved, 'buckets'), { recursive: true })
}

async function checkDamaged(root: string, message: RegExp): Promise<void> {
  await using store = await FileStore.open(root)
  await assert.rejects(store.head(bucket), (error: Error) => {
    assert(refusedWith('damaged-store')(error), String(error))
    assert.match(error.message, message)
    return true
  })
}

async function checkSound(root: string, size: number): Promise<void> {
  await using store = await FileStore.open(root)
  assert.equal((await store.head(bucket)).size, size)
}

/** Closed once, so that the journal begins with the frame that names the commit before it; then killed. */
async function closedThenKilled(live: string, label: string, saved: string): Promise<void> {
  {
    await using store = await FileStore.open(live)
    await store.create(bucket)
    await append(store, label, 2)
  }
  await using store = await FileStore.open(live)
  await append(store, label, 3)
  await save(live, saved)
}

test('file store: a journal goes on from the last commit of its own store only', async () => {
  await using stores = await pair(closedThenKilled)
  const { one, other, file } = stores
  await fs.copyFile(file(other, 'journal-0'), file(one, 'journal-0'))
  await checkDamaged(one, /heads at 128: is not what the journal goes on from/)
  await checkSound(other, 15)
})

test('file store: a file that is shorter than where the journal goes on is damage, not a crash', async () => {
  await using stores = await pair(closedThenKilled)
  const { one, file } = stores
  const blocksBefore = 6
  for (const [name, bytesBefore] of [
    ['entry-ends', blocksBefore * 8],
    ['envelope-ends', blocksBefore * 8],
    ['identities', blocksBefore * 64],
    ['tiles-0', blocksBefore * 32],
  ] as const) {
    const whole = await fs.readFile(file(one, name))
    await fs.truncate(file(one, name), bytesBefore - 1)
    await checkDamaged(one, new RegExp(`${name} at ${bytesBefore - 1}: ends before ${bytesBefore}`))
    await fs.writeFile(file(one, name), whole)
  }
  // What comes after it is in the journal.
  await fs.truncate(file(one, 'identities'), blocksBefore * 64)
  await checkSound(one, 15)
})

test('file store: both files of a journal are of one store, and of the store that they are in', async () => {
  for (const [copied, message] of [
    [['newer'], /commit [0-9]+ does not follow/],
    [['older', 'newer'], /heads at [0-9]+: is not what the journal goes on from/],
  ] as const) {
    await using stores = await pair(async (live, label, saved) => {
      await using store = await FileStore.open(live, { journalBytesMax: 2000 })
      await store.create(bucket)
      await append(store, label, 12)
      await save(live, saved)
    })
    const { one, other, file } = stores
    const journals = await inOrder(file(other, 'journal-0'), file(other, 'journal-1'))
    assert((await numberOf(journals.older)) > 0, 'the older file was begun anew')
    for (const which of copied) {
      const name = journals[which].endsWith('0') ? 'journal-0' : 'journal-1'
      await fs.copyFile(journals[which], file(one, name))
    }
    await checkDamaged(one, message)
    await checkSound(other, 36)
  }
})

/** The number of the commit that a journal file begins with. */
async function numberOf(path: string): Promise<number> {
  return Number((await fs.readFile(path)).readBigUInt64BE(8))
}

async function inOrder(a: string, b: string): Promise<{ readonly older: string; readonly newer: string }> {
  return (await numberOf(a)) < (await numberOf(b)) ? { older: a, newer: b } : { older: b, newer: a }
}

test('file store: the last commit record follows from the one before it, and is larger', async () => {
  await using stores = await pair(async (live, label, saved) => {
    {
      await using store = await FileStore.open(live)
      await store.create(bucket)
      await append(store, label, 4)
    }
    await save(live, saved)
  })
  const { one, other, file } = stores
  const own = await fs.readFile(file(one, 'heads'))
  const put = async (...records: readonly Uint8Array[]): Promise<void> => {
    const bytes = Buffer.from(own)
    bytes.set(concat(...records), 2 * recordBytes)
    await fs.writeFile(file(one, 'heads'), bytes)
  }
  await put((await fs.readFile(file(other, 'heads'))).subarray(2 * recordBytes, 3 * recordBytes))
  await checkDamaged(one, /heads at 384: does not follow from the record before/)
  assert.match(await auditedHeads(one), /^256 commit 3 does not follow .*\n384 commit 4 does not follow /)

  const [second, fourth] = [commitOf(own, 2), commitOf(own, 4)]
  const third = encodeCommit(second, fourth)
  await put(third.record, encodeCommit(third.commit, fourth).record)
  await checkDamaged(one, /heads at 384: is no larger than the record before/)
  assert.match(await auditedHeads(one), /^384 commit 4 does not grow/)

  await put()
  assert.equal(await auditedHeads(one), '')
  await checkSound(one, 12)
})

/** What an audit finds in the commit records: a place and a sentence a line. */
async function auditedHeads(root: string): Promise<string> {
  await using audit = await openForAudit(root)
  await using opened = await audit.open(bucket)
  const findings = await Array.fromAsync(opened.checkStructure())
  const inHeads = findings.filter((finding) => finding.file.endsWith('/heads'))
  return inHeads.map(({ offset, what }) => `${offset} ${what}`).join('\n')
}

function commitOf(heads: Buffer, number: number): Commit {
  const record = new Uint8Array(heads.subarray((number - 1) * recordBytes, number * recordBytes))
  const decoded = decodeCommit(record, number)
  assert(decoded !== undefined)
  return decoded.commit
}
