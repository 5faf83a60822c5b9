// The command line, from `init` to evidence that is verified when the ledger is gone.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { commandsOf, LedgerProcess, temporaryFolder } from './ledger-process.ts'
import { Program, run } from './program.ts'

const place = await temporaryFolder()
const data = join(place.path, 'data')
const at = (name: string): string => join(place.path, name)
const command = commandsOf(data)
const id = '0192d3a0-0000-7000-8000-000000000007'
const record = '{ "invoice": "INV-7", "amount": 1.10 }'
let ledger: LedgerProcess | undefined

after(async () => {
  await ledger?.kill()
  await place[Symbol.asyncDispose]()
})

function write(name: string, content: string): string {
  writeFileSync(at(name), content)
  return at(name)
}

type Pushed = {
  readonly index: number
  readonly hash: string
  readonly id: string
  readonly created: boolean
}
type Page = {
  readonly size: number
  readonly complete: number
  readonly blocks: readonly { readonly index: number }[]
}

/** Indexes that a filter finds, once all blocks have been looked at. */
async function listed(...filter: readonly string[]): Promise<readonly number[]> {
  for (let tries = 0; tries < 50; tries++) {
    const { size, complete, blocks } = await command.json<Page>('list', 'payments', ...filter)
    if (complete === size) return blocks.map(({ index }) => index)
  }
  throw new Error('the documents are not filled in')
}

describe('init', () => {
  test('makes a ledger of a given name, with more buckets, and its trust file', async () => {
    const options = ['--name', 'ledger.example.com/log', '--bucket', 'invoices']
    type Made = { readonly ledger: string; readonly trust: string; readonly buckets: readonly string[] }
    const made = await command.json<Made>('init', ...options)
    assert.equal(made.ledger, 'ledger.example.com/log')
    assert.deepEqual(made.buckets.slice(-2), ['refunds', 'invoices'])
    assert.match(
      readFileSync(made.trust, 'utf8'),
      /^ledgerstone\.trust\/v1\nledger ledger\.example\.com\/log\n/,
    )
  })

  test('is refused where a ledger is, and for a reserved bucket', async () => {
    assert.equal((await command.refusal('init')).code, 'bucket-exists')
    assert.equal((await commandsOf(at('other')).refusal('init', '--bucket', 'keys')).code, 'reserved')
  })
})

describe('the exit code', () => {
  test('is 4 while nobody answers', async () => {
    // Not the address that was set up: another ledger may be there on the machine that runs this.
    const away = ['--server', 'http://127.0.0.1:9', '--token', 'any']
    const { code, stderr } = await command('list', 'payments', ...away)
    assert.equal(code, 4)
    assert.match(stderr, /^unreachable: .*: nothing answers at http:\/\/127\.0\.0\.1:\d+\n$/)
  })

  test('is 2 for a command that does not exist, or is used wrongly', async () => {
    const wrong = [
      ['nonsense'],
      ['push', 'payments'],
      ['list', 'payments', '--limit', 'many'],
      ['list', 'payments', '--limit', '0'],
      ['list', 'payments', '--limit', '101'],
      ['start', '--port', '0'],
      ['start', '--exchange-ports', '20000'],
      ['keys', 'revoke', 'a', '--suspect-from', 'soon'],
    ]
    for (const args of wrong) {
      const { code, stderr, stdout } = await command(...args)
      assert.equal(code, 2, args.join(' '))
      assert.match(stderr, /^error: /)
      if (stderr.includes('invalid')) assert.match(stderr, / is invalid\. It must be [^.]+\.\n$/)
      assert.equal(stdout, '')
    }
  })

  test('is 1, without a word, when nobody reads what is printed', async () => {
    await using help = Program.spawn(['--help'])
    help.stopReading()
    assert.deepEqual([await help.ended(), help.stderr], [1, ''])
  })

  test('is 0 for help, which names every command', async () => {
    const { code, stdout } = await run(['--help'])
    assert.equal(code, 0)
    const names = [
      'init',
      'start',
      'token',
      'push',
      'open',
      'verify',
      'evidence',
      'audit',
      'import',
      'sealer',
    ]
    for (const name of names) assert.match(stdout, new RegExp(`^  ${name}\\b`, 'm'))
    assert.match(stdout, /Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused/)
  })
})

