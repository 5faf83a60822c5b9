// Pending -> Batch: the one place where blocks are made. Pure: what the store must be asked comes in, what it
// is to write goes out, and nothing is signed or answered here.
import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { formatEntry } from '@ledgerstone/core/block'
import { type Bytes, concat, equalBytes, formatHex, type Hash } from '@ledgerstone/core/bytes'
import type { Place } from '@ledgerstone/core/judge'
import { Refused } from '@ledgerstone/core/refused'
import { isSameRecord } from '@ledgerstone/core/retry'
import { appendTiles, encodeEntries } from '@ledgerstone/core/tile'
import { leafHash } from '@ledgerstone/core/tree'
import type { Admitted } from './admit.ts'
import { encodeFrames } from './frames.ts'
import type { FirstBlock, Known } from './known.ts'
import type { Batch } from './store.ts'
import type { Tip } from './tip.ts'

/** Where a record has its block. `duplicate`: an earlier try made it. */
export type Placed = {
  readonly kind: 'placed'
  readonly index: number
  readonly hash: Hash
  readonly prev: Hash
  /** Milliseconds since 1970. */
  readonly time: number
  readonly duplicate: boolean
}

/** What becomes of one record: a block once the batch is committed, or the reason why not. */
export type Outcome = Placed | { readonly kind: 'refused'; readonly error: Error }

/** Where the chain goes on when the batch is committed; only `checkBeforeWrite` makes a tip of it. */
export type Unchecked = Omit<Tip, 'second'>

/** `batch` is absent when no record needs a new block. `outcomes` has one row per record, in order. */
export type Plan = {
  readonly batch: Batch | undefined
  readonly next: Unchecked
  readonly outcomes: readonly Outcome[]
}

/** Throws `Refused` when the record may not stand in this place. */
export type Judge = (record: Admitted, place: Place) => void

/** `time`: of all blocks of the batch, not before the tip's; `keys`: the registry's size, likewise. */
export type Setting = {
  readonly bucket: string
  readonly time: number
  readonly keys: number
  readonly judge: Judge
}

type Draft = {
  readonly entries: Bytes[]
  readonly leaves: Hash[]
  readonly envelopes: Uint8Array[]
  readonly identities: Uint8Array[]
  /** First blocks of this batch by identity, newest steps by case key; both in hexadecimal. */
  readonly firsts: Map<string, FirstBlock>
  readonly steps: Map<string, Hash>
}

export function planBatch(
  tip: Tip,
  records: readonly Admitted[],
  known: readonly Known[],
  setting: Setting,
): Plan {
  const draft: Draft = {
    entries: [],
    leaves: [],
    envelopes: [],
    identities: [],
    firsts: new Map(),
    steps: new Map(),
  }
  const outcomes = records.map((record, i): Outcome => {
    try {
      return place(tip, draft, record, known[i] as Known, setting)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return { kind: 'refused', error }
    }
  })
  return { ...finish(tip, draft, setting), outcomes }
}

function place(tip: Tip, draft: Draft, record: Admitted, known: Known, setting: Setting): Placed {
  const { statement, identity, caseKey } = record
  const identityKey = formatHex(identity)
  const first = known.first ?? draft.firsts.get(identityKey)
  if (first !== undefined) return repeat(first, statement.payload.retry)

  const index = tip.head.size + draft.entries.length
  const { bucket, time, keys } = setting
  setting.judge(record, { bucket, index, time, keys })
  const step = caseKey === undefined ? '' : formatHex(caseKey)
  if (statement.payload.case !== undefined) {
    checkCase(statement.payload.case.after, draft.steps.get(step) ?? known.newestStep)
  }

  const prev = draft.leaves.at(-1) ?? tip.prev
  const entry = formatEntry({ bucket, index, time, prev, keys, statement: statement.jws })
  const hash = leafHash(entry)
  draft.entries.push(entry)
  draft.leaves.push(hash)
  draft.envelopes.push(record.envelopeBytes)
  draft.identities.push(identity, caseKey ?? noCase)
  draft.firsts.set(identityKey, { index, hash, prev, time, retry: statement.payload.retry })
  if (caseKey !== undefined) draft.steps.set(step, hash)
  return { kind: 'placed', index, hash, prev, time, duplicate: false }
}

const noCase = new Uint8Array(32)

/** The first block of a record that was sent before. Throws `id-reused` when it is another record. */
function repeat({ retry, ...first }: FirstBlock, again: Bytes | undefined): Placed {
  if (!isSameRecord(retry, again)) {
    throw new Refused('id-reused', 'this id of this sender is taken by another record')
  }
  return { kind: 'placed', ...first, duplicate: true }
}

function checkCase(after: Hash | null, newest: Hash | undefined): void {
  const holds = after === null ? newest === undefined : newest !== undefined && equalBytes(after, newest)
  if (!holds) throw new Refused('case-moved', "the case's newest step is not the one that the record names")
}

function finish(tip: Tip, draft: Draft, { time, keys }: Setting): Pick<Plan, 'batch' | 'next'> {
  const { entries, leaves } = draft
  if (entries.length === 0) return { batch: undefined, next: tip }
  const frontier = tip.frontier.clone()
  for (const leaf of leaves) frontier.append(leaf)
  const { tiles, edge } = appendTiles(tip.edge, leaves)
  const batch: Batch = {
    from: tip.head.size,
    count: entries.length,
    entries: encodeEntries(entries),
    envelopes: encodeFrames(draft.envelopes),
    identities: concat(...draft.identities),
    tiles,
  }
  const head = { size: frontier.size, root: frontier.root() }
  return { batch, next: { head, frontier, edge, prev: leaves.at(-1) as Hash, time, keys } }
}

/**
 * Computes leaf hashes and root a second time, by another implementation, over the very buffers that the
 * store will write, and from a right edge of its own: a bit that flipped in memory must stop the bucket, not
 * be signed. Throws an assertion.
 */
export function checkBeforeWrite(tip: Tip, batch: Batch, next: Unchecked): Tip {
  const { entries } = batch
  const leaves = batch.tiles[0] as Bytes
  const second = tip.second.clone()
  let at = 0
  for (let i = 0; i < batch.count; i++) {
    const start = at + 2
    at = start + (((entries[at] as number) << 8) | (entries[at + 1] as number))
    const leaf = digestOf(entries.subarray(start, at))
    assert(
      equalBytes(leaf, leaves.subarray(i * 32, i * 32 + 32)),
      `block ${batch.from + i} changed in memory`,
    )
    second.append(leaf)
  }
  assert.equal(at, entries.length, 'the entries of the batch end with the last block')
  assert.equal(second.size, next.head.size)
  assert(equalBytes(second.root(), next.head.root), 'the second root differs from the one to be signed')
  return { ...next, second }
}

/** SHA-256 of 0x00 and an entry, streaming: another way through OpenSSL than the core's. */
function digestOf(entry: Bytes): Hash {
  // As a string: the Buffer that Node makes for a digest costs more than the digest.
  const text = createHash('sha256').update(leafPrefix).update(entry).digest('latin1')
  const leaf = new Uint8Array(32)
  for (let i = 0; i < 32; i++) leaf[i] = text.charCodeAt(i)
  return leaf
}

const leafPrefix = Uint8Array.of(0)
