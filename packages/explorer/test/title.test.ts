import assert from 'node:assert/strict'
import { test } from 'node:test'
import { titleOf } from '../src/frame/title.ts'

test('the tab says where the person is', () => {
  for (const [path, title] of [
    ['/', 'Overview'],
    ['/buckets/payments', 'payments'],
    ['/buckets/payments/blocks/7', 'payments #7'],
    ['/verify', 'Verify'],
    ['/keys/abc', 'Keys'],
    ['/exchange', 'Exchange'],
    ['/buckets/%E0%A4%A', '%E0%A4%A'],
  ] as const) {
    assert.equal(titleOf(path), `${title} · Ledgerstone`)
  }
})