describe('records', () => {
  test('are pushed from a file, safely a second time under the same id', async () => {
    ledger = await LedgerProcess.start(data)
    const push = ['push', 'payments', write('record.json', record), '--type', 'payment.captured', '--id', id]
    const meta = ['--meta', 'country=GB', 'channel=web']
    const first = await command.json<Pushed>(...push, ...meta)
    assert.partialDeepStrictEqual(first, { bucket: 'payments', index: 1, id, created: true })
    const again = await command.json<Pushed>(...push, ...meta)
    assert.partialDeepStrictEqual(again, { index: 1, hash: first.hash, created: false })
    write('record.json', record.replace('1.10', '9.10'))
    assert.equal((await command.refusal(...push)).code, 'id-reused')
  })

  test('are pushed from standard input, of any media type', async () => {
    const push = ['--data', data, 'push', 'payments', '--type', 'payment.note', '--media', 'text/plain']
    const { code, stdout } = await run(push, 'paid \u001b[2Jin full')
    assert.equal(code, 0)
    assert.match(stdout, /^payments 2 appended\nhash {2}[0-9a-f]{64}\nid {4}[0-9a-f-]{36}\n$/)
    assert.equal(await command.text('open', 'payments', '2'), 'paid \\u{1b}[2Jin full\n')
  })

  test('that are no JSON, or go to no bucket, are refused with 3 and their code', async () => {
    const bad = write('bad.json', '{"a":1')
    const type = ['--type', 'payment.captured']
    assert.equal((await command.refusal('push', 'payments', bad, ...type)).code, 'malformed')
    const good = write('good.json', '{}')
    const unknown = await command.refusal('push', 'nowhere', good, ...type)
    assert.equal(unknown.code, 'unknown-bucket')
    const { code, stderr } = await command('push', 'payments', at('missing.json'), ...type)
    assert.equal(code, 1)
    assert.match(stderr, /^there is no .*missing\.json\n$/)
  })
})

