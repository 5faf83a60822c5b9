import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { formatEntry, parseEntry } from '@ledgerstone/core/block'
import { createKey, type OwnKey } from '@ledgerstone/core/key-pair'
import { limits } from '@ledgerstone/core/limits'
import { decodeEntries, encodeEntries } from '@ledgerstone/core/tile'
import { bodyStatement } from '@ledgerstone/log/genesis'
import { codeOf, keys, register, registrationOf, start } from '../../log/test/sample.ts'
import type { LedgerApi } from '../src/api.ts'
import { memoryKey, plainMemory } from '../src/memory.ts'
import { RegistryFollower } from '../src/registry.ts'
import { type Between, changeByte, type Served, serve, untilFinal } from './served.ts'

let served: Served

before(async () => {
  served = await serve()
  await untilFinal(served.tested, 'keys')
})
after(() => served[Symbol.asyncDispose]())

function followerOf(api: LedgerApi = served.api()): RegistryFollower {
  const { sample, clock } = served.tested
  const sleep = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100))
  return new RegistryFollower({ trust: sample.trust, reader: api.log('keys'), now: () => clock.ms, sleep })
}

/** Registers one more receiver, and waits until it is final. */
async function registerOne(given?: OwnKey): Promise<string> {
  const key = given ?? (await createKey('RSA-2048'))
  await register(served.tested.log, key, { owner: 'branch', purpose: 'receive' })
  await untilFinal(served.tested, 'keys')
  return key.kid
}

test('replays the registry that the ledger itself has, from the pinned genesis', async () => {
  const { registry, checkpoint } = await followerOf().refresh()
  const { log } = served.tested
  assert.deepEqual(registry.head, log.registry.head)
  assert.deepEqual(registry.keys(), log.registry.keys())
  assert.deepEqual(checkpoint.head, registry.head)
})

test('reads only what was added, and proves that it continues', async () => {
  const asked: string[] = []
  const follower = followerOf(
    served.api((path, body) => {
      asked.push(path)
      return body
    }),
  )
  const { registry } = await follower.refresh()
  const kid = await registerOne()
  asked.length = 0
  const view = await follower.refresh()
  assert.equal(view.registry, registry, 'the registry grows in place')
  assert.equal(registry.key(kid).owner, 'branch')
  assert.equal(view.entries.length, registry.size)
  assert(
    asked.some((path) => path.includes('/tile/0/')),
    asked.join(),
  )
})

test('what another tab or process was shown meanwhile has to be the same history', async () => {
  const { sample, clock } = served.tested
  const memory = plainMemory()
  const reader = served.api().log('keys')
  const follower = new RegistryFollower({ trust: sample.trust, reader, memory, now: () => clock.ms })
  const { registry, checkpoint } = await follower.refresh()
  const [origin = '', size, root = '', ...rest] = checkpoint.note.split('\n')
  const other = [origin, Number(size) + 1, root.replace(/^../, 'AA'), ...rest].join('\n')
  await memory.write(memoryKey(registry, origin), registry.size + 1, other, checkpoint.note)
  await registerOne()
  assert.equal(await codeOf(follower.refresh()), 'forked')
  assert.equal(registry.size, Number(size), 'nothing of it is taken')
})

test('calls at one time share one reading', async () => {
  let checkpoints = 0
  const follower = followerOf(
    served.api((path, body) => {
      if (path.endsWith('/checkpoint')) checkpoints++
      return body
    }),
  )
  await Promise.all([follower.refresh(), follower.refresh(), follower.refresh()])
  assert.equal(checkpoints, 1)
})

test('waits for a size to become final, and says so when it does not', async () => {
  const follower = followerOf()
  const size = served.tested.log.registry.size
  const key = await createKey('RSA-2048')
  const registering = registerOne(key)
  assert((await follower.atLeast(size + 1)).registry.size > size)
  await registering
  assert.equal(await codeOf(follower.atLeast(size + 50)), 'gap')
})

test('does not seal by a view that is ten minutes old', async () => {
  const { clock } = served.tested
  const follower = followerOf()
  assert.throws(() => follower.fresh(), { code: 'keys-stale' })
  assert.equal(follower.ageMs(), Infinity)
  await follower.refresh()
  const { asOf } = follower.view
  const now = clock.ms
  try {
    clock.ms = asOf + limits.keysAgeMsMax
    assert.equal(follower.fresh(), follower.view.registry)
    clock.ms = asOf + limits.keysAgeMsMax + 1
    assert.throws(() => follower.fresh(), { code: 'keys-stale' })
  } finally {
    clock.ms = now
  }
})

test('a head that is shown again and again grows old, however often it is read', async () => {
  const { clock } = served.tested
  const follower = followerOf()
  await follower.refresh()
  const now = clock.ms
  const note = served.tested.log.bucket('keys').final?.checkpoint ?? ''
  const frozen = followerOf(
    served.api((path, body) => (path.endsWith('/checkpoint') ? new TextEncoder().encode(note) : body)),
  )
  try {
    clock.ms = now + limits.keysAgeMsMax + 2000
    await frozen.refresh()
    assert.throws(() => frozen.fresh(), { code: 'keys-stale' })
  } finally {
    clock.ms = now
  }
})

/** Changes the last byte but nine of every answer whose path has this in it. */
function change(part: string): Between {
  return (path, body) => (path.includes(part) ? changeByte(body, body.length - 10) : body)
}

test('refuses a changed entry, and keeps the view of before', async () => {
  assert.equal(await codeOf(followerOf(served.api(change('/keys/tile/entries'))).refresh()), 'bad-signature')
  let damage: Between = (_path, body) => body
  const follower = followerOf(served.api((path, body) => damage(path, body)))
  await follower.refresh()
  const { size } = follower.view.registry
  await registerOne()
  damage = change('/keys/tile/entries')
  assert.equal(await codeOf(follower.refresh()), 'damaged-store')
  assert.equal(follower.view.registry.size, size)
  damage = change('/keys/tile/0')
  assert.equal(await codeOf(follower.refresh()), 'bad-proof')
  damage = (_path, body) => body
  assert.equal((await follower.refresh()).registry.size, size + 1)
})

test('a registry with another last block, signed by the registrar too, is not the one', async () => {
  const { trust } = served.tested.sample
  const key = await createKey('RSA-2048')
  const registration = await registrationOf(key, { owner: 'auditor', purpose: 'receive' })
  const type = 'ledgerstone.key.register'
  const statement = await bodyStatement(`${trust.ledger}/keys`, type, registration, keys.registrar, start)
  const follower = followerOf(
    served.api((path, body) => {
      if (!path.includes('/keys/tile/entries')) return body
      const entries = decodeEntries(new Uint8Array(body))
      const last = parseEntry(entries.at(-1) ?? assert.fail())
      const other = formatEntry({ ...last, statement: statement.jws })
      return encodeEntries([...entries.slice(0, -1), other])
    }),
  )
  assert.equal(await codeOf(follower.refresh()), 'damaged-store')
})

test('a registry that leaves a revocation out is not that of the checkpoint', async () => {
  // All entries but the last one, every one of them sound, under the checkpoint of all.
  const follower = followerOf(
    served.api((path, body) => {
      if (!path.includes('/keys/tile/entries')) return body
      const last = lastEntry(body)
      return body.slice(0, last)
    }),
  )
  assert.equal(await codeOf(follower.refresh()), 'malformed')
})

function lastEntry(bundle: Uint8Array): number {
  let at = 0
  for (;;) {
    const end = at + 2 + (((bundle[at] as number) << 8) | (bundle[at + 1] as number))
    if (end >= bundle.length) return at
    at = end
  }
}
