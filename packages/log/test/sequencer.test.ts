import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import { MemoryStore } from '@ledgerstone/stores/memory'
import { until } from '../../core/test/until.ts'
import { type Admitted, identify } from '../src/admit.ts'
import { HeadSigner } from '../src/checkpoint.ts'
import type { Report } from '../src/event.ts'
import { MldsaThread } from '../src/mldsa.ts'
import type { Pending } from '../src/pool.ts'
import type { Outcome } from '../src/sequence.ts'
import { Sequencer } from '../src/sequencer.ts'
import { keys, ledger, seal, signerFor, start } from './sample.ts'

const origin = `${ledger}/payments`

async function openSequencer(store = new MemoryStore(), counts: number[] = []): Promise<Sequencer> {
  await store.create('payments')
  const report: Report = (event) => event.kind === 'committed' && counts.push(event.count)
  const sequencer = new Sequencer({
    ...{ bucket: 'payments', store, now: () => start, report },
    rules: {
      ...{ recordsMax: 100, verifiesAhead: true },
      admit: () => assert.fail('not asked'),
      setting: () => ({ keys: 5, judge: () => undefined }),
      approve: async () => () => undefined,
      catchUp: async () => undefined,
    },
    signer: new HeadSigner(origin, await signerFor('payments'), new MldsaThread()),
    checkLogKeys: () => undefined,
    onHead: () => undefined,
  })
  await sequencer.open()
  return sequencer
}

async function admitted(): Promise<Admitted> {
  return identify(await seal(), { owner: 'sealer', spki: keys.statement.spki }, origin)
}

test('a record waits for the verdict on the one before it of the same caller, good or bad', async () => {
  const sequencer = await openSequencer()
  for (const isGood of [true, false]) {
    const outcomes: Outcome[] = []
    const add = async (): Promise<Pending> =>
      sequencer.pool.add(await admitted(), 'a', (one) => void outcomes.push(one))
    const [first, second] = [await add(), await add()]
    const { size } = sequencer.signed.head
    sequencer.ready(second)
    const other = sequencer.pool.add(await admitted(), 'b', () => undefined)
    sequencer.ready(other)
    await until(() => sequencer.signed.head.size === size + 1, 'another caller goes on')
    assert.equal(outcomes.length, 0)
    if (isGood) sequencer.ready(first)
    else sequencer.refuse(first, new Refused('bad-signature', 'no'))
    await until(() => outcomes.length === 2, 'both are answered')
    const indexes = outcomes.map((outcome) =>
      outcome.kind === 'placed' ? outcome.index - size : outcome.kind,
    )
    assert.deepEqual(indexes, isGood ? [1, 2] : ['refused', 1])
  }
  assert.equal(sequencer.pool.bytes, 0)
  await sequencer.close()
})

test('a commit waits a little for records whose signatures are being checked', async () => {
  const counts: number[] = []
  const sequencer = await openSequencer(new MemoryStore(), counts)
  const records = await Promise.all(Array.from({ length: 5 }, admitted))
  const [a, b, c, d, e] = records.map((record, i) => sequencer.pool.add(record, `${i}`, () => undefined))
  assert(a && b && c && d && e)
  assert.equal(sequencer.pool.coming, 5)
  sequencer.ready(a)
  sequencer.refuse(b, new Refused('bad-signature', 'no'))
  sequencer.ready(c)
  await Promise.resolve()
  sequencer.ready(d)
  sequencer.ready(e)
  await until(() => sequencer.signed.head.size === 4, 'all are committed')
  assert.deepEqual(counts, [4])
  const [first, late] = (await Promise.all([admitted(), admitted()])).map((record) =>
    sequencer.pool.add(record, 'f', () => undefined),
  )
  assert(first && late)
  sequencer.ready(first)
  await until(() => sequencer.signed.head.size === 5, 'it does not wait for long')
  sequencer.ready(late)
  await until(() => sequencer.signed.head.size === 6, 'the other follows')
  assert.deepEqual(counts, [4, 1, 1])
  assert.deepEqual([sequencer.pool.ready, sequencer.pool.coming, sequencer.pool.bytes], [0, 0, 0])
  await sequencer.close()
})

test('a record that comes just as the loop ends is not left behind', async () => {
  const sequencer = await openSequencer()
  for (let round = 0; round < 50; round++) {
    const record = await admitted()
    const next = await admitted()
    let answered = 0
    // The answer of one record brings the next one, at a different moment of the loop's end each time.
    const append = (one: Admitted, then?: () => void): void => {
      const settle = (): void => {
        answered++
        then?.()
      }
      sequencer.ready(sequencer.pool.add(one, 'a', settle))
    }
    append(record, () => {
      let wait = Promise.resolve()
      for (let i = 0; i < round % 10; i++) wait = wait.then(() => undefined)
      wait.then(() => append(next)).catch(() => undefined)
    })
    await until(() => answered === 2, `both of round ${round} are answered`)
  }
  await sequencer.close()
})
