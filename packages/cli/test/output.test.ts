import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnexpectedAnswer, Unreachable } from '@ledgerstone/client/problem'
import { Refused } from '@ledgerstone/core/refused'
import { exitCodes, explain } from '../src/output.ts'

test('a refusal exits with 3, and its code stands behind its words', () => {
  assert.deepEqual(explain(new Refused('rolled-back', 'payments: it had 7 blocks')), {
    exitCode: exitCodes.refused,
    text: 'refused: payments: it had 7 blocks [rolled-back]',
    code: 'rolled-back',
  })
})

test('a refusal tells the refusal that it stands on', () => {
  const cause = new Refused('bad-proof', 'tile 0/0 is another one')
  const { text, code } = explain(new Refused('damaged-store', 'payments, block 7', { cause }))
  assert.equal(text, 'refused: payments, block 7 (tile 0/0 is another one) [damaged-store]')
  assert.equal(code, 'damaged-store')
  const same = new Refused('rolled-back', `payments: ${cause.message}`, { cause })
  assert.equal(explain(same).text, 'refused: payments: tile 0/0 is another one [rolled-back]', 'not twice')
})

test('where nobody answers nothing was refused: exit code 4', () => {
  const silence = new Unreachable('GET /v1/buckets: nothing answers', {
    cause: new TypeError('fetch failed'),
  })
  assert.deepEqual(explain(silence), {
    exitCode: exitCodes.unreachable,
    text: 'unreachable: GET /v1/buckets: nothing answers',
  })
  const noToken = new Refused('issuer-unavailable', 'the issuer cannot be reached', { cause: silence })
  assert.deepEqual(explain(noToken), {
    exitCode: exitCodes.unreachable,
    text: 'unreachable: the issuer cannot be reached',
  })
})

test('a service that says itself that it cannot reach the issuer has refused', () => {
  const said = new Refused('issuer-unavailable', 'the keys of the issuer cannot be had')
  assert.equal(explain(said).exitCode, exitCodes.refused)
  const failed = new Refused('issuer-unavailable', 'answered 500', { cause: new UnexpectedAnswer(500, 'x') })
  assert.equal(explain(failed).exitCode, exitCodes.refused)
})

test('the commonest failures of a computer are told in words', () => {
  const told = (fields: object): string => explain(Object.assign(new Error('E: raw'), fields)).text
  const port = { code: 'EADDRINUSE', address: '127.0.0.1', port: 8400 }
  assert.match(told(port), /^another program listens on port 8400 of 127\.0\.0\.1: .* \(--port N, /)
  assert.equal(told({ code: 'ENOENT', path: 'a.csv' }), 'there is no a.csv')
  assert.equal(told({ code: 'EISDIR', path: 'a' }), 'a is a folder')
  assert.equal(told({ code: 'EACCES', path: 'a' }), 'a may not be read or written by this user')
  assert.equal(told({ code: 'EIO', path: 'a' }), 'E: raw')
})

test('operating errors are told without a stack, bugs with theirs', () => {
  const noSpace = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  assert.deepEqual(explain(noSpace), { exitCode: exitCodes.failed, text: noSpace.message })
  const answer = new UnexpectedAnswer(500, 'GET /x was answered 500 (logged there as 1)')
  assert.deepEqual(explain(answer), { exitCode: exitCodes.failed, text: answer.message })
  const bug = new RangeError('no such thing')
  assert.deepEqual(explain(bug), { exitCode: exitCodes.failed, text: bug.stack })
  const nodes = Object.assign(new TypeError('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.deepEqual(explain(nodes), { exitCode: exitCodes.failed, text: nodes.stack })
  assert.deepEqual(explain('text'), { exitCode: exitCodes.failed, text: 'text' })
})
