// The file store between processes: one at a time, and none of them may lose what it acknowledged when it is
// killed.
import { strict as assert } from 'node:assert'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { FileStore } from '../src/file/store.ts'
import { batchAfter, bucket, journalBytesMax } from './appending-process.ts'
import { appendBlocks, blocksOf } from './batches.ts'
import { temporaryFolder } from './folders.ts'
import { Model } from './model.ts'
import { refusedWith } from './store-contract.ts'

const program = new URL('appending-process.ts', import.meta.url).pathname

function start(root: string, count: number): ChildProcessByStdio<null, Readable, null> {
  return spawn(process.execPath, [program, root, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] })
}

test('file store: what a killed process has acknowledged is there, and nothing twice', async () => {
  await using folder = await temporaryFolder()
  const count = 7
  const model = new Model()
  let rounds = 0
  for (const milliseconds of [0, 2, 7, 20, 50, 120]) {
    const child = start(folder.path, count)
    let acknowledged = 0
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'open') continue
      if (acknowledged === 0) setTimeout(() => child.kill('SIGKILL'), milliseconds)
      acknowledged = Number(line)
      assert(!Number.isNaN(acknowledged), line)
    }
    await using store = await FileStore.open(folder.path, { journalBytesMax })
    const { size } = await store.head(bucket)
    assert(size >= acknowledged, `${acknowledged} acknowledged, ${size} there`)
    assert(size - Math.max(acknowledged, model.head.size) <= count, 'at most one batch was under way')
    while (model.head.size < size) model.append(batchAfter(model.head.size, count))
    await model.check(store, bucket)
    rounds++
  }
  assert.equal(rounds, 6)
})

test('file store: a second process is told of the first; a killed one leaves no lock', async () => {
  await using folder = await temporaryFolder()
  const first = start(folder.path, 1)
  await once(first.stdout, 'data')
  await assert.rejects(FileStore.open(folder.path), (error: Error) => {
    assert(refusedWith('store-busy')(error))
    assert.match(error.message, new RegExp(`process ${first.pid}\\b`))
    return true
  })
  const second = start(folder.path, 1)
  const [said] = (await once(second.stdout, 'data')) as [Buffer]
  assert.match(said.toString(), /^store-busy: /)
  await once(second, 'exit')

  first.kill('SIGKILL')
  await once(first, 'exit')
  await using store = await FileStore.open(folder.path)
  await appendBlocks(store, bucket, blocksOf(1))
})

test('file store: a second opening in the same process is refused; the first keeps its lock', async () => {
  await using folder = await temporaryFolder()
  const store = await FileStore.open(folder.path)
  await assert.rejects(FileStore.open(folder.path), refusedWith('store-busy'))
  await assert.rejects(FileStore.open(folder.path), refusedWith('store-busy'))
  const other = start(folder.path, 1)
  const [said] = (await once(other.stdout, 'data')) as [Buffer]
  assert.match(said.toString(), new RegExp(`^store-busy: .*process ${process.pid}\\b`))
  await once(other, 'exit')
  await store[Symbol.asyncDispose]()
  await (await FileStore.open(folder.path))[Symbol.asyncDispose]()
})
