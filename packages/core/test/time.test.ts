import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatTime, parseTime } from '../src/time.ts'
import { refusedAs } from './vectors.ts'

describe('times', () => {
  test('come back to the millisecond, from 1970 to 9999', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
        assert.equal(parseTime(formatTime(ms), 'it'), ms)
      }),
    )
  })
  test('are what the platform says of them, whatever day was written before', () => {
    const near = fc.integer({ min: 1_795_000_000_000, max: 1_795_300_000_000 })
    const any = fc.integer({ min: 0, max: 253_402_300_799_999 })
    fc.assert(
      fc.property(fc.array(fc.oneof(near, any)), (all) => {
        for (const ms of all) assert.equal(formatTime(ms), new Date(ms).toISOString())
        for (const ms of all) assert.equal(parseTime(new Date(ms).toISOString(), 'it'), ms)
      }),
    )
  })
  test('in another spelling are refused on the day that was written last, too', () => {
    assert.equal(formatTime(parseTime('2026-11-23T03:17:00.000Z', 'it')), '2026-11-23T03:17:00.000Z')
    const clock = fc.string({ unit: fc.constantFrom(...'0123459:.Z -/\u0660\uffff'), maxLength: 15 })
    fc.assert(
      fc.property(clock, (text) => {
        const time = `2026-11-23T${text}`
        const ms = Date.parse(time)
        if (ms >= 0 && new Date(ms).toISOString() === time) assert.equal(parseTime(time, 'it'), ms)
        else assert.throws(() => parseTime(time, 'it'), refusedAs('malformed'))
      }),
    )
    for (const clock of ['24:00:00.000Z', '23:60:00.000Z', '23:59:60.000Z', '-1:00:00.000Z', '00:00:00.00:Z'])
      assert.throws(() => parseTime(`2026-11-23T${clock}`, 'it'), refusedAs('malformed'))
  })
  test('sort as texts', () => {
    const ms = fc.integer({ min: 0, max: 253_402_300_799_999 })
    fc.assert(fc.property(ms, ms, (a, b) => assert.equal(formatTime(a) < formatTime(b), a < b)))
  })
  for (const [what, bad] of [
    ['no milliseconds', '2026-11-23T03:17:00Z'],
    ['six decimals', '2026-11-23T03:17:00.000000Z'],
    ['an offset', '2026-11-23T03:17:00.000+00:00'],
    ['a lower-case t', '2026-11-23t03:17:00.000Z'],
    ['a lower-case z', '2026-11-23T03:17:00.000z'],
    ['a space for the T', '2026-11-23 03:17:00.000Z'],
    ['hour 24', '2026-11-23T24:00:00.000Z'],
    ['a leap second', '2026-06-30T23:59:60.000Z'],
    ['the 30th of February', '2026-02-30T00:00:00.000Z'],
    ['a year before 1970', '1969-12-31T23:59:59.999Z'],
    ['a year of six digits', '+012026-11-23T03:17:00.000Z'],
    ['a newline', '2026-11-23T03:17:00.000Z\n'],
    ['a day without a time', '2026-11-23'],
    ['a date in words', 'Mon, 23 Nov 2026 03:17 Z'],
    ['nothing', ''],
  ] as const) {
    test(`are refused with ${what}`, () => assert.throws(() => parseTime(bad, 'it'), refusedAs('malformed')))
  }
})
