// Every write, cut and sync of the file store fails in every way; nothing acknowledged may be lost, nothing
// doubled.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import type { Head } from '@ledgerstone/log/store'
import fc from 'fast-check'
import { emptyHead } from '../src/batch.ts'
import { openForAudit } from '../src/file/audit.ts'
import { FileStore } from '../src/file/store.ts'
import type { TestBatch } from './batches.ts'
import { batchOf, blocksOf } from './batches.ts'
import { temporaryFolder } from './folders.ts'
import { Model } from './model.ts'
import type { Call, Fault } from './simulated-disk.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { refusedWith } from './store-contract.ts'

const bucket = 'payments'
/** So short that the journal turns every few batches. */
const journalBytesMax = 3_000
const counts = [3, 20, 250, 2, 30]

/**
 * Appends all batches; after an error it does what the engine does: reads the head and goes on from there.
 */
async function appendAll(store: FileStore, model: Model): Promise<number> {
  let errors = 0
  for (let i = 0; i < counts.length; ) {
    const { batch, next } = batchOf(model.head.size, blocksOf(counts[i]!, `batch ${i}`))
    const error = await store.append(bucket, model.head, batch, next).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (error === undefined) {
      model.append({ batch, next })
      i++
      continue
    }
    assert(++errors < 4, `appends go on: ${String(error)}`)
    if (error instanceof Refused) assert.match(error.code, /^(store-full|read-only)$/)
    else await checkInDoubt(store, model, { batch, next })
    const head = await headOf(store)
    if (head.size > model.head.size) {
      assert(!(error instanceof Refused), 'a refusal has changed nothing')
      model.append({ batch, next })
      i++
    }
    await model.check(store, bucket)
  }
  return errors
}

async function checkInDoubt(store: FileStore, model: Model, { batch, next }: TestBatch): Promise<void> {
  const again = store.append(bucket, model.head, batch, next)
  await assert.rejects(again, refusedWith('read-only'), 'a bucket in doubt takes no appends')
}

/** The recovery meets the fault, too; it is then asked for once more. */
async function headOf(store: FileStore): Promise<Head> {
  return await store.head(bucket).catch(async () => await store.head(bucket))
}

async function callsOfOneRun(): Promise<readonly Call[]> {
  await using folder = await temporaryFolder('memory')
  const disk = new SimulatedDisk()
  const store = await FileStore.open(folder.path, { operations: disk.operations, journalBytesMax })
  await store.create(bucket)
  assert.equal(await appendAll(store, new Model()), 0)
  await store[Symbol.asyncDispose]()
  return disk.calls
}

async function runWithFaults(...faults: readonly (readonly [call: number, fault: Fault])[]): Promise<void> {
  await using folder = await temporaryFolder('memory')
  const disk = new SimulatedDisk()
  for (const [call, fault] of faults) disk.failing.set(call, fault)
  let store = await FileStore.open(folder.path, { operations: disk.operations, journalBytesMax })
  await store.create(bucket)
  const model = new Model()
  await headOf(store)
  await appendAll(store, model)
  await headOf(store)
  await model.check(store, bucket)
  await store[Symbol.asyncDispose]().catch((cause: unknown) => assert(disk.hasFailed, String(cause)))
  store = await FileStore.open(folder.path)
  await model.check(store, bucket)
  await store[Symbol.asyncDispose]()
}

async function runWithEach(
  kind: Call['kind'],
  faults: (call: number) => (readonly [number, Fault])[][],
): Promise<void> {
  const calls = await callsOfOneRun()
  const failing = calls.flatMap((call, i) => (call.kind === kind ? [i] : []))
  assert(failing.length > 20, `${failing.length} calls`)
  for (const call of failing) {
    for (const some of faults(call)) {
      await runWithFaults(...some).catch((cause: unknown) => {
        throw new Error(`${calls[call]!.file}: ${JSON.stringify(some)}`, { cause })
      })
    }
  }
}

test('file store: every write may fail once, in every way', async () => {
  await runWithEach('write', (call) =>
    (['lost', 'short', 'kept', 'full'] as const).map((fault) => [[call, fault]]),
  )
})

test('file store: every sync may fail once, in every way', async () => {
  await runWithEach('sync', (call) => (['lost', 'kept', 'full'] as const).map((fault) => [[call, fault]]))
})

test('file store: what is done about a failure may fail, too', async () => {
  for (const [kind, fault] of [
    ['write', 'full'],
    ['sync', 'lost'],
  ] as const) {
    await runWithEach(kind, (call) =>
      [1, 2].map((after) => [
        [call, fault],
        [call + after, 'lost'],
      ]),
    )
  }
})

test('file store: after a power cut at any moment no block that was acknowledged is missing', async () => {
  const calls = (await callsOfOneRun()).length
  const fault = fc.constantFrom<Fault[]>('lost', 'short', 'kept', 'full')
  const cut = fc.record({
    crash: fc.integer({ min: 0, max: calls }),
    faults: fc.array(fc.tuple(fc.integer({ min: 0, max: calls }), fault), { maxLength: 3 }),
    surviving: fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
    sizes: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 4 }), async (cuts) => {
      await using folder = await temporaryFolder('memory')
      const model = new Model()
      const first = await FileStore.open(folder.path)
      await first.create(bucket)
      await first[Symbol.asyncDispose]()
      for (const { crash, faults, surviving, sizes } of cuts) {
        const disk = new SimulatedDisk()
        for (const [call, fault] of faults) disk.failing.set(call, fault)
        disk.failing.set(crash, 'crash')
        const store = await FileStore.open(folder.path, { operations: disk.operations, journalBytesMax })
        const inDoubt = await appendUntilCrash(store, model, sizes)
        await store[Symbol.asyncDispose]().catch(() => undefined)
        disk.cutPower((i) => surviving[i % surviving.length]!)

        const audited = await auditedHead(folder.path)
        const reopened = await FileStore.open(folder.path)
        const head = await reopened.head(bucket)
        assert.deepEqual(audited, head, 'the audit has seen what the start then has')
        if (inDoubt !== undefined && head.size > model.head.size) model.append(inDoubt)
        await model.check(reopened, bucket)
        await reopened[Symbol.asyncDispose]()
      }
    }),
    { numRuns: Number(process.env['STORES_TEST_RUNS'] ?? 100) },
  )
})

/** Where the power was cut nothing is damaged, and what is read is what a start will have. */
async function auditedHead(root: string): Promise<Head> {
  await using audit = await openForAudit(root)
  await using opened = await audit.open(bucket)
  assert.deepEqual(await Array.fromAsync(opened.checkStructure()), [])
  const heads = await Array.fromAsync(opened.heads())
  assert.deepEqual(heads.at(-1) ?? emptyHead, opened.head)
  return opened.head
}

/**
 * Goes on after each refusal. Gives the batch whose outcome is unknown when the bucket cannot be asked any
 * more.
 */
async function appendUntilCrash(
  store: FileStore,
  model: Model,
  sizes: readonly number[],
): Promise<TestBatch | undefined> {
  let inDoubt: TestBatch | undefined
  try {
    await headOf(store)
    for (const [i, size] of sizes.entries()) {
      const batch = batchOf(model.head.size, blocksOf(size, `${i}`))
      try {
        await store.append(bucket, model.head, batch.batch, batch.next)
        model.append(batch)
      } catch (error) {
        if (error instanceof Refused) continue
        inDoubt = batch
        const head = await headOf(store)
        if (head.size > model.head.size) model.append(batch)
        inDoubt = undefined
      }
    }
  } catch {
    // The power is off.
  }
  return inDoubt
}
