import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { senderOf } from '@ledgerstone/core/sender'
import { now, SampleLedger } from '../../core/test/sample-ledger.ts'
import { checkSender } from '../src/keys.ts'

const sample = await SampleLedger.create()
const alice = await sample.register('alice', 'alice', { notBefore: now, notAfter: now + 1000 })
const aliceRsa = await sample.register('alice-rsa', 'alice', { notAfter: now + 2000 })
const mallory = await sample.register('mallory', 'mallory')
const malloryRsa = await sample.register('mallory-rsa', 'mallory')
const received = await sample.register('bob-receive', 'mallory', { purpose: 'receive' })

async function check(statement: OwnKey, key: OwnKey, at = now): Promise<void> {
  checkSender(await senderOf(statement, key, undefined), sample.registry, at)
}

test('a sender is two signing keys of one owner, each of them in force', async () => {
  await check(alice, aliceRsa)
  await check(alice, aliceRsa, now + 1000)
  await check(mallory, malloryRsa, now + 10_000)
})

test('a sender one of whose keys is not valid yet, or no longer, is refused', async () => {
  await assert.rejects(check(alice, aliceRsa, now - 1), { code: 'key-expired' })
  await assert.rejects(check(alice, aliceRsa, now + 1001), { code: 'key-expired' })
  const lasting = await sample.register('alice-next', 'alice')
  await check(lasting, aliceRsa, now + 2000)
  await assert.rejects(check(lasting, aliceRsa, now + 2001), { code: 'key-expired' })
})

test('a sender of keys of two owners, or of a receiving key, is refused', async () => {
  await assert.rejects(check(alice, malloryRsa), { code: 'wrong-key' })
  await assert.rejects(check(mallory, aliceRsa), { code: 'wrong-key' })
  await assert.rejects(check(mallory, received), { code: 'wrong-key' })
})
