// Positional reads of what a commit covers. They take the commit as an argument, so they never meet a staged
// byte.
import type { Bytes } from '@ledgerstone/core/bytes'
import { hashBytes, tileHashes, tileLevels } from '../batch.ts'
import type { File } from './durable.ts'
import { damaged, readAt } from './durable.ts'
import type { Commit } from './head-file.ts'
import type { Files } from './layout.ts'
import { endBytes, tileFiles } from './layout.ts'

/** So many ends are read at once when all are wanted; in larger ranges only the first and the last are. */
const endsAtOnce = 512
/** The most envelopes of one answer. */
const envelopesMax = 65_536

const nothing: Bytes = new Uint8Array()

export async function readEntries(files: Files, commit: Commit, from: number, count: number): Promise<Bytes> {
  const to = Math.min(from + count, commit.head.size)
  if (from >= to) return nothing
  const [start, end] = await readSpan(files['entry-ends'], from, to)
  checkSpan(files['entry-ends'], from, start, end, commit.entriesBytes)
  return await readAt(files.entries, start, end - start)
}

export async function readEnvelopes(
  files: Files,
  commit: Commit,
  from: number,
  count: number,
  bytesMax: number,
): Promise<Bytes> {
  const to = Math.min(from + Math.min(count, envelopesMax), commit.head.size)
  if (from >= to) return nothing
  const ends = await readEnds(files['envelope-ends'], from, to)
  const start = ends[0] as number
  let last = 1
  while (last < ends.length - 1 && (ends[last + 1] as number) - start <= bytesMax) last++
  const end = ends[last] as number
  checkSpan(files['envelope-ends'], from, start, end, commit.envelopesBytes)
  return await readAt(files.envelopes, start, end - start)
}

export async function readHashes(
  files: Files,
  commit: Commit,
  level: number,
  from: number,
  count: number,
): Promise<Bytes> {
  const file = tileFiles[level]
  if (file === undefined || level >= tileLevels) return nothing
  const to = Math.min(from + count, tileHashes(commit.head.size, level))
  return from >= to ? nothing : await readAt(files[file], from * hashBytes, (to - from) * hashBytes)
}

/** Where block `from` begins and block `to - 1` ends. */
async function readSpan(ends: File, from: number, to: number): Promise<readonly [number, number]> {
  if (to - from <= endsAtOnce) {
    const all = await readEnds(ends, from, to)
    return [all[0] as number, all.at(-1) as number]
  }
  const [first, last] = await Promise.all([readEnds(ends, from, from + 1), readEnds(ends, to - 1, to)])
  return [first[0] as number, last[1] as number]
}

/** The end of the block before `from` and then of each block up to `to - 1`. */
async function readEnds(file: File, from: number, to: number): Promise<readonly number[]> {
  const first = Math.max(0, from - 1)
  const bytes = await readAt(file, first * endBytes, (to - first) * endBytes)
  const view = new DataView(bytes.buffer)
  const ends = from === 0 ? [0] : []
  for (let at = 0; at < bytes.length; at += endBytes) ends.push(Number(view.getBigUint64(at)))
  return ends
}

function checkSpan(file: File, from: number, start: number, end: number, bytes: number): void {
  if (start <= end && end <= bytes) return
  throw damaged(file, from * endBytes, `block ${from} is said to lie from ${start} to ${end} of ${bytes}`)
}
