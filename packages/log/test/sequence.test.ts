import { AssertionError, strict as assert } from 'node:assert'
import { test } from 'node:test'
import { noHash, parseEntry } from '@ledgerstone/core/block'
import { type Bytes, formatHex } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { decodeEntries } from '@ledgerstone/core/tile'
import { emptyRoot, Frontier } from '@ledgerstone/core/tree'
import { liveId } from '@ledgerstone/core/uuid'
import { checkBatch } from '@ledgerstone/stores/batch'
import { type Admitted, identify } from '../src/admit.ts'
import type { Known } from '../src/known.ts'
import { checkBeforeWrite, planBatch, type Setting } from '../src/sequence.ts'
import type { Batch } from '../src/store.ts'
import type { Tip } from '../src/tip.ts'
import { type Draft, keys, ledger, seal, start } from './sample.ts'

const empty: Tip = {
  head: { size: 0, root: emptyRoot },
  frontier: new Frontier(),
  second: new Frontier(),
  edge: { size: 0, levels: [] },
  prev: noHash,
  time: 0,
  keys: 0,
}
const setting: Setting = { bucket: 'payments', time: start, keys: 5, judge: () => undefined }
const unknown: Known = { first: undefined, newestStep: undefined }

async function admitted(draft: Draft = {}): Promise<Admitted> {
  const key = { owner: 'sealer', spki: keys.statement.spki }
  return identify(await seal(draft), key, `${ledger}/payments`)
}

test('blocks of a batch follow each other, and the batch leads from head to head', async () => {
  let tip = empty
  const hashes: string[] = []
  for (const count of [1, 3, 260]) {
    const records = await Promise.all(Array.from({ length: count }, () => admitted()))
    const { batch, next, outcomes } = planBatch(
      tip,
      records,
      records.map(() => unknown),
      setting,
    )
    assert(batch !== undefined)
    checkBatch(tip.head, batch, next.head)
    const before = formatHex(tip.prev)
    const blocks = decodeEntries(batch.entries).map(parseEntry)
    for (const outcome of outcomes) {
      assert(outcome.kind === 'placed')
      assert.equal(outcome.index, hashes.length)
      assert.equal(formatHex(outcome.prev), hashes.at(-1) ?? before)
      hashes.push(formatHex(outcome.hash))
    }
    assert.deepEqual(
      blocks.map(({ index, prev, time, keys: size }) => [index, formatHex(prev), time, size]),
      blocks.map(({ index }) => [index, index === 0 ? formatHex(noHash) : hashes[index - 1], start, 5]),
    )
    tip = checkBeforeWrite(tip, batch, next)
  }
  assert.equal(tip.head.size, 264)
})

test('a record that is refused leaves no gap', async () => {
  const records = [await admitted(), await admitted(), await admitted()]
  const judge = (record: Admitted): void => {
    if (record === records[1]) throw new Refused('key-revoked', 'no')
  }
  const { batch, outcomes } = planBatch(
    empty,
    records,
    records.map(() => unknown),
    { ...setting, judge },
  )
  assert.equal(batch?.count, 2)
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.kind === 'placed' ? outcome.index : outcome.error)),
    [0, new Refused('key-revoked', 'no'), 1],
  )
})

test('a refused first try does not take the id from a second one in the same batch', async () => {
  const id = liveId(start)
  const records = [await admitted({ id }), await admitted({ id })]
  const judge = (record: Admitted): void => {
    if (record === records[0]) throw new Refused('key-expired', 'no')
  }
  const { outcomes } = planBatch(empty, records, [unknown, unknown], { ...setting, judge })
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind),
    ['refused', 'placed'],
  )
})

test('a batch of repeats writes nothing', async () => {
  const record = await admitted()
  const { retry } = record.statement.payload
  const first = { index: 0, hash: noHash, prev: noHash, time: 7, retry }
  const { batch, next, outcomes } = planBatch(empty, [record], [{ ...unknown, first }], setting)
  assert.equal(batch, undefined)
  assert.equal(next, empty)
  assert.deepEqual(outcomes, [
    { kind: 'placed', index: 0, hash: noHash, prev: noHash, time: 7, duplicate: true },
  ])
})

test('a failure that is not a refusal is nobody’s outcome', async () => {
  const judge = (): void => {
    throw new TypeError('a bug')
  }
  const records = [await admitted()]
  assert.throws(() => planBatch(empty, records, [unknown], { ...setting, judge }), TypeError)
})

/** Each flips one bit of what was planned; every one must be caught. */
const flips: Readonly<Record<string, (batch: Batch, tip: Tip) => Bytes>> = {
  'an entry': (batch) => batch.entries.subarray(100),
  'the last byte of the entries': (batch) => batch.entries.subarray(-1),
  'the length of an entry': (batch) => batch.entries.subarray(1),
  'a leaf hash': (batch) => batch.tiles[0]?.subarray(40) as Bytes,
  'the right edge': (_, tip) => tip.frontier.hashes()[0] as Bytes,
  'the second right edge': (_, tip) => tip.second.hashes()[0] as Bytes,
}

for (const [what, target] of Object.entries(flips)) {
  test(`one bit of ${what} that flips is caught before anything is written`, async () => {
    const first = [await admitted()]
    const begun = planBatch(empty, first, [unknown], setting)
    const tip = checkBeforeWrite(empty, begun.batch as Batch, begun.next)
    const records = [await admitted(), await admitted()]
    const sound = planBatch(tip, records, [unknown, unknown], setting)
    checkBeforeWrite(tip, sound.batch as Batch, sound.next)
    const bytes = target(sound.batch as Batch, tip)
    bytes[0] = (bytes[0] as number) ^ 4
    const { batch, next } = what.includes('right edge')
      ? planBatch(tip, records, [unknown, unknown], setting)
      : sound
    assert.throws(() => checkBeforeWrite(tip, batch as Batch, next), AssertionError)
  })
}
