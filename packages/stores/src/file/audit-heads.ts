import { equalBytes } from '@ledgerstone/core/bytes'
import type { Head } from '@ledgerstone/log/store'
import type { File } from './durable.ts'
import { lengthOf, readAt } from './durable.ts'
import type { Commit } from './head-file.ts'
import { decodeCommit, noCommit, recordBytes } from './head-file.ts'
import type { PlainFinding } from './plain-finding.ts'

const recordsAtOnce = 512

/** The commit of the last record with a right checksum. */
export async function lastSoundCommit(heads: File): Promise<Commit> {
  for (let number = Math.floor(lengthOf(heads) / recordBytes); number > 0; number--) {
    const decoded = decodeCommit(await readAt(heads, (number - 1) * recordBytes, recordBytes), number)
    if (decoded !== undefined) return decoded.commit
  }
  return noCommit
}

/** Checks the chain of records up to a commit. */
export async function* auditHeads(heads: File, last: Commit): AsyncGenerator<PlainFinding> {
  let before: Commit | undefined = noCommit
  for await (const { number, decoded } of readRecords(heads, last)) {
    const offset = (number - 1) * recordBytes
    const commit = decoded?.commit
    if (decoded === undefined) {
      yield { file: 'heads', offset, what: `commit ${number} has a wrong checksum` }
    } else if (before !== undefined && !equalBytes(decoded.previous, before.checksum)) {
      yield { file: 'heads', offset, what: `commit ${number} does not follow from the one before` }
    } else if (before !== undefined && commit !== undefined && !grows(before, commit)) {
      yield { file: 'heads', offset, what: `commit ${number} does not grow` }
    }
    before = commit
  }
}

/** The heads of all sound records up to a commit. */
export async function* readHeads(heads: File, last: Commit): AsyncGenerator<Head> {
  for await (const { decoded } of readRecords(heads, last)) {
    if (decoded !== undefined) yield decoded.commit.head
  }
}

async function* readRecords(
  heads: File,
  last: Commit,
): AsyncGenerator<{ number: number; decoded: ReturnType<typeof decodeCommit> }> {
  for (let done = 0; done < last.number; done += recordsAtOnce) {
    const count = Math.min(recordsAtOnce, last.number - done)
    const bytes = await readAt(heads, done * recordBytes, count * recordBytes)
    for (let i = 0; i < count; i++) {
      const number = done + i + 1
      yield { number, decoded: decodeCommit(bytes.subarray(i * recordBytes, (i + 1) * recordBytes), number) }
    }
  }
}

function grows(before: Commit, commit: Commit): boolean {
  return (
    commit.head.size > before.head.size &&
    commit.entriesBytes > before.entriesBytes &&
    commit.envelopesBytes > before.envelopesBytes
  )
}
