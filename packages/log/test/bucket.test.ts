import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { formatHex, utf8 } from '@ledgerstone/core/bytes'
import { buildEnvelope, contentOf } from '@ledgerstone/core/envelope'
import { limits } from '@ledgerstone/core/limits'
import { originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { parseStatement, type Statement, signStatement } from '@ledgerstone/core/statement'
import { liveId } from '@ledgerstone/core/uuid'
import { readBlock } from '../src/read.ts'
import { type Submission, submissionOf } from '../src/submission.ts'
import {
  appendToKeys,
  codeOf,
  createSample,
  keys,
  ledger,
  openPayments,
  register,
  seal,
  sealDraft,
  sealer,
  shop,
  start,
} from './sample.ts'

test('a retry with the same record gives the first block, sealed again or not', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const id = liveId(start)
  const first = await payments.append(await seal({ id }), 'caller')
  await payments.append(await seal(), 'caller')
  const again = await payments.append(await seal({ id }), 'caller')
  assert.equal(again.duplicate, true)
  assert.deepEqual(
    [again.index, formatHex(again.hash), formatHex(again.prev), again.time],
    [first.index, formatHex(first.hash), formatHex(first.prev), first.time],
  )
  assert.equal(again.head.size, 3)
  assert.equal(payments.head.size, 3)
})

test('an id with another record, or without a retry value, is refused', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const id = liveId(start)
  await payments.append(await seal({ id }), 'caller')
  assert.equal(
    await codeOf(payments.append(await seal({ id, record: utf8('other') }), 'caller')),
    'id-reused',
  )
  const { retryKey: _, ...withoutRetry } = sealer
  assert.equal(await codeOf(payments.append(await seal({ id, sender: withoutRetry }), 'caller')), 'id-reused')
  assert.equal(payments.head.size, 2)
})

test('two records without a retry value are never the same record', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const { retryKey: _, ...sender } = sealer
  const id = liveId(start)
  await payments.append(await seal({ id, sender }), 'caller')
  for (const record of [utf8('other'), undefined]) {
    const again = await seal({ id, sender, ...(record === undefined ? {} : { record }) })
    assert.equal(await codeOf(payments.append(again, 'caller')), 'id-reused')
  }
  assert.equal(payments.head.size, 2)
})

test('ids of two owners do not touch each other, whoever the caller is', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const id = liveId(start)
  const first = await payments.append(await seal({ id }), 'caller')
  const second = await payments.append(await seal({ id, sender: shop }), 'caller')
  assert.equal(second.duplicate, false)
  assert.notEqual(second.index, first.index)
  assert.equal((await payments.append(await seal({ id }), 'another caller')).index, first.index)
})

test('an id survives the rotation of its sender to another key', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const id = liveId(start)
  const first = await payments.append(await seal({ id, sender: shop }), 'caller')
  const { createKey } = await import('@ledgerstone/core/key-pair')
  const { senderOf } = await import('@ledgerstone/core/sender')
  const next = await createKey('Ed25519')
  await register(log, next, { owner: 'shop', purpose: 'sign' })
  const rotated = await senderOf(next, keys.otherRsa, shop.retryKey)
  const again = await payments.append(await seal({ id, sender: rotated }), 'caller')
  assert.deepEqual([again.index, again.duplicate], [first.index, true])
})

test('a batch answers each record in order, sound ones committed in order', async () => {
  await using log = await openPayments(await createSample(), { verifyWorkers: 2 })
  const payments = log.bucket('payments')
  const id = liveId(start)
  const forged = await sealDraft()
  const batch: Submission[] = [
    await seal(),
    await seal({ id }),
    submissionOf({ ...forged, statement: withoutSignature(forged.statement) }),
    await seal({ id }),
    await seal({ id, record: utf8('other') }),
    await seal({ bucket: 'orders' }),
    await seal(),
  ]
  const results = await payments.appendBatch(batch, 'caller')
  const shown = results.map((result) => {
    if (result instanceof Refused) return result.code
    assert(!(result instanceof Error))
    return result.duplicate ? `again ${result.index}` : result.index
  })
  assert.deepEqual(shown, [1, 2, 'bad-signature', 'again 2', 'id-reused', 'wrong-log', 3])
  assert.deepEqual(await payments.appendBatch([], 'caller'), [])
})

