import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkBatch } from '../src/batch.ts'
import type { File } from '../src/file/durable.ts'
import { closeFiles, openFile } from '../src/file/durable.ts'
import { decodeCommit } from '../src/file/head-file.ts'
import { readJournal } from '../src/file/journal.ts'
import { temporaryFolder } from './folders.ts'
import { refusedWith } from './store-contract.ts'

type Vectors = {
  readonly records: readonly {
    readonly comment: string
    readonly record: string
    readonly number: number
    readonly commit?: {
      readonly size: number
      readonly root: string
      readonly entriesBytes: number
      readonly envelopesBytes: number
      readonly previous: string
    }
  }[]
  readonly journals: readonly {
    readonly comment: string
    readonly files: readonly [string, string]
    readonly commits: readonly number[]
    readonly error?: 'damaged-store'
  }[]
}

const path = new URL('../../../vectors/store.json', import.meta.url)
const vectors = JSON.parse(await fs.readFile(path, 'utf8')) as Vectors
assert(vectors.records.length > 5 && vectors.journals.length > 5)

for (const { comment, record, number, commit } of vectors.records) {
  test(`commit record: ${comment}`, () => {
    const bytes = Uint8Array.fromHex(record)
    const decoded = decodeCommit(bytes, number)
    if (commit === undefined) return assert.equal(decoded, undefined)
    const { previous, size, root, ...lengths } = commit
    assert.deepEqual(decoded, {
      commit: {
        number,
        head: { size, root: Uint8Array.fromHex(root) },
        ...lengths,
        checksum: bytes.slice(96),
      },
      previous: Uint8Array.fromHex(previous),
    })
  })
}

for (const { comment, files, commits, error } of vectors.journals) {
  test(`journal: ${comment}`, async () => {
    await using folder = await temporaryFolder('memory')
    const opened: File[] = []
    for (const [i, content] of files.entries()) {
      await fs.writeFile(join(folder.path, `${i}`), Uint8Array.fromHex(content))
      opened.push(await openFile(join(folder.path, `${i}`), 'r'))
    }
    try {
      const reading = Array.fromAsync(readJournal([opened[0]!, opened[1]!]))
      if (error !== undefined) return await assert.rejects(reading, refusedWith(error))
      const frames = await reading
      assert.deepEqual(
        frames.map(({ number }) => number),
        commits,
      )
      for (const [i, { batch, commit }] of frames.entries()) {
        const before = frames[i - 1]?.commit?.head ?? { size: batch?.from ?? 0, root: new Uint8Array(32) }
        if (batch !== undefined) checkBatch(before, batch, commit!.head)
      }
    } finally {
      await closeFiles(opened)
    }
  })
}
