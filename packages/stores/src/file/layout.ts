// The files of a bucket and how long each is after a commit. No file has slack: every length follows from a
// commit.
import { hashBytes, identityRowBytes, tileHashes, tileLevels } from '../batch.ts'
import type { File } from './durable.ts'
import type { Commit } from './head-file.ts'
import { recordBytes } from './head-file.ts'

/** Within a store's folder. */
export const bucketsFolder = 'buckets'

export const endBytes = 8

const levels = [0, 1, 2, 3, 4, 5] as const
type TileFile = `tiles-${(typeof levels)[number]}`
export type DataFile =
  | 'entries'
  | 'entry-ends'
  | 'envelopes'
  | 'envelope-ends'
  | 'identities'
  | 'heads'
  | TileFile

/** By level. */
export const tileFiles: readonly TileFile[] = levels.map((level): TileFile => `tiles-${level}`)

export const dataFiles: readonly DataFile[] = [
  'entries',
  'entry-ends',
  'envelopes',
  'envelope-ends',
  'identities',
  ...tileFiles,
  'heads',
]

export const journalFiles = ['journal-0', 'journal-1'] as const

/** Derived from `identities`, with SQLite's own companions. */
export const indexFile = 'identities.sqlite'
export const indexFiles: readonly string[] = [indexFile, `${indexFile}-wal`, `${indexFile}-shm`]

/** The open data files of a bucket. */
export type Files = Readonly<Record<DataFile, File>>

/** Bytes of each file after a commit. */
export function lengthAfter(commit: Commit, file: DataFile): number {
  const { size } = commit.head
  switch (file) {
    case 'entries':
      return commit.entriesBytes
    case 'envelopes':
      return commit.envelopesBytes
    case 'entry-ends':
    case 'envelope-ends':
      return size * endBytes
    case 'identities':
      return size * identityRowBytes
    case 'heads':
      return commit.number * recordBytes
    default:
      return tileHashes(size, tileFiles.indexOf(file)) * hashBytes
  }
}

if (tileFiles.length !== tileLevels) throw new Error('one file for each level of the tiles')
