// A disk that fills: appends are refused with a code of their own, what was acknowledged stays, and when
// there is room again the ledger goes on by itself.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readTrust, tokenSource } from '@ledgerstone/cli/connect'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { createDataFolder } from '@ledgerstone/cli/embedded/create'
import { readLogSigner } from '@ledgerstone/cli/embedded/keys'
import { type LedgerApi, ledgerApi } from '@ledgerstone/client/api'
import { readEntries } from '@ledgerstone/client/tiles'
import { formatHex } from '@ledgerstone/core/bytes'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import type { Sealed } from '@ledgerstone/core/sealed'
import { decodeEntries } from '@ledgerstone/core/tile'
import { Log } from '@ledgerstone/log/log'
import { submissionOf } from '@ledgerstone/log/submission'
import { type FileOperations, operatingSystem } from '@ledgerstone/stores/file/durable'
import { FileStore } from '@ledgerstone/stores/file/store'
import { quickSealer } from '../bench/records.ts'
import { History, type Promised, type Read } from './crash/history.ts'
import { LedgerProcess } from './crash/process.ts'

const bucket = 'payments'
const recordBytes = 60_000
const diskBytes = 32 * 1024 * 1024
const againMsMax = 30_000
/** Answers of a ledger that cannot write now. */
const refusals: readonly RefusalCode[] = ['store-full', 'outcome-unknown', 'read-only']

type Append = (sealed: Sealed) => Promise<Promised>

describe('a disk that fills', () => {
  test('refuses appends, keeps what was acknowledged, and takes more when there is room', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'ledgerstone-full-'))
    const isMounted = mount(folder)
    if (!isMounted) t.diagnostic('no small disk can be mounted here: this is tried on a simulated one only')
    try {
      if (isMounted) await fillService(folder)
    } finally {
      if (isMounted) assert.equal(spawnSync('umount', [folder]).status, 0)
      await rm(folder, { recursive: true })
    }
  })

  test('does so wherever in a commit the room ends', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ledgerstone-full-'))
    const disk = new SmallDisk()
    await createLedger(join(folder, 'data'))
    for (let bytes = 0; bytes < 400_000; bytes += 37_000) await fillEngine(join(folder, 'data'), disk, bytes)
    await rm(folder, { recursive: true })
  })
})

/** All services over a file system of a few megabytes. */
async function fillService(folder: string): Promise<void> {
  const path = join(folder, 'data')
  const ballast = join(folder, 'ballast')
  await writeFile(ballast, new Uint8Array(8 * 1024 * 1024))
  await createLedger(path)
  let ledger = await LedgerProcess.start(path)
  try {
    const api = await apiOf(path, ledger.url)
    const { origin, vkeys } = await api.bucket(bucket)
    const history = new History(bucket, origin, vkeys)
    const append: Append = (sealed) => api.postBlock(bucket, sealed)
    const refused = await appendUntilFull(path, history, append)
    await check(history, api)
    assert.ok(history.size > 10)

    await rm(ballast)
    await appendAgain(history, append, refused)
    await check(history, api)
    assert.notEqual(history.find(idOf(refused)), undefined)

    await ledger.kill()
    ledger = await LedgerProcess.start(path)
    const after = await apiOf(path, ledger.url)
    await check(history, after)
    await history.checkAgain(readerOf(after))
    await ledger.stop()
  } finally {
    await ledger.kill()
  }
}

/** The engine over files, on a disk with room for so many bytes more. */
async function fillEngine(path: string, disk: SmallDisk, bytes: number): Promise<void> {
  const folder = dataFolder(path)
  disk.free = Number.POSITIVE_INFINITY
  await using store = await FileStore.open(folder.ledger, { operations: disk.operations })
  await using log = await Log.open({
    ...{ trust: readTrust({ data: path }), store, now: Date.now, verifyWorkers: 0 },
    ...{ publishIntervalMs: Number.POSITIVE_INFINITY, report: () => undefined },
    signers: async (name) => readLogSigner(folder, name),
  })
  const { origin, vkeys } = log.bucket(bucket)
  const history = new History(bucket, origin, vkeys)
  const append: Append = async (sealed) => {
    const { index, hash, checkpoint } = await log.bucket(bucket).append(submissionOf(sealed), 'test')
    return { index, hash: formatHex(hash), checkpoint }
  }
  const read: Read = async function* (from, to) {
    for (let at = from; at < to; at += 100) {
      yield decodeEntries(await store.entries(bucket, at, Math.min(100, to - at)))
    }
  }
  disk.free = bytes
  const refused = await appendUntilFull(path, history, append)
  await history.check((await store.head(bucket)).size, read)
  disk.free = Number.POSITIVE_INFINITY
  await appendAgain(history, append, refused)
  await history.check((await store.head(bucket)).size, read)
  await history.checkAgain(read)
}

/** A disk on which only so many bytes can still be written. */
class SmallDisk {
  free = Number.POSITIVE_INFINITY
  readonly operations: FileOperations = {
    ...operatingSystem,
    write: (file, parts, at) => {
      const bytes = Buffer.concat(parts)
      const written = Math.min(bytes.length, this.free)
      this.free -= written
      operatingSystem.write(file, [bytes.subarray(0, written)], at)
      if (written < bytes.length) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    },
  }
}

/** The record that was refused first, which must be because the disk is full. */
async function appendUntilFull(path: string, history: History, append: Append): Promise<Sealed> {
  const seal = await quickSealer(readTrust({ data: path }).ledger, dataFolder(path))
  for (let sent = 0; sent < diskBytes / recordBytes; sent++) {
    const sealed = await seal(bucket, new Uint8Array(recordBytes))
    try {
      history.acknowledge(idOf(sealed), await append(sealed))
    } catch (error) {
      assert.ok(error instanceof Refused, String(error))
      assert.equal(error.code, 'store-full')
      // It stays so: nothing is half done, and nothing waits for ever.
      await assert.rejects(append(await seal(bucket, new Uint8Array(recordBytes))), isRefusal)
      return sealed
    }
  }
  throw new Error('the disk is larger than it should be')
}

/** There is room: the ledger must notice by itself. */
async function appendAgain(history: History, append: Append, sealed: Sealed): Promise<void> {
  for (const until = performance.now() + againMsMax; ; await sleep(20)) {
    try {
      history.acknowledge(idOf(sealed), await append(sealed))
      return
    } catch (error) {
      if (performance.now() > until || !isRefusal(error)) throw error
    }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Refused && refusals.includes(error.code)
}

async function check(history: History, api: LedgerApi): Promise<void> {
  await history.check((await api.bucket(bucket)).size, readerOf(api))
}

function readerOf(api: LedgerApi): Read {
  return async function* (from, to) {
    for await (const { entries } of readEntries(api.log(bucket), { from, to, size: to })) yield entries
  }
}

async function createLedger(path: string): Promise<void> {
  await createDataFolder({ path, url: 'http://127.0.0.1:8400', buckets: [bucket], now: Date.now })
}

async function apiOf(path: string, url: string): Promise<LedgerApi> {
  const token = tokenSource({ data: path }, dataFolder(path), 'append:* read:*')
  await token()
  return ledgerApi({ url, token, fetch: (at, init) => fetch(at, init), triesMax: 1 })
}

/** Whether this process may mount a file system of a few megabytes, which only root may. */
function mount(folder: string): boolean {
  const args = ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=700`, 'tmpfs', folder]
  return spawnSync('mount', args).status === 0
}

function idOf({ statement }: Sealed): string {
  return statement.payload.id
}
