// Existing data: invoices, interrupted and repeated; chains of the article.
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { writeArticleChain } from './article-chain.ts'
import { commandsOf, LedgerProcess, temporaryFolder } from './ledger-process.ts'
import { Program } from './program.ts'

const place = await temporaryFolder()
const data = join(place.path, 'data')
const command = commandsOf(data)
let ledger = await LedgerProcess.start(data)
after(async () => {
  await ledger.kill()
  await place[Symbol.asyncDispose]()
})

function write(name: string, content: string | Uint8Array): string {
  const path = join(place.path, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

type Counts = Readonly<Record<string, { readonly pushed: number; readonly known: number }>>
type Imported = { readonly lines: number; readonly leftOut: number; readonly records: Counts }

async function sizesOf(...buckets: readonly string[]): Promise<readonly number[]> {
  await ledger.settled()
  const verified = await command.json<readonly { checked: number }[]>('verify', ...buckets, '--envelopes')
  return verified.map(({ checked }) => checked)
}

describe('import csv', () => {
  const orders = 150
  const cancelled = 10
  const buckets = ['customers', 'orders', 'payments', 'cancellations', 'refunds']
  const whole = [1 + orders, 1 + orders, 1 + orders, 1 + cancelled, 1 + cancelled]
  const lines = [
    'InvoiceNo,InvoiceDate,CustomerID,Country,Quantity,UnitPrice',
    ...Array.from({ length: orders }, (_, i) => `${i},12/1/2010 8:26,${i},France,40,3.91`),
    'A1,12/2/2010 8:26,,France,1,-11062.06',
    ...Array.from({ length: cancelled }, (_, i) => `C${i},12/2/2010 8:26,${i},France,-3,3.91`),
  ]
  const path = write('invoices.csv', `${lines.join('\n')}\n`)

  test('that is killed leaves a part, every record of which stands once', async () => {
    await using importing = Program.spawn(['--data', data, 'import', 'csv', path])
    await ledger.grown('orders', 30)
    importing.signal('SIGKILL')
    assert.equal(await importing.ended(), null)
    const [, size = 0] = await sizesOf(...buckets)
    assert(size < orders, 'it was killed in the middle')
  })

  test('that is interrupted says how far it came', async () => {
    await using importing = Program.spawn(['--data', data, 'import', 'csv', path])
    await ledger.grown('orders', 50)
    importing.signal('SIGINT')
    assert.equal(await importing.ended(), 130)
    const [, done] =
      /^interrupted after (\d+) of 161 invoices; the same command goes on from there\n$/.exec(
        importing.stderr,
      ) ?? []
    assert(Number(done) > 30 && Number(done) < 161, importing.stderr)
    const [, size = 0] = await sizesOf(...buckets)
    assert.equal(size, 1 + Math.min(Number(done), orders), 'what was under way has ended')
  })

  test('that waits for an answer is ended by another Ctrl-C at once', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const away = ['--server', `http://127.0.0.1:${port}`, '--token', 'any']
    await using importing = Program.spawn(['--data', data, 'import', 'csv', path, ...away])
    await once(silent, 'request')
    const pressing = setInterval(() => importing.signal('SIGINT'), 200)
    assert.equal(await importing.ended(), null)
    clearInterval(pressing)
    silent.closeAllConnections()
    silent.close()
  })

  test('goes on where it was when it is run again, and fails clearly when the ledger is killed', async () => {
    await using importing = Program.spawn(['--data', data, 'import', 'csv', path])
    await ledger.grown('orders', 100)
    await ledger.kill()
    const code = await importing.ended()
    assert(code === 4 || code === 3, `${code} ${importing.stderr}`)
    assert.match(importing.stderr, /^(?:unreachable|refused): .*\n$/)
  })

  test('is whole when it is run once more', async () => {
    ledger = await LedgerProcess.start(data)
    const { lines, leftOut, records } = await command.json<Imported>('import', 'csv', path)
    assert.deepEqual([lines, leftOut], [orders + 1 + cancelled, 1])
    assert((records['orders']?.known ?? 0) >= 89, 'what was there is known')
    for (const bucket of buckets) {
      const { pushed = 0, known = 0 } = records[bucket] ?? {}
      assert.equal(pushed + known, (whole[buckets.indexOf(bucket)] as number) - 1, bucket)
    }
    assert.deepEqual(await sizesOf(...buckets), whole)
  })

  test('adds nothing twice, whether the file is plain or compressed', async () => {
    const gzipped = write('invoices.csv.gz', gzipSync(readFileSync(path)))
    const { records } = await command.json<Imported>('import', 'csv', gzipped)
    for (const bucket of buckets) assert.equal(records[bucket]?.pushed, 0, bucket)
    assert.deepEqual(await sizesOf(...buckets), whole)
  })

  test('gives records that the receiver opens, amounts exact', async () => {
    type Opened = {
      readonly record: { readonly text: string }
      readonly type: string
      readonly labels: object
    }
    const opened = await command.json<Opened>('open', 'payments', '1')
    assert.partialDeepStrictEqual(opened, {
      type: 'payment.captured',
      labels: { meta: { country: 'France' } },
    })
    assert.partialDeepStrictEqual(JSON.parse(opened.record.text), { amount: '156.40', currency: 'GBP' })
  })

  test('refuses a file of other columns', async () => {
    const other = write('other.csv', 'a,b\n1,2\n')
    const { code, error } = await command.refusal('import', 'csv', other)
    assert.equal(code, 'malformed')
    assert.match(error, /InvoiceNo,InvoiceDate/)
  })
})

test('a file that is not there is told in one line, whatever was to be imported', async () => {
  for (const kind of ['csv', 'chain']) {
    const missing = join(place.path, 'missing')
    const { code, stderr } = await command('import', kind, missing)
    assert.deepEqual([code, stderr], [1, `there is no ${missing}\n`])
  }
})

describe('import chain', () => {
  const sender = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const receiver = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const record = '{"customer":"Ada","amount":"12.50"}'
  const originals = [record, 'second', 'third'].map((each) => ({ record: each, metainfo: 'Payment Service' }))
  const text = writeArticleChain(originals, sender.privateKey, receiver.publicKey)
  const path = write('chain.json', text)
  type Chain = { readonly verdict: string; readonly appended: readonly { index: number; created: boolean }[] }

  test('keeps each original block verbatim, once, and calls the chain weak', async () => {
    const first = await command.json<Chain>('import', 'chain', path)
    assert.equal(first.verdict, "consistent by the article's rule (weak)")
    assert.deepEqual(
      first.appended.map(({ created }) => created),
      [true, true, true],
    )
    const again = await command.json<Chain>('import', 'chain', path)
    assert.deepEqual(
      again.appended.map(({ created }) => created),
      [false, false, false],
    )
    assert.deepEqual(
      again.appended.map(({ index }) => index),
      first.appended.map(({ index }) => index),
    )
    const envelope = await command.text('get', 'payments', `${first.appended[0]?.index}`, '--envelope')
    const source = text.slice(text.indexOf('{', 1), text.indexOf('}') + 1)
    assert(JSON.parse(source), 'the block as it stands in the file')
    assert(envelope.endsWith(source))
  })

  for (const type of ['pkcs1', 'pkcs8'] as const) {
    test(`is opened with the original receiver’s key in ${type}, and is unauthenticated`, async () => {
      const key = write(`receiver.${type}`, receiver.privateKey.export({ type, format: 'pem' }).toString())
      const { appended } = await command.json<Chain>('import', 'chain', path)
      const index = `${appended[0]?.index}`
      const { stdout, stderr } = await command('open', 'payments', index, '--key', key)
      assert.equal(stdout, `${record}\n`, stderr)
      assert.match(stderr, /^UNAUTHENTICATED: block 0 of an imported chain .* nothing shows who wrote it$/m)
      type Opened = { readonly unauthenticated: boolean; readonly original: { readonly metainfo: string } }
      const opened = await command.json<Opened>('open', 'payments', index, '--key', key)
      assert.partialDeepStrictEqual(opened, {
        unauthenticated: true,
        original: { index: 0, metainfo: 'Payment Service' },
      })
      const { code, error } = await command.refusal('open', 'payments', index)
      assert.equal(code, 'cannot-open')
      assert.match(error, /an imported block does not say .*--key/)
    })
  }

  test('takes the block that the article prints, which consists with its rule', async () => {
    type Vectors = { readonly chains: readonly { readonly comment: string; readonly chain: string }[] }
    const vectors = join(import.meta.dirname, '..', '..', 'vectors', 'article.json')
    const { chains } = JSON.parse(readFileSync(vectors, 'utf8')) as Vectors
    const printed = chains.find(({ comment }) => comment === "the article's example, its only block")
    const example = write('example.json', printed?.chain as string)
    const { appended } = await command.json<Chain>('import', 'chain', example, '--bucket', 'refunds')
    type Payload = { readonly blockchain: readonly Record<string, unknown>[] }
    const token = (await command.text('token', '--scope', 'read:refunds')).trim()
    const path = `/api/v1/blockchain/${appended[0]?.index}?bucket=refunds`
    const response = await fetch(`${ledger.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    const { blockchain } = (await response.json()) as Payload
    const original = (JSON.parse(printed?.chain as string) as Payload).blockchain[0]
    for (const part of ['metainfo', 'objecta', 'objectb', 'objectc', 'timestamp']) {
      assert.equal(blockchain[0]?.[part], original?.[part], part)
    }
  })

  test('warns of a content key that was used twice', async () => {
    const shared = writeArticleChain(originals, sender.privateKey, receiver.publicKey, randomBytes(32))
    const { code, stderr } = await command('import', 'chain', write('shared.json', shared))
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^warning: blocks 0, 1, 2 share a content key: who opens one opens all$/m)
  })

  test('refuses a chain in which one character was changed, and adds nothing of it', async () => {
    const [before] = await sizesOf('payments')
    const at = text.lastIndexOf('"objectb": "') + 40
    const changed = `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`
    const { code, error } = await command.refusal('import', 'chain', write('changed.json', changed))
    assert.equal(code, 'bad-link')
    assert.match(error, /block 2/)
    assert.deepEqual(await sizesOf('payments'), [before])
  })
})
