import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { utf8 } from '@ledgerstone/core/bytes'
import { codeOf, keys } from '../../log/test/sample.ts'
import type { LedgerApi } from '../src/api.ts'
import { type Memory, memoryKey, plainMemory, remember } from '../src/memory.ts'
import { readVerified } from '../src/open.ts'
import { appendBlocks, type Served, serve, untilFinal, verifierOf } from './served.ts'

// Two histories of one log: same ledger name, same log keys, other blocks.
let served: Served
let other: Served

before(async () => {
  served = await serve()
  other = await serve()
  await appendBlocks(served, 20)
  await appendBlocks(other, 30)
})
after(async () => {
  await served[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

/** A ledger that shows its visitors the payments of the other history. */
function twoFaced(): LedgerApi {
  return { ...served.api(), log: (bucket) => (bucket === 'payments' ? other : served).api().log(bucket) }
}

test('sounds the alarm when another history is shown than the one remembered', async () => {
  const memory = plainMemory()
  await verifierOf(served.api(), served, memory).verify()
  assert.equal(await codeOf(verifierOf(twoFaced(), served, memory).verify()), 'forked')
  const { trust } = served.tested.sample
  const kept = await memory.read(memoryKey(trust, `${trust.ledger}/payments`))
  assert.equal(kept, served.tested.log.bucket('payments').final?.checkpoint)
})

test('sounds the alarm when another history of the same size is shown', async () => {
  const memory = plainMemory()
  await appendBlocks(served, 10)
  await verifierOf(served.api(), served, memory).verify()
  assert.equal(await codeOf(verifierOf(twoFaced(), served, memory).verify()), 'forked')
})

test('sounds the alarm when an old checkpoint is shown again', async () => {
  const memory = plainMemory()
  const old = served.tested.log.bucket('payments').final?.checkpoint ?? ''
  await appendBlocks(served, 5)
  await verifierOf(served.api(), served, memory).verify()
  const frozen = served.api((path, body) => (path === '/log/payments/checkpoint' ? utf8(old) : body))
  assert.equal(await codeOf(verifierOf(frozen, served, memory).verify()), 'rolled-back')
})

test('a client that remembers nothing cannot tell, and says that it remembered nothing', async () => {
  const old = served.tested.log.bucket('payments').final?.checkpoint ?? ''
  await appendBlocks(served, 5)
  const frozen = served.api((path, body) => (path === '/log/payments/checkpoint' ? utf8(old) : body))
  const verdict = await verifierOf(frozen, served).verify()
  assert.equal(verdict.remembered, undefined)
})

test('sounds the alarm when the registry is another one, or an older one, than remembered', async () => {
  const memory = plainMemory()
  const { log, sample } = served.tested
  const old = log.bucket('keys').final?.checkpoint ?? ''
  const early = verifierOf(served.api(), served, memory)
  await early.verify()
  await log.createBucket('orders', { registrar: keys.registrar, ledgerKey: keys.ledger })
  await untilFinal(served.tested, 'keys')
  await verifierOf(served.api(), served, memory).verify()
  const frozen = served.api((path, body) => (path === '/log/keys/checkpoint' ? utf8(old) : body))
  assert.equal(await codeOf(verifierOf(frozen, served, memory).verify()), 'rolled-back')

  const forged = plainMemory()
  const final = other.tested.log.bucket('keys').final
  const key = memoryKey(sample.trust, `${sample.trust.ledger}/keys`)
  await forged.write(key, 3, final?.checkpoint ?? '', undefined)
  assert.equal(await codeOf(verifierOf(served.api(), served, forged).verify()), 'forked')
})

test('sounds the alarm over an older head of another history than the newer one remembered', async () => {
  const memory = plainMemory()
  const { checkpoint } = await verifierOf(twoFaced(), served).verify()
  await appendBlocks(served, checkpoint.head.size)
  const { trust } = served.tested.sample
  await verifierOf(served.api(), served, memory).verify()
  const newer = await memory.read(paymentsKey())
  const remembering = remember(memory, trust, checkpoint, served.api().log('payments'))
  assert.equal(await codeOf(remembering), 'forked')
  assert.equal(await memory.read(paymentsKey()), newer)
})

test('ledgers of one name are remembered apart, by what each of them began with', async () => {
  const memory = plainMemory()
  const [one, two] = [served, other].map(({ tested }) => tested.sample.trust)
  assert(one !== undefined && two !== undefined && one.ledger === two.ledger)
  const origin = `${one.ledger}/payments`
  assert.notEqual(memoryKey(one, origin), memoryKey(two, origin))
  for (const each of [served, other, served, other]) await verifierOf(each.api(), each, memory).verify()
  for (const { tested } of [served, other]) {
    const kept = await memory.read(memoryKey(tested.sample.trust, origin))
    assert.equal(kept, tested.log.bucket('payments').final?.checkpoint)
  }
})

test('a block of the registry is refused where the registry that was read has another one', async () => {
  const { trust } = other.tested.sample
  const { follower } = verifierOf(other.api(), other)
  const reader = { trust, follower, memory: plainMemory() }
  assert.equal((await readVerified({ ...reader, api: other.api() }, 'keys', 2)).block.index, 2)
  assert.equal(await codeOf(readVerified({ ...reader, api: served.api() }, 'keys', 2)), 'forked')
})

test('a block under a checkpoint of another history than the one remembered is refused', async () => {
  const memory = plainMemory()
  await verifierOf(served.api(), served, memory).verify()
  const reader = { trust: served.tested.sample.trust, memory }
  const { follower } = verifierOf(served.api(), served, memory)
  assert.equal((await readVerified({ ...reader, follower, api: served.api() }, 'payments', 3)).block.index, 3)

  await appendBlocks(other, 50)
  const faced: LedgerApi = { ...other.api(), log: other.api().log }
  assert.equal(await codeOf(readVerified({ ...reader, follower, api: faced }, 'payments', 3)), 'forked')
})

/** As a tab sees it that has last looked `count` reads ago, when nothing was remembered of the payments. */
function lateMemory(shared: Memory, count: number): Memory {
  let reads = 0
  return {
    ...shared,
    read: async (key) => (key === paymentsKey() && reads++ < count ? undefined : shared.read(key)),
  }
}

function paymentsKey(): string {
  const { trust } = served.tested.sample
  return memoryKey(trust, `${trust.ledger}/payments`)
}

test('of two histories that two tabs are shown at one time, the second is noticed', async () => {
  const shared = plainMemory()
  await verifierOf(served.api(), served, shared).verify()
  const first = await shared.read(paymentsKey())
  await appendBlocks(other, 60)
  const second = verifierOf(twoFaced(), served, lateMemory(shared, 2))
  assert.equal(await codeOf(second.verify()), 'forked')
  assert.equal(await shared.read(paymentsKey()), first)
})

test('a tab that was shown an older head of the same history leaves the newer one remembered', async () => {
  const shared = plainMemory()
  const old = served.tested.log.bucket('payments').final?.checkpoint ?? ''
  const frozen = served.api((path, body) => (path === '/log/payments/checkpoint' ? utf8(old) : body))
  await appendBlocks(served, 5)
  await verifierOf(served.api(), served, shared).verify()
  const newer = await shared.read(paymentsKey())
  assert.notEqual(newer, old)
  await verifierOf(frozen, served, lateMemory(shared, 1)).verify()
  assert.equal(await shared.read(paymentsKey()), newer)
})
