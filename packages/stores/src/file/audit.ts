// A file store as it lies there: read-only, without the writer's lock, by the layout alone.
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import type { Bytes } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { Head } from '@ledgerstone/log/store'
import type { BucketAudit, Finding, StoreAudit } from '@ledgerstone/log/store-audit'
import { identityRowBytes, storedName } from '../batch.ts'
import { auditFrames } from './audit-frames.ts'
import { auditHeads, lastSoundCommit, readHeads } from './audit-heads.ts'
import { auditIndex } from './audit-index.ts'
import { type FilesOver, type Recovered, recoverOver } from './audit-journal.ts'
import type { File } from './durable.ts'
import { closeFiles, damaged, lengthOf, openFile, readAt } from './durable.ts'
import type { Commit } from './head-file.ts'
import { isJournalEmpty } from './journal.ts'
import type { DataFile } from './layout.ts'
import { bucketsFolder, dataFiles, indexFiles, journalFiles, lengthAfter } from './layout.ts'
import { isLocked } from './lock.ts'
import { Overlay } from './overlay.ts'
import type { PlainFinding } from './plain-finding.ts'
import { readEntries, readEnvelopes, readHashes } from './read.ts'

/** Opens a store's folder for the audit, also while another process writes to it. */
export async function openForAudit(root: string): Promise<StoreAudit> {
  const folder = join(root, bucketsFolder)
  const found = await fs.readdir(folder, { withFileTypes: true })
  const names = found
    .flatMap((one) => (one.isDirectory() && storedName.test(one.name) ? [one.name] : []))
    .sort()
  return {
    buckets: async () => names,
    strays: async () =>
      found
        .filter(({ name }) => !names.includes(name))
        .map(({ name }) => ({ file: join(bucketsFolder, name), what: 'is not a bucket' })),
    open: async (bucket) => {
      if (!names.includes(bucket)) throw new Refused('unknown-bucket', 'there is no such bucket')
      return await FileBucketAudit.open(root, bucket)
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

type Journals = readonly [File, File]

class FileBucketAudit implements BucketAudit {
  readonly head: Head
  readonly isClosed: boolean
  readonly journalled: number
  readonly #bucket: string
  readonly #folder: string
  readonly #files: FilesOver
  readonly #journals: Journals
  readonly #last: Commit
  readonly #fault: PlainFinding | undefined

  private constructor(
    bucket: string,
    folder: string,
    files: FilesOver,
    journals: Journals,
    { last, journalled, fault }: Recovered,
  ) {
    this.#bucket = bucket
    this.#folder = folder
    this.#files = files
    this.#journals = journals
    this.#last = last
    this.#fault = fault
    this.head = last.head
    this.journalled = journalled
    this.isClosed = isJournalEmpty(journals)
  }

  static async open(root: string, bucket: string): Promise<FileBucketAudit> {
    const folder = join(root, bucketsFolder, bucket)
    const opened: File[] = []
    const open = async (name: string): Promise<File> => {
      const file = await openForReading(folder, name)
      opened.push(file)
      return file
    }
    try {
      const files: [DataFile, FilesOver[DataFile]][] = []
      for (const name of dataFiles) files.push([name, { ...(await open(name)), over: new Overlay() }])
      const all = Object.fromEntries(files) as FilesOver
      const journals: Journals = [await open('journal-0'), await open('journal-1')]
      return new FileBucketAudit(bucket, folder, all, journals, await lastOf(root, all, journals))
    } catch (cause) {
      await closeFiles(opened)
      throw cause
    }
  }

  async *checkStructure(): AsyncGenerator<Finding> {
    yield* this.#checkFolder()
    if (this.#fault !== undefined) yield this.#finding(this.#fault)
    yield* this.#checkLengths()
    for await (const finding of auditHeads(this.#files.heads, this.#last)) yield this.#finding(finding)
    const { size } = this.#last.head
    for (const [file, ends, width] of [
      ['entries', 'entry-ends', 2],
      ['envelopes', 'envelope-ends', 4],
    ] as const) {
      const bytes = lengthAfter(this.#last, file)
      if (lengthOf(this.#files[file]) < bytes || lengthOf(this.#files[ends]) < lengthAfter(this.#last, ends))
        continue
      for await (const finding of auditFrames(this.#files[file], this.#files[ends], width, size, bytes)) {
        yield this.#finding(finding)
        if (finding.believed === undefined) continue
        this.#files[finding.file === ends ? ends : file].over.write([finding.believed], finding.offset)
      }
    }
  }

  async *checkIndex(rows: ReadonlyMap<number, Bytes>): AsyncGenerator<Finding> {
    for (const [block, row] of rows) this.#files.identities.over.write([row], block * identityRowBytes)
    const findings = auditIndex(this.#folder, this.#files, this.#last)
    for await (const finding of findings) yield this.#finding(finding)
  }

  heads(): AsyncGenerator<Head> {
    return readHeads(this.#files.heads, this.#last)
  }

  async entries(from: number, count: number): Promise<Bytes> {
    return await readEntries(this.#files, this.#last, from, count)
  }

  async envelopes(from: number, count: number, bytesMax: number): Promise<Bytes> {
    return await readEnvelopes(this.#files, this.#last, from, count, bytesMax)
  }

  async hashes(level: number, from: number, count: number): Promise<Bytes> {
    return await readHashes(this.#files, this.#last, level, from, count)
  }

  async identities(from: number, count: number): Promise<Bytes> {
    const to = Math.min(from + count, this.head.size)
    if (from >= to) return new Uint8Array()
    return await readAt(this.#files.identities, from * identityRowBytes, (to - from) * identityRowBytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeFiles([...dataFiles.map((name) => this.#files[name]), ...this.#journals])
  }

  async *#checkFolder(): AsyncGenerator<Finding> {
    const known: readonly string[] = [...dataFiles, ...journalFiles, ...indexFiles]
    for (const name of await fs.readdir(this.#folder)) {
      if (!known.includes(name)) yield this.#finding({ file: name, what: 'does not belong to a bucket' })
    }
    for (const name of [...dataFiles, ...journalFiles]) {
      const { mode } = await fs.stat(join(this.#folder, name))
      if ((mode & 0o077) !== 0)
        yield this.#finding({
          file: name,
          what: `is open to others (mode ${(mode & 0o777).toString(8)})`,
        })
    }
  }

  /** In a store that is not closed, bytes behind the last head may be staged by a commit under way. */
  async *#checkLengths(): AsyncGenerator<Finding> {
    for (const name of dataFiles) {
      const bytes = lengthOf(this.#files[name])
      const expected = lengthAfter(this.#last, name)
      if (bytes < expected) {
        yield this.#finding({ file: name, offset: bytes, what: `ends before ${expected}` })
      }
      if (bytes > expected && this.isClosed && (await this.#hasRested())) {
        const what = `has ${bytes - expected} bytes that no sound head counts`
        yield this.#finding({ file: name, offset: expected, what })
      }
    }
  }

  /** Whether no writer has come since this was opened: it begins its journal before it stages anything. */
  async #hasRested(): Promise<boolean> {
    const { number } = await lastSoundCommit(this.#files.heads)
    return isJournalEmpty(this.#journals) && number === this.#last.number
  }

  #finding({ believed: _, ...finding }: PlainFinding): Finding {
    return { ...finding, bucket: this.#bucket, file: join(bucketsFolder, this.#bucket, finding.file) }
  }
}

/**
 * What a store at rest has committed is in its journal too. Beside a writer, whose journal changes while it
 * is read, the commit records have all that it has answered for.
 */
async function lastOf(root: string, files: FilesOver, journals: Journals): Promise<Recovered> {
  const written = async (): Promise<Recovered> => {
    return { last: await lastSoundCommit(files.heads), journalled: 0 }
  }
  if (isJournalEmpty(journals) || isLocked(root)) return await written()
  const recovered = await recoverOver(files, journals)
  // A writer that has come meanwhile may be what the fault is.
  return recovered.fault !== undefined && isLocked(root) ? await written() : recovered
}

async function openForReading(folder: string, name: string): Promise<File> {
  try {
    return await openFile(join(folder, name), 'r')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw damaged({ path: join(folder, name) }, 0, 'is missing')
    }
    throw cause
  }
}
