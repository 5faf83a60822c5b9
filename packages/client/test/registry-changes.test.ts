import { strict as assert } from 'node:assert'
import { describe, test } from 'node:test'
import { formatHex } from '@ledgerstone/core/bytes'
import { keyHistory } from '@ledgerstone/core/key-life'
import { createKey } from '@ledgerstone/core/key-pair'
import { Refused } from '@ledgerstone/core/refused'
import type { Log } from '@ledgerstone/log/log'
import { submissionOf } from '@ledgerstone/log/submission'
import { createSample, keys, openSample } from '../../log/test/sample.ts'
import type { LedgerApi } from '../src/api.ts'
import type { RegistryFollower } from '../src/registry.ts'
import { type RegistryChanges, registryChanges } from '../src/registry-changes.ts'

const signing = { owner: 'branch', purpose: 'sign', assurance: 'local' } as const
const receiving = { owner: 'branch', purpose: 'receive', assurance: 'local' } as const

type Running = AsyncDisposable & {
  readonly log: Log
  readonly changes: RegistryChanges
  /** Statements that reached the ledger. */
  posted(): number
}

/** A real log; its own registry stands for a replay that is up to date. */
async function run(threshold = 1): Promise<Running> {
  const sample = await createSample(undefined, threshold)
  const log = await openSample(sample)
  let posted = 0
  const postBlock: LedgerApi['postBlock'] = async (bucket, { statement }) => {
    posted++
    const { index, hash, duplicate } = await log.bucket(bucket).append(submissionOf({ statement }), 'test')
    const rest = { prevhash: '', time: '', size: index + 1, final: false, checkpoint: '' }
    return { ...rest, bucket, index, hash: formatHex(hash), created: !duplicate }
  }
  const refresh = async (): Promise<never> => ({ registry: log.registry }) as never
  const follower: Pick<RegistryFollower, 'refresh'> = { refresh }
  return {
    log,
    changes: registryChanges({ api: { postBlock }, follower, now: () => sample.clock.ms }),
    posted: () => posted,
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}

describe('a change of the registry', () => {
  test('registers, rotates and revokes signing and receiving keys', async () => {
    for (const [kind, claims] of [
      ['Ed25519', signing],
      ['RSA-2048', receiving],
    ] as const) {
      await using running = await run()
      const { log, changes } = running
      const [key, next] = [await createKey(kind), await createKey(kind)]
      const registered = await changes.register(key, claims, keys.registrar)
      assert.partialDeepStrictEqual(registered, { index: 1, counts: true, missing: 0, id: registered.hash })
      assert.partialDeepStrictEqual(log.registry.keyAt(key.kid, 2), claims)
      await changes.rotate(key, next, { assurance: 'local' }, keys.registrar)
      assert.equal(log.registry.key(key.kid).replaced?.by, next.kid)
      assert.partialDeepStrictEqual(log.registry.keyAt(next.kid, 3), claims)
      await changes.revoke({ kid: next.kid, reason: 'lost', suspectFrom: 0 }, next)
      assert.deepEqual(log.registry.key(next.kid).revoked, { index: 3, reason: 'lost', suspectFrom: 0 })
    }
  })

  test('of a registrar’s key leaves its role to the new one', async () => {
    await using running = await run()
    const { log, changes } = running
    const [next, other] = [await createKey('Ed25519'), await createKey('Ed25519')]
    await changes.rotate(keys.registrar, next, { assurance: 'local' }, keys.registrar)
    await assert.rejects(changes.register(other, signing, keys.registrar), { code: 'key-revoked' })
    await changes.register(other, signing, next)
    assert.equal(log.registry.key(other.kid).owner, 'branch')
  })

  test('waits for as many registrars as the threshold says', async () => {
    await using running = await run(2)
    const { log, changes } = running
    const key = await createKey('Ed25519')
    const asked = await changes.register(key, signing, keys.registrar)
    assert.partialDeepStrictEqual(asked, { counts: false, missing: 1 })
    assert.deepEqual(
      (await changes.pending()).map(({ id, missing, request }) => [id, missing, request.owners]),
      [[asked.id, 1, ['registrar']]],
    )
    const approved = await changes.approve(asked.id, keys.secondRegistrar)
    assert.partialDeepStrictEqual(approved, { counts: true, missing: 0, id: asked.id, index: 2 })
    assert.notEqual(approved.hash, asked.id)
    assert.deepEqual(await changes.pending(), [])
    assert.deepEqual(
      keyHistory(log.registry, key.kid).map(({ signer, counts }) => [signer.owner, counts]),
      [
        ['registrar', false],
        ['second-registrar', true],
      ],
    )
  })

  test('that the registry would refuse is refused here, and nothing is sent', async () => {
    await using running = await run(2)
    const { changes, posted } = running
    const [key, other] = [await createKey('Ed25519'), await createKey('RSA-2048')]
    const { id } = await changes.register(key, signing, keys.registrar)
    const before = posted()
    const nobody = '0'.repeat(64)
    const refused: [string, () => Promise<unknown>, string][] = [
      ['by nobody', () => changes.register(key, signing, key), 'unknown-key'],
      ['approved by who asked', () => changes.approve(id, keys.registrar), 'not-approved'],
      ['approved, and never asked for', () => changes.approve(nobody, keys.secondRegistrar), 'not-approved'],
      ['approved by what is no hash', () => changes.approve('x', keys.secondRegistrar), 'malformed'],
      [
        'of a key that is not in force',
        () => changes.revoke({ kid: key.kid, reason: 'x' }, key),
        'unknown-key',
      ],
      ['without a reason', () => changes.revoke({ kid: key.kid, reason: ' ' }, keys.registrar), 'malformed'],
      ['to what does not receive', () => changes.register(key, receiving, keys.registrar), 'wrong-key'],
      [
        'of an unknown key',
        () => changes.rotate(other, key, { assurance: 'local' }, keys.registrar),
        'unknown-key',
      ],
    ]
    for (const [what, make, code] of refused) {
      await assert.rejects(make, (error) => error instanceof Refused && error.code === code, what)
    }
    assert.equal(posted(), before)
  })

  test('of a receiving key by that key is the only one that it signs', async () => {
    await using running = await run()
    const { changes, log } = running
    const [mine, other] = [await createKey('RSA-2048'), await createKey('RSA-2048')]
    for (const key of [mine, other]) await changes.register(key, receiving, keys.registrar)
    await assert.rejects(changes.revoke({ kid: other.kid, reason: 'x' }, mine), { code: 'wrong-key' })
    await changes.revoke({ kid: mine.kid, reason: 'lost' }, mine)
    assert.equal(log.registry.key(mine.kid).revoked?.reason, 'lost')
  })
})
