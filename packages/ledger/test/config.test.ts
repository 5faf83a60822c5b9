import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import { readLedgerConfig } from '../src/config.ts'

const least = {
  trust: 'ledgerstone.trust',
  store: 'data/buckets',
  keys: 'data/keys',
  buckets: ['payments', 'orders'],
  publicUrls: ['https://ledger.example.com'],
  issuers: [{ issuer: 'https://auth.example.com' }],
}

let folder: string

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-config-'))
})

after(() => rmSync(folder, { recursive: true }))

function fileOf(config: object): string {
  const path = join(folder, 'ledger.json')
  writeFileSync(path, JSON.stringify(config))
  return path
}

function mistakesOf(config: object): string {
  try {
    readLedgerConfig(fileOf(config))
  } catch (error) {
    assert.ok(error instanceof Refused && error.code === 'bad-config')
    return error.message
  }
  return assert.fail('it was accepted')
}

describe("the ledger's configuration", () => {
  it('has defaults for all but what only the operator knows', () => {
    const config = readLedgerConfig(fileOf(least))
    assert.deepEqual(config, {
      ...least,
      listen: { host: '127.0.0.1', port: 8400 },
      audience: 'urn:ledgerstone:ledger',
      log: 'token',
      metrics: 'token',
      logLevel: 'info',
      trustedProxies: [],
      verifyWorkers: 2,
      publishIntervalMs: 1000,
      limits: { requestsPerSecondMax: 50_000, eventStreamsMax: 256, waitFinalMsMax: 10_000 },
    })
    assert.ok(Object.isFrozen(config) && Object.isFrozen(config.limits) && Object.isFrozen(config.issuers[0]))
  })

  it('is refused with all its mistakes at once', () => {
    const mistakes = mistakesOf({
      ...{ ...least, store: undefined },
      buckets: ['payments', 'payments', 'keys', 'ledgerstone-x', 'Payments'],
      listen: { port: '8400', hots: 'x' },
      log: 'open',
      limits: { eventStreamsMax: -1 },
      colour: 'red',
    })
    for (const part of [
      /store/,
      /\/buckets .*duplicate/,
      /\/buckets\/2 /,
      /\/buckets\/3 /,
      /\/buckets\/4 /,
      /\/listen\/port /,
      /hots/,
      /\/log .*"public", "token"/,
      /\/limits\/eventStreamsMax /,
      /colour/,
    ]) {
      assert.match(mistakes, part)
    }
  })

  it('that is not there, or no JSON, is refused', () => {
    assert.throws(() => readLedgerConfig(join(folder, 'nothing.json')), { code: 'bad-config' })
    const path = join(folder, 'broken.json')
    writeFileSync(path, '{"trust": ')
    assert.throws(() => readLedgerConfig(path), { code: 'bad-config' })
  })
})
