// The journal of a bucket: what was committed but may not yet be on the disk in the data files.
//
// One commit is one frame, and its one fdatasync is the commit. A frame:
//
//     8   "LSJRNL1\n"
//     8   u64 number          of the commit record
//     8   u64 from            index of the first block
//     4   u32 count           of blocks; 0 in the frame that opens a journal, which adds nothing
//     4   u32 bytes           of entries
//     4   u32 bytes           of envelopes
//     128 commit record       zeros in the opening frame of an empty bucket
//     n   entries, envelopes, identities, tiles of level 0 to 5: the batch, byte for byte
//     32  SHA-256             of all the bytes before
//
// Two files take turns: when one is long enough the other is begun, and it is begun again only after all that
// it holds is durable in the data files. The journal ends before the first frame that is not whole or does
// not continue the one before it: such a frame was never answered for. Both files are empty in a closed
// store.
import { createHash } from 'node:crypto'
import type { Bytes } from '@ledgerstone/core/bytes'
import { equalBytes, Reader, utf8, Writer } from '@ledgerstone/core/bytes'
import type { Batch } from '@ledgerstone/log/store'
import { batchBytesMax, hashBytes, identityRowBytes, tileHashes, tileLevels } from '../batch.ts'
import type { File, FileOperations } from './durable.ts'
import { damaged, lengthOf, readAt } from './durable.ts'
import type { Commit } from './head-file.ts'
import { decodeCommit, recordBytes } from './head-file.ts'

const magic = utf8('LSJRNL1\n')
const headerBytes = 36 + recordBytes
const checksumBytes = 32

/**
 * A frame that was read back; `previous` is the checksum of the commit record before, `batch` undefined in an
 * opening frame.
 */
export type Frame = {
  readonly place: Place
  readonly number: number
  readonly from: number
  readonly record: Bytes
  readonly commit: Commit | undefined
  readonly previous: Bytes
  readonly batch: Batch | undefined
}

type Pair = readonly [File, File]
type Place = { readonly file: File; readonly at: number }
/** What the next frame is known by, and what this one is known by to the one before. */
type Link = Pick<Frame, 'number' | 'record'>

export class Journal {
  readonly #files: Pair
  readonly #operations: FileOperations
  readonly #bytesMax: number
  #active: 0 | 1 = 0
  #isBegun = false
  #at = 0
  #staged = 0

  /** `bytesMax`: from what length on a file is left for the other. */
  constructor(files: Pair, operations: FileOperations, bytesMax: number) {
    this.#files = files
    this.#operations = operations
    this.#bytesMax = bytesMax
  }

  /** Whether frames can be appended: not before `begin`. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** Whether the active file has reached its length. */
  get isLong(): boolean {
    return this.#at >= this.#bytesMax
  }

  /**
   * Opens the empty journal with a frame that names the last commit. From here on the store counts as not
   * closed.
   */
  async begin(last: Commit, lastRecord: Bytes): Promise<void> {
    this.#stage(encodeFrame(last.number, last.head.size, undefined, lastRecord))
    await this.commit()
    this.#isBegun = true
  }

  /** Writes a frame that is not committed yet. When this fails there is no whole frame. */
  stage(number: number, batch: Batch, record: Bytes): void {
    this.#stage(encodeFrame(number, batch.from, batch, record))
  }

  /** Takes back a staged frame. */
  unstage(): void {
    this.#staged = 0
    this.#operations.truncate(this.#files[this.#active], this.#at)
  }

  /** Commits the staged frame. When this fails the outcome is unknown. */
  async commit(): Promise<void> {
    await this.#operations.sync(this.#files[this.#active])
    this.#at += this.#staged
    this.#staged = 0
  }

  /** Writes a frame that was read back to its place again and syncs it: its first sync may have failed. */
  async secure({ place, number, batch, from, record }: Frame): Promise<void> {
    this.#operations.write(place.file, encodeFrame(number, from, batch, record), place.at)
    await this.#operations.sync(place.file)
  }

