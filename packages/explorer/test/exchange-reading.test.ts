import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import { commandOf, isOver, parseExchange, stageOf } from '../src/pages/exchange/exchange-reading.ts'

const asked = {
  ...{ id: '0193572b-0000-7000-8000-000000000000', state: 'scheduled', owner: 'treasury', assurance: 'sas' },
  ...{ createdBy: 'issuer sub admin', now: '2026-11-23T10:00:00.000Z', openAt: '2026-11-23T10:01:00.000Z' },
  ...{ closesAt: '2026-11-23T10:03:00.000Z', port: 20_000, certificate: 'PEM', fingerprint: 'aa' },
  ...{ clientFingerprint: 'bb', refusedConnections: 0 },
}
const key = { kid: 'k', purpose: 'sign' }

describe('how far an exchange came', () => {
  const cases = [
    ['its state', { state: 'talking' }, 'talking'],
    ['nobody joined', { state: 'expired', clientFingerprint: 0 }, 'awaiting-client'],
    ['nobody came', { state: 'expired', now: '2026-11-23T10:04:00.000Z' }, 'open'],
    ['cancelled before its time', { state: 'cancelled' }, 'scheduled'],
    ['a wrong string', { state: 'refused', string: 'ABCD-EFGH', keys: [key] }, 'awaiting-confirmation'],
    ['the ledger was away', { state: 'failed', keys: [key], confirmedBy: 'x' }, 'confirmed'],
    ['all of it', { state: 'registered', keys: [key], blocks: [{ kid: 'k', index: 7 }] }, 'registered'],
  ] as const
  for (const [name, more, stage] of cases) {
    test(name, () => assert.equal(stageOf(parseExchange({ ...asked, ...more })), stage))
  }
})

test('an exchange that waits for its client has no certificates yet', () => {
  const { fingerprint: _, clientFingerprint: __, certificate: ___, ...scheduled } = asked
  const reading = parseExchange({ ...scheduled, state: 'awaiting-client', opensOnJoin: true })
  assert.deepEqual(
    [reading.state, reading.opensOnJoin, reading.fingerprint, reading.joinedBy],
    ['awaiting-client', true, undefined, undefined],
  )
  assert.equal(parseExchange(asked).opensOnJoin, false)
})

test('an answer that is no exchange is refused', () => {
  for (const more of [{ state: 'sleeping' }, { owner: 7 }, { keys: [{ kid: 7 }] }]) {
    assert.throws(() => parseExchange({ ...asked, ...more }), Refused)
  }
})

test('an exchange is over when it is registered, or did not get there', () => {
  assert.deepEqual((['scheduled', 'confirmed', 'registered', 'cancelled'] as const).map(isOver), [
    false,
    false,
    true,
    true,
  ])
})

describe('the command for the other machine', () => {
  const server = 'https://ledger.example.com'
  test('says what was planned, and nothing else', () => {
    assert.equal(
      commandOf({ server, owner: 'treasury', assurance: 'sas' }),
      'ledgerstone exchange --server https://ledger.example.com --owner treasury',
    )
    assert.equal(
      commandOf({
        ...{ server, owner: 'treasury', assurance: 'two-person', port: 20_001 },
        openAt: '2026-11-23T10:01:00.000Z',
      }),
      'ledgerstone exchange --server https://ledger.example.com --owner treasury ' +
        '--at 2026-11-23T10:01:00.000Z --port 20001 --two-person',
    )
    assert.match(commandOf({ server, owner: 'a', assurance: 'token' }), / --yes$/)
  })

  test('joins what is scheduled: its time and port are known there', () => {
    const join = '0193572b-0000-7000-8000-000000000000'
    assert.equal(
      commandOf({ server, owner: 'treasury', assurance: 'two-person', join }),
      `ledgerstone exchange --server https://ledger.example.com --owner treasury --join ${join} --two-person`,
    )
  })

  test('runs nothing else, whatever an address or an owner holds', () => {
    const command = commandOf({ server: "https://x/;id'$(id)", owner: 'a b', assurance: 'sas' })
    assert.equal(command, "ledgerstone exchange --server 'https://x/;id'\\''$(id)' --owner 'a b'")
  })
})
