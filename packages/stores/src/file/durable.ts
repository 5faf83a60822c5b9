// The few things that the file store asks of the operating system. They are an argument, so that tests make
// each fail.
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Bytes } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { Overlay } from './overlay.ts'

/** An open file; `path` is for messages and for the tests, `over` what it is read with and does not hold. */
export type File = { readonly path: string; readonly fd: number; readonly over?: Overlay }

export type FileOperations = {
  /** Writes all parts at a position: into the page cache, without waiting for the disk. */
  readonly write: (file: File, parts: readonly Uint8Array[], at: number) => void
  /** Cuts a file. */
  readonly truncate: (file: File, bytes: number) => void
  /** Returns when all that was written to the file, and its length, is on the disk. */
  readonly sync: (file: File) => Promise<void>
}

const fdatasync = promisify(fs.fdatasync)
const fsync = promisify(fs.fsync)
const read = promisify(fs.read)
const open = promisify(fs.open)
const close = promisify(fs.close)

/**
 * The operating system's own. Staging is synchronous: a write into the page cache costs less than a thread's
 * turn.
 */
export const operatingSystem: FileOperations = {
  write(file, parts, at) {
    let rest: readonly Uint8Array[] = parts
    let position = at
    while (rest.length > 0) {
      const written = fs.writevSync(file.fd, rest, position)
      position += written
      rest = after(rest, written)
    }
  },
  truncate(file, bytes) {
    fs.ftruncateSync(file.fd, bytes)
  },
  sync: (file) => fdatasync(file.fd),
}

/** Opens an existing file for reading and writing, or for reading only. */
export async function openFile(path: string, access: 'r' | 'r+'): Promise<File> {
  return { path, fd: await open(path, access) }
}

export async function closeFiles(files: Iterable<File>): Promise<void> {
  await Promise.all([...files].map((file) => close(file.fd)))
}

export function lengthOf(file: File): number {
  const { size } = fs.fstatSync(file.fd)
  return file.over === undefined ? size : file.over.lengthOver(size)
}

/** Reads exactly `count` bytes. Throws `damaged-store`, naming file and offset, when the file ends before. */
export async function readAt(file: File, at: number, count: number): Promise<Bytes> {
  if (file.over !== undefined) return await readOver(file, file.over, at, count)
  const bytes = new Uint8Array(count)
  const done = await readInto(file, bytes, at)
  if (done < count) throw damaged(file, at + done, `ends before ${at + count}`)
  return bytes
}

async function readOver(file: File, over: Overlay, at: number, count: number): Promise<Bytes> {
  const end = lengthOf(file)
  if (at + count > end) throw damaged(file, Math.max(at, end), `ends before ${at + count}`)
  const bytes = new Uint8Array(count)
  await readInto(file, bytes, at)
  over.lay(bytes, at)
  return bytes
}

/** Returns how many bytes there were. */
async function readInto(file: File, bytes: Bytes, at: number): Promise<number> {
  let done = 0
  while (done < bytes.length) {
    const { bytesRead } = await read(file.fd, bytes, done, bytes.length - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}

/** Bytes of a file that are not what was written. */
export class Damaged extends Refused {
  readonly path: string
  readonly at: number
  readonly what: string

  constructor(path: string, at: number, what: string) {
    super('damaged-store', `${path} at ${at}: ${what}`)
    this.path = path
    this.at = at
    this.what = what
  }
}

export function damaged(file: { readonly path: string }, at: number, what: string): Damaged {
  return new Damaged(file.path, at, what)
}

/** Makes the names in a folder durable: what was created in it or renamed into it. */
async function syncFolder(folder: string): Promise<void> {
  const fd = await open(folder, 'r')
  try {
    await fsync(fd)
  } finally {
    await close(fd)
  }
}

/** Makes a folder and its missing parents, 0700, durably. */
export async function createFolder(folder: string): Promise<void> {
  const first = await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** What a folder is called while it is made; whoever opens the store removes those that were left behind. */
export const creatingPrefix = '.creating-'

/** Makes a folder with empty files, 0600: wholly and durably, or not at all. */
export async function createFolderOf(parent: string, name: string, files: readonly string[]): Promise<void> {
  const temporary = join(parent, creatingPrefix + name)
  await fs.promises.rm(temporary, { recursive: true, force: true })
  await fs.promises.mkdir(temporary, { mode: 0o700 })
  for (const file of files) {
    const fd = await open(join(temporary, file), 'wx', 0o600)
    await fsync(fd)
    await close(fd)
  }
  await syncFolder(temporary)
  await fs.promises.rename(temporary, join(parent, name))
  await syncFolder(parent)
}

export function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

/** What is left of the parts after a write that may have been short. */
function after(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  let skip = written
  for (const part of parts) {
    if (skip < part.length) rest.push(part.subarray(skip))
    skip = Math.max(0, skip - part.length)
  }
  return rest
}
