import { strict as assert } from 'node:assert'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Refused } from '@ledgerstone/core/refused'
import { SqliteDocuments } from '@ledgerstone/stores/documents/sqlite'
import { openForAudit } from '@ledgerstone/stores/file/audit'
import { FileStore } from '@ledgerstone/stores/file/store'
import { identify } from '../src/admit.ts'
import { audit } from '../src/audit.ts'
import type { AuditEvent, AuditFinding } from '../src/audit-finding.ts'
import type { BlockDocument } from '../src/documents.ts'
import { planBatch } from '../src/sequence.ts'
import { readTip } from '../src/tip.ts'
import { createSample, keys, ledger, openPayments, type Sample, seal } from './sample.ts'

const blocks = 258
const root = await fs.mkdtemp(join(tmpdir(), 'ledgerstone-audit-'))
const documents = await SqliteDocuments.open(join(root, 'documents.sqlite'), () => undefined)
after(async () => {
  await documents[Symbol.asyncDispose]()
  await fs.rm(root, { recursive: true, force: true })
})
const sound = join(root, 'sound')
const { trust } = await makeStore(sound)

/** A closed store of `keys` and payments (300 blocks in several commits), with documents. */
async function makeStore(folder: string): Promise<Sample> {
  await using store = await FileStore.open(folder)
  const sample = await createSample(store)
  await using log = await openPayments(sample, { documents })
  const payments = log.bucket('payments')
  for (let size = 1; size < blocks; size += 23) {
    const records = Array.from({ length: Math.min(23, blocks - size) }, () =>
      seal({ case: { id: crypto.randomUUID(), after: null } }),
    )
    for (const result of await payments.appendBatch(await Promise.all(records), 'caller')) {
      assert(!(result instanceof Error))
    }
  }
  while ((await documents.complete('payments')) < blocks)
    await new Promise((resolve) => setTimeout(resolve, 5))
  return sample
}

async function auditOf(
  folder: string,
  change: (document: BlockDocument) => BlockDocument | undefined = (document) => document,
  only?: readonly string[],
): Promise<readonly AuditEvent[]> {
  await using store = await openForAudit(folder)
  const changed = {
    complete: (bucket: string) => documents.complete(bucket),
    read: async (bucket: string, from: number, limit: number) =>
      (await documents.read(bucket, from, limit)).flatMap((document) => change(document) ?? []),
  }
  const buckets = only === undefined ? {} : { buckets: only }
  return await Array.fromAsync(
    audit({ store, ledger, trust, documents: changed, verifyWorkers: 0, ...buckets }),
  )
}

function findingsIn(events: readonly AuditEvent[]): readonly AuditFinding[] {
  return events.filter((event) => event.kind === 'finding')
}

/** Audits a copy of the store in which one byte of a file of payments was changed. */
async function auditFlipped(bucket: string, file: string, at: number): Promise<readonly AuditFinding[]> {
  return await auditChanged(bucket, file, (bytes) => {
    bytes[at] = (bytes[at] as number) ^ 4
    return bytes
  })
}

async function auditChanged(
  bucket: string,
  file: string,
  change: (bytes: Buffer) => Buffer,
): Promise<readonly AuditFinding[]> {
  const copy = await fs.mkdtemp(join(root, 'flipped-'))
  await fs.cp(sound, copy, { recursive: true })
  const path = join(copy, 'buckets', bucket, file)
  await fs.writeFile(path, change(await fs.readFile(path)))
  const events = await auditOf(copy)
  await fs.rm(copy, { recursive: true })
  return findingsIn(events)
}

async function lengthOf(bucket: string, file: string): Promise<number> {
  return (await fs.stat(join(sound, 'buckets', bucket, file))).size
}

test('a sound store has no findings, and all of it was read', async () => {
  const events = await auditOf(sound)
  assert.deepEqual(findingsIn(events), [])
  const [keysDone, paymentsDone] = events.filter((event) => event.kind === 'audited')
  assert.deepEqual([keysDone?.bucket, paymentsDone?.bucket], ['keys', 'payments'])
  assert.equal(paymentsDone?.blocks, blocks)
  const done = events.at(-1)
  assert(done?.kind === 'done')
  assert.deepEqual([done.buckets, done.blocks, done.findings], [2, blocks + 7, 0])
  assert(events.some((event) => event.kind === 'progress' && event.checked === 256))
})