describe('blocks', () => {
  test('are shown by index and by hash, and as the bytes that they are', async () => {
    const view = await command.json<{ hash: string; time: string; payload: object }>('get', 'payments', '1')
    assert.partialDeepStrictEqual(view, { index: 1, payload: { id, type: 'payment.captured' } })
    const entry = await command.text('get', 'payments', view.hash, '--entry')
    assert.equal(createHash('sha256').update(`\0${entry}`).digest('hex'), view.hash)
    assert.match(await command.text('get', 'payments', '1', '--envelope'), /LSE1/)
    assert.equal((await command.refusal('get', 'payments', '77')).code, 'unknown-block')
  })

  test('are listed, newest first or from an index on, and by every filter', async () => {
    type View = { readonly sender: string; readonly envelope: { readonly receivers: readonly string[] } }
    const { sender, envelope } = await command.json<View>('get', 'payments', '1')
    assert.deepEqual(await listed('--limit', '2'), [2, 1])
    assert.deepEqual(await listed('--from', '0', '--limit', '2'), [0, 1])
    assert.deepEqual(await listed('--type', 'payment.note'), [2])
    assert.deepEqual(await listed('--meta', 'country=GB', 'channel=web'), [1])
    assert.deepEqual(await listed('--meta', 'country=FR'), [])
    assert.deepEqual(await listed('--sender', sender, '--receiver', envelope.receivers[0] as string), [2, 1])
    assert.deepEqual(await listed('--after', '2999-01-01'), [])
    assert.deepEqual(await listed('--before', '2999-01-01', '--type', 'payment.captured'), [1])
    assert.match(await command.text('list', 'payments'), /^ +2 {2}20.*Z {2}[0-9a-f]{16} {2}payment\.note\n/)
  })

  test('are opened with the receiver’s key and no other', async () => {
    type Opened = { readonly record: { readonly text: string }; readonly sender: string }
    const opened = await command.json<Opened>('open', 'payments', '1')
    assert.partialDeepStrictEqual(opened, {
      unauthenticated: false,
      sender: 'sealer',
      record: { text: record },
    })
    await command.text('open', 'payments', '1', '--out', at('opened.json'))
    assert.equal(readFileSync(at('opened.json'), 'utf8'), record)
    assert.equal(statSync(at('opened.json')).mode & 0o777, 0o600)
    await command.text('keys', 'new', at('stranger.pem'), '--kind', 'RSA-2048')
    const stranger = await command.refusal('open', 'payments', '1', '--key', at('stranger.pem'))
    assert.equal(stranger.code, 'cannot-open')
  })

  test('are verified, whole buckets against the trust file', async () => {
    await ledger?.settled()
    const verified = await command('verify', 'payments', '--statements', '--envelopes')
    assert.equal(verified.code, 0, verified.stderr)
    assert.match(
      verified.stdout,
      /^CONSISTENT, log-signed only {2}payments \(ledger\.example\.com\/log\/payments\)\n/,
    )
    assert.match(verified.stdout, /checked +3 blocks: .*, 3 statements, 2 envelopes\n/)
    assert.match(verified.stdout, /policy +log-signed only: one operator runs it all\n/)
    const [again] = await command.json<readonly object[]>('verify', 'payments')
    assert.partialDeepStrictEqual(again, { checked: 3, remembered: 3, quorum: 'none', suspects: [] })
  })
})

describe('a token', () => {
  test('is printed for programs, and used by any command in place of the secret', async () => {
    const { access_token: token } = await command.json<{ access_token: string }>(
      'token',
      '--scope',
      'read:payments',
    )
    assert.equal(token.split('.').length, 3)
    await command.text('list', 'payments', '--token', token)
    const narrow = await command.refusal('list', 'orders', '--token', token)
    assert.equal(narrow.code, 'insufficient-scope')
    assert.equal((await command.refusal('list', 'orders', '--token', 'no.real.token')).code, 'bad-token')
  })

  test('is not given for a scope that the client may not have', async () => {
    assert.equal((await command.refusal('token', '--scope', 'append:keys')).code, 'bad-config')
  })
})

describe('keys', () => {
  test('are made private, and shown by their public half', async () => {
    type Key = { readonly kid: string; readonly kind: string; readonly publicKey: string }
    const made = await command.json<Key>('keys', 'new', at('key.pem'))
    assert.equal(made.kind, 'Ed25519')
    assert.equal(statSync(at('key.pem')).mode & 0o777, 0o600)
    assert.deepEqual(await command.json('keys', 'show', at('key.pem')), made)
    assert.deepEqual(await command.json('keys', 'show', write('public.pem', made.publicKey)), made)
    assert.equal((await command.refusal('keys', 'new', at('key.pem'))).code, 'bad-key-file')
  })
})

