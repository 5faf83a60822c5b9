// The page's end of messages.ts.
import type { TokenSource } from '@ledgerstone/client/http'
import {
  type Answer,
  errorOf,
  type QuestionName,
  type Questions,
  type Setting,
  type TokenQuestion,
  viewError,
} from './messages.ts'

/** A worker that is asked; one serves the whole page. */
export class Proof implements Disposable {
  readonly #worker: Worker
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #ready = Promise.withResolvers<boolean>()
  #token: TokenSource
  #asked = 0

  constructor(worker: Worker, token: TokenSource) {
    this.#worker = worker
    this.#token = token
    worker.addEventListener('message', ({ data }: MessageEvent<Answer | TokenQuestion>) => {
      if ('token' in data) void this.#answerToken(data)
      else this.#take(data)
    })
    worker.addEventListener('error', ({ message }) => this.#fail(new Error(`the worker stopped: ${message}`)))
  }

  /** False: this browser stores nothing for this page, so that nothing will be remembered. */
  get remembers(): Promise<boolean> {
    return this.#ready.promise
  }

  /** Where tokens come from: another session, after a person has signed in. */
  set token(source: TokenSource) {
    this.#token = source
  }

  configure(setting: Setting): Promise<undefined> {
    return this.ask('configure', setting)
  }

  /** Throws what the worker's part throws. */
  async ask<N extends QuestionName>(name: N, input: Questions[N]['input']): Promise<Questions[N]['value']> {
    await this.#ready.promise
    const answer = Promise.withResolvers<unknown>()
    const id = ++this.#asked
    this.#waiting.set(id, answer)
    this.#worker.postMessage({ id, name, input })
    return answer.promise as Promise<Questions[N]['value']>
  }

  [Symbol.dispose](): void {
    this.#worker.terminate()
    this.#fail(new Error('the page was left'))
  }

  #take(answer: Answer): void {
    if (answer.id === 0) {
      this.#ready.resolve('value' in answer && answer.value === true)
      return
    }
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('value' in answer) waiting?.resolve(answer.value)
    else waiting?.reject(errorOf(answer.error))
  }

  async #answerToken({ token, rejected }: TokenQuestion): Promise<void> {
    try {
      this.#worker.postMessage({ token, value: await this.#token(rejected) })
    } catch (error) {
      this.#worker.postMessage({ token, error: viewError(error) })
    }
  }

  #fail(error: Error): void {
    this.#ready.resolve(false)
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