  /** Begins the other file. All that it held must be durable in the data files. */
  turn(): void {
    this.#active = this.#active === 0 ? 1 : 0
    this.#at = 0
  }

  /**
   * Empties both files, durably; the newest frames go last, so that a journal that was not wholly emptied
   * still ends with the last commit. All that it held must be durable in the data files.
   */
  async clear(): Promise<void> {
    this.#isBegun = false
    this.#at = 0
    this.#active = 0
    for (const { file } of await inOrder(this.#files)) {
      this.#operations.truncate(file, 0)
      await this.#operations.sync(file)
    }
  }

  #stage(parts: readonly Bytes[]): void {
    this.#operations.write(this.#files[this.#active], parts, this.#at)
    this.#staged = parts.reduce((sum, part) => sum + part.length, 0)
  }
}

export function isJournalEmpty(files: Pair): boolean {
  return files.every((file) => lengthOf(file) === 0)
}

/**
 * All frames in the order of their commits. Throws `damaged-store` when the older file ends before the newer
 * begins, and at a frame that is not whole and was: see `checkTorn`.
 */
export async function* readJournal(files: Pair): AsyncGenerator<Frame> {
  const [older, newer] = await inOrder(files)
  // What a file begins with an opening frame for is durable: the other one is then left over from before.
  const parts = newer.first !== undefined && newer.first.batch === undefined ? [newer] : [older, newer]
  let last: Frame | undefined
  const ends: Place[] = []
  for (const { file } of parts) {
    let at = 0
    for (let read = await readFrame(file, 0); read !== undefined; read = await readFrame(file, at)) {
      if (last !== undefined && !follows(last, read.frame)) {
        if (at === 0) throw damaged(file, 0, `commit ${read.frame.number} does not follow ${last.number}`)
        break
      }
      yield read.frame
      last = read.frame
      at += read.bytes
    }
    ends.push({ file, at })
  }
  for (const end of ends) await checkTorn(end, last)
}

/**
 * A frame is begun only when the one before it is on the disk: of frames that are not whole only the last can
 * have been torn. So where one is followed by a whole one that continues it, it was whole once. That the
 * frame behind names the checksum of the record in this one's header cannot come about by chance, nor by
 * what a sender puts into an envelope. Where the header itself was changed, nothing can be told here.
 */
async function checkTorn({ file, at: end }: Place, newest: Frame | undefined): Promise<void> {
  let before: Link | undefined = newest
  for (let at = end; ; ) {
    const header = await readHeader(file, at)
    if (header === undefined) return
    const link = { ...header, previous: previousOf(header) }
    if (link.previous === undefined || (before !== undefined && !follows(before, link))) return
    at += headerBytes + header.bodyBytes + checksumBytes
    const next = (await readFrame(file, at))?.frame
    if (next !== undefined && follows(link, next)) {
      throw damaged(file, end, `holds a frame that is not whole, and commit ${next.number} behind it`)
    }
    before = link
  }
}

type Begun = { readonly file: File; readonly first: Frame | undefined }

/** The file with the newest frames last. An opening frame comes after the commit that it names. */
async function inOrder([one, other]: Pair): Promise<readonly [Begun, Begun]> {
  const begin = async (file: File): Promise<Begun> => ({ file, first: (await readFrame(file, 0))?.frame })
  const place = ({ first }: Begun): number =>
    first === undefined ? -1 : first.number + (first.batch === undefined ? 0.5 : 0)
  const [a, b] = [await begin(one), await begin(other)]
  return place(a) < place(b) ? [a, b] : [b, a]
}

function follows(
  last: Link,
  next: { readonly number: number; readonly previous: Bytes | undefined },
): boolean {
  const checksum = last.record.subarray(recordBytes - checksumBytes)
  return next.number === last.number + 1 && next.previous !== undefined && equalBytes(next.previous, checksum)
}

