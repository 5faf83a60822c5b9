import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { textOf } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { sampleLines } from '../src/embedded/sample.ts'
import { type ImportCount, type ImportOptions, importCsv } from '../src/import/import-csv.ts'
import { temporaryFolder } from './temporary-folder.ts'

const header = 'InvoiceNo,InvoiceDate,CustomerID,Country,Quantity,UnitPrice'
const lines = [
  '1,12/1/2010 8:26,17850,United Kingdom,40,3.91',
  '2,12/1/2010 8:28,17850,United Kingdom,12,1.85',
  'A3,12/1/2010 8:34,,United Kingdom,1,-11.00',
  'C4,12/1/2010 9:41,17850,United Kingdom,-10,27.50',
]

/** A sealer that knows every id it has seen, as the ledger does. */
function knowing(delayMs = 0): { readonly known: Map<string, string>; readonly push: ImportOptions['push'] } {
  const known = new Map<string, string>()
  return {
    known,
    async push({ bucket }, id, content) {
      await delay(delayMs)
      const record = `${bucket} ${textOf(content, 'the record')}`
      assert.equal(known.get(id) ?? record, record, 'an id stands for one record')
      const outcome = known.has(id) ? 'known' : 'new'
      known.set(id, record)
      return outcome
    },
  }
}

async function imported(text: string, options: Partial<ImportOptions> = {}): Promise<ImportCount> {
  using folder = temporaryFolder()
  writeFileSync(folder.at('a.csv'), text)
  const none = (): void => undefined
  return await importCsv({
    ...{ path: folder.at('a.csv'), push: knowing().push, concurrency: 4, onStart: none, onLine: none },
    ...options,
  })
}

const text = `${[header, ...lines].join('\n')}\n`

test('every record is pushed once, and counted by its bucket', async () => {
  const { known, push } = knowing()
  const told: number[] = []
  const count = await imported(text, { push, onStart: (all) => told.push(all), onLine: (n) => told.push(n) })
  const once = (pushed: number): object => ({ pushed, known: 0 })
  assert.deepEqual(count, {
    lines: 4,
    leftOut: 1,
    records: {
      ...{ customers: once(1), orders: once(2), payments: once(2) },
      ...{ cancellations: once(1), refunds: once(1) },
    },
  })
  assert.equal(known.size, 7)
  assert.deepEqual(told, [4, 1, 2, 3, 4])
})

test('a second run pushes every record under the id that it had, and adds nothing', async () => {
  const { known, push } = knowing()
  await imported(text, { push })
  const { records } = await imported(text, { push })
  assert.equal(known.size, 7)
  assert.deepEqual(
    Object.values(records).map(({ pushed }) => pushed),
    [0, 0, 0, 0, 0],
  )
})

test('buckets are counted in the same order, whichever answers first', async () => {
  const push: ImportOptions['push'] = async ({ bucket }) => {
    await delay({ customers: 40, orders: 30, payments: 20, cancellations: 10, refunds: 0 }[bucket])
    return 'new'
  }
  const { records } = await imported(text, { push, concurrency: 100 })
  assert.deepEqual(Object.keys(records), ['customers', 'orders', 'payments', 'cancellations', 'refunds'])
})

test('another file gives other ids, though its lines be the same', async () => {
  const { known, push } = knowing()
  await imported(text, { push })
  await imported(`${text}5,12/1/2010 9:45,1,France,1,1\n`, { push })
  assert.equal(known.size, 7 + 7 + 3)
})

test('lines that are not chosen are mapped all the same: no record depends on the choice', async () => {
  const { known, push } = knowing()
  await imported(text, { push })
  const chosen = { count: 1, includes: ({ InvoiceNo }: { InvoiceNo: string }) => InvoiceNo === 'C4' }
  const { records } = await imported(text, { push, chosen })
  assert.deepEqual(records, { cancellations: { pushed: 0, known: 1 }, refunds: { pushed: 0, known: 1 } })
  assert.equal(known.size, 7)
})

test('never more records are under way than asked for', async () => {
  let running = 0
  let most = 0
  const push: ImportOptions['push'] = async () => {
    most = Math.max(most, ++running)
    await delay(2)
    running--
    return 'new'
  }
  const many = Array.from({ length: 50 }, (_, i) => `${i},12/1/2010 8:26,1,France,1,1`)
  await imported(`${[header, ...many].join('\n')}\n`, { push, concurrency: 3 })
  assert.equal(most, 3)
})

test('the first record that cannot be pushed ends the import with its reason', async () => {
  let pushes = 0
  const push: ImportOptions['push'] = async () => {
    if (++pushes === 3) throw new Refused('pool-full', 'too much is waiting')
    return 'new'
  }
  const many = Array.from({ length: 500 }, (_, i) => `${i},12/1/2010 8:26,1,France,1,1`)
  await assert.rejects(imported(`${[header, ...many].join('\n')}\n`, { push }), /too much is waiting/)
  assert(pushes < 50, `${pushes} pushes`)
})

test('a line that cannot be mapped is named by its number', async () => {
  await assert.rejects(imported(`${text}5,12/1/2010 9:45,1,France,many,1\n`), /line 6: Quantity/)
})

test('the sample is 500 lines: orders first, and the first cancellations', () => {
  const { count, includes } = sampleLines()
  const line = { InvoiceDate: '', CustomerID: '', Country: '', Quantity: '', UnitPrice: '' }
  const orders = Array.from({ length: 1000 }, (_, i) => includes({ ...line, InvoiceNo: `5${i}` }))
  const cancelled = Array.from({ length: 1000 }, (_, i) => includes({ ...line, InvoiceNo: `C${i}` }))
  const taken = [orders, cancelled].map((all) => all.filter(Boolean).length)
  assert.deepEqual([count, ...taken], [500, 420, 80])
  assert.equal(orders.indexOf(false), 420)
})
