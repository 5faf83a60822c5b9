import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { limits } from '@ledgerstone/core/limits'
import { MemoryStore } from '@ledgerstone/stores/memory'
import { until } from '../../core/test/until.ts'
import type { LogEvent } from '../src/event.ts'
import { createSample, openPayments, seal, shop } from './sample.ts'

test('a batch of a thousand does not starve single callers', async () => {
  const events: LogEvent[] = []
  await using log = await openPayments(await createSample(new MemoryStore()), { verifyWorkers: 2, events })
  const payments = log.bucket('payments')
  const [many, singles] = await Promise.all([
    Promise.all(Array.from({ length: limits.batchRecordsMax }, () => seal())),
    Promise.all(Array.from({ length: 8 }, () => seal({ sender: shop }))),
  ])
  const batch = payments.appendBatch(many, 'many')
  const answered = await Promise.all(singles.map((single, i) => payments.append(single, `single ${i}`)))
  const last = Math.max(...answered.map(({ index }) => index))
  assert(last < 600, `the last single is block ${last}`)
  for (const result of await batch) assert(!(result instanceof Error), String(result))
})

test('one caller gets at most its share of a commit', async () => {
  const events: LogEvent[] = []
  await using log = await openPayments(await createSample(new MemoryStore()), { events })
  const payments = log.bucket('payments')
  const many = await Promise.all(Array.from({ length: 600 }, () => seal()))
  events.length = 0
  await payments.appendBatch(many, 'many')
  const counts = events.flatMap((event) => (event.kind === 'committed' ? [event.count] : []))
  assert.deepEqual(counts, [limits.poolPerCallerPerCommitMax, limits.poolPerCallerPerCommitMax, 88])
})

test('what a slow commit keeps waiting is committed together', async () => {
  const events: LogEvent[] = []
  await using log = await openPayments(await createSample(new MemoryStore()), { events })
  const payments = log.bucket('payments')
  const records = await Promise.all(Array.from({ length: 64 }, () => seal()))
  events.length = 0
  await Promise.all(records.map((record, i) => payments.append(record, `caller ${i}`)))
  await until(() => payments.head.size === 65, 'all are committed')
  const commits = events.filter(({ kind }) => kind === 'committed')
  assert(commits.length <= 2, `${commits.length} commits`)
})