test('a batch keeps its order however its verifications end', async () => {
  await using log = await openPayments(await createSample(), { verifyWorkers: 2 })
  const payments = log.bucket('payments')
  const batch = await Promise.all(Array.from({ length: 300 }, () => seal()))
  const results = await payments.appendBatch(batch, 'caller')
  const indexes = results.map((result) => (result instanceof Error ? result : result.index))
  assert.deepEqual(
    indexes,
    batch.map((_, i) => i + 1),
  )
  for (const i of [0, 137, 299]) {
    const { block } = await readBlock(payments, i + 1)
    assert.equal(block.statement, batch[i]?.statement.jws)
  }
})

test('a case goes on from its newest step only', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const id = liveId(start)
  const step = async (after: Uint8Array<ArrayBuffer> | null): Promise<Submission> =>
    seal({ case: { id, after }, type: 'refund.requested' })
  const first = await payments.append(await step(null), 'caller')
  assert.equal(await codeOf(payments.append(await step(null), 'caller')), 'case-moved')
  assert.equal(await codeOf(payments.append(await step(new Uint8Array(32)), 'caller')), 'case-moved')
  await payments.append(await seal(), 'caller')
  const second = await payments.append(await step(first.hash), 'caller')
  assert.equal(await codeOf(payments.append(await step(first.hash), 'caller')), 'case-moved')
  await payments.append(await step(second.hash), 'caller')
})

test('of two first steps of a case in one batch the first one counts', async () => {
  await using log = await openPayments(await createSample())
  const step = { id: liveId(start), after: null }
  const submissions = [await seal({ case: step }), await seal({ case: step })]
  const [first, second] = await log.bucket('payments').appendBatch(submissions, 'caller')
  assert(first !== undefined && !(first instanceof Error))
  assert(second instanceof Refused && second.code === 'case-moved')
})

/** A statement that nobody has signed. */
function withoutSignature({ jws }: Statement): Statement {
  return parseStatement(`${jws.slice(0, jws.lastIndexOf('.'))}.${'A'.repeat(86)}`)
}

test('what was found out of a signature before is taken as it is', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  assert.equal((await payments.append({ ...(await seal()), isSigned: true }, 'caller')).index, 1)
  assert.equal(
    await codeOf(payments.append({ ...(await seal()), isSigned: false }, 'caller')),
    'bad-signature',
  )
  const unknown = { ...(await seal({ bucket: 'orders' })), isSigned: false }
  assert.equal(await codeOf(payments.append(unknown, 'caller')), 'wrong-log', 'said first')
})

test('a request whose records are still to come takes room in the pool from other requests', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const arrived = payments.expect(limits.poolBytesMax - 1000)
  assert.throws(() => payments.expect(2000), /too many records wait/)
  assert.equal((await payments.append(await seal(), 'caller')).index, 1)
  arrived()
  payments.expect(2000)()
})

test('an envelope that is not the one of its statement is refused', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const [one, other] = [await sealDraft(), await sealDraft()]
  const submit = async (parts: Parameters<typeof submissionOf>[0]): Promise<unknown> =>
    payments.append(submissionOf(parts), 'caller')
  assert.equal(await codeOf(submit({ statement: one.statement, envelope: other.envelope })), 'wrong-digest')
  assert.equal(await codeOf(submit({ statement: one.statement })), 'wrong-digest')
  const flipped = one.envelope.ciphertext.slice()
  flipped[20] = (flipped[20] as number) ^ 1
  const forged = buildEnvelope({ ...one.envelope, ciphertext: flipped })
  assert.equal(await codeOf(submit({ statement: one.statement, envelope: forged })), 'wrong-digest')
  assert.equal(payments.head.size, 1)
})

