// The life of keys, as people live it: list, register, rotate, revoke, approve, against a running ledger; and
// what stays provable when the ledger is gone.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import type { EventView, KeyView, PendingView } from '@ledgerstone/core/key-view'
import { type Commands, commandsOf, LedgerProcess } from './ledger-process.ts'

type Listed = {
  readonly threshold: number
  readonly keys: readonly KeyView[]
  readonly pending: readonly PendingView[]
}
type Changed = {
  readonly kid: string
  readonly index: number
  readonly id: string
  readonly counts: boolean
  readonly missing: number
  readonly final: boolean
}

class Place implements AsyncDisposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'ledgerstone-keys-'))
  readonly data: string = join(this.path, 'data')
  readonly folder: ReturnType<typeof dataFolder> = dataFolder(this.data)
  readonly command: Commands = commandsOf(this.data)
  ledger: LedgerProcess | undefined

  at(name: string): string {
    return join(this.path, name)
  }

  write(name: string, text: string): string {
    writeFileSync(this.at(name), text, { mode: 0o600 })
    return this.at(name)
  }

  async restart(...options: readonly string[]): Promise<void> {
    if (this.ledger !== undefined) assert.equal(await this.ledger.stop(), 0)
    this.ledger = await LedgerProcess.start(this.data, ...options)
  }

  async push(text: string): Promise<number> {
    const pushed = ['push', 'payments', this.write('record.json', text), '--type', 'payment.captured']
    return (await this.command.json<{ readonly index: number }>(...pushed)).index
  }

  async pushRefused(): Promise<string> {
    const record = this.write('record.json', '{"refused":true}')
    return (await this.command.refusal('push', 'payments', record, '--type', 'payment.captured')).code
  }

  /** The record as its receiver reads it, all proofs checked. */
  async open(index: number, ...options: readonly string[]): Promise<string> {
    await this.ledger?.settled()
    return await this.command.text('open', 'payments', `${index}`, ...options)
  }

  async kidOf(file: string): Promise<string> {
    return (await this.command.json<{ readonly kid: string }>('keys', 'show', file)).kid
  }

  async states(owner: string): Promise<readonly string[]> {
    const { keys } = await this.command.json<Listed>('keys', 'list', '--owner', owner)
    return keys.map(({ state }) => state)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ledger?.kill()
    rmSync(this.path, { recursive: true, force: true })
  }
}

