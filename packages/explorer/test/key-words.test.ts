import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askedText, eventText, timeIn, wordsOf } from '../src/pages/keys/key-words.ts'

test('a key that expires soon is not shown as simply active', () => {
  assert.deepEqual(wordsOf({ state: 'active', expiresSoon: true }), { text: 'expires soon', tone: 'fair' })
  assert.equal(wordsOf({ state: 'active', expiresSoon: false }).tone, 'good')
  assert.equal(wordsOf({ state: 'revoked', expiresSoon: false }).tone, 'bad')
})

test('a request, an approval and what takes effect are told apart', () => {
  const signer = { kid: 'k', owner: 'o' }
  const about = { index: 3, hash: 'h', time: '', event: 'revoke', signer, asked: null } as const
  assert.equal(eventText({ ...about, approves: null, counts: true, missing: 0 }), 'Revoked')
  assert.equal(
    eventText({ ...about, approves: null, counts: false, missing: 2 }),
    'Revocation asked for; 2 more approvals are needed',
  )
  assert.equal(
    eventText({ ...about, approves: 'h', counts: false, missing: 1 }),
    'Revocation approved; 1 more approval is needed',
  )
  assert.equal(
    eventText({ ...about, approves: 'h', counts: true, missing: 0 }),
    'Approved, and with that revoked',
  )
})

test('a time from which a key is suspect is told with the block that names it', () => {
  const asked = { change: 'revoke', kid: 'k', reason: 'r', suspectFrom: '2026-11-01T00:00:00.000Z' } as const
  const event = { index: 3, hash: 'h', time: '', event: 'revoke', signer: { kid: 'k', owner: 'o' } } as const
  const told = eventText({ ...event, approves: null, counts: true, missing: 0, asked })
  assert.equal(told, 'Revoked, suspect from 2026-11-01T00:00:00.000Z on')
  assert.equal(askedText(asked), 'Revoke k, suspect from 2026-11-01T00:00:00.000Z on: r')
  assert.equal(askedText({ ...asked, suspectFrom: null }), 'Revoke k: r')
})

test('a time is written in UTC, and none is none', () => {
  assert.equal(timeIn(''), undefined)
  assert.equal(timeIn('2026-11-23T10:00'), new Date('2026-11-23T10:00').toISOString())
  assert.throws(() => timeIn('soon'), /no date/)
})
