// The commit records of a bucket, one for each commit, in the file `heads`:
//
//     8   "LSHEAD1\n"
//     8   u64 size            blocks in the bucket after this commit
//     32  root                RFC 6962 root over their entries
//     8   u64 bytes           of the file `entries`
//     8   u64 bytes           of the file `envelopes`
//     32  checksum            of the record before; zeros in the first
//     32  checksum            SHA-256 of the 96 bytes before
//
// 128 bytes never straddle a sector, and the chain leaves no byte of the file uncovered.
import { hash } from 'node:crypto'
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { concat, equalBytes, Reader, utf8, Writer } from '@ledgerstone/core/bytes'
import type { Head } from '@ledgerstone/log/store'
import { emptyHead } from '../batch.ts'
import type { File } from './durable.ts'
import { damaged, lengthOf, readAt } from './durable.ts'

export const recordBytes = 128
const magic = utf8('LSHEAD1\n')
const coveredBytes = recordBytes - 32

/** One commit; `number` counts the records up to and with this one. */
export type Commit = {
  readonly number: number
  readonly head: Head
  readonly entriesBytes: number
  readonly envelopesBytes: number
  readonly checksum: Hash
}

/** Before the first commit. */
export const noCommit: Commit = {
  number: 0,
  head: emptyHead,
  entriesBytes: 0,
  envelopesBytes: 0,
  checksum: new Uint8Array(32),
}

/** The commit that follows `previous`, and its record. */
export function encodeCommit(
  previous: Commit,
  next: Pick<Commit, 'head' | 'entriesBytes' | 'envelopesBytes'>,
): { readonly commit: Commit; readonly record: Bytes } {
  const covered = new Writer()
    .bytes(magic)
    .uint64(next.head.size)
    .bytes(next.head.root)
    .uint64(next.entriesBytes)
    .uint64(next.envelopesBytes)
    .bytes(previous.checksum)
    .finish()
  const checksum = checksumOf(covered)
  const head = { size: next.head.size, root: next.head.root.slice() }
  return {
    commit: { ...next, head, number: previous.number + 1, checksum },
    record: concat(covered, checksum),
  }
}

/**
 * Decodes record `number` (from 1) without looking at the one before. Returns undefined when its checksum is
 * wrong.
 */
export function decodeCommit(
  record: Bytes,
  number: number,
): { readonly commit: Commit; readonly previous: Hash } | undefined {
  const covered = record.subarray(0, coveredBytes)
  if (!equalBytes(checksumOf(covered), record.subarray(coveredBytes))) return undefined
  if (!equalBytes(covered.subarray(0, magic.length), magic)) return undefined
  const reader = new Reader(covered.subarray(magic.length), 'a commit record')
  const size = reader.uint64()
  const head: Head = { size, root: reader.bytes(32) }
  const entriesBytes = reader.uint64()
  const envelopesBytes = reader.uint64()
  const previous = reader.bytes(32)
  reader.finish()
  const checksum = record.slice(coveredBytes)
  return { commit: { number, head, entriesBytes, envelopesBytes, checksum }, previous }
}

/** The commit of record `number`, checked against the record before. Throws `damaged-store`. */
export async function readCommit(heads: File, number: number): Promise<Commit> {
  if (number === 0) return noCommit
  const before = number === 1 ? noCommit : await readOne(heads, number - 1)
  const { commit, previous } = await readRecord(heads, number)
  const at = (number - 1) * recordBytes
  if (!equalBytes(previous, before.checksum))
    throw damaged(heads, at, 'does not follow from the record before')
  if (commit.head.size <= before.head.size) throw damaged(heads, at, 'is no larger than the record before')
  return commit
}

/** The last commit of a file that holds whole records only. Throws `damaged-store`. */
export async function readLastCommit(heads: File): Promise<Commit> {
  const bytes = lengthOf(heads)
  if (bytes % recordBytes !== 0) throw damaged(heads, bytes - (bytes % recordBytes), 'holds part of a record')
  return await readCommit(heads, bytes / recordBytes)
}

async function readOne(heads: File, number: number): Promise<Commit> {
  return (await readRecord(heads, number)).commit
}

async function readRecord(heads: File, number: number): Promise<{ commit: Commit; previous: Hash }> {
  const at = (number - 1) * recordBytes
  const decoded = decodeCommit(await readAt(heads, at, recordBytes), number)
  if (decoded === undefined) throw damaged(heads, at, 'has a wrong checksum')
  return decoded
}

function checksumOf(covered: Uint8Array): Hash {
  return new Uint8Array(hash('sha256', covered, 'buffer'))
}
