// The state of a bucket from nothing but its entries: what a store must hold, whatever went wrong on the way.
import { strict as assert } from 'node:assert'
import { identityOf } from '@ledgerstone/core/identity'
import { BucketReplay } from '@ledgerstone/core/replay'
import { parseStatement } from '@ledgerstone/core/statement'
import { appendTiles, decodeEntries, emptyEdge } from '@ledgerstone/core/tile'
import { leafHash } from '@ledgerstone/core/tree'
import type { Store } from '../src/store.ts'

/** Replays a bucket, compares head, tiles and index with it, and gives the ids of its records in order. */
export async function replayed(store: Store, bucket: string): Promise<readonly string[]> {
  const head = await store.head(bucket)
  const entries = decodeEntries(await store.entries(bucket, 0, head.size), head.size)
  const replay = new BucketReplay(bucket)
  for (const entry of entries) replay.add(entry)
  replay.finish(head)

  const { tiles } = appendTiles(emptyEdge, entries.map(leafHash))
  for (const [level, hashes] of tiles.entries()) {
    const stored = await store.hashes(bucket, level, 0, head.size + 1)
    assert.deepEqual(stored, hashes, `tiles of level ${level}`)
  }
  const statements = entries.map((entry) => {
    const text = JSON.parse(Buffer.from(entry).toString()) as { statement: string }
    return parseStatement(text.statement)
  })
  const ids = statements.map(({ payload }) => payload.id)
  assert.equal(new Set(ids).size, ids.length, 'no id twice')
  for (const [i, { payload }] of statements.entries()) {
    const owners = ['ledger', 'sealer', 'shop', 'registrar']
    const identities = owners.map((owner) => identityOf(payload.log, owner, payload.id))
    const found = await store.find(bucket, identities)
    assert.deepEqual(
      found.filter((index) => index !== undefined),
      [i],
      `the index knows block ${i}`,
    )
  }
  return ids
}
