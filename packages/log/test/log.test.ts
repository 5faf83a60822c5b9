import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { formatHex } from '@ledgerstone/core/bytes'
import { verifyCheckpoint } from '@ledgerstone/core/checkpoint'
import { verifyEvidence } from '@ledgerstone/core/evidence'
import { verifyReceipt } from '@ledgerstone/core/receipt'
import { parseVkey } from '@ledgerstone/core/vkey'
import { until } from '../../core/test/until.ts'
import { readBlock, readEnvelope, readEvidence, readReceipt } from '../src/read.ts'
import { appendToKeys, codeOf, createSample, ledger, openPayments, openSample, seal } from './sample.ts'

test('a record that is appended is durable, signed for, final, and proved by evidence', async () => {
  const sample = await createSample()
  await using log = await openPayments(sample, { verifyWorkers: 2 })
  const payments = log.bucket('payments')
  const submission = await seal()
  const appended = await payments.append(submission, 'caller')
  assert.equal(appended.index, 1)
  assert.equal(appended.duplicate, false)
  assert.deepEqual(appended.head, await sample.store.head('payments'))

  const logKeys = payments.vkeys.map(parseVkey)
  const expected = { origin: payments.origin, logKeys, policy: sample.trust.policy }
  await verifyCheckpoint(appended.checkpoint, { ...expected, published: false })
  const { block, hash } = await readBlock(payments, 1)
  assert.equal(block.statement, submission.statement.jws)
  assert.equal(formatHex(hash), formatHex(appended.hash))
  assert((await readEnvelope(payments, 1)) !== undefined)

  while ((payments.final?.head.size ?? 0) < 2) await new Promise((resolve) => setTimeout(resolve, 2))
  await verifyReceipt(await readReceipt(payments, 1), hash, expected)
  const evidence = await readEvidence(ledger, payments, log.bucket('keys'), 1)
  const verdict = await verifyEvidence(evidence, sample.trust)
  assert.equal(verdict.block.index, 1)
})

test('a log opened again goes on where it ended and publishes at once', async () => {
  const sample = await createSample()
  {
    await using log = await openPayments(sample)
    await log.bucket('payments').append(await seal(), 'caller')
  }
  await using log = await openSample(sample)
  const payments = log.bucket('payments')
  assert.equal(payments.head.size, 2)
  assert.equal((await payments.append(await seal(), 'caller')).index, 2)
})

test('what fails while a log is closed leaves none of its threads behind', async (t) => {
  const workers: Worker[] = []
  const note = (worker: Worker): void => void workers.push(worker)
  process.on('worker', note)
  t.after(() => process.off('worker', note))
  const log = await openPayments(await createSample(), { verifyWorkers: 2 })
  const payments = log.bucket('payments')
  await payments.append(await seal(), 'caller')
  await until(() => payments.final?.head.size === 2, 'the signing thread was asked')
  t.after(() => Promise.all(workers.map((worker) => worker.terminate())))
  assert.equal(workers.length, 3)
  const { close } = payments
  payments.close = async () => {
    await close.call(payments)
    throw new Error('the bucket could not be closed')
  }
  await assert.rejects(log[Symbol.asyncDispose](), /could not be closed/)
  assert.deepEqual(
    workers.map(({ threadId }) => threadId),
    [-1, -1, -1],
  )
  assert.equal(await codeOf(appendToKeys(log, 'ledgerstone.key.revoke', {})), 'stopping', 'keys is closed')
})
