// A bucket that was not closed, as a start would leave it: the recovery itself is run, and nothing is
// written.
import { AssertionError } from 'node:assert'
import { basename } from 'node:path'
import { lastSoundCommit } from './audit-heads.ts'
import { Damaged, type File, type FileOperations } from './durable.ts'
import type { Commit } from './head-file.ts'
import { Journal } from './journal.ts'
import { type DataFile, dataFiles } from './layout.ts'
import type { Overlay } from './overlay.ts'
import type { PlainFinding } from './plain-finding.ts'
import { recover } from './recover.ts'

export type FilesOver = Readonly<Record<DataFile, File & { readonly over: Overlay }>>

/** `journalled`: so many of the blocks are in the journal and not yet counted by a commit record. */
export type Recovered = { readonly last: Commit; readonly journalled: number; readonly fault?: PlainFinding }

const laidOver: FileOperations = {
  write: (file, parts, at) => file.over?.write(parts, at),
  truncate: (file, bytes) => file.over?.truncate(bytes),
  sync: async () => undefined,
}

/**
 * Lays over the files what a start would write, up to two journals in memory. When a start would refuse the
 * bucket, why is a fault, and the files stay what they are, up to the last sound commit record.
 */
export async function recoverOver(files: FilesOver, journals: readonly [File, File]): Promise<Recovered> {
  const before = await lastSoundCommit(files.heads)
  try {
    const last = await recover(files, journals, new Journal(journals, laidOver, 0), laidOver)
    return { last, journalled: Math.max(0, last.head.size - before.head.size) }
  } catch (cause) {
    for (const name of dataFiles) files[name].over.clear()
    return { last: before, journalled: 0, fault: faultOf(cause, journals) }
  }
}

/** A frame whose checksum is right and that is no batch was written by somebody else. */
function faultOf(cause: unknown, [first]: readonly [File, File]): PlainFinding {
  const refused = 'a start would refuse the bucket'
  if (cause instanceof Damaged) {
    return { file: basename(cause.path), offset: cause.at, what: `${cause.what}; ${refused}` }
  }
  if (!(cause instanceof AssertionError)) throw cause
  return { file: basename(first.path), what: `the journal cannot be replayed: ${cause.message}; ${refused}` }
}
