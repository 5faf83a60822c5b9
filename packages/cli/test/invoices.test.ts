import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import fc from 'fast-check'
import { amountOf, type InvoiceLine, InvoiceMapper, type MappedRecord } from '../src/import/invoices.ts'

function lineOf(given: Partial<InvoiceLine>): InvoiceLine {
  return {
    InvoiceNo: '536365',
    InvoiceDate: '12/1/2010 8:26',
    CustomerID: '17850',
    Country: 'United Kingdom',
    Quantity: '40',
    UnitPrice: '3.91',
    ...given,
  }
}

function recordIn(records: readonly MappedRecord[], bucket: string): MappedRecord['record'] {
  const found = records.filter((each) => each.bucket === bucket)
  assert.equal(found.length, 1, `${found.length} records for ${bucket}`)
  return (found[0] as MappedRecord).record
}

describe('an invoice', () => {
  test('becomes an order, its payment and, the first time he is seen, its customer', () => {
    const mapper = new InvoiceMapper()
    const meta = { country: 'United Kingdom' }
    const order = {
      invoice: '536365',
      customer: '17850',
      country: 'United Kingdom',
      placed: '2010-12-01T08:26',
    }
    const payment = { invoice: '536365', customer: '17850', captured: '2010-12-01T08:26' }
    const customer = { customer: '17850', country: 'United Kingdom', firstSeen: '2010-12-01T08:26' }
    assert.deepEqual(mapper.map(lineOf({})), [
      { bucket: 'customers', type: 'customer.registered', record: customer, meta },
      {
        ...{ bucket: 'orders', type: 'order.placed', meta },
        record: { ...order, quantity: 40, unitPrice: '3.91', currency: 'GBP' },
      },
      {
        ...{ bucket: 'payments', type: 'payment.captured', meta },
        record: { ...payment, amount: '156.40', currency: 'GBP' },
      },
    ])
    const again = mapper.map(lineOf({ InvoiceNo: '536366' })).map(({ bucket }) => bucket)
    assert.deepEqual(again, ['orders', 'payments'])
  })

  test('without a customer has none, and no cancellation finds its order', () => {
    const mapper = new InvoiceMapper()
    const records = mapper.map(lineOf({ CustomerID: '' }))
    assert.deepEqual(
      records.map(({ bucket }) => bucket),
      ['orders', 'payments'],
    )
    assert(!('customer' in recordIn(records, 'orders')))
    const cancelled = mapper.map(lineOf({ InvoiceNo: 'C1', CustomerID: '', Quantity: '-1' }))
    assert(!('order' in recordIn(cancelled, 'cancellations')))
  })

  test('that adjusts the books is no record of any bucket', () => {
    assert.deepEqual(new InvoiceMapper().map(lineOf({ InvoiceNo: 'A563185', UnitPrice: '-11062.06' })), [])
  })

  for (const [column, text] of [
    ['Quantity', '4.5'],
    ['Quantity', ''],
    ['Quantity', '1e3'],
    ['UnitPrice', 'free'],
    ['UnitPrice', '3,91'],
    ['UnitPrice', '0.1234567'],
    ['InvoiceDate', '2010-12-01'],
    ['InvoiceDate', '13/1/2010 8:26'],
    ['InvoiceDate', '2/30/2011 8:26'],
    ['InvoiceDate', '2/3/2011 24:00'],
  ] as const) {
    test(`with ${column} ${JSON.stringify(text)} is refused, and the column named`, () => {
      assert.throws(
        () => new InvoiceMapper().map(lineOf({ [column]: text })),
        (error) => error instanceof Refused && error.code === 'malformed' && error.message.includes(column),
      )
    })
  }
})

describe('a cancellation', () => {
  /** Three orders of one customer and one of another, then a cancellation. */
  function cancel(given: Partial<InvoiceLine>): readonly MappedRecord[] {
    const mapper = new InvoiceMapper()
    mapper.map(lineOf({ InvoiceNo: '1', InvoiceDate: '12/1/2010 8:00', Quantity: '50' }))
    mapper.map(lineOf({ InvoiceNo: '2', InvoiceDate: '12/9/2010 8:00', Quantity: '10' }))
    mapper.map(lineOf({ InvoiceNo: '3', InvoiceDate: '12/9/2010 9:00', Quantity: '10', CustomerID: '2' }))
    mapper.map(lineOf({ InvoiceNo: '4', InvoiceDate: '1/5/2011 8:00', Quantity: '99' }))
    return mapper.map(lineOf({ InvoiceNo: 'C9', ...given }))
  }

  for (const [what, given, order] of [
    ['the newest earlier order', { InvoiceDate: '12/9/2010 8:01', Quantity: '-10' }, '2'],
    ['an order of the same minute', { InvoiceDate: '12/9/2010 8:00', Quantity: '-10' }, '2'],
    ['an older order when the newest was smaller', { InvoiceDate: '12/10/2010 8:00', Quantity: '-11' }, '1'],
    ['no order that is placed later', { InvoiceDate: '12/31/2010 8:00', Quantity: '-60' }, undefined],
    ['no order when it is before all', { InvoiceDate: '11/30/2010 8:00', Quantity: '-1' }, undefined],
    [
      'its own customer’s order, not a newer one of another',
      { InvoiceDate: '12/9/2010 9:30', Quantity: '-10' },
      '2',
    ],
  ] as const) {
    test(`names ${what}`, () => {
      const records = cancel(given)
      assert.equal(recordIn(records, 'cancellations')['order'], order)
      assert.equal(recordIn(records, 'refunds')['order'], order)
    })
  }

  test('comes with its refund, whose amount is positive', () => {
    const records = cancel({ InvoiceDate: '12/10/2010 9:41', Quantity: '-3', UnitPrice: '27.50' })
    const what = { invoice: 'C9', customer: '17850', order: '2' }
    assert.deepEqual(recordIn(records, 'cancellations'), {
      ...what,
      cancelled: '2010-12-10T09:41',
      quantity: 3,
    })
    assert.deepEqual(recordIn(records, 'refunds'), {
      ...what,
      refunded: '2010-12-10T09:41',
      amount: '82.50',
      currency: 'GBP',
    })
  })
})

describe('an amount', () => {
  for (const [quantity, price, amount] of [
    [40, '3.91', '156.40'],
    [83, '4.8533', '402.82'],
    [3, '0.005', '0.02'],
    [1, '0.0049', '0.00'],
    [-3, '0.005', '-0.02'],
    [-1, '0.0049', '0.00'],
    [1, '-11062.06', '-11062.06'],
    [-2, '-1.5', '3.00'],
    [0, '5', '0.00'],
    [999_999_999, '999999999.999999', '999999998999999000.00'],
    [3, '1.1', '3.30'],
  ] as const) {
    test(`${quantity} x ${price} is ${amount}`, () => assert.equal(amountOf(quantity, price), amount))
  }

  test('is exact for every price in pence', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 9 }), fc.nat({ max: 10 ** 8 }), (quantity, pence) => {
        const price = `${Math.floor(pence / 100)}.${String(pence % 100).padStart(2, '0')}`
        assert.equal(
          BigInt(amountOf(quantity % 10 ** 9, price).replace('.', '')),
          BigInt(quantity % 10 ** 9) * BigInt(pence),
        )
      }),
    )
  })
})
