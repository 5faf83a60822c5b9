import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { noHash } from '@ledgerstone/core/block'
import { concat, type Hash } from '@ledgerstone/core/bytes'
import { parseReceipt, verifyReceipt } from '@ledgerstone/core/receipt'
import { decodeEntries, encodeEntries, parseTilePath, tileWidth } from '@ledgerstone/core/tile'
import { Frontier, leafHash, verifyConsistency, verifyInclusion } from '@ledgerstone/core/tree'
import { parseVkey } from '@ledgerstone/core/vkey'
import { MemoryStore } from '@ledgerstone/stores/memory'
import { until } from '../../core/test/until.ts'
import {
  readBlock,
  readConsistency,
  readEntries,
  readEnvelope,
  readEnvelopes,
  readEvidence,
  readHash,
  readInclusion,
  readReceipt,
  readRoot,
  readTile,
} from '../src/read.ts'
import type { Head } from '../src/store.ts'
import { codeOf, createSample, ledger, openPayments, seal } from './sample.ts'

const size = 300
const sample = await createSample(new MemoryStore())
const log = await openPayments(sample)
after(() => log[Symbol.asyncDispose]())
const payments = log.bucket('payments')
/** The head at each size, computed from the entries alone. */
const heads: Head[] = []
const leaves: Hash[] = []

before(async () => {
  const records = await Promise.all(Array.from({ length: size - 1 }, () => seal()))
  for (const result of await payments.appendBatch(records, 'caller')) assert(!(result instanceof Error))
  const frontier = new Frontier()
  heads.push(frontier.head())
  for (const entry of await readEntries(payments, 0, size)) {
    leaves.push(leafHash(entry))
    frontier.append(leafHash(entry))
    heads.push(frontier.head())
  }
  await until(() => payments.final?.head.size === size, 'the bucket is final')
})

test('every block has an inclusion proof in every size of the tree', async () => {
  for (let n = 1; n <= size; n++) {
    // Every index at small sizes and around tile borders, a spread of them elsewhere.
    const stride = n < 20 || Math.abs(n - tileWidth) < 3 ? 1 : 37
    for (let index = n % stride; index < n; index += stride) {
      const { root } = heads[n] as Head
      verifyInclusion(leaves[index] as Hash, index, n, await readInclusion(payments, index, n), root)
    }
  }
})

test('every size is consistent with every later one', async () => {
  for (let n = 0; n <= size; n++) {
    const stride = n < 20 || Math.abs(n - tileWidth) < 3 ? 1 : 41
    for (let old = 0; old <= n; old += stride) {
      verifyConsistency(heads[old] as Head, heads[n] as Head, await readConsistency(payments, old, n))
    }
    assert.deepEqual(await readRoot(payments, n), heads[n]?.root)
  }
})

test('every block has a receipt that verifies under the final checkpoint', async () => {
  const expected = {
    origin: payments.origin,
    logKeys: payments.vkeys.map(parseVkey),
    policy: sample.trust.policy,
  }
  for (const [index, leaf] of leaves.entries()) {
    const receipt = await readReceipt(payments, index)
    if (index % 10 === 0) await verifyReceipt(receipt, leaf, expected)
    const { proof } = parseReceipt(receipt)
    verifyInclusion(leaf, index, size, proof, heads[size]?.root as Hash)
  }
})

test('a block that is not final has a receipt under a note that covers it only', async () => {
  const early = { name: 'payments', store: payments.store, head: payments.head, final: undefined }
  assert.equal(await codeOf(readReceipt(early, 3)), 'no-quorum')
  const note = { head: payments.head, checkpoint: payments.headNote }
  const receipt = await readReceipt(early, 3, note)
  const [vkey] = payments.vkeys.map(parseVkey)
  assert(vkey !== undefined)
  const expected = { origin: payments.origin, logKeys: [vkey], published: false }
  assert.equal((await verifyReceipt(receipt, leaves[3] as Hash, expected)).index, 3)
  const keys = { ...early, name: 'keys', head: log.bucket('keys').head }
  assert.equal(await codeOf(readEvidence(ledger, payments, keys, 3)), 'no-quorum')
})

test('a tile of any width up to the committed one is the beginning of the full one', async () => {
  const full = await readTile(payments, parseTilePath('tile/0/000'))
  assert.equal(full.length, tileWidth * 32)
  assert.deepEqual(full, concat(...leaves.slice(0, tileWidth)))
  for (const width of [1, 7, 255]) {
    assert.deepEqual(
      await readTile(payments, parseTilePath(`tile/0/000.p/${width}`)),
      full.slice(0, width * 32),
    )
  }
  assert.equal((await readTile(payments, parseTilePath('tile/0/001.p/44'))).length, 44 * 32)
  assert.equal((await readTile(payments, parseTilePath('tile/1/000.p/1'))).length, 32)
  const bundle = await readTile(payments, parseTilePath('tile/entries/001.p/2'))
  assert.deepEqual(decodeEntries(bundle), await readEntries(payments, tileWidth, 2))
  for (const path of [
    'tile/0/001.p/45',
    'tile/0/001',
    'tile/1/000.p/2',
    'tile/2/000.p/1',
    'tile/entries/002.p/1',
  ]) {
    assert.equal(await codeOf(readTile(payments, parseTilePath(path))), 'unknown-block')
  }
})

test('what is beyond the head is not there', async () => {
  const codes = [readBlock, readEnvelope, readHash, readReceipt].map((read) => codeOf(read(payments, size)))
  for (const code of await Promise.all(codes)) assert.equal(code, 'unknown-block')
  for (const index of [-1, 0.5, Number.NaN])
    assert.equal(await codeOf(readBlock(payments, index)), 'unknown-block')
  assert.equal(await codeOf(readInclusion(payments, 0, size + 1)), 'unknown-block')
  assert.equal(await codeOf(readInclusion(payments, 5, 5)), 'unknown-block')
  assert.equal(await codeOf(readConsistency(payments, 0, size + 1)), 'unknown-block')
  assert.equal(await codeOf(readConsistency(payments, 5, 4)), 'bad-query')
  assert.deepEqual(await readEntries(payments, size, 5), [])
  assert.equal((await readEntries(payments, size - 2, 5)).length, 2)
})

test('a genesis has no envelope, a record has its own', async () => {
  assert.equal(await readEnvelope(payments, 0), undefined)
  const first = await readEnvelope(payments, 1)
  const framed = await readEnvelopes(payments, 0, 2, 1_000_000)
  assert.equal(framed.length, 4 + 4 + (first?.length ?? 0))
  assert.equal((await readEnvelopes(payments, size, 2, 1000)).length, 0)
  const [genesis, block] = [await readBlock(payments, 0), await readBlock(payments, 1)]
  assert.deepEqual(genesis.block.prev, noHash)
  assert.deepEqual(block.block.prev, genesis.hash)
  assert.deepEqual(await readHash(payments, 1), block.hash)
  assert.deepEqual(encodeEntries([genesis.entry]), await payments.store.entries('payments', 0, 1))
})
