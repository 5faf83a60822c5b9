// Statement signatures, checked off the main thread by a few workers. The queue is fair and stays on this
// side: a worker has at most two small messages before it, so a batch of a thousand does not stand in front
// of everyone else. What comes in meanwhile makes the next message: each one costs as much as it takes to
// wake a thread, which is more than all else that this side does for a signature. The second message is a
// whole one or none: with it a worker goes on while this side is busy with a commit or with decoding.
import { Worker } from 'node:worker_threads'
import { verifierOf } from '@ledgerstone/core/primitives/node'
import type { Statement } from '@ledgerstone/core/statement'
import type { Report } from './event.ts'
import { FairQueue } from './fair-queue.ts'
import { encodeJobs, type NewKey, type VerifyMessage } from './verify-message.ts'

/** Called once: with whether the signature is good, or with why that could not be found out. */
export type Verdict = (isGood: boolean, error?: unknown) => void

type Task = {
  readonly statement: Statement
  readonly spki: Uint8Array
  readonly verdict: Verdict
}

const jobsPerMessageMax = 32
/** Fewer are not worth waking a second worker for, when the first has no more than `jobsSoonDone` left. */
const jobsPerMessageMin = 4
const jobsSoonDone = 8
const callerJobsMax = Number.POSITIVE_INFINITY
/** Parsed keys that a thread keeps; then it forgets them all and is told anew. */
const keysMax = 16_384

export class Verifiers implements AsyncDisposable {
  readonly #report: Report
  readonly #workers: VerifyingThread[]
  readonly #queue = new FairQueue<Task>()
  readonly #parsed = new Map<string, ReturnType<typeof verifierOf>>()
  #isFlushing = false
  #isClosed = false

  /** `workers` = 0 verifies on the calling thread. */
  constructor(workers: number, report: Report) {
    this.#report = report
    this.#workers = Array.from({ length: workers }, () => this.#start())
  }

  verify(statement: Statement, spki: Uint8Array, caller: string, verdict: Verdict): void {
    if (this.#workers.length === 0) {
      verdict(this.#verifyHere(statement, spki))
      return
    }
    this.#queue.push(caller, { statement, spki, verdict })
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      this.#flush()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    for (const task of this.#queue.drain()) task.verdict(false, new Error('the verifiers are closed'))
    await Promise.all(this.#workers.map((worker) => worker.close()))
  }

  #verifyHere({ header, signingInput, signature }: Statement, spki: Uint8Array): boolean {
    let verify = this.#parsed.get(header.kid)
    if (verify === undefined) {
      if (this.#parsed.size >= keysMax) this.#parsed.clear()
      verify = verifierOf(header.alg, spki)
      this.#parsed.set(header.kid, verify)
    }
    return verify(signingInput, signature) === true
  }

  /** Deals the queue out evenly, as far as the workers have room. */
  #flush(): void {
    while (this.#queue.size > 0 && !this.#isClosed && !this.#isWorthWaiting()) {
      const free = this.#workers.filter(({ messages }) => messages === 0)
      const worker = free[0] ?? this.#oneAhead()
      if (worker === undefined) return
      const share = Math.max(jobsPerMessageMin, Math.ceil(this.#queue.size / Math.max(1, free.length)))
      let room = Math.min(jobsPerMessageMax, share)
      worker.send(this.#queue.take(callerJobsMax, () => (room-- > 0 ? 'take' : 'stop')))
    }
  }

  /** A worker that may have a second message, if there is a whole one. */
  #oneAhead(): VerifyingThread | undefined {
    if (this.#queue.size < jobsPerMessageMax) return undefined
    return this.#workers.find(({ messages }) => messages === 1)
  }

  /** Whether the queue is short and a worker will ask for it soon. */
  #isWorthWaiting(): boolean {
    if (this.#queue.size >= jobsPerMessageMin) return false
    return this.#workers.some(({ jobs }) => jobs > 0 && jobs <= jobsSoonDone)
  }

  #start(): VerifyingThread {
    return new VerifyingThread({
      onRoom: () => this.#flush(),
      onFailure: (thread, error) => {
        if (this.#isClosed) return
        this.#report({ kind: 'worker-failed', error })
        this.#workers[this.#workers.indexOf(thread)] = this.#start()
        this.#flush()
      },
    })
  }
}

type Hooks = {
  readonly onRoom: () => void
  readonly onFailure: (thread: VerifyingThread, error: unknown) => void
}

/** One worker and the tasks of the messages that it has been sent and has not answered. */
class VerifyingThread {
  readonly #worker = new Worker(new URL('./verify-worker.ts', import.meta.url))
  /** What it is at comes first. */
  readonly #sent: (readonly Task[])[] = []
  readonly #numbers = new Map<string, number>()

  constructor({ onRoom, onFailure }: Hooks) {
    this.#worker.on('message', (verdicts: Uint8Array) => {
      const tasks = this.#sent.shift() ?? []
      onRoom()
      for (const [i, { verdict }] of tasks.entries()) verdict(verdicts[i] === 1)
    })
    const fail = (error: unknown): void => {
      const tasks = this.#sent.splice(0).flat()
      onFailure(this, error)
      for (const { verdict } of tasks) verdict(false, error)
    }
    this.#worker.once('error', fail)
    this.#worker.once('exit', (code) => {
      if (this.#sent.length > 0) fail(new Error(`a verifying thread ended with code ${code}`))
    })
  }

  get messages(): number {
    return this.#sent.length
  }

  get jobs(): number {
    return this.#sent.reduce((jobs, tasks) => jobs + tasks.length, 0)
  }

  send(tasks: readonly Task[]): void {
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
    this.#sent.push(tasks)
    if (forget || keys.length > 0) this.#post({ forget, keys })
    this.#post(encodeJobs(jobs))
  }

  #post(message: VerifyMessage): void {
    this.#worker.postMessage(message)
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}