describe('with one registrar', () => {
  let place: Place
  let oldReceiver: string
  let firstSender: string

  before(async () => {
    place = new Place()
    await place.restart()
    oldReceiver = await place.kidOf(place.folder.receiverKey)
    firstSender = await place.kidOf(place.folder.statementKey)
  })
  after(() => place[Symbol.asyncDispose]())

  test('a new ledger has its keys in force, replayed here', async () => {
    const { keys, pending, threshold } = await place.command.json<Listed>('keys', 'list')
    const owners = keys.map(({ owner, purpose }) => `${owner} ${purpose}`)
    assert.deepEqual(owners, [
      ...['ledger sign', 'registrar sign', 'sealer sign', 'sealer sign', 'auditor receive', 'importer sign'],
    ])
    assert.ok(keys.every(({ state }) => state === 'active'))
    assert.deepEqual([pending, threshold], [[], 1])
    const text = await place.command.text('keys', 'list', '--purpose', 'receive')
    assert.match(text, new RegExp(`^${oldReceiver}  auditor  receive  RSA   active  block [0-9]+$`, 'm'))
  })

  test('a rotated receiving key opens the next record, the old one the records before', async () => {
    assert.equal(await place.push('{"n":1}'), 1)
    const rotated = await place.command.json<Changed & { kept: string }>(
      'keys',
      'rotate',
      place.folder.receiverKey,
    )
    assert.partialDeepStrictEqual(rotated, { counts: true, missing: 0, final: true })
    assert.equal(await place.kidOf(place.folder.receiverKey), rotated.kid)
    assert.equal(await place.kidOf(rotated.kept), oldReceiver)
    for (const name of readdirSync(join(place.data, 'receivers'))) {
      assert.equal(statSync(join(place.data, 'receivers', name)).mode & 0o777, 0o600, name)
    }
    assert.equal(await place.push('{"n":2}'), 2)
    assert.equal(await place.open(1), '{"n":1}\n')
    assert.equal(await place.open(2), '{"n":2}\n')
    const wrong = await place.command.refusal('open', 'payments', '2', '--key', rotated.kept)
    assert.equal(wrong.code, 'cannot-open')
    assert.deepEqual(await place.states('auditor'), ['replaced', 'active'])
    const old = await place.command.json<{ blocks: { index: number }[] }>(
      'list',
      'payments',
      '--receiver',
      oldReceiver,
    )
    assert.deepEqual(
      old.blocks.map(({ index }) => index),
      [1],
    )
  })

  test('a rotated signing key takes over at once, and the sealer is not started again', async () => {
    await place.command.text('evidence', 'payments', '1', '--out', place.at('before.json'))
    const told = await place.command.text('keys', 'rotate', place.folder.statementKey)
    assert.match(told, /a running sealer takes it up within five seconds/)
    assert.equal(await place.push('{"n":3}'), 3)
    await place.ledger?.settled()
    await place.command.text('evidence', 'payments', '1', '--out', place.at('after.json'))
    await place.command.text('evidence', 'payments', '3', '--out', place.at('new.json'))
  })

  test('a revocation holds from its block on; suspectFrom marks, and changes no verdict', async () => {
    const kid = await place.kidOf(place.folder.statementKey)
    const reason = 'found on a shared drive'
    const suspect = ['--suspect-from', '2026-01-01']
    const revoked = await place.command.json<Changed>('keys', 'revoke', kid, '--reason', reason, ...suspect)
    assert.partialDeepStrictEqual(revoked, { kid, counts: true })
    assert.equal(await place.pushRefused(), 'key-revoked')
    await place.ledger?.settled()
    await place.command.text('evidence', 'payments', '3', '--out', place.at('revoked.json'))
    const [verdict] = await place.command.json<{ statements: number; suspects: number[] }[]>(
      ...['verify', 'payments', '--statements'],
    )
    assert.deepEqual([verdict?.statements, verdict?.suspects], [4, [3]])
    const { revoked: end, history } = await place.command.json<KeyView & { history: EventView[] }>(
      ...['keys', 'history', kid],
    )
    assert.deepEqual(end, { index: revoked.index, reason, suspectFrom: '2026-01-01T00:00:00.000Z' })
    assert.deepEqual(
      history.map(({ event, counts, signer }) => [event, counts, signer.owner]),
      [
        ['rotate', true, 'registrar'],
        ['revoke', true, 'registrar'],
      ],
    )
    assert.equal(
      (await place.command.refusal('keys', 'revoke', kid, '--reason', 'again')).code,
      'key-revoked',
    )
  })

  test('a theft that is found out after the rotation marks the records of before', async () => {
    const reason = 'it was on the same drive'
    const mark = ['keys', 'revoke', firstSender, '--reason', reason]
    assert.equal((await place.command.refusal(...mark)).code, 'key-revoked')
    const marked = await place.command.json<Changed>(...mark, '--suspect-from', '2026-01-01')
    assert.partialDeepStrictEqual(marked, { kid: firstSender, counts: true })
    await place.ledger?.settled()
    await place.command.text('evidence', 'payments', '1', '--out', place.at('stolen.json'))
    const [verdict] = await place.command.json<{ suspects: number[] }[]>('verify', 'payments', '--statements')
    assert.deepEqual(verdict?.suspects, [1, 2, 3])
    const text = await place.command.text('keys', 'history', firstSender)
    assert.match(text, /^replaced in block [0-9]+ by /m)
    assert.match(text, /^revoked in block [0-9]+: "it was on the same drive"; suspect from 2026-01-01T/m)
    assert.match(text, / revoke [^ ]+, suspect from 2026-01-01T00:00:00.000Z on: "it was/)
  })

  test('the ledger tells the same for showing, with receipts', async () => {
    const token = (await place.command.text('token', '--scope', 'read:keys')).trim()
    const get = async <T>(path: string): Promise<T> => {
      const response = await fetch(`${place.ledger?.url}${path}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      assert.equal(response.status, 200)
      return (await response.json()) as T
    }
    const { keys } = await place.command.json<Listed>('keys', 'list')
    const shown = await get<Listed>('/v1/keys')
    assert.deepEqual(shown.keys, keys)
    const { history } = await get<{ history: { receipt?: string }[] }>(
      `/v1/keys/${firstSender}/history?receipts=true`,
    )
    assert.equal(history.length, 3)
    for (const { receipt } of history) assert.match(receipt ?? '', /^c2sp\.org\/tlog-proof@v1\n/)
  })

  test('a receiver whose keys are revoked by himself and expired is not sealed for', async () => {
    // The sealer's own key first: it was revoked above.
    rmSync(place.folder.statementKey)
    await place.command.text('keys', 'new', place.folder.statementKey)
    await place.command.text(
      'keys',
      'register',
      place.folder.statementKey,
      '--owner',
      'sealer',
      '--purpose',
      'sign',
    )
    await place.restart()
    const late = place.at('late.pem')
    await place.command.text('keys', 'new', late, '--kind', 'RSA-2048')
    const end = new Date(Date.now() + 20_000)
    const register = ['keys', 'register', late, '--owner', 'auditor', '--purpose', 'receive']
    await place.command.text(...register, '--not-after', end.toISOString())
    assert.match(
      await place.command.text('keys', 'list', '--state', 'expiring'),
      new RegExp(await place.kidOf(late)),
    )
    const index = await place.push('{"n":4}')
    const own = ['keys', 'revoke', place.folder.receiverKey, '--reason', 'the laptop is lost']
    assert.equal((await place.command.json<Changed>(...own)).counts, true)
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, end.getTime() + 100 - Date.now())))
    const code = await place.pushRefused()
    assert.ok(code === 'key-expired' || code === 'key-revoked', code)
    assert.deepEqual(await place.states('auditor'), ['replaced', 'revoked', 'expired'])
    assert.equal(await place.open(index), '{"n":4}\n')
  })

  test('offline, records of before stay valid, and evidence says what became of the key', async () => {
    assert.equal(await place.ledger?.stop(), 0)
    place.ledger = undefined
    const verify = (name: string): Promise<string> => place.command.text('verify-evidence', place.at(name))
    assert.doesNotMatch(await verify('before.json'), /replaced since|revoked since|WARNING/)
    assert.match(
      await verify('after.json'),
      new RegExp(`sender +sealer \\(${firstSender}\\)\n +key .*; replaced since`),
    )
    assert.doesNotMatch(await verify('new.json'), /since|WARNING/)
    assert.match(await verify('revoked.json'), /revoked since, in block [0-9]+: "found on a shared drive"/)
    assert.match(await verify('revoked.json'), /WARNING {5}the key was later reported stolen/)
    assert.match(await verify('stolen.json'), /; replaced since, in block .*; revoked since, in block /)
    assert.match(await verify('stolen.json'), /WARNING {5}the key was later reported stolen/)
    // A revocation cannot be left out: the older registry does not fit the checkpoint.
    const [old, revoked] = ['new.json', 'revoked.json'].map((name) => {
      return JSON.parse(readFileSync(place.at(name), 'utf8')) as { keys: { entries: string[] } }
    })
    assert.ok(old !== undefined && revoked !== undefined)
    revoked.keys.entries = old.keys.entries
    place.write('forged.json', JSON.stringify(revoked))
    assert.equal((await place.command.refusal('verify-evidence', place.at('forged.json'))).code, 'gap')
  })
})

describe('with two registrars that must agree', () => {
  let place: Place
  let alice: string
  let unlock: readonly string[]

  before(async () => {
    place = new Place()
    await place.command.text('init', '--registrar', 'alice', '--threshold', '2')
    alice = place.folder.registrarKeyOf('alice')
    unlock = ['--passphrase-file', place.write('passphrase', 'correct horse battery\n')]
    await place.command.text(...unlock, 'keys', 'encrypt', alice)
    await place.restart()
  })
  after(() => place[Symbol.asyncDispose]())

  test('the second one’s key is under a passphrase, and of no use without it', async () => {
    assert.match(readFileSync(alice, 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/)
    assert.equal((await place.command.refusal('keys', 'show', alice)).code, 'wrong-passphrase')
    const wrong = ['--passphrase-file', place.write('wrong', 'correct horse\n')]
    assert.equal((await place.command.refusal(...wrong, 'keys', 'show', alice)).code, 'wrong-passphrase')
    assert.equal((await place.command(...unlock, 'keys', 'show', alice)).code, 0)
  })

  test('a registration is in force when the other has approved, and not before', async () => {
    const key = place.at('branch.pem')
    await place.command.text('keys', 'new', key)
    const register = ['keys', 'register', key, '--owner', 'branch', '--purpose', 'sign']
    const asked = await place.command.json<Changed>(...register)
    assert.partialDeepStrictEqual(asked, { counts: false, missing: 1, final: true })
    assert.deepEqual(await place.states('branch'), ['waiting'])
    const { pending } = await place.command.json<Listed>('keys', 'list')
    assert.deepEqual(
      pending.map(({ id, owners }) => [id, owners]),
      [[asked.id, ['registrar']]],
    )
    assert.equal((await place.command.refusal('keys', 'approve', asked.id)).code, 'not-approved')
    const approve = [...unlock, 'keys', 'approve', asked.id, '--key', alice]
    assert.partialDeepStrictEqual(await place.command.json<Changed>(...approve), {
      counts: true,
      id: asked.id,
    })
    assert.deepEqual(await place.states('branch'), ['active'])
    assert.equal((await place.command.refusal(...approve)).code, 'not-approved')
    const history = await place.command.text('keys', 'history', await place.kidOf(key))
    assert.match(history, /asked by registrar .*: 1 more to approve[\s\S]*approved by alice .*: counts/)
  })

  test('a rotation waits beside the old key, and takes its place when it is approved', async () => {
    const { receiverKey } = place.folder
    const old = await place.kidOf(receiverKey)
    const asked = await place.command.json<Changed>('keys', 'rotate', receiverKey)
    assert.equal(asked.counts, false)
    assert.equal(await place.kidOf(receiverKey), old)
    const index = await place.push('{"n":1}')
    assert.equal((await place.command.refusal('keys', 'rotate', receiverKey)).code, 'not-approved')
    await place.command.text(...unlock, 'keys', 'approve', asked.id, '--key', alice)
    const done = await place.command.json<Changed & { kept: string }>('keys', 'rotate', receiverKey)
    assert.deepEqual([done.kid, await place.kidOf(receiverKey)], [asked.kid, asked.kid])
    assert.ok(existsSync(done.kept) && !existsSync(receiverKey.replace('.pem', '.next.pem')))
    const next = await place.push('{"n":2}')
    assert.deepEqual([await place.open(index), await place.open(next)], ['{"n":1}\n', '{"n":2}\n'])
  })

  test('services run with keys under a passphrase from a file, through a rotation, too', async () => {
    const { statementKey, registrarKey } = place.folder
    for (const file of [statementKey, place.folder.logKey('payments', 'ed25519'), registrarKey])
      await place.command.text(...unlock, 'keys', 'encrypt', file)
    assert.equal(await place.ledger?.stop(), 0)
    place.ledger = undefined
    assert.equal((await place.command.refusal('start', '--port', '1')).code, 'bad-key-file')
    await place.restart(...unlock)
    const index = await place.push('{"n":3}')
    const asked = await place.command.json<Changed>(...unlock, 'keys', 'rotate', statementKey)
    await place.command.text(...unlock, 'keys', 'approve', asked.id, '--key', alice)
    await place.command.text(...unlock, 'keys', 'rotate', statementKey)
    assert.match(readFileSync(statementKey, 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/)
    const next = await place.push('{"n":4}')
    assert.deepEqual([await place.open(index), await place.open(next)], ['{"n":3}\n', '{"n":4}\n'])
  })

  test('an owner needs nobody to end his own key, and no second registrar stands in the way', async () => {
    const revoked = ['keys', 'revoke', place.at('branch.pem'), '--reason', 'no longer used']
    assert.partialDeepStrictEqual(await place.command.json<Changed>(...revoked), { counts: true, missing: 0 })
    assert.deepEqual(await place.states('branch'), ['revoked'])
  })
})
