import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnexpectedAnswer, Unreachable } from '@ledgerstone/client/problem'
import { Refused, refusalCodes } from '@ledgerstone/core/refused'
import { SessionEnded } from '../src/session/token-keeper.ts'
import { explain } from '../src/ui/explanation.ts'

test('what ends with signing in again says so', () => {
  for (const error of [
    new SessionEnded(),
    new Refused('token-expired', 'x'),
    new Refused('bad-token', 'x'),
  ]) {
    assert.equal(explain(error).remedy, 'sign-in')
  }
})

test('a page whose build is not served, or no longer, asks to be loaded anew', () => {
  for (const error of [
    new TypeError('Failed to fetch dynamically imported module: http://127.0.0.1/a.js'),
    new Error('Unable to preload CSS for http://127.0.0.1/assets/keys-page.css'),
  ]) {
    assert.equal(explain(error).remedy, 'reload')
    assert.equal(explain(error).said, undefined)
  }
})

test('a scope that is missing is named', () => {
  const { title, said, code } = explain(new Refused('insufficient-scope', 'needs read:payments'))
  assert.equal(title, 'You have no permission for this')
  assert.equal(said, 'needs read:payments')
  assert.equal(code, 'insufficient-scope')
})

test('a service that is away or fails can be asked again', () => {
  assert.equal(explain(new Unreachable('x')).remedy, 'retry')
  assert.equal(explain(new UnexpectedAnswer(500, 'x')).remedy, 'retry')
})

test('every refusal has a title and its code, and what is no error has its text', () => {
  for (const code of refusalCodes) {
    const explanation = explain(new Refused(code, 'why'))
    assert.equal(explanation.code, code)
    assert.notEqual(explanation.title, '')
  }
  assert.equal(explain('a text').said, 'a text')
})
