// `ledgerstone start`: the first time, interrupted, again, twice at once, and stopped.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { until } from '../../packages/core/test/until.ts'
import { commandsOf, LedgerProcess, temporaryFolder } from './ledger-process.ts'
import { Program } from './program.ts'

const place = await temporaryFolder()
after(() => place[Symbol.asyncDispose]())

type Verdict = { readonly bucket: string; readonly checked: number }

/** Blocks of each bucket, all verified. */
async function sizesOf(running: LedgerProcess, data: string): Promise<Readonly<Record<string, number>>> {
  await running.settled()
  const verdicts = await commandsOf(data).json<readonly Verdict[]>('verify')
  return Object.fromEntries(verdicts.map(({ bucket, checked }) => [bucket, checked]))
}

describe('the sample', () => {
  const data = join(place.path, 'sampled')
  const sampled = { cancellations: 81, customers: 267, keys: 10, orders: 421, payments: 421, refunds: 81 }

  test('is imported by the first start, which makes the data folder', async () => {
    await using first = await LedgerProcess.spawn(data)
    await first.grown('orders', 50)
    assert.equal(statSync(data).mode & 0o777, 0o700)
    assert.match(
      readFileSync(join(data, 'ledgerstone.trust'), 'utf8'),
      /^ledgerstone\.trust\/v1\nledger local-/,
    )
    await first.kill()
    assert(!first.printed.includes('Ctrl-C stops it'), 'it was killed in the middle')
  })

  test('is gone on with by the start after a kill -9, and Ctrl-C ends that at once', async () => {
    await using second = await LedgerProcess.spawn(data)
    await second.grown('orders', 150)
    assert.equal(await second.stop(), 0)
    assert(!second.printed.includes('Ctrl-C stops it'), 'it was stopped in the middle')
    assert.match(second.printed, /stopping: .*\nstopped\n$/)
  })

  test('is there once when a start has got to its end', async () => {
    await using third = await LedgerProcess.spawn(data)
    await third.ready()
    assert.match(third.printed, /payments 421/)
    assert.match(third.printed, /log-signed only: one operator runs it all/)
    assert.deepEqual(await sizesOf(third, data), sampled)
    assert.equal(await third.stop(), 0)
    assert.match(third.printed, /stopping: .*\nstopped\n$/)
  })

  test('is not imported again: later starts go on where the last one ended', async () => {
    const trust = readFileSync(join(data, 'ledgerstone.trust'), 'utf8')
    await using fourth = await LedgerProcess.spawn(data)
    await fourth.ready()
    assert(!fourth.printed.includes('making a new ledger'))
    assert.equal(readFileSync(join(data, 'ledgerstone.trust'), 'utf8'), trust)
    assert.deepEqual(await sizesOf(fourth, data), sampled)
  })
})

