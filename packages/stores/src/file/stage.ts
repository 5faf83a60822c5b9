// Staging: a batch is written behind the committed ends of the data files, where no reader looks yet.
import type { Bytes } from '@ledgerstone/core/bytes'
import type { Batch, Head } from '@ledgerstone/log/store'
import type { Ends } from '../batch.ts'
import type { FileOperations } from './durable.ts'
import type { Commit } from './head-file.ts'
import { encodeCommit, recordBytes } from './head-file.ts'
import type { DataFile, Files } from './layout.ts'
import { dataFiles, endBytes, lengthAfter, tileFiles } from './layout.ts'

/** The commit that a batch makes of the last one, and its record. */
export function planCommit(last: Commit, batch: Batch, head: Head): { commit: Commit; record: Bytes } {
  return encodeCommit(last, {
    head,
    entriesBytes: last.entriesBytes + batch.entries.length,
    envelopesBytes: last.envelopesBytes + batch.envelopes.length,
  })
}

/**
 * Writes all of a batch but its commit record, whose place it takes with zeros: a full disk is met before the
 * commit.
 */
export function stageBatch(
  files: Files,
  operations: FileOperations,
  last: Commit,
  batch: Batch,
  ends: Ends,
): void {
  const write = (file: DataFile, bytes: Bytes | undefined): void => {
    if (bytes !== undefined && bytes.length > 0)
      operations.write(files[file], [bytes], lengthAfter(last, file))
  }
  write('entries', batch.entries)
  write('entry-ends', encodeEnds(ends.entries, last.entriesBytes))
  write('envelopes', batch.envelopes)
  write('envelope-ends', encodeEnds(ends.envelopes, last.envelopesBytes))
  write('identities', batch.identities)
  for (const [level, file] of tileFiles.entries()) write(file, batch.tiles[level])
  write('heads', new Uint8Array(recordBytes))
}

/** Writes the record of a commit that the journal holds. */
export function writeRecord(files: Files, operations: FileOperations, commit: Commit, record: Bytes): void {
  operations.write(files.heads, [record], (commit.number - 1) * recordBytes)
}

/** Cuts away all that is behind a commit. */
export function truncateTo(files: Files, operations: FileOperations, commit: Commit): void {
  for (const file of dataFiles) operations.truncate(files[file], lengthAfter(commit, file))
}

/**
 * Returns when the data files are on the disk. One after the other: the commits' syncs share the few threads.
 */
export async function syncFiles(files: Files, operations: FileOperations): Promise<void> {
  for (const file of dataFiles) await operations.sync(files[file])
}

function encodeEnds(ends: readonly number[], base: number): Bytes {
  const bytes = new Uint8Array(ends.length * endBytes)
  const view = new DataView(bytes.buffer)
  for (const [i, end] of ends.entries()) view.setBigUint64(i * endBytes, BigInt(base + end))
  return bytes
}
