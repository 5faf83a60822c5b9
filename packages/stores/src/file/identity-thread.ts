// A thread that writes identity indexes, so that SQLite's page writes and checkpoints never hold up a commit.
// The file is both sides: the thread runs it as its program, the store imports the class.
import * as fs from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Mark } from './identity-rows.ts'
import { advanceIndex, openIndex } from './identity-rows.ts'

type Order = { readonly id: number; readonly folder: string; readonly target: Mark | 'close' }
type Answer = {
  readonly id: number
  readonly failure?: { readonly error: unknown; readonly errcode: unknown }
}
type Waiting = { readonly resolve: () => void; readonly reject: (error: unknown) => void }

const role = 'ledgerstone identity index'

export class IdentityThread {
  #worker: Worker | undefined
  #next = 0
  readonly #waiting = new Map<number, Waiting>()

  /** Brings the index of a bucket's folder up to a mark. */
  async advance(folder: string, target: Mark): Promise<void> {
    await this.#order(folder, target)
  }

  /** Closes the thread's connection to an index. */
  async release(folder: string): Promise<void> {
    if (this.#worker !== undefined) await this.#order(folder, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate()
  }

  #order(folder: string, target: Order['target']): Promise<void> {
    this.#worker ??= this.#start()
    const id = this.#next++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.set(id, { resolve, reject })
    this.#worker.ref()
    this.#worker.postMessage({ id, folder, target } satisfies Order)
    return promise
  }

  #start(): Worker {
    const worker = new Worker(new URL(import.meta.url), { workerData: role, name: role })
    worker.on('message', ({ id, failure }: Answer) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) worker.unref()
      if (failure === undefined) waiting?.resolve()
      // A copy of an error keeps its message but not SQLite's code.
      else waiting?.reject(Object.assign(new Error('identity index', { cause: failure.error }), failure))
    })
    const fail = (error: unknown): void => {
      this.#worker = undefined
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    }
    worker.on('error', fail)
    worker.on('exit', () => fail(new Error('the thread of the identity index has ended')))
    return worker
  }
}

if (!isMainThread && workerData === role) {
  const open = new Map<string, { database: DatabaseSync; identities: number }>()
  parentPort?.on('message', ({ id, folder, target }: Order) => {
    try {
      let index = open.get(folder)
      if (target === 'close') {
        open.delete(folder)
        index?.database.close()
        if (index !== undefined) fs.closeSync(index.identities)
      } else {
        index ??= { database: openIndex(folder), identities: fs.openSync(join(folder, 'identities'), 'r') }
        open.set(folder, index)
        advanceIndex(index.database, index.identities, target)
      }
      parentPort?.postMessage({ id } satisfies Answer)
    } catch (error) {
      const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined
      parentPort?.postMessage({ id, failure: { error, errcode } } satisfies Answer)
    }
  })
}
