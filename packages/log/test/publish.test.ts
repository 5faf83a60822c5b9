import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseCheckpoint, verifyCheckpoint } from '@ledgerstone/core/checkpoint'
import { signCosignature } from '@ledgerstone/core/cosignature'
import { createKey } from '@ledgerstone/core/key-pair'
import { originOf } from '@ledgerstone/core/names'
import { parsePolicy } from '@ledgerstone/core/policy'
import { signerOf } from '@ledgerstone/core/primitives/node'
import { parseVkey, vkeyOf } from '@ledgerstone/core/vkey'
import { until } from '../../core/test/until.ts'
import { HeadSigner, vkeysOf } from '../src/checkpoint.ts'
import type { LogEvent } from '../src/event.ts'
import { MldsaThread } from '../src/mldsa.ts'
import { type Cosign, type Final, Publisher } from '../src/publish.ts'
import type { Head } from '../src/store.ts'
import { createSample, ledger, openPayments, openSample, seal, signerFor, start } from './sample.ts'

const origin = originOf(ledger, 'payments')
const log = await signerFor('payments')
const [note] = vkeysOf(origin, log)

function headOf(size: number, byte = size): Head {
  return { size, root: new Uint8Array(32).fill(byte) }
}

type Publishing = {
  readonly publisher: Publisher
  readonly signer: HeadSigner
  readonly finals: Final[]
  readonly events: LogEvent[]
  offer(head: Head): Promise<void>
}

function publishing(
  thread: MldsaThread,
  options: { policyText?: string; cosign?: Cosign; intervalMs?: number; ageMsMax?: number } = {},
): Publishing {
  const {
    policyText = `log ${note?.text}\nquorum none\n`,
    cosign,
    intervalMs = 40,
    ageMsMax = 60_000,
  } = options
  const signer = new HeadSigner(origin, log, thread)
  const finals: Final[] = []
  const events: LogEvent[] = []
  const publisher = new Publisher({
    ...{ bucket: 'payments', signer, cosign, intervalMs, ageMsMax, policy: parsePolicy(policyText) },
    now: () => start,
    onFinal: (final) => void finals.push(final),
    report: (event) => void events.push(event),
  })
  const offer = async (head: Head): Promise<void> => publisher.offer(head, await signer.signCommitted(head))
  return { publisher, signer, finals, events, offer }
}

test('the first head is published at once, later ones at most once in an interval', async () => {
  await using thread = new MldsaThread()
  const { publisher, finals, offer, signer } = publishing(thread)
  await offer(headOf(1))
  await until(() => finals.length === 1, 'the first is published')
  const began = performance.now()
  for (let size = 2; size <= 50; size++) await offer(headOf(size))
  await until(() => publisher.final?.head.size === 50, 'the last is published')
  const tookMs = performance.now() - began
  const intervals = tookMs / 40
  assert(finals.length <= 2 + intervals, `${finals.length} were published in ${intervals} intervals`)
  assert(tookMs >= 10)
  const checkpoint = textOf(publisher.final)
  const expected = { origin, logKeys: signer.vkeys, policy: parsePolicy(`log ${note?.text}\nquorum none\n`) }
  const verified = await verifyCheckpoint(checkpoint, expected)
  assert.deepEqual([verified.head, verified.logSeconds, verified.quorum], [headOf(50), start / 1000, 'none'])
  await publisher.close()
})

test('an idle head is published again when its checkpoint grows old', async () => {
  await using thread = new MldsaThread()
  const { publisher, finals, offer } = publishing(thread, { ageMsMax: 30, intervalMs: 10 })
  await offer(headOf(1))
  await until(() => finals.length >= 3, 'it is published again')
  assert.deepEqual(publisher.final?.head, headOf(1))
  await publisher.close()
})

test('closing publishes what was committed last', async () => {
  await using thread = new MldsaThread()
  const { publisher, finals, offer } = publishing(thread, { intervalMs: 60_000 })
  await offer(headOf(1))
  await until(() => finals.length === 1, 'the first is published')
  await offer(headOf(2))
  await publisher.close()
  assert.equal(publisher.final?.head.size, 2)
  await offer(headOf(3))
  await sleep(5)
  assert.equal(finals.length, 2)
})

