import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../src/configuration.ts'
import { scopeOf } from '../src/session/authorization.ts'

const sound = {
  ledger: 'ledger.example.com/log',
  issuer: 'https://login.example.com',
  clientId: 'explorer',
  audiences: { ledger: 'urn:ledgerstone:ledger', sealer: 'urn:ledgerstone:sealer' },
  servedBy: 'ledger',
  oneOperator: false,
  opening: false,
}

test('takes what the service says of itself', () => {
  assert.deepEqual(parseConfiguration(sound), sound)
  const more = { ...sound, scopes: ['profile', 'read:payments'] }
  assert.deepEqual(parseConfiguration(more), more)
})

test('people ask for what the configuration names, else for what all pages need', () => {
  const usual = 'openid profile read:* read:keys manage:keys manage:exchanges'
  assert.equal(scopeOf(parseConfiguration(sound)), usual)
  const named = parseConfiguration({ ...sound, scopes: ['openid', 'offline_access', 'read:payments'] })
  assert.equal(scopeOf(named), 'openid offline_access read:payments')
})

test('refuses an answer that is no configuration', () => {
  const bad = [
    null,
    'text',
    {},
    { ...sound, issuer: 7 },
    { ...sound, audiences: null },
    { ...sound, servedBy: 'me' },
    { ...sound, scopes: 'read:*' },
    { ...sound, scopes: ['read:* manage:keys'] },
    { ...sound, scopes: [7] },
  ]
  for (const value of bad) assert.throws(() => parseConfiguration(value), /something else/)
})
