// A ledger that is killed again and again, and a client that remembers everything it was promised.

import { setTimeout as sleep } from 'node:timers/promises'
import { readTrust, tokenSource } from '@ledgerstone/cli/connect'
import { type DataFolder, dataFolder } from '@ledgerstone/cli/data-folder'
import { createDataFolder } from '@ledgerstone/cli/embedded/create'
import { type LedgerApi, ledgerApi } from '@ledgerstone/client/api'
import { readEntries } from '@ledgerstone/client/tiles'
import { utf8 } from '@ledgerstone/core/bytes'
import type { Sealed } from '@ledgerstone/core/sealed'
import { openForAudit } from '@ledgerstone/stores/file/audit'
import { quickSealer } from '../../bench/records.ts'
import { History, type Read } from './history.ts'
import { LedgerProcess } from './process.ts'
import type { Random } from './random.ts'
import { type Line, type Open, sendUntilGone } from './sending.ts'

const buckets = ['payments', 'orders'] as const
/** It is killed so many answers, and then some milliseconds, into the load. */
const answersMax = 400
const restMsMax = 20
const startMsMax = 1500
const stopMsMax = 150
/** Records in one request, for each of the client's connections. */
const batches = [1, 1, 1, 1, 1, 1, 7, 40]

type Seal = (bucket: string, record: Uint8Array) => Promise<Sealed>

/** What a run did, in a line. */
export type CrashReport = string

export class CrashingLedger implements AsyncDisposable {
  readonly #folder: DataFolder
  readonly #random: Random
  readonly #seal: Seal
  readonly #histories: readonly History[]
  /** Some of all records that were ever sent. */
  readonly #sample: Open[] = []
  #process: LedgerProcess
  #api: LedgerApi
  #records = 0

  private constructor(
    folder: DataFolder,
    random: Random,
    seal: Seal,
    histories: readonly History[],
    process: LedgerProcess,
    api: LedgerApi,
  ) {
    this.#folder = folder
    this.#random = random
    this.#seal = seal
    this.#histories = histories
    this.#process = process
    this.#api = api
  }

  /** A new ledger in a folder that does not exist yet, running. */
  static async create(path: string, random: Random): Promise<CrashingLedger> {
    await createDataFolder({ path, url: 'http://127.0.0.1:8400', buckets, now: Date.now })
    const folder = dataFolder(path)
    const seal = await quickSealer(readTrust({ data: path }).ledger, folder)
    const process = await LedgerProcess.start(path)
    const api = await apiOf(folder, process.url)
    const histories = await Promise.all(
      buckets.map(async (name) => {
        const { origin, vkeys } = await api.bucket(name)
        return new History(name, origin, vkeys)
      }),
    )
    return new CrashingLedger(folder, random, seal, histories, process, api)
  }

  /** Kills it somewhere, starts it again, and checks everything. Throws what does not hold. */
  async crash(): Promise<CrashReport> {
    const kind = this.#random.next()
    const [what, open] =
      kind < 0.7
        ? await this.#killUnderLoad()
        : kind < 0.85
          ? await this.#killStopping()
          : await this.#killStarting()
    const began = performance.now()
    await this.#start()
    const startMs = performance.now() - began
    const before = this.#size()
    await this.#check()
    const there = open.filter(({ history, sealed }) => history.find(idOf(sealed)) !== undefined).length
    await this.#retry(open)
    await this.#retry(this.#sent())
    await this.#audit()
    return (
      `${what}, ready again after ${startMs.toFixed(0)} ms; ${this.#size() - before} blocks more, ` +
      `${open.length} records without an answer, ${there} of them were there`
    )
  }

  /** Stops it as an operator does, and looks at all of it once more. */
  async finish(): Promise<CrashReport> {
    await this.#check()
    for (const history of this.#histories) await history.checkAgain(this.#reader(history))
    await this.#process.stop()
    await this.#audit(true)
    return this.#histories.map(({ bucket, size }) => `${bucket} ${size}`).join(', ')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill()
  }

  async #killUnderLoad(): Promise<readonly [string, readonly Open[]]> {
    const answers = this.#random.between(0, answersMax)
    const sent = await this.#load(answers)
    await sleep(this.#random.between(0, restMsMax))
    await this.#process.kill()
    return [`killed after ${answers} answers`, await sent.open]
  }

  async #killStopping(): Promise<readonly [string, readonly Open[]]> {
    const sent = await this.#load(this.#random.between(0, answersMax))
    const ms = this.#random.between(0, stopMsMax)
    this.#process.terminate()
    await sleep(ms)
    await this.#process.kill()
    return [`killed ${ms} ms after it was asked to stop`, await sent.open]
  }

