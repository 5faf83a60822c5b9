// What an append computes waits for no thread of libuv's pool: that is the disk's. Here the pool is full.
import { strict as assert } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { originOf } from '@ledgerstone/core/names'
import { HeadSigner } from '../src/checkpoint.ts'
import { MldsaThread } from '../src/mldsa.ts'
import { createSample, ledger, openPayments, seal, signerFor } from './sample.ts'

const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4)

/**
 * Every thread of the pool waits for somebody to write into a pipe: until this is disposed of, or the test
 * has ended, for a test that hangs disposes of nothing.
 */
function fullPool(t: TestContext): AsyncDisposable {
  const folder = mkdtempSync(join(tmpdir(), 'pool-'))
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const waiting: Promise<FileHandle>[] = Array.from({ length: threads }, () => open(pipe, 'r'))
  let released: Promise<void> | undefined
  const release = async (): Promise<void> => {
    const writer = openSync(pipe, 'r+')
    for (const each of waiting) await (await each).close()
    closeSync(writer)
    rmSync(folder, { recursive: true })
  }
  const dispose = (): Promise<void> => (released ??= release())
  t.after(dispose)
  return { [Symbol.asyncDispose]: dispose }
}

for (const verifyWorkers of [0, 1]) {
  const where = verifyWorkers === 0 ? 'the main thread' : 'a thread of their own'
  test(`sealing, and signatures on ${where}, need no thread of the pool`, { timeout: 60_000 }, async (t) => {
    await using log = await openPayments(await createSample(), { verifyWorkers })
    const payments = log.bucket('payments')
    // What is loaded when it is first needed comes from the disk.
    await payments.append(await seal(), 'caller')
    await using _ = fullPool(t)
    const { index } = await payments.append(await seal(), 'caller')
    assert.equal(index, 2)
  })
}

test('neither does the ML-DSA-44 signature of a checkpoint', { timeout: 60_000 }, async (t) => {
  await using thread = new MldsaThread()
  const signer = new HeadSigner(originOf(ledger, 'payments'), await signerFor('payments'), thread)
  const head = { size: 1, root: new Uint8Array(32) }
  const note = await signer.signPublished(head, await signer.signCommitted(head), 1)
  await using _ = fullPool(t)
  assert.notEqual(await signer.signPublished(head, await signer.signCommitted(head), 2), note)
})
