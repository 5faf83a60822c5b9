// The way in for records: bodies are read, decoded and verified by a few threads, so that the one that
// answers, sequences and commits has only that to do. A thread is told a key when it has first met it; until
// then the engine verifies.
import { setImmediate } from 'node:timers/promises'
import { concat } from '@ledgerstone/core/bytes'
import type { StatementHeader } from '@ledgerstone/core/statement'
import type { Report } from '@ledgerstone/log/event'
import { encodeFrames } from '@ledgerstone/log/frames'
import { type Submission, submissionOf } from '@ledgerstone/log/submission'
import { type Dialogue, type Post, Threads } from '@ledgerstone/log/threads'
import { attempt, parseRecord, readBody, recordsOf } from './body.ts'
import { type Decoded, decodeDecoded, type IntakeMessage } from './intake-message.ts'

export type IntakeOptions = {
  /** 0: the calling thread decodes, and the engine verifies. */
  readonly threads: number
  /** The registered key of a statement, as SubjectPublicKeyInfo; undefined when there is none. */
  readonly keyOf: (header: StatementHeader) => Uint8Array | undefined
  readonly report: Report
}

type Task = {
  readonly body: Uint8Array
  readonly take: (records: readonly Decoded[]) => void
  readonly finish: () => void
  readonly fail: (error: unknown) => void
}

/** Records decoded at one go on the calling thread; other requests get a turn in between. */
const recordsPerTurn = 50

/** Keys that a thread keeps; then it forgets them all and is told anew. */
const keysMax = 16_384

export class Intake implements AsyncDisposable {
  readonly #threads: Threads<Task> | undefined

  constructor({ threads, keyOf, report }: IntakeOptions) {
    const script = new URL('./intake-worker.ts', import.meta.url)
    const dialogue = (): Dialogue<Task> => new Learning(keyOf)
    this.#threads = threads === 0 ? undefined : new Threads({ script, threads, dialogue, report })
  }

  /** The record of a body. Rejects with what `readBody`, `parseRecord` and `submissionOf` throw. */
  decode(body: Uint8Array, caller: string): Promise<Submission> {
    return new Promise((resolve, reject) => {
      const settle = (decoded: Decoded | undefined): void => {
        if (decoded instanceof Error || decoded === undefined) reject(decoded)
        else resolve(decoded)
      }
      if (this.#threads === undefined) return settle(attempt(() => submissionOf(parseRecord(readBody(body)))))
      const take = ([decoded]: readonly Decoded[]): void => settle(decoded)
      this.#threads.push(caller, { body, take, finish: () => undefined, fail: reject })
    })
  }

  /**
   * The records of a batch, in their order, some at a time. Rejects with what `readBody` and `recordsOf`
   * throw, or when a thread breaks down; what was taken until then is as it is.
   */
  async decodeBatch(
    body: Uint8Array,
    caller: string,
    take: (records: readonly Decoded[]) => void,
  ): Promise<void> {
    const threads = this.#threads
    if (threads === undefined) return await decodeHere(body, take)
    await new Promise<void>((resolve, reject) => {
      threads.pushLarge(caller, { body, take, finish: resolve, fail: reject })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads?.[Symbol.asyncDispose]()
  }
}

async function decodeHere(body: Uint8Array, take: Task['take']): Promise<void> {
  const records = recordsOf(readBody(body))
  for (let from = 0; from < records.length; from += recordsPerTurn) {
    if (from > 0) await setImmediate()
    const turn = records.slice(from, from + recordsPerTurn)
    take(turn.map((record) => attempt(() => submissionOf(parseRecord(record)))))
  }
}

/** Tells a thread the keys of the statements that it could not verify. */
class Learning implements Dialogue<Task> {
  readonly #keyOf: IntakeOptions['keyOf']
  readonly #told = new Set<string>()

  constructor(keyOf: IntakeOptions['keyOf']) {
    this.#keyOf = keyOf
  }

  ask(tasks: readonly Task[], post: Post, isLarge: boolean): void {
    const bodies = tasks.map(({ body }) => body)
    const bytes = isLarge ? concat(...bodies) : encodeFrames(bodies)
    const message: IntakeMessage = isLarge ? { batch: bytes } : { records: bytes }
    post(message, [bytes.buffer])
  }

  settle(tasks: readonly Task[], answer: Uint8Array<ArrayBuffer>, post: Post, isLast: boolean): void {
    const [first] = tasks
    const records = attempt(() => decodeDecoded(answer))
    if (records instanceof Error) {
      first?.fail(records)
      return
    }
    for (const record of records) this.#teach(record, post)
    if (tasks.length > 1) for (const [i, { take }] of tasks.entries()) take(records.slice(i, i + 1))
    else first?.take(records)
    if (isLast) for (const { finish } of tasks) finish()
  }

  fail({ fail }: Task, error: unknown): void {
    fail(error)
  }

  #teach(record: Decoded, post: Post): void {
    if (record instanceof Error || record.isSigned !== undefined) return
    const { kid, alg } = record.statement.header
    const name = `${alg} ${kid}`
    if (this.#told.has(name)) return
    const spki = this.#keyOf(record.statement.header)
    if (spki === undefined) return
    const forget = this.#told.size >= keysMax
    if (forget) this.#told.clear()
    this.#told.add(name)
    const message: IntakeMessage = { forget, kid, algorithm: alg, spki }
    post(message)
  }
}
