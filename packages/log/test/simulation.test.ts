import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { formatHex, utf8 } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { MemoryStore } from '@ledgerstone/stores/memory'
import fc from 'fast-check'
import type { Appended } from '../src/bucket.ts'
import type { Log } from '../src/log.ts'
import type { Submission } from '../src/submission.ts'
import { FaultyStore } from './faulty-store.ts'
import { replayed } from './replayed.ts'
import { createSample, openPayments, openSample, type Sample, seal } from './sample.ts'

// Random histories of two processes on one store: appends alone and in batches, the same records again, other
// records under the same ids, commits that are lost or kept without an answer, crashes. The model knows two
// things: what was ever acknowledged stays where it was, and nothing is there twice.

const runs = Number(process.env['SIMULATION_RUNS'] ?? 25)
const seed = Number(process.env['SIMULATION_SEED'] ?? Date.now() % 2 ** 31)
console.log(`simulation: seed ${seed}, ${runs} runs (SIMULATION_SEED, SIMULATION_RUNS)`)

const records = await Promise.all(Array.from({ length: 12 }, (_, i) => sealOf(i, 'a record')))
const others = await Promise.all(Array.from({ length: 12 }, (_, i) => sealOf(i, 'another record')))

function sealOf(i: number, text: string): Promise<Submission> {
  return seal({ id: `0190b1a2-0000-7000-8000-${String(i).padStart(12, '0')}`, record: utf8(text) })
}

type Step =
  | {
      readonly kind: 'append'
      readonly process: number
      readonly records: readonly number[]
      readonly other: boolean
    }
  | { readonly kind: 'fail'; readonly how: 'lost' | 'kept' | 'full' }
  | { readonly kind: 'unreadable'; readonly process: number; readonly times: number }
  | { readonly kind: 'crash'; readonly process: number }
  | { readonly kind: 'settle' }

const which = fc.nat({ max: 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      process: which,
      records: fc.array(fc.nat({ max: records.length - 1 }), { minLength: 1, maxLength: 4 }),
      other: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      how: fc.constantFrom('lost', 'kept', 'full'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('unreadable' as const),
      process: which,
      times: fc.integer({ min: 1, max: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), process: which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
)

/** A process: its log, over a store of its own view that ends with it. */
type Process = { readonly log: Log; readonly store: FaultyStore }

class World {
  readonly memory = new MemoryStore()
  readonly processes: Process[] = []
  readonly gone: Process[] = []
  readonly acknowledged = new Map<number, Appended>()
  readonly waiting = new Set<Promise<void>>()
  sample!: Sample

  async begin(): Promise<void> {
    this.sample = await createSample(this.memory)
    const first = await openPayments(this.sample, { publishIntervalMs: Number.POSITIVE_INFINITY })
    await first[Symbol.asyncDispose]()
    this.processes.push(await this.#open(), await this.#open())
  }

  async take(next: Step): Promise<void> {
    if (next.kind === 'append') this.#append(next)
    else if (next.kind === 'fail') this.memory.failNextAppend('payments', next.how)
    else if (next.kind === 'unreadable') this.processes[next.process]?.store.fail('hashes', next.times)
    else if (next.kind === 'crash') await this.#crash(next.process)
    else await Promise.all(this.waiting)
  }

  /** What is acknowledged must be what was acknowledged before, wherever it is asked. */
  #append({ process, records: chosen, other }: Extract<Step, { kind: 'append' }>): void {
    const submissions = chosen.map((i) => (other ? others[i] : records[i]) as Submission)
    const { log } = this.processes[process] as Process
    const answered = log.bucket('payments').appendBatch(submissions, `process ${process}`)
    const checked = answered.then((results) => {
      for (const [i, result] of results.entries()) this.#check(chosen[i] as number, other, result)
    })
    this.waiting.add(checked)
    checked.finally(() => this.waiting.delete(checked)).catch(() => undefined)
  }

  #check(record: number, other: boolean, result: Appended | Error): void {
    if (result instanceof Error) {
      assert(result instanceof Refused, String(result))
      const codes = ['outcome-unknown', 'id-reused', 'store-full', 'read-only', 'stopping']
      assert(codes.includes(result.code), result.code)
      return
    }
    const key = other ? record + records.length : record
    const before = this.acknowledged.get(key)
    if (before !== undefined) {
      assert.deepEqual([result.index, formatHex(result.hash)], [before.index, formatHex(before.hash)])
    }
    const rival = other ? record : record + records.length
    assert(!this.acknowledged.has(rival), `two records have the id of ${record}`)
    this.acknowledged.set(key, result)
  }

  /** The process is gone with everything in its memory; a commit that is on its way may still arrive. */
  async #crash(process: number): Promise<void> {
    const crashed = this.processes[process] as Process
    crashed.store.cut()
    this.gone.push(crashed)
    this.processes[process] = await this.#open()
  }

  async #open(): Promise<Process> {
    const store = new FaultyStore(this.memory)
    const log = await openSample({ ...this.sample, store }, { publishIntervalMs: Number.POSITIVE_INFINITY })
    assert.deepEqual(log.bucket('payments').state, { kind: 'open' })
    return { log, store }
  }

  /** Everything settles, and then the store tells the same story as the answers did. */
  async end(): Promise<void> {
    await Promise.all(this.waiting)
    const last = await this.#open()
    const ids = await replayed(this.memory, 'payments')
    const keys = [...this.acknowledged.keys()]
    for (const key of keys) {
      const { index } = this.acknowledged.get(key) as Appended
      assert.equal(ids[index], submissionOf(key).statement.payload.id)
    }
    const payments = last.log.bucket('payments')
    for (const result of await payments.appendBatch(keys.map(submissionOf), 'end')) {
      assert(!(result instanceof Error) && result.duplicate, String(result))
    }
    assert.deepEqual(payments.head, await this.memory.head('payments'))
    for (const { log } of [...this.processes, ...this.gone, last]) {
      await log[Symbol.asyncDispose]()
      assert.equal(log.bucket('payments').poolBytes, 0)
    }
  }
}

function submissionOf(key: number): Submission {
  return (key < records.length ? records[key] : others[key - records.length]) as Submission
}

test('whatever is acknowledged stays, once, in random histories of two processes', async () => {
  const history = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const world = new World()
    await world.begin()
    for (const next of steps) await world.take(next)
    await world.end()
  })
  await fc.assert(history, { seed, numRuns: runs, endOnFailure: true })
})
