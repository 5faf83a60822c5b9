// The identity index is brought forward, never written anew: what a start and a commit cost does not grow.
import { strict as assert } from 'node:assert'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { advanceIndex, openIndex } from '../src/file/identity-rows.ts'
import { temporaryFolder } from './folders.ts'

const checksum = new Uint8Array(32)

/** Rows whose identities begin with these bytes, of no case. */
function rowsOf(...first: readonly number[]): Buffer {
  return Buffer.concat(first.map((byte) => Buffer.concat([Buffer.alloc(32, byte), Buffer.alloc(32)])))
}

test('an index reads the rows behind its mark, and none before it', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'identities')
  writeFileSync(path, rowsOf(1, 2, 3))
  const identities = openSync(path, 'r')
  const database = openIndex(folder.path)
  advanceIndex(database, identities, { number: 1, size: 3, checksum })
  // Whoever read them again would find others.
  writeFileSync(path, rowsOf(7, 8, 9, 4, 5))
  advanceIndex(database, identities, { number: 2, size: 5, checksum })
  const rows = database.prepare('SELECT identity, block FROM identities ORDER BY block').all()
  const found = rows.map(({ identity, block }) => [(identity as Uint8Array)[0], block])
  database.close()
  closeSync(identities)
  assert.deepEqual(found, [
    [1, 0],
    [2, 1],
    [3, 2],
    [4, 3],
    [5, 4],
  ])
})
