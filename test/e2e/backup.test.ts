// The operator's manual, done as it says: a backup while the ledger runs, and what readers say of a restored
// one.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { readTrust } from '@ledgerstone/cli/connect'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { formatSealed } from '@ledgerstone/core/sealed'
import { quickSealer } from '../../bench/records.ts'
import { commandsOf, LedgerProcess, temporaryFolder } from './ledger-process.ts'

const manual = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'OPERATIONS.md'), 'utf8')
const script = /## Back up\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(manual)?.[1] ?? ''

const place = await temporaryFolder()
const data = join(place.path, 'data')
const command = commandsOf(data)
let ledger: LedgerProcess

before(async () => {
  ledger = await LedgerProcess.start(data)
})
after(async () => {
  await ledger.kill()
  await place[Symbol.asyncDispose]()
})

/** Appends batches of large records, one after the other, until it is told to stop. */
async function appendUntil(signal: AbortSignal): Promise<void> {
  const token = (await command.text('token', '--scope', 'append:payments')).trim()
  const seal = await quickSealer(readTrust({ data }).ledger, dataFolder(data))
  const record = Buffer.from(JSON.stringify('a'.repeat(50_000)))
  while (!signal.aborted) {
    const records = await Promise.all(
      Array.from({ length: 10 }, async () => formatSealed(await seal('payments', record))),
    )
    const response = await fetch(`${ledger.url}/v1/buckets/payments/blocks/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(records),
    })
    assert.equal(response.status, 200, await response.text())
  }
}

/** Stops the ledger, puts the buckets of a backup in place of its own, and starts it again. */
async function restore(backup: string): Promise<void> {
  assert.equal(await ledger.stop(), 0)
  const folder = join(data, 'ledger', 'buckets')
  renameSync(folder, `${backup}-instead`)
  cpSync(join(backup, 'ledger', 'buckets'), folder, { recursive: true })
  ledger = await LedgerProcess.start(data)
}

describe('the backup of the manual', () => {
  const backups = ['a', 'b', 'c', 'd'].map((name) => join(place.path, `backup-${name}`))
  const sizes: number[] = []

  test('is sound, each time it is made while records are appended', async () => {
    assert.match(script, /heads journal-0 journal-1 entries/)
    const stopping = new AbortController()
    const appending = appendUntil(stopping.signal)
    await ledger.grown('payments', 50)
    for (const backup of backups) {
      const env = { ...process.env, DATA: data, BACKUP: backup }
      await promisify(execFile)('sh', ['-e', '-c', script], { env })
    }
    stopping.abort()
    await appending
    for (const backup of backups) {
      type Audit = {
        readonly buckets: readonly { readonly bucket: string; readonly size: number }[]
        readonly findings: readonly { readonly copy: string }[]
      }
      const audit = JSON.parse((await commandsOf(backup)('--json', 'audit')).stdout) as Audit
      assert.deepEqual(new Set(audit.findings.map(({ copy }) => copy)), new Set(['index']))
      assert.equal(audit.buckets.length, 6)
      sizes.push(audit.buckets.find(({ bucket }) => bucket === 'payments')?.size ?? 0)
    }
    assert.deepEqual(
      sizes.toSorted((a, b) => a - b),
      sizes,
    )
  })

  test('put back in place of what was lost, is verified up to where it was made', async () => {
    await restore(backups[3] as string)
    const [verdict] = await command.json<readonly { checked: number }[]>('verify', 'payments', '--envelopes')
    assert((verdict?.checked ?? 0) >= (sizes[3] ?? 0))
    await ledger.stop()
    assert.match(await command.text('audit'), /^SOUND /)
    ledger = await LedgerProcess.start(data)
  })

  test('that is older than what a reader has seen is refused by him, and only by him', async () => {
    await restore(backups[0] as string)
    assert.equal((await command.unverified('payments'))[0]?.code, 'rolled-back')
    // Somebody on another computer: the trust file, a token, and nothing remembered yet.
    const token = (await command.text('token', '--scope', 'read:* read:keys')).trim()
    const elsewhere = commandsOf(join(place.path, 'elsewhere'))
    const options = ['--server', ledger.url, '--trust', dataFolder(data).trust, '--token', token]
    for (const history of [/first sight/, /continues what was remembered/]) {
      assert.match(await elsewhere.text('verify', 'payments', ...options), history)
    }
  })
})
