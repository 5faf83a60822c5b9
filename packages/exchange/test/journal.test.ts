// What the journal has acknowledged is there, also after the disk was full in the middle of a line.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openJournal } from '../src/journal.ts'

test('a disk that takes a part of a line is full, and spoils no other line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'journal-'))
  const path = join(folder, 'exchanges.jsonl')
  const writer = join(import.meta.dirname, 'journal-writer.ts')
  // 8 blocks of 512 bytes, and no line ends there.
  const limited = ['-c', 'ulimit -S -f 8 && exec "$0" "$@"', process.execPath, writer, path]
  const { stdout, stderr } = spawnSync('sh', limited, { encoding: 'utf8' })
  const told = JSON.parse(stdout || `{"failure":${JSON.stringify(stderr)}}`) as {
    readonly failure: string
    readonly acknowledged: readonly string[]
  }
  assert.equal(told.failure, 'EFBIG')
  const journal = openJournal(path)
  assert.deepEqual(
    journal.records.map(({ id }) => id),
    told.acknowledged,
  )
  assert.equal(told.acknowledged.at(-1), 'after')
  journal.close()
  rmSync(folder, { recursive: true })
})
