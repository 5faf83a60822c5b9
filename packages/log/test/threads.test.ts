import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { LogEvent } from '../src/event.ts'
import { type Dialogue, Threads } from '../src/threads.ts'

/**
 * Answers small tasks with their numbers, a large one by as many slices as its number, a turn each; small
 * task 250 ends it.
 */
const program = `
import { parentPort } from 'node:worker_threads'
import { setImmediate } from 'node:timers/promises'
let isEnough = false
parentPort.on('message', async ({ small, large }) => {
  if (small?.includes(13)) process.exit(13)
  isEnough ||= small?.includes(250) === true
  if (small) return parentPort.postMessage(Uint8Array.from(small))
  for (let i = 1, isLast = false; !isLast; i++) {
    await setImmediate()
    if (i === 99 && large === 100) process.exit(99)
    isLast = i === large || isEnough
    parentPort.postMessage({ slice: Uint8Array.of(i), isLast })
  }
})`
const script = new URL(`data:text/javascript,${encodeURIComponent(program)}`)

type Task = { readonly number: number; readonly answers: number[]; readonly done: (error?: unknown) => void }

const dialogue = (): Dialogue<Task> => ({
  ask(tasks, post, isLarge) {
    const numbers = tasks.map(({ number }) => number)
    post(isLarge ? { large: numbers[0] } : { small: numbers })
  },
  settle(tasks, answer, _post, isLast) {
    for (const [i, { answers }] of tasks.entries()) answers.push(answer[i] as number)
    if (isLast) for (const { done } of tasks) done()
  },
  fail: ({ done }, error) => done(error),
})

type Asked = { readonly answers: readonly number[]; readonly settled: Promise<void> }

function start(threads: number, events: LogEvent[] = []): Ask & AsyncDisposable {
  const all = new Threads({ script, threads, dialogue, report: (event) => void events.push(event) })
  const ask = (number: number, push: (task: Task) => void): Asked => {
    const answers: number[] = []
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    push({ number, answers, done: (error) => (error === undefined ? resolve() : reject(error)) })
    return { answers, settled: promise }
  }
  return {
    small: (number) => ask(number, (task) => all.push('caller', task)),
    large: (number) => ask(number, (task) => all.pushLarge('caller', task)),
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  }
}

type Ask = { small(number: number): Asked; large(number: number): Asked }

for (const count of [1, 3]) {
  test(`${count} threads: each task gets its own answer, a large one all its slices in order`, async () => {
    await using threads = start(count)
    const small = Array.from({ length: 200 }, (_, i) => threads.small(i === 13 ? 14 : i))
    const large = [5, 1, 30, 7].map((number) => threads.large(number))
    await Promise.all([...small, ...large].map(({ settled }) => settled))
    assert.deepEqual(
      small.map(({ answers }) => answers),
      small.map((_, i) => [i === 13 ? 14 : i]),
    )
    assert.deepEqual(
      large.map(({ answers }) => answers.at(-1)),
      [5, 1, 30, 7],
    )
    assert.deepEqual(
      large[2]?.answers,
      Array.from({ length: 30 }, (_, i) => i + 1),
    )
  })
}

test('small tasks are answered while the only thread is at a large one', async () => {
  await using threads = start(1)
  const large = threads.large(1_000_000)
  for (let i = 0; i < 5; i++) await threads.small(i).settled
  await threads.small(250).settled
  await large.settled
  assert(large.answers.length < 1_000_000, 'all slices came first')
})

test('a thread that ends fails what it had, large and small, and another does the rest', async () => {
  const events: LogEvent[] = []
  await using threads = start(1, events)
  const broken = [threads.large(1_000_000), threads.small(1), threads.small(13)]
  const next = threads.large(3)
  const settled = await Promise.allSettled(broken.map((asked) => asked.settled))
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  await next.settled
  assert.deepEqual(next.answers, [1, 2, 3])
  await threads.small(4).settled
  const half = threads.large(100)
  await assert.rejects(half.settled, /ended with code 99/)
  assert.equal(half.answers.length, 98)
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['worker-failed', 'worker-failed'],
  )
})

test('closed, they fail what waits', async () => {
  const threads = start(1)
  const asked = [threads.large(50), threads.large(50), ...Array.from({ length: 100 }, () => threads.small(1))]
  const settled = Promise.allSettled(asked.map((each) => each.settled))
  await threads[Symbol.asyncDispose]()
  assert((await settled).some(({ status }) => status === 'rejected'))
})
