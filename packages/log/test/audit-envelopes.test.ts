// What an audit finds of envelopes that are whole and in the wrong place, or by the wrong hand.
import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Bytes } from '@ledgerstone/core/bytes'
import { openForAudit } from '@ledgerstone/stores/file/audit'
import { FileStore } from '@ledgerstone/stores/file/store'
import { identify } from '../src/admit.ts'
import { audit } from '../src/audit.ts'
import { cutFrames, encodeFrames } from '../src/frames.ts'
import type { Log } from '../src/log.ts'
import { planBatch } from '../src/sequence.ts'
import type { Store } from '../src/store.ts'
import type { Submission } from '../src/submission.ts'
import { readTip } from '../src/tip.ts'
import { createSample, keys, ledger, openPayments, type Sample, seal, sealer, shop } from './sample.ts'

const root = await fs.mkdtemp(join(tmpdir(), 'ledgerstone-audit-envelopes-'))
after(() => fs.rm(root, { recursive: true, force: true }))

/** A closed store with the blocks 0 to 2 of payments, and what `more` does to it before. */
async function makeStore(
  name: string,
  more: (store: Store, log: Log) => Promise<void> = async () => undefined,
): Promise<{ readonly folder: string; readonly trust: Sample['trust'] }> {
  const folder = join(root, name)
  await using store = await FileStore.open(folder)
  const sample = await createSample(store)
  await using log = await openPayments(sample)
  await log.bucket('payments').appendBatch([await seal(), await seal()], 'caller')
  await more(store, log)
  return { folder, trust: sample.trust }
}

/** Audits the store as if the envelopes of payments were others; gives the findings as `block code`. */
async function auditOf(
  { folder, trust }: Awaited<ReturnType<typeof makeStore>>,
  change: (envelopes: Bytes[]) => void = () => undefined,
): Promise<readonly string[]> {
  await using store = await openForAudit(folder)
  const { open } = store
  store.open = async (bucket) => {
    const opened = await open.call(store, bucket)
    if (bucket !== 'payments') return opened
    const { envelopes } = opened
    opened.envelopes = async (...range) => {
      const frames = [...cutFrames(await envelopes.apply(opened, range))]
      change(frames)
      return encodeFrames(frames)
    }
    return opened
  }
  const events = await Array.fromAsync(audit({ store, ledger, trust, verifyWorkers: 0 }))
  return events.flatMap((event) => (event.kind === 'finding' ? [`${event.block} ${event.code}`] : []))
}

const sound = await makeStore('sound')

test('a block whose envelope is missing is found', async () => {
  assert.deepEqual(await auditOf(sound), [])
  const found = await auditOf(sound, (envelopes) => envelopes.splice(1, 1, new Uint8Array(0)))
  assert.deepEqual(found, ['1 gap'])
})

test('an envelope of a block that has no content is found', async () => {
  const found = await auditOf(sound, (envelopes) => envelopes.splice(0, 1, envelopes[1] as Bytes))
  assert.deepEqual(found, ['0 wrong-digest'])
})

test('two envelopes that have changed places are found', async () => {
  const found = await auditOf(sound, (envelopes) => envelopes.splice(1, 2, ...envelopes.slice(1).reverse()))
  assert.deepEqual(found, ['1 wrong-digest', '2 wrong-digest'])
})

test('an envelope whose key is signed by another owner than its statement is found', async () => {
  const mixed = await makeStore('mixed', async (store, log) => {
    await appendUnjudged(store, log, await seal({ sender: { ...sealer, key: shop.key } }))
  })
  assert.deepEqual(await auditOf(mixed), ['3 wrong-key'])
})

/** What a ledger would refuse, written by a thief of the store. */
async function appendUnjudged(store: Store, log: Log, submission: Submission): Promise<void> {
  const key = { owner: 'sealer', spki: keys.statement.spki }
  const record = identify(submission, key, log.bucket('payments').origin)
  const tip = await readTip(store, 'payments')
  const setting = { bucket: 'payments', time: tip.time, keys: log.registry.size, judge: () => undefined }
  const { batch, next } = planBatch(tip, [record], [{ first: undefined, newestStep: undefined }], setting)
  assert(batch !== undefined)
  await store.append('payments', tip.head, batch, next.head)
}
