// Work that a few threads share, fairly between callers. The queue stays on this side: a thread has at most
// two messages of small tasks before it, so that a thousand of one caller do not stand in front of everyone
// else's. What comes in meanwhile makes the next message: each one costs as much as it takes to wake a
// thread, which is more than all else that this side does for a task. The second message is a whole one or
// none: with it a thread goes on while this side is busy with a commit.
//
// A large task goes to a thread beside the small ones, one at a time; the thread does it by slices, answers
// each, and takes what else has come in between.
import { type Transferable, Worker } from 'node:worker_threads'
import type { Report } from './event.ts'
import { FairQueue } from './fair-queue.ts'

/** What a thread answers: to the oldest message of small tasks that is open, or a slice of its large task. */
export type Answer =
  | Uint8Array<ArrayBuffer>
  | { readonly slice: Uint8Array<ArrayBuffer>; readonly isLast: boolean }

export type Post = (message: unknown, transfer?: readonly Transferable[]) => void

/** How one thread is spoken to; there is one for each thread, so it may remember what it has told it. */
export interface Dialogue<T> {
  /**
   * Posts the message of these small tasks or of one large one, which is answered, and before it what it
   * needs, which is not.
   */
  ask(tasks: readonly T[], post: Post, isLarge: boolean): void
  /** The answer to these tasks; for a large one it is a slice of it, and there are more unless `isLast`. */
  settle(tasks: readonly T[], answer: Uint8Array<ArrayBuffer>, post: Post, isLast: boolean): void
  /** The thread broke down. */
  fail(task: T, error: unknown): void
}

export type ThreadsOptions<T> = {
  readonly script: URL
  readonly threads: number
  readonly dialogue: () => Dialogue<T>
  readonly report: Report
}

const tasksPerMessageMax = 32
/** Fewer are not worth waking a second thread for, when the first has no more than `tasksSoonDone` left. */
const tasksPerMessageMin = 4
const tasksSoonDone = 8
/** As many wait for no others: while this side takes in the rest of what has come, a free thread works. */
const tasksAtOnce = 8
const callerTasksMax = Number.POSITIVE_INFINITY

export class Threads<T> implements AsyncDisposable {
  readonly #options: ThreadsOptions<T>
  readonly #threads: Thread<T>[]
  readonly #small = new FairQueue<T>()
  readonly #large = new FairQueue<T>()
  /** Fails what is never sent. */
  readonly #nobody: Dialogue<T>
  #isFlushing = false
  #isClosed = false

  constructor(options: ThreadsOptions<T>) {
    this.#options = options
    this.#nobody = options.dialogue()
    this.#threads = Array.from({ length: options.threads }, () => this.#start())
  }

  push(caller: string, task: T): void {
    this.#small.push(caller, task)
    const isEnough = this.#small.size >= tasksAtOnce
    if (isEnough && this.#threads.some(({ messages }) => messages === 0)) this.#flush()
    else this.#flushSoon()
  }

  pushLarge(caller: string, task: T): void {
    this.#large.push(caller, task)
    this.#flushSoon()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const error = new Error('the threads are closed')
    for (const task of [...this.#small.drain(), ...this.#large.drain()]) this.#nobody.fail(task, error)
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  /** What comes in at one go is dealt out at one go. */
  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      this.#flush()
    })
  }

  /** Deals the queues out evenly, as far as the threads have room. */
  #flush(): void {
    if (this.#isClosed) return
    for (const thread of this.#threads) {
      if (this.#large.size === 0) break
      if (!thread.hasLarge) for (const task of this.#take(this.#large, 1)) thread.sendLarge(task)
    }
    while (this.#small.size > 0 && !this.#isWorthWaiting()) {
      const free = this.#threads.filter(({ messages }) => messages === 0)
      const thread = free.find(({ hasLarge }) => !hasLarge) ?? free[0] ?? this.#oneAhead()
      if (thread === undefined) return
      const share = Math.max(tasksPerMessageMin, Math.ceil(this.#small.size / Math.max(1, free.length)))
      thread.send(this.#take(this.#small, Math.min(tasksPerMessageMax, share)))
    }
  }

  #take(queue: FairQueue<T>, count: number): readonly T[] {
    let room = count
    return queue.take(callerTasksMax, () => (room-- > 0 ? 'take' : 'stop'))
  }

  /** A thread that may have a second message, if there is a whole one. */
  #oneAhead(): Thread<T> | undefined {
    if (this.#small.size < tasksPerMessageMax) return undefined
    return this.#threads.find(({ messages }) => messages === 1)
  }

  /** Whether the queue is short and a thread will ask for it soon. */
  #isWorthWaiting(): boolean {
    if (this.#small.size >= tasksPerMessageMin) return false
    return this.#threads.some(({ tasks, hasLarge }) => tasks > 0 && tasks <= tasksSoonDone && !hasLarge)
  }

  #start(): Thread<T> {
    const { script, dialogue, report } = this.#options
    return new Thread(script, dialogue(), {
      onRoom: () => this.#flush(),
      onFailure: (thread, error) => {
        if (this.#isClosed) return
        report({ kind: 'worker-failed', error })
        this.#threads[this.#threads.indexOf(thread)] = this.#start()
        this.#flush()
      },
    })
  }
}

type Hooks<T> = {
  readonly onRoom: () => void
  readonly onFailure: (thread: Thread<T>, error: unknown) => void
}

/** One thread and the tasks that it has been sent and has not answered. */
class Thread<T> {
  readonly #worker: Worker
  readonly #dialogue: Dialogue<T>
  readonly #hooks: Hooks<T>
  /** Messages of small tasks; what it is at comes first. */
  readonly #sent: (readonly T[])[] = []
  #large: { readonly task: T } | undefined

  constructor(script: URL, dialogue: Dialogue<T>, hooks: Hooks<T>) {
    this.#worker = new Worker(script)
    this.#dialogue = dialogue
    this.#hooks = hooks
    this.#worker.on('message', (answer: Answer) => this.#settle(answer))
    this.#worker.once('error', (error) => this.#fail(error))
    this.#worker.once('exit', (code) => {
      if (this.#sent.length > 0 || this.hasLarge) this.#fail(new Error(`a thread ended with code ${code}`))
    })
  }

  /** Of small tasks. */
  get messages(): number {
    return this.#sent.length
  }

  get tasks(): number {
    return this.#sent.reduce((sum, tasks) => sum + tasks.length, 0)
  }

  get hasLarge(): boolean {
    return this.#large !== undefined
  }

  send(tasks: readonly T[]): void {
    this.#sent.push(tasks)
    this.#dialogue.ask(tasks, this.#post, false)
  }

  sendLarge(task: T): void {
    this.#large = { task }
    this.#dialogue.ask([task], this.#post, true)
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  readonly #post: Post = (message, transfer = []) => this.#worker.postMessage(message, transfer)

  #settle(answer: Answer): void {
    if (answer instanceof Uint8Array) {
      const tasks = this.#sent.shift() ?? []
      this.#hooks.onRoom()
      this.#dialogue.settle(tasks, answer, this.#post, true)
      return
    }
    const large = this.#large
    if (large === undefined) return
    if (answer.isLast) this.#large = undefined
    this.#hooks.onRoom()
    this.#dialogue.settle([large.task], answer.slice, this.#post, answer.isLast)
  }

  #fail(error: unknown): void {
    const tasks = [...this.#sent.splice(0).flat(), ...(this.#large === undefined ? [] : [this.#large.task])]
    this.#large = undefined
    this.#hooks.onFailure(this, error)
    for (const task of tasks) this.#dialogue.fail(task, error)
  }
}
