// An administrator at work: changed bytes, an older copy, another ledger, a lost document store.
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { readTrust } from '@ledgerstone/cli/connect'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { formatSealed } from '@ledgerstone/core/sealed'
import { quickSealer } from '../../bench/records.ts'
import { type Commands, commandsOf, LedgerProcess, temporaryFolder } from './ledger-process.ts'

const place = await temporaryFolder()
after(() => place[Symbol.asyncDispose]())
const sound = join(place.path, 'sound')
const buckets = ['payments', 'orders', 'customers', 'refunds', 'cancellations'] as const

/** Appends records to a running ledger, in several commits. */
async function append(ledger: LedgerProcess, data: string, bucket: string, count: number): Promise<void> {
  const token = (await commandsOf(data).text('token', '--scope', `append:${bucket}`)).trim()
  const seal = await quickSealer(readTrust({ data }).ledger, dataFolder(data))
  for (let from = 0; from < count; from += 8) {
    const records = Array.from({ length: Math.min(8, count - from) }, async (_, i) =>
      formatSealed(await seal(bucket, Buffer.from(`{"number":${from + i}}`))),
    )
    const response = await fetch(`${ledger.url}/v1/buckets/${bucket}/blocks/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(await Promise.all(records)),
    })
    const { results } = (await response.json()) as { results: readonly { status: number }[] }
    assert.deepEqual(new Set(results.map(({ status }) => status)), new Set([201]))
  }
}

before(async () => {
  await using ledger = await LedgerProcess.start(sound)
  // Of customers more than a tile: what is behind the right edge is not read again by a start.
  for (const bucket of buckets) await append(ledger, sound, bucket, bucket === 'customers' ? 300 : 30)
  await ledger.settled()
  await commandsOf(sound).text('verify')
  assert.equal(await ledger.stop(), 0)
})

/** A copy of the data folder of a ledger that was stopped. */
function copied(name: string): { readonly data: string; readonly command: Commands } {
  const data = join(place.path, name)
  cpSync(sound, data, { recursive: true })
  return { data, command: commandsOf(data) }
}

/** Changes one bit of a file. */
function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(path, bytes)
}

/** Where the bytes of each block begin in a file of frames with lengths of `width` bytes. */
function framesOf(path: string, width: 2 | 4): readonly number[] {
  const bytes = readFileSync(path)
  const offsets: number[] = []
  for (let at = 0; at < bytes.length; at += width + bytes.readUIntBE(at, width)) offsets.push(at + width)
  return offsets
}

/** Every file of a folder, with its size and the hash of its content. */
function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((file) => {
      const bytes = readFileSync(join(file.parentPath, file.name))
      return `${join(file.parentPath, file.name)} ${bytes.length} ${hash('sha256', bytes)}`
    })
    .sort()
}

type Finding = {
  readonly copy: string
  readonly bucket?: string
  readonly block?: number
  readonly file: string
  readonly offset?: number
  readonly what: string
}

/** What an audit finds; it must exit with 3. */
async function findingsOf(command: Commands): Promise<readonly Finding[]> {
  const { code, stdout } = await command('--json', 'audit')
  assert.equal(code, 3, stdout)
  const { verdict, findings } = JSON.parse(stdout) as { verdict: string; findings: readonly Finding[] }
  assert.equal(verdict, 'damaged')
  return findings
}

test('an audit of some buckets says which, and leaves every file of the folder as it was', async () => {
  const { data, command } = copied('audited')
  const before = filesOf(data)
  const { ledger } = readTrust({ data })
  const only = await command.text('audit', 'payments')
  assert(only.startsWith(`SOUND    ${ledger} (only keys, payments)\n  read       2 buckets, `), only)
  assert.match(only, /^ {2}documents {2}only keys, payments: compared with the log$/m)
  const all = await command.text('audit')
  assert(all.startsWith(`SOUND    ${ledger}\n  read       6 buckets, `), all)
  assert.match(all, /^ {2}documents {2}compared with the log$/m)
  assert.deepEqual(filesOf(data), before)
})

test('an audit of a killed ledger reads what only the journal has, as the next start does', async () => {
  const { data, command } = copied('killed')
  const heads = join(data, 'ledger', 'buckets', 'payments', 'heads')
  const { length } = readFileSync(heads)
  {
    await using ledger = await LedgerProcess.start(data)
    await append(ledger, data, 'payments', 9)
    await ledger.kill()
  }
  // As after a power cut: of what was acknowledged only the journal is sure to be on the disk.
  truncateSync(heads, length)
  const text = await command.text('audit', 'payments')
  assert.match(text, /^ {2}journal {4}payments was not closed: the newest 9 blocks stand in its journal, /m)
  const journal = join(data, 'ledger', 'buckets', 'payments', 'journal-0')
  const frames = readFileSync(journal)
  flip(journal, frames.indexOf('LSJRNL1\n', 1) + 500)
  const [finding, ...more] = await findingsOf(command)
  assert.partialDeepStrictEqual(finding, { copy: 'log', bucket: 'payments', file: journal })
  assert.match(finding?.what ?? '', /^holds a frame that is not whole, /)
  assert(
    more.every(({ copy }) => copy !== 'log'),
    JSON.stringify(more),
  )
  writeFileSync(journal, frames)
  await using ledger = await LedgerProcess.start(data)
  assert.match(ledger.printed, /payments 40, /)
})

test('a bucket that was taken away whole is missed by the audit, the start and who verifies', async () => {
  const { data, command } = copied('gone')
  rmSync(join(data, 'ledger', 'buckets', 'orders'), { recursive: true })
  const [finding, ...more] = await findingsOf(command)
  assert.partialDeepStrictEqual(finding, { copy: 'log', bucket: 'orders', code: 'unknown-bucket' })
  assert.deepEqual(more, [])
  await using ledger = await LedgerProcess.start(data)
  assert.match(ledger.printed, /^ {2}buckets .* orders MISSING$/m)
  const [missing, ...others] = await command.unverified()
  assert.partialDeepStrictEqual(missing, { bucket: 'orders', code: 'unknown-bucket' })
  assert.match(missing?.error ?? '', /the key registry has log keys of orders/)
  assert.deepEqual(others, [])
  const token = (await command.text('token', '--scope', 'read:payments read:keys')).trim()
  const { stdout, stderr } = await command('verify', '--token', token)
  assert.match(stderr, /^orders is not verified: the token does not cover it$/m)
  assert.match(stdout, /^CONSISTENT, log-signed only {2}payments /m)
})

describe('one changed byte', () => {
  const data = join(place.path, 'flipped')
  const command = commandsOf(data)
  const fileOf = (bucket: string, name: string): string => join(data, 'ledger', 'buckets', bucket, name)
  let ledger: LedgerProcess
  let findings: readonly Finding[]
  const places = new Map<string, number>()

  before(async () => {
    cpSync(sound, data, { recursive: true })
    const entry = framesOf(fileOf('payments', 'entries'), 2)[7] as number
    const envelope = framesOf(fileOf('orders', 'envelopes'), 4)[9] as number
    places.set('entries', entry).set('envelopes', envelope)
    flip(fileOf('payments', 'entries'), entry + 300)
    flip(fileOf('orders', 'envelopes'), envelope + 500)
    flip(fileOf('customers', 'tiles-0'), 11 * 32 + 5)
    flip(fileOf('refunds', 'identities'), 13 * 64 + 5)
    flip(fileOf('cancellations', 'heads'), 300)
    findings = await findingsOf(command)
    ledger = await LedgerProcess.start(data)
  })
  after(() => ledger.kill())

  /** The first finding of a bucket, without its words. */
  function first(bucket: string): Omit<Finding, 'what' | 'code'> {
    const found = findings.find((finding) => finding.bucket === bucket)
    assert(found !== undefined, JSON.stringify(findings))
    const { copy, block, file, offset } = found
    return { copy, ...(block !== undefined && { block }), file, ...(offset !== undefined && { offset }) }
  }

  test('of an entry is named by the audit and by every reader who verifies', async () => {
    const at = { file: fileOf('payments', 'entries'), offset: places.get('entries') as number }
    assert.deepEqual(first('payments'), { copy: 'log', block: 7, ...at })
    const [payments] = await command.unverified('payments')
    assert.equal(payments?.code, 'damaged-store')
    assert.match(payments.error, /block 7 of payments: the entry served is not the one under the checkpoint/)
    assert.equal((await command.refusal('open', 'payments', '7')).code, 'bad-proof')
    assert.equal((await command.refusal('evidence', 'payments', '7')).code, 'bad-proof')
  })

  test('in one bucket keeps nobody from the verdict about each of the others', async () => {
    const { code, stdout, stderr } = await command('verify', 'orders', 'payments', 'refunds')
    assert.equal(code, 3, stderr)
    assert.match(stdout, /^CONSISTENT, log-signed only {2}orders /)
    assert.match(stdout, /\n\nNOT VERIFIED {2}payments\n {2}refused: block 7 of payments: .*\n\nCONSISTENT/)
    assert.match(
      stderr,
      /^verified orders: .*\nnot verified: payments\nverified refunds: .*\nNOT VERIFIED: 1 of 3 buckets\n$/,
    )
    const all = JSON.parse((await command('--json', 'verify')).stdout) as readonly Record<string, unknown>[]
    const verdicts = Object.fromEntries(all.map(({ bucket, verdict }) => [bucket, verdict]))
    const sound = { keys: 'log-signed-only', customers: 'log-signed-only', refunds: 'log-signed-only' }
    assert.partialDeepStrictEqual(verdicts, { ...sound, payments: 'refused' })
    assert.equal(all.length, 6)
  })

  test('of an envelope is named by the audit and by who verifies envelopes or opens it', async () => {
    const at = { file: fileOf('orders', 'envelopes'), offset: places.get('envelopes') as number }
    assert.deepEqual(first('orders'), { copy: 'log', block: 9, ...at })
    const [orders] = await command.unverified('orders', '--envelopes')
    assert.equal(orders?.code, 'wrong-digest')
    assert.match(orders.error, /block 9 of orders: envelope/)
    assert.equal((await command.refusal('open', 'orders', '9')).code, 'wrong-digest')
  })

  test('of a tile is named by the audit, and proofs that need it are refused', async () => {
    const at = { file: fileOf('customers', 'tiles-0'), offset: 11 * 32 }
    assert.deepEqual(first('customers'), { copy: 'log', block: 11, ...at })
    assert.equal((await command.refusal('receipt', 'customers', '10')).code, 'bad-proof')
    // The blocks themselves are what they were.
    assert.equal((await command('verify', 'customers')).code, 0)
  })

  test('of an identity is named by the audit', () => {
    const at = { file: fileOf('refunds', 'identities'), offset: 13 * 64 }
    assert.deepEqual(first('refunds'), { copy: 'log', block: 13, ...at })
  })

  test('of a head is named by the audit', () => {
    const at = { file: fileOf('cancellations', 'heads'), offset: 256 }
    assert.deepEqual(first('cancellations'), { copy: 'log', ...at })
  })

  test('is all that the audit finds: one finding a bucket', () => {
    assert.deepEqual(
      findings.map(({ bucket, copy }) => `${bucket} ${copy}`),
      ['cancellations log', 'customers log', 'orders log', 'payments log', 'refunds log'],
    )
  })
})

describe('a bucket that cannot be opened', () => {
  test('takes nothing, is said to be broken, and holds up no other', async () => {
    const { data, command } = copied('quarantined')
    const heads = join(data, 'ledger', 'buckets', 'payments', 'heads')
    const offset = readFileSync(heads).length - 128
    flip(heads, offset + 100)
    const findings = await findingsOf(command)
    assert(findings.some((finding) => finding.file === heads && finding.offset === offset))
    assert(findings.every(({ bucket }) => bucket === 'payments'))

    await using ledger = await LedgerProcess.start(data)
    assert.match(ledger.printed, /payments READ-ONLY \(damaged-store\), refunds 31/)
    const health = (await (await fetch(`${ledger.url}/health/ready`)).json()) as object
    assert.partialDeepStrictEqual(health, { status: 'ok', buckets: { payments: 'read-only: damaged-store' } })
    const record = join(place.path, 'record.json')
    writeFileSync(record, '{}')
    const push = (bucket: string): readonly string[] => ['push', bucket, record, '--type', 'a.test']
    assert.equal((await command.refusal(...push('payments'))).code, 'read-only')
    await command.text(...push('orders'))
  })

  test('stops the start when it is `keys`, on which all others depend', async () => {
    const { data, command } = copied('keyless')
    const entries = join(data, 'ledger', 'buckets', 'keys', 'entries')
    flip(entries, (framesOf(entries, 2)[3] as number) + 200)
    const [finding] = await findingsOf(command)
    assert.partialDeepStrictEqual(finding, { bucket: 'keys', block: 3, file: entries })
    const { code, stderr } = await command('start', '--port', '1')
    assert.equal(code, 3, stderr)
    assert.match(stderr, /^refused: keys takes no appends: /)
  })
})

describe('an older copy of the ledger, put back', () => {
  test('is refused by every reader who has seen more, also when it has grown again', async () => {
    const { data, command } = copied('restored')
    const folder = dataFolder(data).ledger
    {
      await using ledger = await LedgerProcess.start(data)
      await append(ledger, data, 'payments', 3)
      await ledger.settled()
      await command.text('verify', 'payments')
      assert.equal(await ledger.stop(), 0)
    }
    rmSync(folder, { recursive: true })
    cpSync(dataFolder(sound).ledger, folder, { recursive: true })
    assert.equal((await command('audit')).code, 0, 'in itself it is sound')

    await using ledger = await LedgerProcess.start(data)
    const [payments] = await command.unverified('payments')
    assert.equal(payments?.code, 'rolled-back')
    assert.match(payments.error, /payments: the log has 31 blocks; it had 34 before/)
    assert.equal((await command.refusal('open', 'payments', '1')).code, 'rolled-back')
    await command.text('verify', 'orders')

    await append(ledger, data, 'payments', 8)
    await ledger.settled()
    const [forked] = await command.unverified('payments')
    assert.equal(forked?.code, 'forked')
    assert.match(forked.error, /the first 34 blocks are not those of before/)
  })
})

describe('another ledger in the place of the first', () => {
  test('is refused by everyone who has the trust file of the first', async () => {
    const data = join(place.path, 'replaced')
    const trust = join(place.path, 'pinned.trust')
    cpSync(dataFolder(sound).trust, trust)
    await using _ = await LedgerProcess.start(data)
    const command = commandsOf(data)
    await command.text('verify', 'payments')
    for (const args of [['verify'], ['open', 'payments', '0'], ['evidence', 'payments', '0']]) {
      assert.equal((await command.refusal(...args, '--trust', trust)).code, 'wrong-ledger', args.join(' '))
    }
  })
})

describe('the document store', () => {
  type Page = { readonly complete: number; readonly size: number; readonly blocks: readonly object[] }

  async function isFilled(command: Commands): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      const { complete, size, blocks } = await command.json<Page>('list', 'orders', '--meta', 'currency=EUR')
      if (complete < size) continue
      assert.equal(blocks.length, 20, 'a page of those that match')
      return
    }
    throw new Error('the documents are not filled in')
  }

  for (const [what, spoil] of [
    ['deleted', (path: string) => rmSync(path)],
    ['overwritten', (path: string) => writeFileSync(path, 'a page of nonsense '.repeat(500))],
    ['cut off', (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 5000))],
  ] as const) {
    test(`when it was ${what} is filled again by the next start, and lists work as before`, async () => {
      const { data, command } = copied(`documents-${what.replace(' ', '-')}`)
      const { documents } = dataFolder(data)
      spoil(documents)
      if (what !== 'deleted') assert.equal((await findingsOf(command))[0]?.copy, 'documents')
      await using ledger = await LedgerProcess.start(data)
      await isFilled(command)
      await ledger.stop()
      const audit = await command.json<{ verdict: string; documents: string }>('audit')
      assert.partialDeepStrictEqual(audit, { verdict: 'sound', documents: 'compared' })
    })
  }

  test('without one document is named by the audit, with its block and none of its neighbours', async () => {
    const { data, command } = copied('documents-missing')
    const database = new DatabaseSync(dataFolder(data).documents)
    database.exec(`DELETE FROM blocks WHERE block = 5
      AND filling = (SELECT filling FROM buckets WHERE name = 'orders')`)
    database.close()
    const [finding, ...more] = await findingsOf(command)
    const what = 'the block has no document'
    assert.partialDeepStrictEqual(finding, { copy: 'documents', bucket: 'orders', block: 5, what })
    assert.deepEqual(more, [])
  })

  test('with one changed document is named by the audit, with the block', async () => {
    const { data, command } = copied('documents-changed')
    const database = new DatabaseSync(dataFolder(data).documents)
    database.exec(`UPDATE blocks SET time = time + 1 WHERE block = 5
      AND filling = (SELECT filling FROM buckets WHERE name = 'orders')`)
    database.close()
    const [finding, ...more] = await findingsOf(command)
    assert.partialDeepStrictEqual(finding, { copy: 'documents', bucket: 'orders', block: 5 })
    assert.equal(finding?.file, dataFolder(data).documents)
    assert.deepEqual(more, [])
  })
})