for (const share of [0, 0.9999]) {
  test(`one changed byte of an entry, ${share} of the way, is found with its block and offset`, async () => {
    const bytes = await fs.readFile(join(sound, 'buckets', 'payments', 'entries'))
    const frames: number[] = []
    for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt16BE(at)) frames.push(at)
    const index = Math.min(blocks - 1, Math.floor(blocks * share))
    const at = (frames[index] as number) + 2 + 300
    const findings = await auditFlipped('payments', 'entries', at)
    const [first] = findings
    assert.equal(first?.block, index)
    assert.equal(first?.file, 'buckets/payments/entries')
    assert.equal(first?.offset, (frames[index] as number) + 2)
    assert.equal(findings.length, 1, JSON.stringify(findings))
  })

  test(`one changed byte of an envelope, ${share} of the way, is found with its block`, async () => {
    const bytes = await fs.readFile(join(sound, 'buckets', 'payments', 'envelopes'))
    const frames: number[] = []
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) frames.push(at)
    const index = Math.max(1, Math.min(blocks - 1, Math.floor(blocks * share)))
    const start = frames[index] as number
    const findings = await auditFlipped('payments', 'envelopes', start + 100)
    assert.deepEqual(
      findings.map(({ block, file, offset }) => [block, file, offset]),
      [[index, 'buckets/payments/envelopes', start + 4]],
    )
  })

  test(`one changed byte of the identities and of a leaf hash, ${share} of the way, is found`, async () => {
    const index = Math.min(blocks - 1, Math.floor(blocks * share))
    const identities = await auditFlipped('payments', 'identities', index * 64 + 5)
    assert(
      identities.some(({ block, file }) => block === index && file.endsWith('identities')),
      JSON.stringify(identities),
    )
    const leaves = await auditFlipped('payments', 'tiles-0', index * 32 + 7)
    assert.deepEqual(
      leaves.map(({ block, file, offset }) => [block, file, offset]),
      [[index, 'buckets/payments/tiles-0', index * 32]],
    )
  })
}

test('a file of envelopes that is cut names the first block that is gone, and where it began', async () => {
  const bytes = await fs.readFile(join(sound, 'buckets', 'payments', 'envelopes'))
  let last = 0
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) last = at
  const findings = await auditChanged('payments', 'envelopes', (whole) => whole.subarray(0, -7))
  assert.deepEqual(
    findings.map(({ block, offset, what }) => [block, offset, what]),
    [
      [undefined, bytes.length - 7, `ends before ${bytes.length}`],
      [blocks - 1, last, 'the envelope cannot be read'],
    ],
  )
})

/** Where the frames of a file begin. */
async function framesOf(file: string, width: 2 | 4): Promise<readonly number[]> {
  const bytes = await fs.readFile(join(sound, 'buckets', 'payments', file))
  const starts: number[] = []
  for (let at = 0; at < bytes.length; at += width + bytes.readUIntBE(at, width)) starts.push(at)
  return starts
}

test('one changed byte anywhere in any file of a bucket gives one finding, in that file', async () => {
  const entries = await framesOf('entries', 2)
  const envelopes = await framesOf('envelopes', 4)
  // At the ends of a tile and of the bucket nothing around a block helps to tell where it lies.
  for (const block of [0, 1, 255, 256, blocks - 1]) {
    const entry = entries[block] as number
    const envelope = envelopes[block] as number
    const places: readonly (readonly [file: string, ...at: number[]])[] = [
      ['entries', entry, entry + 1, entry + 2, entry + 40, entry + 500],
      ['entry-ends', block * 8, block * 8 + 6, block * 8 + 7],
      ['envelopes', envelope, envelope + 2, envelope + 3],
      ['envelope-ends', block * 8, block * 8 + 6, block * 8 + 7],
      ['identities', block * 64 + 3, block * 64 + 40],
      ['tiles-0', block * 32 + 9],
    ]
    for (const [file, ...all] of places) for (const at of all) await checkOne(file, at, block)
  }
  await checkOne('tiles-1', 5, 0)
  const heads = await lengthOf('payments', 'heads')
  for (const record of [0, 5, heads / 128 - 2]) await checkOne('heads', record * 128 + 50)
})

async function checkOne(file: string, at: number, block?: number): Promise<void> {
  const findings = await auditFlipped('payments', file, at)
  assert.deepEqual(
    findings.map((finding) => [finding.file, finding.block]),
    [[`buckets/payments/${file}`, block]],
    `byte ${at} of ${file}: ${JSON.stringify(findings)}`,
  )
}

test('one changed byte of keys is found, and other buckets say once that they cannot be judged', async () => {
  const bytes = await lengthOf('keys', 'entries')
  const findings = await auditFlipped('keys', 'entries', Math.floor(bytes / 2))
  const [first] = findings
  assert.equal(first?.bucket, 'keys')
  assert.equal(first?.file, 'buckets/keys/entries')
  const others = findings.filter(({ bucket }) => bucket === 'payments')
  assert.deepEqual(
    others.map(({ code }) => code),
    ['gap'],
  )
})

test('a bucket that was taken away as a whole is missed', async () => {
  const copy = await fs.mkdtemp(join(root, 'gone-'))
  await fs.cp(sound, copy, { recursive: true })
  await fs.rm(join(copy, 'buckets', 'payments'), { recursive: true })
  const findings = findingsIn(await auditOf(copy))
  assert.deepEqual(
    findings.map(({ bucket, file, code }) => ({ bucket, file, code })),
    [{ bucket: 'payments', file: 'buckets/payments', code: 'unknown-bucket' }],
  )
  const named = findingsIn(await auditOf(copy, undefined, ['payments']))
  assert.deepEqual(
    named.map(({ bucket }) => bucket),
    ['payments'],
    'also when it is asked for by name',
  )
})

