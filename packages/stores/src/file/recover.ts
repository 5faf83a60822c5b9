// Opening a bucket: what the journal holds is staged once more, by the code that staged it first, and made
// durable.
import { strict as assert } from 'node:assert'
import { equalBytes } from '@ledgerstone/core/bytes'
import { checkBatch } from '../batch.ts'
import type { File, FileOperations } from './durable.ts'
import { damaged, lengthOf, readAt } from './durable.ts'
import type { Commit } from './head-file.ts'
import { readCommit, readLastCommit, recordBytes } from './head-file.ts'
import type { Frame, Journal } from './journal.ts'
import { isJournalEmpty, readJournal } from './journal.ts'
import type { Files } from './layout.ts'
import { dataFiles, lengthAfter } from './layout.ts'
import { stageBatch, syncFiles, truncateTo, writeRecord } from './stage.ts'

/**
 * The last commit of a bucket, after which every file has exactly the length that it says and all is on the
 * disk.
 *
 * A closed store has an empty journal, and then nothing may be amiss: any other length is damage. Otherwise
 * the last whole frame of the journal decides; whatever is behind it in the data files was never answered for
 * and is cut off. Takes time in proportion to the journal, not to the bucket. Throws `damaged-store`, naming
 * file and offset.
 */
export async function recover(
  files: Files,
  journals: readonly [File, File],
  journal: Journal,
  operations: FileOperations,
): Promise<Commit> {
  if (isJournalEmpty(journals)) return await readClosed(files)
  let newest: Frame | undefined
  for await (const frame of readJournal(journals)) newest = frame
  if (newest !== undefined) await journal.secure(newest)
  let last: Commit | undefined
  for await (const frame of readJournal(journals)) {
    last ??= await readBase(files, frame)
    if (frame.batch !== undefined) last = replay(files, operations, last, frame)
  }
  // Without a whole frame the journal was being opened, and nothing can have been staged before it was.
  if (last === undefined) last = await readClosed(files)
  else await checkBehind(files, last)
  truncateTo(files, operations, last)
  await syncFiles(files, operations)
  await journal.clear()
  return last
}

async function readClosed(files: Files): Promise<Commit> {
  const last = await readLastCommit(files.heads)
  for (const file of dataFiles) {
    const [bytes, expected] = [lengthOf(files[file]), lengthAfter(last, file)]
    if (bytes > expected) throw damaged(files[file], expected, `has ${bytes - expected} bytes too many`)
    if (bytes < expected) throw damaged(files[file], bytes, `ends before ${expected}`)
  }
  return last
}

/**
 * The commit before the journal's first frame: on the disk, for the journal was begun or turned after it was.
 */
async function readBase(files: Files, frame: Frame): Promise<Commit> {
  const isOpening = frame.batch === undefined
  const base = await readCommit(files.heads, isOpening ? frame.number : frame.number - 1)
  const checksum = isOpening ? frame.record.subarray(recordBytes - 32) : frame.previous
  if (!equalBytes(base.checksum, checksum)) {
    throw damaged(
      files.heads,
      Math.max(0, base.number - 1) * recordBytes,
      'is not what the journal goes on from',
    )
  }
  for (const file of dataFiles) {
    const [bytes, expected] = [lengthOf(files[file]), lengthAfter(base, file)]
    if (bytes < expected) throw damaged(files[file], bytes, `ends before ${expected}`)
  }
  return base
}

function replay(files: Files, operations: FileOperations, last: Commit, frame: Frame): Commit {
  const { batch, commit, record } = frame
  assert(batch !== undefined && commit !== undefined, 'a frame with a batch has a commit')
  stageBatch(files, operations, last, batch, checkBatch(last.head, batch, commit.head))
  writeRecord(files, operations, commit, record)
  return commit
}

/**
 * A commit record is written after its frame was durable, so one behind the last frame means that frames are
 * lost.
 */
async function checkBehind(files: Files, last: Commit): Promise<void> {
  const at = last.number * recordBytes
  if (lengthOf(files.heads) < at + recordBytes) return
  const record = await readAt(files.heads, at, recordBytes)
  if (record.every((byte) => byte === 0)) return
  throw damaged(files.heads, at, `has a record that the journal has lost: commit ${last.number + 1}`)
}
