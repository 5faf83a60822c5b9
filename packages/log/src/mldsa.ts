// ML-DSA-44 signatures of published checkpoints, made in one worker thread for all buckets of a log.
import { Worker } from 'node:worker_threads'
import type { Bytes } from '@ledgerstone/core/bytes'

/** `pkcs8` comes with the first request of a key only. */
export type MldsaRequest = {
  readonly id: number
  readonly key: number
  readonly pkcs8: Bytes | undefined
  readonly message: Uint8Array
}
export type MldsaResponse = { readonly id: number; readonly signature: Bytes }

type Waiting = { readonly resolve: (signature: Bytes) => void; readonly reject: (error: unknown) => void }

export class MldsaThread implements AsyncDisposable {
  #worker: Worker | undefined
  /** Keys that the present worker has been given. */
  #given = new Set<number>()
  readonly #keys: Bytes[] = []
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  #isClosed = false

  /** A function that signs with this private key (PKCS#8), off the calling thread. */
  signerOf(pkcs8: Bytes): (message: Uint8Array) => Promise<Bytes> {
    const key = this.#keys.push(pkcs8) - 1
    return (message) => this.#sign(key, message)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
    this.#fail(new Error('the signing thread is closed'))
  }

  #sign(key: number, message: Uint8Array): Promise<Bytes> {
    if (this.#isClosed) return Promise.reject(new Error('the signing thread is closed'))
    const { promise, resolve, reject } = Promise.withResolvers<Bytes>()
    const id = this.#next++
    this.#worker ??= this.#start()
    const pkcs8 = this.#given.has(key) ? undefined : this.#keys[key]
    this.#given.add(key)
    this.#waiting.set(id, { resolve, reject })
    const request: MldsaRequest = { id, key, pkcs8, message }
    this.#worker.postMessage(request)
    return promise
  }

  #start(): Worker {
    const worker = new Worker(new URL('./mldsa-worker.ts', import.meta.url))
    worker.on('message', ({ id, signature }: MldsaResponse) => {
      this.#waiting.get(id)?.resolve(signature)
      this.#waiting.delete(id)
    })
    worker.once('error', (error) => this.#fail(error))
    worker.once('exit', (code) => this.#fail(new Error(`the signing thread ended with code ${code}`)))
    return worker
  }

  /** The next request starts a new worker. */
  #fail(error: unknown): void {
    this.#worker = undefined
    this.#given = new Set()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }
}
