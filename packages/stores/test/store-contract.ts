// What every store must do, whatever it keeps its buckets in.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Bytes } from '@ledgerstone/core/bytes'
import { concat, utf8 } from '@ledgerstone/core/bytes'
import type { RefusalCode } from '@ledgerstone/core/refused'
import { Refused } from '@ledgerstone/core/refused'
import type { Batch, Head, Store } from '@ledgerstone/log/store'
import { emptyHead } from '../src/batch.ts'
import type { TestBlock } from './batches.ts'
import {
  appendBlocks,
  batchOf,
  blocksOf,
  caseOf,
  frame16,
  frame32,
  identityOf,
  tileRange,
} from './batches.ts'

/** A store under test; `reopen` closes it and opens it again, where it keeps anything. */
export type StoreUnderTest = AsyncDisposable & {
  readonly store: Store
  readonly reopen?: () => Promise<Store>
}

export function refusedWith(code: RefusalCode): (error: unknown) => boolean {
  return (error) => error instanceof Refused && error.code === code
}

const isAssertion = { name: 'AssertionError' }

export function testStoreContract(kind: string, open: () => Promise<StoreUnderTest>): void {
  const check = (name: string, body: (store: Store, reopen: () => Promise<Store>) => Promise<void>): void => {
    test(`${kind}: ${name}`, async () => {
      await using opened = await open()
      await body(opened.store, opened.reopen ?? (async () => opened.store))
    })
  }

  check('a new bucket has no blocks and the root of nothing', async (store) => {
    await store.create('payments')
    assert.deepEqual(await store.head('payments'), emptyHead)
    assert.equal((await store.entries('payments', 0, 10)).length, 0)
    assert.equal((await store.envelopes('payments', 0, 10, 1000)).length, 0)
    assert.equal((await store.hashes('payments', 0, 0, 10)).length, 0)
    assert.deepEqual(await store.find('payments', [identityOf('a')]), [undefined])
    assert.equal(await store.newestOfCase('payments', caseOf('a')), undefined)
  })

  check('names its buckets in order and makes none twice', async (store, reopen) => {
    for (const name of ['payments', 'keys', 'orders~2']) await store.create(name)
    await assert.rejects(store.create('payments'), refusedWith('bucket-exists'))
    const both = await Promise.allSettled([store.create('refunds'), store.create('refunds')])
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.deepEqual(await store.buckets(), ['keys', 'orders~2', 'payments', 'refunds'])
    assert.deepEqual(await (await reopen()).buckets(), ['keys', 'orders~2', 'payments', 'refunds'])
  })

  check('knows no bucket that was not made', async (store) => {
    const { batch, next } = batchOf(0, blocksOf(1))
    for (const name of ['payments', '../payments', 'constructor', '']) {
      await assert.rejects(store.head(name), refusedWith('unknown-bucket'))
      await assert.rejects(store.append(name, emptyHead, batch, next), refusedWith('unknown-bucket'))
      await assert.rejects(store.entries(name, 0, 1), refusedWith('unknown-bucket'))
      await assert.rejects(store.envelopes(name, 0, 1, 1), refusedWith('unknown-bucket'))
      await assert.rejects(store.hashes(name, 0, 0, 1), refusedWith('unknown-bucket'))
      await assert.rejects(store.find(name, []), refusedWith('unknown-bucket'))
      await assert.rejects(store.newestOfCase(name, caseOf('a')), refusedWith('unknown-bucket'))
    }
  })

  check('gives back what was appended, byte for byte, also after opening again', async (store, reopen) => {
    await store.create('payments')
    const blocks: TestBlock[] = [
      { entry: 'first', envelope: 'sealed' },
      { entry: 'x'.repeat(65_535) },
      { entry: 'third', envelope: 'e'.repeat(200_000) },
    ]
    await appendBlocks(store, 'payments', blocks.slice(0, 2))
    const head = await appendBlocks(store, 'payments', blocks.slice(2))
    for (const again of [false, true]) {
      const one = again ? await reopen() : store
      assert.deepEqual(await one.head('payments'), head)
      assert.deepEqual(await one.entries('payments', 0, 3), entriesOf(blocks))
      assert.deepEqual(await one.entries('payments', 1, 1), entriesOf(blocks.slice(1, 2)))
      assert.deepEqual(await one.envelopes('payments', 0, 3, 1_000_000), envelopesOf(blocks))
      assert.deepEqual(await one.envelopes('payments', 1, 1, 0), envelopesOf(blocks.slice(1, 2)))
      assert.deepEqual(await one.hashes('payments', 0, 0, 3), tileRange(0, 0, 3))
    }
  })

  check('gives what there is when asked beyond the head', async (store) => {
    await store.create('payments')
    const blocks = blocksOf(5)
    await appendBlocks(store, 'payments', blocks)
    assert.deepEqual(await store.entries('payments', 3, 100), entriesOf(blocks.slice(3)))
    assert.deepEqual(await store.envelopes('payments', 4, 100, 10_000), envelopesOf(blocks.slice(4)))
    assert.deepEqual(await store.hashes('payments', 0, 2, 100), tileRange(0, 2, 5))
    for (const from of [5, 6, 1000]) {
      assert.equal((await store.entries('payments', from, 1)).length, 0)
      assert.equal((await store.envelopes('payments', from, 1, 1)).length, 0)
      assert.equal((await store.hashes('payments', 0, from, 1)).length, 0)
    }
    assert.equal((await store.hashes('payments', 1, 0, 1)).length, 0)
    assert.equal((await store.hashes('payments', 6, 0, 1)).length, 0)
    assert.equal((await store.entries('payments', 2, 0)).length, 0)
  })

  check('gives as many envelopes as fit, but always one', async (store) => {
    await store.create('payments')
    const blocks = blocksOf(10)
    await appendBlocks(store, 'payments', blocks)
    const bytes = envelopesOf(blocks.slice(2, 5)).length
    assert.deepEqual(await store.envelopes('payments', 2, 10, bytes), envelopesOf(blocks.slice(2, 5)))
    assert.deepEqual(await store.envelopes('payments', 2, 10, bytes - 1), envelopesOf(blocks.slice(2, 4)))
    assert.deepEqual(await store.envelopes('payments', 2, 2, bytes), envelopesOf(blocks.slice(2, 4)))
    assert.deepEqual(await store.envelopes('payments', 9, 10, 0), envelopesOf(blocks.slice(9)))
  })

  check('keeps each level of the tiles as long as C2SP tlog-tiles has it', async (store, reopen) => {
    await store.create('payments')
    for (const count of [255, 1, 1, 255, 4096, 4096]) await appendBlocks(store, 'payments', blocksOf(count))
    const size = 8704
    for (const again of [false, true]) {
      const one = again ? await reopen() : store
      assert.equal((await one.head('payments')).size, size)
      assert.deepEqual(await one.hashes('payments', 0, 250, 300), tileRange(0, 250, 550))
      assert.deepEqual(await one.hashes('payments', 0, size - 2, 9), tileRange(0, size - 2, size))
      assert.deepEqual(await one.hashes('payments', 1, 0, 256), tileRange(1, 0, 34))
      assert.equal((await one.hashes('payments', 2, 0, 256)).length, 0)
    }
  })

  check('takes a batch only on the very head that it expects', async (store) => {
    await store.create('payments')
    const first = await appendBlocks(store, 'payments', blocksOf(2))
    const { batch, next } = batchOf(2, blocksOf(1, 'late'))
    const otherRoot: Head = { size: 2, root: next.root }
    await assert.rejects(store.append('payments', otherRoot, batch, next), refusedWith('head-moved'))
    const smaller = batchOf(0, blocksOf(2, 'other'))
    await assert.rejects(
      store.append('payments', emptyHead, smaller.batch, smaller.next),
      refusedWith('head-moved'),
    )
    const ahead = batchOf(3, blocksOf(1))
    const beyond: Head = { size: 3, root: first.root }
    await assert.rejects(store.append('payments', beyond, ahead.batch, ahead.next), refusedWith('head-moved'))
    assert.deepEqual(await store.head('payments'), first)
    assert.deepEqual(await store.entries('payments', 0, 9), entriesOf(blocksOf(2)))
    await store.append('payments', first, batch, next)
    assert.deepEqual(await store.head('payments'), next)
  })

  check('lets exactly one of several concurrent appends win', async (store) => {
    await store.create('payments')
    const rivals = [1, 2, 3, 4].map((n) => ({
      blocks: blocksOf(n, `rival ${n}`),
      ...batchOf(0, blocksOf(n, `rival ${n}`)),
    }))
    const outcomes = await Promise.allSettled(
      rivals.map(({ batch, next }) => store.append('payments', emptyHead, batch, next)),
    )
    const won = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [rivals[i]!] : []))
    assert.equal(won.length, 1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        assert(refusedWith('head-moved')(outcome.reason), String(outcome.reason))
    }
    assert.deepEqual(await store.head('payments'), won[0]!.next)
    assert.deepEqual(await store.entries('payments', 0, 9), entriesOf(won[0]!.blocks))
  })

  check('keeps buckets apart', async (store) => {
    await store.create('payments')
    await store.create('orders')
    await appendBlocks(store, 'payments', [{ entry: 'a payment', identity: 'same', case: 'same' }])
    const { batch, next } = batchOf(1, blocksOf(1))
    const head = await store.head('payments')
    await assert.rejects(store.append('orders', head, batch, next), refusedWith('head-moved'))
    assert.deepEqual(await store.find('orders', [identityOf('same')]), [undefined])
    assert.equal(await store.newestOfCase('orders', caseOf('same')), undefined)
  })

  check('finds the first block of an identity and the newest of a case', async (store, reopen) => {
    await store.create('payments')
    const named = (identity: string, ofCase?: string): TestBlock =>
      ofCase === undefined ? { entry: 'e', identity } : { entry: 'e', identity, case: ofCase }
    await appendBlocks(store, 'payments', [named('a', 'x'), named('b'), named('a', 'x')])
    await appendBlocks(store, 'payments', [named('c', 'y'), named('b', 'x'), named('d')])
    const nearly = identityOf('a')
    nearly[31]! ^= 1
    for (const again of [false, true]) {
      const one = again ? await reopen() : store
      const asked = ['d', 'a', 'nobody', 'b', 'c', 'a'].map(identityOf)
      assert.deepEqual(await one.find('payments', [...asked, nearly]), [5, 0, undefined, 1, 3, 0, undefined])
      assert.equal(await one.newestOfCase('payments', caseOf('x')), 4)
      assert.equal(await one.newestOfCase('payments', caseOf('y')), 3)
      assert.equal(await one.newestOfCase('payments', caseOf('z')), undefined)
      assert.equal(await one.newestOfCase('payments', new Uint8Array(32)), undefined)
    }
  })

  check('finds identities that left memory long ago', async (store, reopen) => {
    await store.create('payments')
    const total = 20_000
    for (let from = 0; from < total; from += 2_500) {
      await appendBlocks(
        store,
        'payments',
        Array.from({ length: 2_500 }, (_, i) => ({ entry: 'e', case: `${(from + i) % 100}` })),
      )
    }
    const asked = [0, 1, 4_095, 4_096, 9_999, 19_999]
    for (const again of [false, true]) {
      const one = again ? await reopen() : store
      const found = await one.find(
        'payments',
        asked.map((i) => identityOf(`of block ${i}`)),
      )
      assert.deepEqual(found, asked)
      assert.equal(await one.newestOfCase('payments', caseOf('0')), 19_900)
      assert.equal(await one.newestOfCase('payments', caseOf('99')), 19_999)
    }
  })

  check('hands out copies', async (store) => {
    await store.create('payments')
    const head = await appendBlocks(store, 'payments', blocksOf(1))
    const given = await store.head('payments')
    given.root.fill(0)
    ;(await store.entries('payments', 0, 1)).fill(0)
    assert.deepEqual(await store.head('payments'), head)
    assert.deepEqual(await store.entries('payments', 0, 1), entriesOf(blocksOf(1)))
    head.root.fill(7)
    assert.notDeepEqual(await store.head('payments'), head)
  })

  for (const [what, spoil] of Object.entries(spoilt)) {
    check(`a batch ${what} is a bug`, async (store) => {
      await store.create('payments')
      const head = await appendBlocks(store, 'payments', blocksOf(250))
      const { batch, next } = batchOf(250, blocksOf(10))
      const wrong = { ...batch, ...spoil(batch) }
      await assert.rejects(store.append('payments', head, wrong, next), isAssertion)
      assert.deepEqual(await store.head('payments'), head)
      await store.append('payments', head, batch, next)
    })
  }

  check('a next head of another size is a bug', async (store) => {
    await store.create('payments')
    const { batch, next } = batchOf(0, blocksOf(3))
    for (const size of [2, 4]) {
      await assert.rejects(store.append('payments', emptyHead, batch, { ...next, size }), isAssertion)
    }
  })
}