test('a checkpoint is final only when the policy’s witnesses have cosigned it', async () => {
  await using thread = new MldsaThread()
  const witness = await createKey('Ed25519')
  const vkey = vkeyOf('witness.example', 'cosignature', witness.spki)
  const policyText = `log ${note?.text}\nwitness w ${vkey.text}\nquorum w\n`
  let isUp = false
  const cosign: Cosign = async (checkpoint) => {
    if (!isUp) return []
    const body = parseCheckpoint(checkpoint)
    return [await signCosignature(body, { vkey, sign: signerOf('Ed25519', witness.pkcs8) }, start / 1000)]
  }
  const { publisher, events, offer, signer } = publishing(thread, { policyText, cosign, intervalMs: 10 })
  await offer(headOf(1))
  await until(() => events.some((event) => event.kind === 'published' && !event.final), 'it lacks the quorum')
  assert.equal(publisher.final, undefined)
  isUp = true
  await until(() => publisher.final !== undefined, 'it is final')
  const expected = { origin, logKeys: signer.vkeys, policy: parsePolicy(policyText) }
  const { cosigners } = await verifyCheckpoint(textOf(publisher.final), expected)
  assert.deepEqual(
    cosigners.map((cosigner) => cosigner.witness),
    ['w'],
  )
  await publisher.close()
})

test('a witness that sends a forged line makes no checkpoint final, and is reported', async () => {
  await using thread = new MldsaThread()
  const witness = await createKey('Ed25519')
  const vkey = vkeyOf('witness.example', 'cosignature', witness.spki)
  const policyText = `log ${note?.text}\nwitness w ${vkey.text}\nquorum w\n`
  const cosign: Cosign = async () => [{ name: vkey.name, id: vkey.id, signature: new Uint8Array(72).fill(1) }]
  const { publisher, events, offer } = publishing(thread, { policyText, cosign })
  await offer(headOf(1))
  await until(() => events.some(({ kind }) => kind === 'publish-failed'), 'it is reported')
  assert.equal(publisher.final, undefined)
  await publisher.close()
})

test('a log never signs two roots of one size, nor a smaller size', async () => {
  await using thread = new MldsaThread()
  const signer = new HeadSigner(origin, log, thread)
  const signed = await signer.signCommitted(headOf(5))
  assert.equal(await signer.signCommitted(headOf(5)), signed)
  await assert.rejects(signer.signCommitted(headOf(5, 9)), { name: 'AssertionError' })
  await assert.rejects(signer.signCommitted(headOf(4)), { name: 'AssertionError' })
  assert.throws(() => signer.checkHead(headOf(4)), { code: 'rolled-back' })
  assert.throws(() => signer.checkHead(headOf(5, 9)), { code: 'forked' })
  signer.checkHead(headOf(6))
})

test('a log that is opened again publishes without being asked', async () => {
  const sample = await createSample()
  {
    await using first = await openPayments(sample)
    await first.bucket('payments').append(await seal(), 'caller')
  }
  await using again = await openSample(sample)
  const payments = again.bucket('payments')
  await until(() => payments.final?.head.size === 2, 'it is published')
  const logKeys = payments.vkeys.map(parseVkey)
  await verifyCheckpoint(payments.final?.checkpoint ?? '', { origin: payments.origin, logKeys })
})

test('listeners hear of blocks and of final checkpoints until they leave', async () => {
  await using opened = await openPayments(await createSample())
  const payments = opened.bucket('payments')
  const heard: string[] = []
  const leave = payments.subscribe((event) => {
    heard.push(event.kind === 'block' ? `${event.from}-${event.head.size}` : 'final')
  })
  await payments.append(await seal(), 'caller')
  await until(() => payments.final?.head.size === 2, 'it is final')
  assert(heard.includes('1-2'))
  assert(heard.includes('final'))
  leave()
  const { length } = heard
  await payments.append(await seal(), 'caller')
  assert.equal(heard.length, length)
})

function textOf(final: Final | undefined): string {
  assert(final !== undefined)
  return final.checkpoint
}