describe('what a file proves', () => {
  const evidence = at('payment.evidence')

  test('is written while the ledger is there, verified first', async () => {
    const receipt = await command.text('receipt', 'payments', '1')
    assert.match(receipt, /^c2sp\.org\/tlog-proof@v1\nindex 1\n/)
    await command.text('receipt', 'payments', '1', '--out', at('payment.tlog-proof'))
    assert.equal(readFileSync(at('payment.tlog-proof'), 'utf8').trimEnd(), receipt.trimEnd())
    await command.text('evidence', 'payments', '1', '--out', evidence)
  })

  test('is sound as an audit of the running ledger says, which leaves the documents out', async () => {
    const { stdout, code } = await command('audit')
    assert.equal(code, 0, stdout)
    assert.match(stdout, /^SOUND {4}ledger\.example\.com\/log\n/)
    assert.match(stdout, /documents {2}not compared: the ledger is running/)
  })

  test('is verified by the pinned trust file when the ledger is gone', async () => {
    assert.equal(await ledger?.stop(), 0)
    const verdict = await command.text('verify-evidence', evidence)
    assert.match(verdict, /^CONSISTENT, log-signed only {2}payments 1\n/)
    assert.match(verdict, /genesis +[0-9a-f]{64} \(pinned\)/)
    const { trust } = dataFolder(data)
    const elsewhere = commandsOf(at('nowhere'))
    const json = await elsewhere.json<object>('verify-evidence', evidence, '--trust', trust)
    assert.partialDeepStrictEqual(json, { verdict: 'log-signed-only', pinned: true, index: 1 })
    assert.equal((await elsewhere.refusal('verify-evidence', evidence)).code, 'bad-config')
  })

  test('is no more than consistent without a trust file, and the verdict says so', async () => {
    const verdict = await commandsOf(at('nowhere')).text('verify-evidence', evidence, '--unpinned')
    assert.match(verdict, /^CONSISTENT, not pinned {2}payments 1\n/)
    assert.match(verdict, /NOT PINNED/)
  })

  test('holds the record for whoever has the receiver’s key', async () => {
    const { receiverKey } = dataFolder(data)
    const shown = await command.text('verify-evidence', evidence, '--key', receiverKey)
    assert(shown.endsWith(`\n\n${record}\n`))
    const stranger = await command.refusal('verify-evidence', evidence, '--key', at('stranger.pem'))
    assert.equal(stranger.code, 'cannot-open')
  })

  test('is nothing to another ledger, and nothing when a byte of it is changed', async () => {
    await commandsOf(at('another')).text('init')
    const { trust } = dataFolder(at('another'))
    assert.equal((await command.refusal('verify-evidence', evidence, '--trust', trust)).code, 'wrong-ledger')
    const text = readFileSync(evidence, 'utf8')
    const middle = text.indexOf('"statement":"') + 200
    const other = text[middle] === 'A' ? 'B' : 'A'
    write('changed.evidence', `${text.slice(0, middle)}${other}${text.slice(middle + 1)}`)
    assert.equal((await command('verify-evidence', at('changed.evidence'))).code, 3)
  })

  test('is sound as an audit says, documents and all, once the ledger has stopped', async () => {
    type Audit = {
      readonly verdict: string
      readonly documents: string
      readonly findings: readonly object[]
    }
    const audit = await command.json<Audit>('audit')
    assert.partialDeepStrictEqual(audit, { verdict: 'sound', documents: 'compared', findings: [] })
  })
})

describe('bucket add', () => {
  test('adds a bucket to a ledger that is stopped, once, and it takes records', async () => {
    const added = await command.json<object>('bucket', 'add', 'returns')
    assert.partialDeepStrictEqual(added, { bucket: 'returns', origin: 'ledger.example.com/log/returns' })
    assert.equal((await command.refusal('bucket', 'add', 'returns')).code, 'bucket-exists')
    assert.equal((await command.refusal('bucket', 'add', 'ledgerstone-x')).code, 'reserved')
    assert.equal((await command.refusal('bucket', 'add', 'Returns')).code, 'bad-name')

    ledger = await LedgerProcess.start(data)
    assert.equal((await command.refusal('bucket', 'add', 'more')).code, 'store-busy')
    await command.text('push', 'returns', at('good.json'), '--type', 'return.received')
    await ledger.settled()
    const [verdict] = await command.json<readonly object[]>('verify', 'returns', '--envelopes')
    assert.partialDeepStrictEqual(verdict, { checked: 2, envelopes: 1 })
  })
})
