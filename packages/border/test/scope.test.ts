import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkScope, covers, type Verb } from '../src/scope.ts'

const yes: readonly [string, Verb, string][] = [
  ['append:payments', 'append', 'payments'],
  ['append:*', 'append', 'payments'],
  ['read:*', 'read', 'orders'],
  ['append:payments', 'append', 'payments~2'],
  ['manage:keys', 'append', 'keys'],
  ['manage:keys', 'read', 'keys'],
  ['read:keys', 'read', 'keys'],
  ['manage:ledgerstone-x', 'append', 'ledgerstone-x'],
  ['manage:exchanges', 'manage', 'exchanges'],
]

const no: readonly [string, Verb, string][] = [
  ['append:payments', 'append', 'orders'],
  ['append:payments', 'append', 'payments-eu'],
  ['append:payments', 'read', 'payments'],
  ['read:*', 'append', 'payments'],
  ['append:*', 'append', 'keys'],
  ['append:*', 'append', 'keys~2'],
  ['append:keys', 'append', 'keys'],
  ['read:keys', 'append', 'keys'],
  ['read:*', 'read', 'keys'],
  ['read:*', 'read', 'ledgerstone-x'],
  ['append:*', 'append', 'ledgerstone-x'],
  ['manage:*', 'append', 'keys'],
  ['manage:*', 'manage', 'exchanges'],
  ['manage:keys', 'append', 'payments'],
  ['*', 'read', 'payments'],
  ['*:*', 'read', 'payments'],
  ['append:*', 'append', '*keys'.slice(1)],
]

describe('a scope', () => {
  for (const [scope, verb, bucket] of yes) {
    it(`${scope} lets a caller ${verb} ${bucket}`, () => {
      assert.ok(covers(new Set(['x', scope]), verb, bucket))
      checkScope(new Set([scope]), verb, bucket)
    })
  }
  for (const [scope, verb, bucket] of no) {
    it(`${scope} does not let a caller ${verb} ${bucket}`, () => {
      assert.ok(!covers(new Set(['x', scope]), verb, bucket))
    })
  }

  it('that is missing is named', () => {
    assert.throws(() => checkScope(new Set(), 'read', 'orders'), {
      code: 'insufficient-scope',
      message: /read:orders/,
    })
    assert.throws(() => checkScope(new Set(), 'append', 'keys'), {
      code: 'insufficient-scope',
      message: /manage:keys/,
    })
  })
})
