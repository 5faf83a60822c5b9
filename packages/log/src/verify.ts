// Statement signatures, checked off the main thread by a few threads.
import { verifierOf } from '@ledgerstone/core/primitives/node'
import type { Statement } from '@ledgerstone/core/statement'
import type { Report } from './event.ts'
import { type Dialogue, type Post, Threads } from './threads.ts'
import { encodeJobs, type NewKey, type VerifyMessage } from './verify-message.ts'

/** Called once: with whether the signature is good, or with why that could not be found out. */
export type Verdict = (isGood: boolean, error?: unknown) => void

/** What of a statement is looked at. */
export type Signed = Pick<Statement, 'header' | 'signingInput' | 'signature'>

type Task = {
  readonly statement: Signed
  readonly spki: Uint8Array
  readonly verdict: Verdict
}

/** Parsed keys that a thread keeps; then it forgets them all and is told anew. */
const keysMax = 16_384

export class Verifiers implements AsyncDisposable {
  readonly #threads: Threads<Task> | undefined
  readonly #parsed = new Map<string, ReturnType<typeof verifierOf>>()

  /** `threads` = 0 verifies on the calling thread. */
  constructor(threads: number, report: Report) {
    const script = new URL('./verify-worker.ts', import.meta.url)
    const dialogue = (): Dialogue<Task> => new Numbered()
    this.#threads = threads === 0 ? undefined : new Threads({ script, threads, dialogue, report })
  }

  verify(statement: Signed, spki: Uint8Array, caller: string, verdict: Verdict): void {
    if (this.#threads === undefined) verdict(this.#verifyHere(statement, spki))
    else this.#threads.push(caller, { statement, spki, verdict })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads?.[Symbol.asyncDispose]()
  }

  #verifyHere({ header, signingInput, signature }: Signed, spki: Uint8Array): boolean {
    let verify = this.#parsed.get(header.kid)
    if (verify === undefined) {
      if (this.#parsed.size >= keysMax) this.#parsed.clear()
      verify = verifierOf(header.alg, spki)
      this.#parsed.set(header.kid, verify)
    }
    return verify(signingInput, signature) === true
  }
}

/** Jobs name keys by numbers, of which the thread is told once. */
class Numbered implements Dialogue<Task> {
  readonly #numbers = new Map<string, number>()

  ask(tasks: readonly Task[], post: Post): void {
    const send = (message: VerifyMessage): void => post(message)
    const keys: NewKey[] = []
    const forget = this.#numbers.size + tasks.length > keysMax
    if (forget) this.#numbers.clear()
    const jobs = tasks.map(({ statement: { header, signingInput, signature }, spki }) => {
      let key = this.#numbers.get(header.kid)
      if (key === undefined) {
        key = this.#numbers.size
        this.#numbers.set(header.kid, key)
        keys.push({ number: key, algorithm: header.alg, spki })
      }
      return { key, signed: signingInput, signature }
    })
    if (forget || keys.length > 0) send({ forget, keys })
    send(encodeJobs(jobs))
  }

  settle(tasks: readonly Task[], verdicts: Uint8Array): void {
    for (const [i, { verdict }] of tasks.entries()) verdict(verdicts[i] === 1)
  }

  fail({ verdict }: Task, error: unknown): void {
    verdict(false, error)
  }
}