test('a record whose key signature is of another owner is refused', async () => {
  await using log = await openPayments(await createSample())
  const mixed = { ...sealer, key: shop.key }
  assert.equal(
    await codeOf(log.bucket('payments').append(await seal({ sender: mixed }), 'caller')),
    'wrong-key',
  )
})

test('types of the house and second geneses are refused', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const { statement: signer } = sealer
  const payload = { log: payments.origin, id: liveId(start), issued: start }
  const genesis = { ...payload, type: 'ledgerstone.genesis', body: { bucket: 'payments', ledger } }
  const statement = parseStatement(await signStatement(genesis, signer))
  assert.equal(await codeOf(payments.append(submissionOf({ statement }), 'caller')), 'reserved')
  const { envelope } = await sealDraft()
  const toKeys = { ...payload, log: originOf(ledger, 'keys'), type: 'x', content: contentOf(envelope) }
  const misplaced = parseStatement(await signStatement(toKeys, signer))
  assert.equal(
    await codeOf(log.bucket('keys').append(submissionOf({ statement: misplaced, envelope }), 'caller')),
    'reserved',
  )
})

test('a key that is revoked between admission and commit seals nothing more', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const before = await payments.append(await seal(), 'caller')
  await appendToKeys(log, 'ledgerstone.key.revoke', { kid: keys.statement.kid, reason: 'stolen' })
  assert.equal(await codeOf(payments.append(await seal(), 'caller')), 'key-revoked')
  const { block } = await readBlock(payments, before.index)
  const after = await payments.append(await seal({ sender: shop }), 'caller')
  assert.equal((await readBlock(payments, after.index)).block.keys, block.keys + 1)
})

test('a revocation that comes while the record waits for its verification is obeyed', async () => {
  await using log = await openPayments(await createSample(), { verifyWorkers: 1 })
  const payments = log.bucket('payments')
  const submission = await seal()
  const revoked = appendToKeys(log, 'ledgerstone.key.revoke', { kid: keys.statement.kid, reason: 'stolen' })
  // The verdict comes from a thread, the revocation from this one: which is first is decided here.
  const appended = payments.append(submission, 'caller').then(
    ({ index }) => readBlock(payments, index).then(({ block }) => block.keys),
    (error: unknown) => (error instanceof Refused ? error.code : error),
  )
  await revoked
  const size = log.registry.size
  const result = await appended
  assert(
    result === 'key-revoked' || result === size - 1,
    `it was committed under ${String(result)} of ${size}`,
  )
})

test('a record in good form but over what the pool may hold is refused with pool-full', async () => {
  await using log = await openPayments(await createSample())
  const payments = log.bucket('payments')
  const large = await Promise.all(
    Array.from({ length: 4 }, () => seal({ record: new Uint8Array(limits.recordBytesMax) })),
  )
  const wanted = Math.ceil(limits.poolBytesMax / limits.recordBytesMax) + 1
  const many = Array.from({ length: wanted }, (_, i) => large[i % large.length] as Submission)
  const results = await payments.appendBatch(many, 'caller')
  const full = results.filter((result) => result instanceof Refused && result.code === 'pool-full')
  assert(full.length > 0 && full.length < many.length)
  assert.equal(payments.poolBytes, 0)
  assert.equal((await payments.append(await seal(), 'caller')).duplicate, false)
})

test('a closed log refuses records and loses none that waited', async () => {
  const sample = await createSample()
  const log = await openPayments(sample, { verifyWorkers: 1 })
  const payments = log.bucket('payments')
  const waiting = payments.appendBatch(await Promise.all([seal(), seal(), seal()]), 'caller')
  await log[Symbol.asyncDispose]()
  for (const result of await waiting) assert(!(result instanceof Error), String(result))
  assert.equal(await codeOf(payments.append(await seal(), 'caller')), 'stopping')
  assert.equal((await sample.store.head('payments')).size, 4)
})