  /** The load before leaves a journal behind, so that it is killed in the middle of its recovery, too. */
  async #killStarting(): Promise<readonly [string, readonly Open[]]> {
    const [, open] = await this.#killUnderLoad()
    const ms = this.#random.between(0, startMsMax)
    this.#process = await LedgerProcess.spawn(this.#folder.root)
    await sleep(ms)
    await this.#process.kill()
    return [`killed ${ms} ms into its start`, open]
  }

  /**
   * Begins to send, and returns after so many answers: what is left open is known when the ledger is gone.
   */
  async #load(answers: number): Promise<{ readonly open: Promise<readonly Open[]> }> {
    const { promise: answered, resolve } = Promise.withResolvers<void>()
    let left = answers
    const open = sendUntilGone(this.#api, this.#lines(), () => {
      if (left-- <= 0) resolve()
    })
    await Promise.race([answered, open])
    return { open }
  }

  async #start(): Promise<void> {
    this.#process = await LedgerProcess.start(this.#folder.root)
    this.#api = await apiOf(this.#folder, this.#process.url)
  }

  async #check(): Promise<void> {
    for (const history of this.#histories) {
      const { size } = await this.#api.bucket(history.bucket)
      await history.check(size, this.#reader(history))
    }
  }

  /** Sends records again: each has one block, whichever try made it. */
  async #retry(records: readonly Open[]): Promise<void> {
    for (const { history, sealed } of records) {
      const found = history.find(idOf(sealed))
      const answer = await this.#api.postBlock(history.bucket, sealed)
      const isSame = found !== undefined && found.index === answer.index && found.hash === answer.hash
      if (answer.created !== (found === undefined) || (found !== undefined && !isSame)) {
        const now = `${answer.created ? 'a new' : 'the'} block ${answer.index}`
        throw new Error(
          `${history.bucket}: ${idOf(sealed)} was in ${found?.index ?? 'no block'}, now in ${now}`,
        )
      }
      history.acknowledge(idOf(sealed), answer)
    }
    await this.#check()
  }

  /** Some that were sent before, in this run or in an earlier one. */
  #sent(): readonly Open[] {
    if (this.#sample.length === 0) return []
    const from = this.#random.between(0, this.#sample.length - 1)
    return this.#sample.slice(from, from + 5)
  }

  /** The store's own structure: lengths, chains of checksums, frames, the index of identities. */
  async #audit(isClosed = false): Promise<void> {
    await using store = await openForAudit(this.#folder.ledger)
    for (const name of await store.buckets()) {
      await using bucket = await store.open(name)
      if (isClosed && !bucket.isClosed) throw new Error(`${name} was not closed properly`)
      for (const check of [bucket.checkStructure(), bucket.checkIndex(new Map())]) {
        for await (const { file, offset, what } of check)
          throw new Error(`${file} at ${offset ?? '?'}: ${what}`)
      }
    }
  }

  #lines(): readonly Line[] {
    return this.#histories.flatMap((history) =>
      batches.map((batch) => ({
        history,
        batch,
        seal: async () => {
          const sealed = await this.#seal(history.bucket, utf8(`{"number":${this.#records++}}`))
          if (this.#records % 50 === 0) this.#sample.push({ history, sealed })
          return sealed
        },
      })),
    )
  }

  #reader(history: History): Read {
    const { bucket } = history
    const log = this.#api.log(bucket)
    return async function* (from, to) {
      for await (const { entries } of readEntries(log, { from, to, size: to })) yield entries
    }
  }

  #size(): number {
    return this.#histories.reduce((sum, { size }) => sum + size, 0)
  }
}

/** As the command line gets it, but with a token in hand and without trying again. */
async function apiOf(folder: DataFolder, url: string): Promise<LedgerApi> {
  const token = tokenSource({ data: folder.root }, folder, 'append:* read:*')
  await token()
  return ledgerApi({ url, token, fetch: (at, init) => fetch(at, init), triesMax: 1 })
}

function idOf({ statement }: Sealed): string {
  return statement.payload.id
}
