// Maps lines of invoices to records: orders, payments, customers, cancellations, refunds
// (examples/README.md).
import { Refused } from '@ledgerstone/core/refused'

/** One line of the file, its columns as they are spelled. */
export type InvoiceLine = {
  readonly InvoiceNo: string
  readonly InvoiceDate: string
  readonly CustomerID: string
  readonly Country: string
  readonly Quantity: string
  readonly UnitPrice: string
}

export const invoiceColumns: readonly (keyof InvoiceLine)[] = [
  'InvoiceNo',
  'InvoiceDate',
  'CustomerID',
  'Country',
  'Quantity',
  'UnitPrice',
]

/** Where records of invoices go, in the order in which they are told. */
export const invoiceBuckets = ['customers', 'orders', 'payments', 'cancellations', 'refunds'] as const

/** A record to push, not yet sealed. */
export type MappedRecord = {
  readonly bucket: (typeof invoiceBuckets)[number]
  readonly type: string
  readonly record: Readonly<Record<string, string | number>>
  readonly meta: Readonly<Record<string, string>>
}

/** Remembers customers and their orders, so lines must come in the order of the file. */
export class InvoiceMapper {
  readonly #customers = new Set<string>()
  readonly #orders = new Map<string, { invoice: string; placed: string; quantity: number }[]>()

  /** The records of one line; none for an adjustment of the books. Throws `malformed` naming the column. */
  map(line: InvoiceLine): readonly MappedRecord[] {
    const kind = line.InvoiceNo[0] ?? ''
    if (kind === 'A') return []
    return kind === 'C' ? this.#cancellation(line) : this.#order(line)
  }

  #order(line: InvoiceLine): readonly MappedRecord[] {
    const { invoice, customer, at, country, quantity, amount } = readLine(line)
    const meta = { country }
    const records: MappedRecord[] = []
    if (customer !== undefined && !this.#customers.has(customer)) {
      this.#customers.add(customer)
      const record = { customer, country, firstSeen: at }
      records.push({ bucket: 'customers', type: 'customer.registered', record, meta })
    }
    if (customer !== undefined) {
      const orders = this.#orders.get(customer) ?? []
      this.#orders.set(customer, [...orders, { invoice, placed: at, quantity }])
    }
    const who = customer === undefined ? {} : { customer }
    const order = {
      invoice,
      ...who,
      country,
      placed: at,
      quantity,
      unitPrice: line.UnitPrice,
      currency: 'GBP',
    }
    const payment = { invoice, ...who, captured: at, amount, currency: 'GBP' }
    records.push({ bucket: 'orders', type: 'order.placed', record: order, meta })
    records.push({ bucket: 'payments', type: 'payment.captured', record: payment, meta })
    return records
  }

  #cancellation(line: InvoiceLine): readonly MappedRecord[] {
    const { invoice, customer, at, country, quantity, amount } = readLine(line)
    const orders = customer === undefined ? [] : (this.#orders.get(customer) ?? [])
    const order = orders.findLast((candidate) => candidate.placed <= at && candidate.quantity >= -quantity)
    const what = {
      invoice,
      ...(customer !== undefined && { customer }),
      ...(order !== undefined && { order: order.invoice }),
    }
    const meta = { country }
    const cancellation = { ...what, cancelled: at, quantity: -quantity }
    const refund = { ...what, refunded: at, amount: amount.replace(/^-/, ''), currency: 'GBP' }
    return [
      { bucket: 'cancellations', type: 'order.cancelled', record: cancellation, meta },
      { bucket: 'refunds', type: 'refund.issued', record: refund, meta },
    ]
  }
}

type ReadLine = {
  readonly invoice: string
  readonly customer: string | undefined
  readonly at: string
  readonly country: string
  readonly quantity: number
  readonly amount: string
}

function readLine(line: InvoiceLine): ReadLine {
  const quantity = Number(line.Quantity)
  if (!/^-?[0-9]{1,9}$/.test(line.Quantity)) throw new Refused('malformed', 'Quantity is not a whole number')
  return {
    invoice: line.InvoiceNo,
    customer: /^[0-9]+$/.test(line.CustomerID) ? line.CustomerID : undefined,
    at: readDate(line.InvoiceDate),
    country: line.Country,
    quantity,
    amount: amountOf(quantity, line.UnitPrice),
  }
}

/**
 * `12/1/2010 8:26` as `2010-12-01T08:26`: the shop's local time, without a zone because the source names
 * none.
 */
function readDate(text: string): string {
  const match = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})$/.exec(text)
  if (match === null) throw new Refused('malformed', 'InvoiceDate is not month/day/year hour:minute')
  const [, month = '', day = '', year = '', hour = '', minute = ''] = match
  const two = (part: string): string => part.padStart(2, '0')
  const time = `${year}-${two(month)}-${two(day)}T${two(hour)}:${minute}`
  // The 31st of February is read as a day of March.
  const instant = new Date(`${time}Z`)
  if (Number.isNaN(instant.getTime()) || !instant.toISOString().startsWith(time)) {
    throw new Refused('malformed', 'InvoiceDate is no date')
  }
  return time
}

/**
 * Quantity x UnitPrice in pounds and pence, exactly, rounded half away from zero; never in binary fractions.
 */
export function amountOf(quantity: number, unitPrice: string): string {
  const match = /^(-?)(\d{1,9})(?:\.(\d{1,6}))?$/.exec(unitPrice)
  if (match === null) throw new Refused('malformed', 'UnitPrice is not a decimal number')
  const [, sign = '', whole = '', fraction = ''] = match
  const millionths = BigInt(whole + fraction.padEnd(6, '0')) * BigInt(quantity) * (sign === '-' ? -1n : 1n)
  const size = millionths < 0n ? -millionths : millionths
  const pence = (size + 5_000n) / 10_000n
  const text = `${pence / 100n}.${String(pence % 100n).padStart(2, '0')}`
  return millionths < 0n && pence > 0n ? `-${text}` : text
}
