import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../src/configuration.ts'

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
})

test('refuses an answer that is no configuration', () => {
  const bad = [
    null,
    'text',
    {},
    { ...sound, issuer: 7 },
    { ...sound, audiences: null },
    { ...sound, servedBy: 'me' },
  ]
  for (const value of bad) assert.throws(() => parseConfiguration(value), /something else/)
})