describe('a start', () => {
  const portTaken =
    /^another program listens on port \d+ of 127\.0\.0\.1: choose another port \(--port N, .*\)\n$/
  const data = join(place.path, 'empty')
  const command = commandsOf(data)
  let running: LedgerProcess
  before(async () => {
    running = await LedgerProcess.start(data)
  })
  after(() => running.kill())

  test('without the sample has the genesis of each bucket and nothing else', async () => {
    const empty = { cancellations: 1, customers: 1, keys: 10, orders: 1, payments: 1, refunds: 1 }
    assert.deepEqual(await sizesOf(running, data), empty)
  })

  test('prints three commands, which do what they say when they are typed one after the other', async () => {
    const lines = running.printed.split('\n').filter((line) => /^ .*npx ledgerstone/.test(line))
    assert.equal(lines.length, 3, running.printed)
    const main = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'bin', 'ledgerstone.mjs')
    const script = lines.join('\n').replaceAll('npx ledgerstone', `'${process.execPath}' '${main}'`)
    const { stdout } = await promisify(execFile)('sh', ['-ec', script])
    assert.match(
      stdout,
      /^payments 1 appended\n[^{]*\{"amount":"1\.10"\}\nCONSISTENT, log-signed only {2}payments/,
    )
  })

  test('over a data folder that another process has is refused, and leaves that one alone', async () => {
    const { code, stderr } = await command('start', '--port', '1')
    assert.equal(code, 3, stderr)
    assert.match(stderr, /open in another process \(process \d+\) \[store-busy\]/)
    assert.equal((await command('list', 'payments')).code, 0, 'the commands still find the one that runs')
  })

  test('over a document store that cannot be opened appends, and fills it when it can be', async () => {
    const other = join(place.path, 'no-documents')
    await (await LedgerProcess.start(other)).stop()
    const { documents } = dataFolder(other)
    for (const end of ['', '-wal', '-shm']) rmSync(documents + end, { force: true })
    mkdirSync(documents)
    await using again = await LedgerProcess.start(other)
    const record = join(place.path, 'record.json')
    writeFileSync(record, '{}')
    const push = ['push', 'payments', record, '--type', 'payment.captured']
    assert.equal((await commandsOf(other)(...push)).code, 0)
    const token = (await commandsOf(other).text('token', '--scope', 'read:payments')).trim()
    const headers = { authorization: `Bearer ${token}` }
    const url = `${again.url}/v1/buckets/payments/blocks?type=payment.captured`
    assert.equal((await fetch(url, { headers })).status, 503)
    rmdirSync(documents)
    await until(async () => {
      const { blocks } = (await (await fetch(url, { headers })).json()) as { blocks?: readonly unknown[] }
      return blocks?.length === 1
    }, 'the document is there')
    assert.equal(await again.stop(), 0)
  })

  test('on an address that others can reach is refused', async () => {
    const other = join(place.path, 'public')
    const { code, stderr } = await commandsOf(other)('start', '--host', '0.0.0.0')
    assert.equal(code, 3)
    assert.match(stderr, /loopback only/)
    assert(!existsSync(other))
  })

  test('on a port that is taken says so, not as a refusal, and leads the commands to nobody', async () => {
    const other = join(place.path, 'other')
    const first = await LedgerProcess.start(other)
    assert.equal(await first.stop(), 0)
    const client = readFileSync(join(other, 'clients', 'local.json'), 'utf8')
    const { port } = new URL(running.url)
    await using second = Program.spawn(['start', '--data', other, '--port', port, '--no-sample'])
    assert.equal(await second.ended(), 1)
    assert.match(second.stderr, portTaken)
    assert.equal(readFileSync(join(other, 'clients', 'local.json'), 'utf8'), client)
  })

  test('on a port that is taken makes no data folder', async () => {
    const other = join(place.path, 'unmade')
    const { port } = new URL(running.url)
    const { code, stdout, stderr } = await commandsOf(other)('start', '--port', port)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, portTaken)
    assert(!existsSync(other))
    await using next = await LedgerProcess.start(other)
    assert.match(next.printed, /unmade \(new; development keys, all in this one folder\)/)
  })

  test('that is stopped answers what is under way, ends streams, and loses nothing', async () => {
    const token = (await command.text('token', '--scope', 'append:payments read:payments')).trim()
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const events = await fetch(`${running.url}/v1/buckets/payments/events`, { headers })
    assert.equal(events.status, 200)
    const pushes = Array.from({ length: 40 }, async (_, i) => {
      const body = JSON.stringify({ type: 'payment.captured', record: { i } })
      const response = await fetch(`${running.url}/v1/seal/payments`, { method: 'POST', headers, body })
      const answer = (await response.json()) as { index: number; hash: string; code?: string }
      return { status: response.status, ...answer }
    })
    await Promise.race(pushes)
    const outcomes = Promise.all(pushes.map((push) => push.catch(() => undefined)))
    assert.equal(await running.stop(), 0, running.printed)
    await events.text()
    const answered = (await outcomes).filter((outcome) => outcome !== undefined)
    const acknowledged = answered.filter(({ status }) => status === 201)
    assert(acknowledged.length > 0)
    for (const { status, code } of answered) assert(status === 201 || code === 'stopping', `${code}`)

    running = await LedgerProcess.start(data)
    type Page = { readonly blocks: readonly { readonly index: number; readonly hash: string }[] }
    const { blocks } = await command.json<Page>('list', 'payments', '--limit', '100')
    const hashes = new Map(blocks.map(({ index, hash }) => [index, hash]))
    for (const { index, hash } of acknowledged) assert.equal(hashes.get(index), hash)
  })

  test('that has ended is asked for by the commands that miss it', async () => {
    assert.equal(await running.stop(), 0)
    const { code, stderr } = await command('list', 'payments')
    assert.equal(code, 4)
    assert.match(
      stderr,
      /^unreachable: .* \(is it running\? npx ledgerstone start --data .*empty --port \d+\)\n$/,
    )
  })
})