const spoilt: Record<string, (batch: Batch) => Partial<Batch>> = {
  'without blocks': () => ({ count: 0, entries: new Uint8Array(), envelopes: new Uint8Array() }),
  'from another index': () => ({ from: 249 }),
  'that counts one more': ({ count }) => ({ count: count + 1 }),
  'that counts one less': ({ count }) => ({ count: count - 1 }),
  'with entries that are cut': ({ entries }) => ({ entries: entries.slice(0, -1) }),
  'with entries that are longer': ({ entries }) => ({ entries: concat(entries, new Uint8Array(1)) }),
  'with an empty entry': ({ entries }) => ({
    entries: concat(entries.slice(0, -(2 + 'block 9'.length)), new Uint8Array(2)),
  }),
  'with envelopes that are cut': ({ envelopes }) => ({ envelopes: envelopes.slice(0, -1) }),
  'with envelopes that are longer': ({ envelopes }) => ({ envelopes: concat(envelopes, new Uint8Array(4)) }),
  'with an identity too few': ({ identities }) => ({ identities: identities.slice(64) }),
  'with a leaf hash too few': ({ tiles }) => ({ tiles: [tiles[0]!.slice(32), ...tiles.slice(1)] }),
  'without the hash of a full tile': ({ tiles }) => ({ tiles: [tiles[0]!] }),
  'with a hash of a tile that is not full': ({ tiles }) => ({
    tiles: [tiles[0]!, tiles[1]!, new Uint8Array(32)],
  }),
}

function entriesOf(blocks: readonly TestBlock[]): Bytes {
  return concat(...blocks.map(({ entry }) => frame16(utf8(entry))))
}

function envelopesOf(blocks: readonly TestBlock[]): Bytes {
  return concat(...blocks.map(({ envelope }) => frame32(utf8(envelope ?? ''))))
}
