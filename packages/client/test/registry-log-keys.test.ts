// The log keys of `keys` change: a client that only the old ones were known to replays everything, and still
// holds it against what it saw before.
import { strict as assert } from 'node:assert'
import { before, test } from 'node:test'
import { formatEntry } from '@ledgerstone/core/block'
import type { Bytes } from '@ledgerstone/core/bytes'
import type { NoteSigner } from '@ledgerstone/core/cosignature'
import { createKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { vkeyOf } from '@ledgerstone/core/vkey'
import { keyNamed, now, registrationOf, SampleLedger, SampleLog } from '../../core/test/sample-ledger.ts'
import { codeOf } from '../../log/test/sample.ts'
import { RegistryFollower } from '../src/registry.ts'
import { readerOf } from './sample-reader.ts'

let sample: SampleLedger
/** The registry as it was seen first: genesis, and three keys. */
let seen: readonly Bytes[]
let next: NoteSigner
let rotation: string
let shown: SampleLog

before(async () => {
  sample = await SampleLedger.create(1, { logKeys: 1 })
  await sample.register('alice', 'alice')
  await sample.register('alice-rsa', 'alice')
  await sample.register('mallory', 'mallory')
  seen = [...sample.keys.entries]
  const key = await createKey('Ed25519')
  const { origin } = sample.keys
  next = { vkey: vkeyOf(origin, 'note', key.spki), sign: (await statementSignerOf(key)).sign }
  const body = { log: origin, logKeys: [next.vkey.text] }
  rotation = await sample.statement('keys', 'registrar-ann', 'ledgerstone.log-keys', body)
})

/** A history that begins with these entries, under the new log keys. */
function continued(entries: readonly Bytes[], ...statements: readonly string[]): SampleLog {
  const log = new SampleLog('keys', [next])
  log.entries.push(...entries)
  for (const statement of statements) log.entries.push(formatEntry(log.next(statement, log.entries.length)))
  return log
}

/** One that remembers nothing but what it has seen itself. */
async function followerOfSeen(): Promise<RegistryFollower> {
  shown = sample.keys
  const reader = readerOf(() => shown)
  const follower = new RegistryFollower({ trust: sample.trust, reader, now: () => now })
  assert.equal((await follower.refresh()).registry.size, seen.length)
  return follower
}

test('a registry that goes on under new log keys is taken', async () => {
  const follower = await followerOfSeen()
  shown = continued(seen, rotation)
  const { registry, entries } = await follower.refresh()
  assert.equal(registry.size, seen.length + 1)
  assert.deepEqual(entries, shown.entries)
})

test('a shorter registry under new log keys is a rollback', async () => {
  const follower = await followerOfSeen()
  shown = continued(seen.slice(0, 2), rotation)
  assert.equal(await codeOf(follower.refresh()), 'rolled-back')
  assert.equal(follower.view.registry.size, seen.length)
})

test('another registry under new log keys is a fork, although it is longer', async () => {
  const follower = await followerOfSeen()
  const body = await registrationOf(await keyNamed('mallory'), 'mallory')
  const other = await sample.statement('keys', 'registrar-ben', 'ledgerstone.key.register', body)
  shown = continued(seen.slice(0, 3), other, rotation)
  assert.equal(await codeOf(follower.refresh()), 'forked')
  assert.deepEqual(follower.view.entries, seen)
})
