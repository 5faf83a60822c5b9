import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatHex } from '@ledgerstone/core/bytes'
import { until } from '../../core/test/until.ts'
import type { BlockDocument, DocumentPage, Documents } from '../src/documents.ts'
import { DocumentsFiller, readDocuments } from '../src/documents-fill.ts'
import { type Committed, FreshDocuments } from '../src/documents-fresh.ts'
import type { LogEvent } from '../src/event.ts'
import { readBlock } from '../src/read.ts'
import { createSample, keys, openPayments, openSample, seal } from './sample.ts'

/** Documents in memory that keep the contract: consecutive, complete, and failing when told to. */
class MemoryDocuments implements Documents {
  readonly buckets = new Map<string, BlockDocument[]>()
  failures = 0
  /** Takes documents and never says so. */
  isSilent = false
  #rows(bucket: string): BlockDocument[] {
    const rows = this.buckets.get(bucket) ?? []
    this.buckets.set(bucket, rows)
    return rows
  }
  async complete(bucket: string): Promise<number> {
    return this.#rows(bucket).length
  }
  async put(bucket: string, from: number, documents: readonly BlockDocument[]): Promise<void> {
    if (this.failures > 0) {
      this.failures--
      throw new Error('the document store is broken')
    }
    if (this.isSilent) await new Promise(() => undefined)
    const rows = this.#rows(bucket)
    assert.equal(from, rows.length, 'documents are consecutive')
    for (const [i, { index }] of documents.entries()) assert.equal(index, from + i)
    rows.push(...documents)
  }
  async find(): Promise<DocumentPage> {
    return { indexes: [], complete: 0 }
  }
  async findHash(bucket: string, hash: string): Promise<number | undefined> {
    return this.#rows(bucket).find((row) => row.hash === hash)?.index
  }
  async read(bucket: string, from: number, limit: number): Promise<readonly BlockDocument[]> {
    return this.#rows(bucket).slice(from, from + limit)
  }
  async drop(bucket: string): Promise<void> {
    this.buckets.delete(bucket)
  }
  async faults(): Promise<readonly string[]> {
    return []
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

test('every block becomes a document, of keys too', async () => {
  const documents = new MemoryDocuments()
  await using log = await openPayments(await createSample(), { documents })
  const payments = log.bucket('payments')
  const records = await Promise.all(Array.from({ length: 150 }, () => seal()))
  await payments.appendBatch(records, 'caller')
  await until(() => documents.buckets.get('payments')?.length === 151, 'payments is filled')
  await until(() => documents.buckets.get('keys')?.length === log.registry.size, 'keys is filled')
  const row = documents.buckets.get('payments')?.[1]
  const { hash, block } = await readBlock(payments, 1)
  assert.deepEqual(row, {
    index: 1,
    hash: formatHex(hash),
    time: block.time,
    type: 'payment.captured',
    id: records[0]?.statement.payload.id,
    sender: keys.statement.kid,
    suite: 'rsa-aes-cfb',
    receivers: [keys.receiver.kid],
    media: 'application/json',
    meta: { currency: 'EUR' },
  })
  const genesis = documents.buckets.get('payments')?.[0]
  assert.deepEqual(
    [genesis?.type, genesis?.receivers, genesis?.suite],
    ['ledgerstone.genesis', [], undefined],
  )
})

test('when the document store breaks appends go on, and it is filled when it works again', async () => {
  const documents = new MemoryDocuments()
  const events: LogEvent[] = []
  await using log = await openPayments(await createSample(), { documents, events })
  const payments = log.bucket('payments')
  await until(() => documents.buckets.get('payments')?.length === 1, 'payments is filled')
  documents.failures = 2
  await payments.append(await seal(), 'caller')
  await payments.append(await seal(), 'caller')
  await until(() => events.some(({ kind }) => kind === 'documents-failed'), 'the failure is reported')
  await payments.append(await seal(), 'caller')
  assert.equal(payments.head.size, 4)
  await until(() => documents.buckets.get('payments')?.length === 4, 'payments is filled')
  assert(events.some(({ kind }) => kind === 'documents-filled'))
})

test('a document store that failed is filled again when it works, without another append', async () => {
  const documents = new MemoryDocuments()
  const events: LogEvent[] = []
  await using log = await openPayments(await createSample(), { documents, events })
  await until(() => documents.buckets.get('payments')?.length === 1, 'payments is filled')
  documents.failures = 2
  await log.bucket('payments').append(await seal(), 'caller')
  await until(() => documents.buckets.get('payments')?.length === 2, 'payments is filled')
  const failures = events.filter(({ kind }) => kind === 'documents-failed')
  assert.equal(failures.length, 2, 'each failure is reported')
})

test('a document store that never answers does not hold up closing for long', async () => {
  const documents = new MemoryDocuments()
  const events: LogEvent[] = []
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  documents.isSilent = true
  const filler = new DocumentsFiller(documents, (event) => void events.push(event), 20)
  filler.follow(payments)
  assert.equal((await payments.append(await seal(), 'caller')).index, 1)
  const closed = filler.close().then(() => 'closed')
  assert.equal(await Promise.race([closed, sleep(10_000, 'waiting', { ref: false })]), 'closed')
  assert.partialDeepStrictEqual(events, [{ kind: 'documents-failed', bucket: 'payments' }])
})

test('closing waits for the batch that is being filled in, and reports nothing', async () => {
  const documents = new MemoryDocuments()
  const { put } = documents
  documents.put = async (...batch) => {
    await sleep(30)
    await put.apply(documents, batch)
  }
  const events: LogEvent[] = []
  await using log = await openPayments(await createSample())
  const filler = new DocumentsFiller(documents, (event) => void events.push(event))
  filler.follow(log.bucket('payments'))
  await filler.close()
  assert.equal(documents.buckets.get('payments')?.length, 1)
  assert(events.every(({ kind }) => kind === 'documents-filled'))
})

test('documents of another history than the log has are dropped at the start, and filled again', async () => {
  const sample = await createSample()
  {
    await using log = await openPayments(sample)
    await log.bucket('payments').appendBatch([await seal(), await seal()], 'caller')
  }
  // As many as the log has blocks, more, and fewer.
  for (const count of [3, 5, 2]) {
    const documents = new MemoryDocuments()
    await using log = await openSample(sample)
    const payments = log.bucket('payments')
    const own = await readDocuments(payments, 0, 3)
    const foreign = Array.from({ length: count }, (_, index) => {
      return { ...(own[0] as BlockDocument), index, hash: formatHex(new Uint8Array(32).fill(index)) }
    })
    await documents.put('payments', 0, foreign)
    const filler = new DocumentsFiller(documents, () => undefined)
    await using closing = new AsyncDisposableStack()
    closing.defer(() => filler.close())
    filler.follow(payments)
    const hashes = (rows: readonly BlockDocument[] = []): string => rows.map(({ hash }) => hash).join()
    await until(
      () => hashes(documents.buckets.get('payments')) === hashes(own),
      `${count} foreign documents are gone`,
    )
  }
})

test('documents of the history that the log has are kept at the start', async () => {
  const sample = await createSample()
  const documents = new MemoryDocuments()
  {
    await using log = await openPayments(sample, { documents })
    await log.bucket('payments').append(await seal(), 'caller')
    await until(() => documents.buckets.get('payments')?.length === 2, 'payments is filled')
  }
  const kept = documents.buckets.get('payments')
  await using log = await openSample(sample, { documents })
  await log.bucket('payments').append(await seal(), 'caller')
  await until(() => documents.buckets.get('payments')?.length === 3, 'payments is filled')
  assert.equal(documents.buckets.get('payments'), kept)
})

test('a document store that was dropped is filled again at the next start, and while serving', async () => {
  const sample = await createSample()
  const documents = new MemoryDocuments()
  {
    await using log = await openPayments(sample)
    await log.bucket('payments').append(await seal(), 'caller')
  }
  await using log = await openSample(sample, { documents })
  await until(() => documents.buckets.get('payments')?.length === 2, 'payments is filled')
  await log.rebuildDocuments('payments')
  await log.bucket('payments').append(await seal(), 'caller')
  await until(() => documents.buckets.get('payments')?.length === 3, 'payments is filled again')
})

test('a document made at the commit is the one that the stored block gives', async () => {
  const documents = new MemoryDocuments()
  await using log = await openPayments(await createSample(), { documents })
  const payments = log.bucket('payments')
  const records = await Promise.all(Array.from({ length: 20 }, () => seal()))
  const twice = records[3] as (typeof records)[number]
  const forged = records[7] as (typeof records)[number]
  await payments.appendBatch([...records.with(7, { ...forged, isSigned: false }), twice], 'caller')
  assert.equal(payments.head.size, 20)
  await until(() => documents.buckets.get('payments')?.length === 20, 'payments is filled')
  const plain = (rows: unknown): unknown => JSON.parse(JSON.stringify(rows))
  assert.deepEqual(plain(documents.buckets.get('payments')), plain(await readDocuments(payments, 0, 20)))
})

test('fresh documents are kept up to a number, in one row, and given once', async () => {
  const { statement, envelope } = await seal()
  const blocks = (from: number, count: number): readonly Committed[] =>
    Array.from({ length: count }, (_, i) => ({
      place: { index: from + i, hash: new Uint8Array(32), time: 0 },
      statement,
      envelope,
    }))
  const indexes = (rows: readonly BlockDocument[]): readonly number[] => rows.map(({ index }) => index)
  const fresh = new FreshDocuments(4)
  fresh.add(0, [])
  assert.deepEqual(fresh.take(0, 9), [])
  fresh.add(7, blocks(7, 3))
  fresh.add(10, blocks(10, 2))
  assert.deepEqual(indexes(fresh.take(7, 9)), [])
  assert.deepEqual(indexes(fresh.take(8, 2)), [8, 9])
  assert.deepEqual(indexes(fresh.take(10, 9)), [10, 11])
  assert.deepEqual(indexes(fresh.take(8, 9)), [])
  assert.deepEqual(indexes(fresh.take(12, 9)), [])
  fresh.add(12, blocks(12, 1))
  assert.deepEqual(indexes(fresh.take(12, 9)), [12])
  fresh.add(20, blocks(20, 2))
  assert.equal(fresh.from, 20)
  assert.deepEqual(indexes(fresh.take(13, 9)), [])
  assert.deepEqual(indexes(fresh.take(20, 9)), [20, 21])
})
