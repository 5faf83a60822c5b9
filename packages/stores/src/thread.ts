// Calls into a thread of our own: SQLite is synchronous, and its page writes and long queries must not hold
// up commits.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { RefusalCode } from '@ledgerstone/core/refused'
import { Refused } from '@ledgerstone/core/refused'

/** What a thread can be asked, by name; arguments and results are copied. */
export type Calls<T> = { readonly [K in keyof T]: (...args: never[]) => unknown }

type Failure = {
  readonly message: string
  readonly refused?: RefusalCode
  readonly errcode?: unknown
  readonly stack?: string | undefined
}
type Question = { readonly id: number; readonly name: PropertyKey; readonly args: readonly unknown[] }
type Message =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure; readonly isLast: boolean }
  | { readonly kind: 'report'; readonly text: string }
/** A worker, and the questions that it has not answered. */
type Running = { readonly worker: Worker; readonly waiting: Map<number, Waiting> }
type Waiting = { readonly resolve: (result: unknown) => void; readonly reject: (error: unknown) => void }

/** A thread that runs one module. It starts when it is first asked, and again should it have died. */
export class Thread<T extends Calls<T>> implements AsyncDisposable {
  readonly #module: URL
  readonly #input: string
  readonly #report: (text: string) => void
  #running: Running | undefined
  #next = 0

  /** `input` is what the module is started with; it must say which module is meant. */
  constructor(module: URL, input: string, report: (text: string) => void) {
    this.#module = module
    this.#input = input
    this.#report = report
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  async ask<K extends keyof T>(name: K, ...args: Parameters<T[K]>): Promise<Awaited<ReturnType<T[K]>>> {
    this.#running ??= this.#start()
    const { worker, waiting } = this.#running
    const id = this.#next++
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    waiting.set(id, { resolve, reject })
    worker.ref()
    worker.postMessage({ id, name, args } satisfies Question)
    return (await promise) as Awaited<ReturnType<T[K]>>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.worker.terminate()
  }

  #start(): Running {
    const worker = new Worker(this.#module, { workerData: this.#input })
    const waiting = new Map<number, Waiting>()
    const running = { worker, waiting }
    const end = (error: unknown): void => {
      if (this.#running === running) this.#running = undefined
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
    worker.on('message', (message: Message) => {
      if (message.kind === 'report') return this.#report(message.text)
      const asked = waiting.get(message.id)
      waiting.delete(message.id)
      if (waiting.size === 0) worker.unref()
      if (message.kind === 'result') return asked?.resolve(message.result)
      const error = errorOf(message.failure)
      asked?.reject(error)
      if (message.isLast) end(error)
    })
    worker.on('error', end)
    worker.on('exit', () => end(new Error('the thread has ended')))
    return running
  }
}

/**
 * To be called by the module that a thread runs: answers its questions, when it is one that was started with
 * an input that `open` takes. `open` gets that input and gives the calls; should it throw, what was asked is
 * answered so, and the thread ends: the next question starts another one, which tries again.
 */
export function serve<T extends Calls<T>>(
  open: (input: string, report: (text: string) => void) => T | undefined,
): void {
  const port = parentPort
  if (isMainThread || port === null || typeof workerData !== 'string') return
  let calls: T | undefined
  let failed: unknown
  try {
    calls = open(workerData, (text) => port.postMessage({ kind: 'report', text } satisfies Message))
    if (calls === undefined) return
  } catch (error) {
    failed = error
  }
  port.on('message', async ({ id, name, args }: Question) => {
    try {
      if (calls === undefined) throw failed
      const call: (...args: never[]) => unknown = calls[name as keyof T]
      const result: unknown = await Reflect.apply(call, undefined, args)
      port.postMessage({ kind: 'result', id, result } satisfies Message)
    } catch (error) {
      const isLast = calls === undefined
      port.postMessage({ kind: 'failure', id, failure: failureOf(error), isLast } satisfies Message)
      if (isLast) port.close()
    }
  })
}

/** A copied error keeps its message only; these are the other things that somebody looks at. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) }
  const { message, stack } = error
  if (error instanceof Refused) return { message, stack, refused: error.code }
  return { message, stack, ...('errcode' in error && { errcode: error.errcode }) }
}

function errorOf({ message, refused, errcode, stack }: Failure): Error {
  const cause = { cause: stack }
  return refused === undefined
    ? Object.assign(new Error(message, cause), { errcode })
    : new Refused(refused, message, cause)
}
