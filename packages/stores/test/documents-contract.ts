// What every document store must do, whatever it keeps its documents in.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { BlockDocument, DocumentFilter, Documents } from '@ledgerstone/log/documents'
import fc from 'fast-check'
import { digestOf } from './batches.ts'

export type DocumentsUnderTest = AsyncDisposable & {
  readonly documents: Documents
  readonly reopen: () => Promise<Documents>
}

const bucket = 'payments'
const types = ['payment.captured', 'payment.failed', 'refund.requested']
const senders = ['sender-a', 'sender-b']
const receivers = ['auditor', 'bank', 'tax']

/** The document of block `index`: varied, and the same in every test. */
export function documentOf(index: number): BlockDocument {
  const document: BlockDocument = {
    index,
    hash: digestOf(`block ${index}`).toHex(),
    time: 1_700_000_000_000 + Math.floor(index / 3) * 1000,
    type: types[index % types.length]!,
    id: `id-${index}`,
    sender: senders[index % senders.length]!,
    receivers: index % 7 === 0 ? [] : receivers.filter((_, i) => (index >> i) % 2 === 0).reverse(),
    meta: index % 5 === 0 ? {} : { country: index % 2 === 0 ? 'DE' : 'FR', batch: String(index % 4) },
  }
  if (index % 11 === 0) return document
  return { ...document, suite: 'rsa-aes-cfb', media: 'application/json', actor: `client-${index % 2} user` }
}

export function documentsOf(from: number, count: number): BlockDocument[] {
  return Array.from({ length: count }, (_, i) => documentOf(from + i))
}

export function testDocumentsContract(kind: string, open: () => Promise<DocumentsUnderTest>): void {
  const check = (
    name: string,
    body: (documents: Documents, reopen: () => Promise<Documents>) => Promise<void>,
  ): void => {
    test(`${kind}: ${name}`, async () => {
      await using opened = await open()
      await body(opened.documents, opened.reopen)
    })
  }

  check('knows nothing of a bucket that it was told nothing of', async (documents) => {
    assert.equal(await documents.complete(bucket), 0)
    assert.deepEqual(await documents.find(bucket, {}, { from: 0, limit: 10 }), { indexes: [], complete: 0 })
    assert.equal(await documents.findHash(bucket, documentOf(0).hash), undefined)
    assert.deepEqual(await documents.read(bucket, 0, 10), [])
    await documents.drop(bucket)
    assert.deepEqual(await documents.faults(), [])
  })

  check('gives documents back as they were, also after opening again', async (documents, reopen) => {
    await documents.put(bucket, 0, documentsOf(0, 30))
    await documents.put(bucket, 30, documentsOf(30, 30))
    for (const again of [false, true]) {
      const one = again ? await reopen() : documents
      assert.equal(await one.complete(bucket), 60)
      assert.deepEqual(await one.read(bucket, 0, 100), documentsOf(0, 60))
      assert.deepEqual(await one.read(bucket, 25, 10), documentsOf(25, 10))
      assert.equal(await one.findHash(bucket, documentOf(42).hash), 42)
      assert.equal(await one.findHash(bucket, documentOf(60).hash), undefined)
      assert.equal(await one.findHash(bucket, documentOf(42).hash.toUpperCase()), undefined)
      assert.deepEqual(await one.faults(), [])
    }
  })

  check('takes the same documents twice, but leaves no gap', async (documents) => {
    await documents.put(bucket, 0, documentsOf(0, 10))
    await documents.put(bucket, 0, documentsOf(0, 10))
    await documents.put(bucket, 5, documentsOf(5, 10))
    assert.equal(await documents.complete(bucket), 15)
    await assert.rejects(documents.put(bucket, 16, documentsOf(16, 1)))
    await assert.rejects(documents.put(bucket, 15, documentsOf(16, 1)))
    assert.deepEqual(await documents.read(bucket, 0, 100), documentsOf(0, 15))
  })

  check('puts all documents of a batch or none', async (documents) => {
    const spoilt = [...documentsOf(0, 5), { ...documentOf(5), time: null as unknown as number }]
    await assert.rejects(documents.put(bucket, 0, spoilt))
    assert.equal(await documents.complete(bucket), 0)
    assert.deepEqual(await documents.read(bucket, 0, 100), [])
    await documents.put(bucket, 0, documentsOf(0, 6))
  })

  check(
    'finds exactly the blocks to which all conditions apply, in both directions and page by page',
    async (documents) => {
      const all = documentsOf(0, 200)
      await documents.put(bucket, 0, all)
      const some = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
        fc.option(arb, { nil: undefined })
      const time = fc.integer({ min: -2, max: 70 }).map((n) => documentOf(0).time + n * 1000)
      const filters = fc.record({
        type: some(fc.constantFrom(...types, 'nothing')),
        sender: some(fc.constantFrom(...senders, 'nobody')),
        receiver: some(fc.constantFrom(...receivers, 'nobody')),
        timeFrom: some(time),
        timeTo: some(time),
        meta: some(
          fc.constantFrom(
            { country: 'DE' },
            { batch: '1' },
            { country: 'FR', batch: '3' },
            { country: 'XX' },
          ),
        ),
      })
      await fc.assert(
        fc.asyncProperty(
          filters,
          fc.integer({ min: 1, max: 60 }),
          fc.boolean(),
          async (drawn, limit, isUp) => {
            const filter = Object.fromEntries(
              Object.entries(drawn).filter(([, value]) => value !== undefined),
            )
            const matching = all.filter((document) => matches(document, filter)).map(({ index }) => index)
            const expected = isUp ? matching : matching.reverse()
            const found: number[] = []
            const order = isUp ? 'ascending' : 'descending'
            for (let from: number | undefined = isUp ? 0 : 199, pages = 0; from !== undefined; pages++) {
              assert(pages < 300, 'the pages end')
              const page = await documents.find(bucket, filter, { from, limit, order })
              assert(page.indexes.length <= limit)
              assert.equal(page.complete, 200)
              found.push(...page.indexes)
              from = page.next
            }
            assert.deepEqual(found, expected)
          },
        ),
        { numRuns: 150 },
      )
    },
  )

  check('keeps buckets apart and forgets one while the others are asked', async (documents) => {
    await documents.put(bucket, 0, documentsOf(0, 50))
    await documents.put('orders', 0, documentsOf(0, 8_000))
    const dropped = documents.drop('orders')
    assert.equal(await documents.complete('orders'), 0)
    assert.deepEqual(await documents.find('orders', {}, { from: 0, limit: 5 }), { indexes: [], complete: 0 })
    await documents.put('orders', 0, documentsOf(0, 20))
    assert.deepEqual(await documents.read(bucket, 0, 100), documentsOf(0, 50))
    await dropped
    assert.deepEqual(await documents.read('orders', 0, 100), documentsOf(0, 20))
    assert.deepEqual(
      (await documents.find('orders', { receiver: 'bank' }, { from: 19, limit: 1, order: 'descending' }))
        .complete,
      20,
    )
    assert.deepEqual(await documents.faults(), [])
  })
}

function matches(document: BlockDocument, filter: DocumentFilter): boolean {
  const { type, sender, receiver, timeFrom, timeTo, meta = {} } = filter
  return (
    (type === undefined || document.type === type) &&
    (sender === undefined || document.sender === sender) &&
    (receiver === undefined || document.receivers.includes(receiver)) &&
    (timeFrom === undefined || document.time >= timeFrom) &&
    (timeTo === undefined || document.time <= timeTo) &&
    Object.entries(meta).every(([label, value]) => document.meta[label] === value)
  )
}