test('a name that neither the store nor keys knows is a slip, not damage', async () => {
  await assert.rejects(auditOf(sound, undefined, ['paymnets']), { code: 'unknown-bucket' })
  assert.deepEqual(findingsIn(await auditOf(sound, undefined, ['payments', 'keys'])), [])
})

test('one changed document is found, and named as one', async () => {
  const events = await auditOf(sound, (document) =>
    document.index === 77 ? { ...document, type: 'x' } : document,
  )
  assert.deepEqual(
    findingsIn(events).map(({ copy, bucket, block, code }) => ({ copy, bucket, block, code })),
    [{ copy: 'documents', bucket: 'payments', block: 77, code: 'damaged-store' }],
  )
})

test('a document that is missing is found, and its neighbours are not accused', async () => {
  const events = await auditOf(sound, (document) => (document.index === 77 ? undefined : document))
  assert.deepEqual(
    findingsIn(events).map(({ copy, bucket, block, what }) => ({ copy, bucket, block, what })),
    [{ copy: 'documents', bucket: 'payments', block: 77, what: 'the block has no document' }],
  )
})

test('documents that a service takes in the middle are left, which is no finding and is said', async () => {
  await using store = await openForAudit(sound)
  const taken = {
    complete: (bucket: string) => documents.complete(bucket),
    read: async (bucket: string, from: number, limit: number) => {
      if (from >= 256) throw new Refused('store-busy', 'a service has it open')
      return await documents.read(bucket, from, limit)
    },
  }
  const options = { store, ledger, trust, verifyWorkers: 0 }
  const events = await Array.fromAsync(audit({ ...options, documents: taken }))
  assert.deepEqual(findingsIn(events), [])
  assert.partialDeepStrictEqual(events.at(-1), { kind: 'done', isDocumentsCompared: false })
  const whole = await Array.fromAsync(audit({ ...options, documents }))
  assert.partialDeepStrictEqual(whole.at(-1), { kind: 'done', isDocumentsCompared: true })
})

test('a head that was rewritten with its checksum has another root than its blocks', async () => {
  await using store = await openForAudit(sound)
  const { open } = store
  store.open = async (bucket) => {
    const opened = await open.call(store, bucket)
    const { heads } = opened
    opened.heads = async function* rewritten() {
      for await (const head of heads.call(opened)) {
        yield head.size === 24 ? { ...head, root: new Uint8Array(32) } : head
      }
    }
    return opened
  }
  const findings = findingsIn(await Array.fromAsync(audit({ store, ledger, trust, verifyWorkers: 0 })))
  assert.deepEqual(
    findings.map(({ bucket, block, code, file }) => [bucket, block, code, file]),
    [['payments', 23, 'forked', 'buckets/payments/heads']],
  )
})

test('a store of another ledger, a truncated one and an empty one are found out', async () => {
  const copy = await fs.mkdtemp(join(root, 'other-'))
  await fs.cp(sound, copy, { recursive: true })
  await using store = await openForAudit(copy)
  const genesis = new Uint8Array(32)
  const other = await Array.fromAsync(
    audit({ store, ledger, trust: { ...trust, genesis }, verifyWorkers: 0 }),
  )
  assert.equal(findingsIn(other)[0]?.code, 'wrong-ledger')

  await fs.truncate(join(copy, 'buckets', 'payments', 'entries'), 5000)
  const truncated = findingsIn(await auditOf(copy))
  assert(truncated.some(({ file, bucket }) => bucket === 'payments' && file.endsWith('entries')))

  await fs.rm(join(copy, 'buckets'), { recursive: true })
  await fs.mkdir(join(copy, 'buckets'))
  const nothing = findingsIn(await auditOf(copy))
  assert(nothing.some(({ code }) => code === 'nothing-checked'))
})

test('a block that a thief of the store signs with a key of nobody is found by its signature', async () => {
  const folder = join(root, 'forged')
  await using store = await FileStore.open(folder)
  const sample = await createSample(store)
  await using log = await openPayments(sample)
  const payments = log.bucket('payments')
  const submission = await seal()
  const signature = submission.statement.jws.lastIndexOf('.') + 1
  const { jws } = submission.statement
  const flipped = jws.slice(0, signature) + (jws[signature] === 'A' ? 'B' : 'A') + jws.slice(signature + 1)
  const key = { owner: 'sealer', spki: keys.statement.spki }
  const record = identify(
    { ...submission, statement: { ...submission.statement, jws: flipped } },
    key,
    payments.origin,
  )
  const tip = await readTip(store, 'payments')
  const setting = { bucket: 'payments', time: tip.time, keys: log.registry.size, judge: () => undefined }
  const { batch, next } = planBatch(tip, [record], [{ first: undefined, newestStep: undefined }], setting)
  assert(batch !== undefined)
  await store.append('payments', tip.head, batch, next.head)
  const options = { ledger, trust: sample.trust, verifyWorkers: 0 }
  await using reading = await openForAudit(folder)
  const findings = findingsIn(await Array.fromAsync(audit({ store: reading, ...options })))
  assert.deepEqual(
    findings.map(({ code, block }) => [code, block]),
    [['bad-signature', 1]],
  )
})
