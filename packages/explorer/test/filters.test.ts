import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filterOf, formatSearch, readAt, readFilters } from '../src/pages/chain/filters.ts'

test('a filter goes into the address and comes back', () => {
  const filters = { type: 'payment.captured', sender: 'a&b=c', from: '2026-11-01', to: '' }
  const search = formatSearch(filters)
  assert.deepEqual(readFilters(search), filters)
  assert.deepEqual(filterOf(filters), { type: 'payment.captured', sender: 'a&b=c', timeFrom: '2026-11-01' })
})

test('without a filter the address is bare, but for the block to begin with', () => {
  const none = readFilters('')
  assert.equal(filterOf(none), undefined)
  assert.equal(formatSearch(none), '')
  assert.equal(formatSearch(none, 7), '?at=7')
})

test('a block to begin with is an index or nothing', () => {
  assert.equal(readAt('?at=0'), 0)
  for (const search of ['', '?at=', '?at=-1', '?at=1e9', '?at=99999999999999999']) {
    assert.equal(readAt(search), undefined, search)
  }
})