function encodeFrame(
  number: number,
  from: number,
  batch: Batch | undefined,
  record: Bytes,
): readonly Bytes[] {
  const header = new Writer()
    .bytes(magic)
    .uint64(number)
    .uint64(from)
    .uint32(batch?.count ?? 0)
    .uint32(batch?.entries.length ?? 0)
    .uint32(batch?.envelopes.length ?? 0)
    .bytes(record)
    .finish()
  const body = batch === undefined ? [] : [batch.entries, batch.envelopes, batch.identities, ...batch.tiles]
  const checksum = createHash('sha256').update(header)
  for (const part of body) checksum.update(part)
  return [header, ...body, new Uint8Array(checksum.digest())].filter((part) => part.length > 0)
}

/** The frame at a position, or undefined when there is no whole one. */
async function readFrame(file: File, at: number): Promise<{ frame: Frame; bytes: number } | undefined> {
  const parsed = await readHeader(file, at)
  if (parsed === undefined) return undefined
  const bytes = headerBytes + parsed.bodyBytes + checksumBytes
  if (at + bytes > lengthOf(file)) return undefined
  const body = await readAt(file, at + headerBytes, parsed.bodyBytes + checksumBytes)
  const checksum = createHash('sha256')
    .update(parsed.bytes)
    .update(body.subarray(0, parsed.bodyBytes))
    .digest()
  if (!equalBytes(checksum, body.subarray(parsed.bodyBytes))) return undefined
  const { number, from, record } = parsed
  const decoded = number === 0 ? undefined : decodeCommit(record, number)
  if (number > 0 && decoded === undefined) throw damaged(file, at + 36, 'holds a damaged commit record')
  const previous = decoded?.previous ?? new Uint8Array(checksumBytes)
  const batch = batchOf(parsed, body)
  return {
    frame: { place: { file, at }, number, from, record, commit: decoded?.commit, previous, batch },
    bytes,
  }
}

/** What stands at a position as the header of a frame; undefined when there is none. */
async function readHeader(file: File, at: number): Promise<Header | undefined> {
  if (at + headerBytes + checksumBytes > lengthOf(file)) return undefined
  const header = await readAt(file, at, headerBytes)
  return equalBytes(header.subarray(0, magic.length), magic) ? parseHeader(header) : undefined
}

/** The checksum that a header's record names, zeros where it is before the first; undefined if it is none. */
function previousOf({ number, record }: Header): Bytes | undefined {
  return number === 0 ? new Uint8Array(checksumBytes) : decodeCommit(record, number)?.previous
}

type Header = {
  readonly bytes: Bytes
  readonly number: number
  readonly from: number
  readonly count: number
  readonly entries: number
  readonly envelopes: number
  readonly record: Bytes
  readonly tiles: readonly number[]
  readonly bodyBytes: number
}

/** The fields of a header; undefined when they are beyond what a commit can hold, and so not ours. */
function parseHeader(header: Bytes): Header | undefined {
  const view = new DataView(header.buffer, header.byteOffset)
  if (view.getUint16(8) !== 0 || view.getUint16(16) !== 0) return undefined
  const reader = new Reader(header.subarray(magic.length), 'a journal frame')
  const number = reader.uint64()
  const from = reader.uint64()
  const count = reader.uint32()
  const entries = reader.uint32()
  const envelopes = reader.uint32()
  const record = reader.bytes(recordBytes)
  if (entries > batchBytesMax || envelopes > batchBytesMax || count * 2 > entries) return undefined
  const tiles = Array.from(
    { length: tileLevels },
    (_, level) => (tileHashes(from + count, level) - tileHashes(from, level)) * hashBytes,
  )
  const bodyBytes = entries + envelopes + count * identityRowBytes + tiles.reduce((sum, n) => sum + n, 0)
  return { bytes: header, number, from, count, entries, envelopes, record, tiles, bodyBytes }
}

function batchOf(header: Header, body: Bytes): Batch | undefined {
  if (header.count === 0) return undefined
  let at = 0
  const take = (bytes: number): Bytes => {
    at += bytes
    return body.subarray(at - bytes, at)
  }
  return {
    from: header.from,
    count: header.count,
    entries: take(header.entries),
    envelopes: take(header.envelopes),
    identities: take(header.count * identityRowBytes),
    tiles: header.tiles.map(take),
  }
}
