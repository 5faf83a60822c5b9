// A sealer whose key files change while it runs.
import { strict as assert } from 'node:assert'
import { chmodSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { configuredKeyOpener } from '@ledgerstone/border/private-key'
import { encryptedPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { createKey, type OwnKey } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { appendToKeys, codeOf, keys, register, start } from '../../log/test/sample.ts'
import type { KeyFiles } from '../src/keys.ts'
import { type KeysReport, OwnKeys } from '../src/own-keys.ts'
import { makeFolder, type Running, run, untilKeysFinal, writeKeyFiles } from './running.ts'

const body = '{"type":"payment.captured","record":{"amount":1.10}}'

type Place = AsyncDisposable & {
  readonly files: KeyFiles
  readonly running: Running
  readonly own: OwnKeys
  readonly told: Parameters<KeysReport>[0][]
}

async function begin(): Promise<Place> {
  const folder = makeFolder()
  const files = writeKeyFiles(folder.path)
  const told: Place['told'] = []
  const own = await OwnKeys.open(files, {
    ...{ open: configuredKeyOpener(undefined), now: () => start },
    report: (outcome) => void told.push(outcome),
  })
  const running = await run({ keys: own })
  return {
    ...{ files, running, own, told },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

/** As a rotation does: a new file under the old name. */
function replace(path: string, pem: string): void {
  writeFileSync(`${path}.next`, pem, { mode: 0o600 })
  renameSync(`${path}.next`, path)
}

async function rotate({ running }: Place, next: OwnKey): Promise<void> {
  const { log } = running.ledger
  await register(log, next, { owner: 'sealer', purpose: 'sign' })
  await appendToKeys(log, 'ledgerstone.key.revoke', { kid: keys.statement.kid, reason: 'rotated' })
  await untilKeysFinal(running.ledger)
}

async function signerOf({ running }: Place): Promise<string> {
  const { status, body: answer } = await running.post(body)
  assert.equal(status, 201, JSON.stringify(answer))
  return running.sealer.sender.statement.kid
}

function codesOf(told: Place['told']): readonly (string | undefined)[] {
  return told.map((outcome) => ('error' in outcome ? (outcome.error as { code?: string }).code : 'taken'))
}

test('takes up a rotated key with the first record that is refused for the old one', async () => {
  await using place = await begin()
  assert.equal(await signerOf(place), keys.statement.kid)
  const next = await createKey('Ed25519')
  await rotate(place, next)
  replace(place.files.statement, formatPrivateKeyPem(next.pkcs8))
  assert.equal(await signerOf(place), next.kid)
  assert.deepEqual(place.told, [{ kids: [next.kid, keys.rsa.kid] }])
})

test('looks for it by itself, too, and needs no request', async () => {
  await using place = await begin()
  const next = await createKey('Ed25519')
  await rotate(place, next)
  replace(place.files.statement, formatPrivateKeyPem(next.pkcs8))
  await place.own.takeUp(place.running.sealer.follower)
  assert.equal(place.own.sender.statement.kid, next.kid)
})

test('goes on with the keys of before until the registry has the new one in force', async () => {
  await using place = await begin()
  const { running, own, files, told } = place
  const next = await createKey('Ed25519')
  replace(files.statement, formatPrivateKeyPem(next.pkcs8))
  for (let times = 0; times < 3; times++) await own.takeUp(running.sealer.follower)
  assert.equal(await signerOf(place), keys.statement.kid)
  assert.deepEqual(codesOf(told), ['unknown-key'], 'said once')
  await register(running.ledger.log, next, { owner: 'sealer', purpose: 'sign' })
  await untilKeysFinal(running.ledger)
  await running.sealer.follower.refresh()
  await own.takeUp(running.sealer.follower)
  assert.equal(await signerOf(place), next.kid)
})

test('is not stopped by files that are gone, damaged or open to others', async () => {
  await using place = await begin()
  const { running, own, files, told } = place
  replace(files.statement, 'c2VjcmV0')
  await own.takeUp(running.sealer.follower)
  replace(files.statement, formatPrivateKeyPem((await createKey('Ed25519')).pkcs8))
  chmodSync(files.statement, 0o644)
  await own.takeUp(running.sealer.follower)
  rmSync(files.statement)
  await own.takeUp(running.sealer.follower)
  symlinkSync(files.statement, files.statement)
  await own.takeUp(running.sealer.follower)
  assert.equal(await signerOf(place), keys.statement.kid)
  assert.deepEqual(codesOf(told), ['bad-key-file', 'bad-key-file', 'bad-key-file', 'bad-key-file'])
  assert.ok(told.every((outcome) => !JSON.stringify(outcome).includes('c2VjcmV0')))
})

test("does not take another owner's keys, registered or not", async () => {
  await using place = await begin()
  const { running, own, files, told } = place
  const [statement, key] = await Promise.all([createKey('Ed25519'), createKey('RSA-2048')])
  for (const each of [statement, key]) {
    await register(running.ledger.log, each, { owner: 'mallory', purpose: 'sign' })
  }
  await untilKeysFinal(running.ledger)
  replace(files.statement, formatPrivateKeyPem(statement.pkcs8))
  await own.takeUp(running.sealer.follower)
  replace(files.key, formatPrivateKeyPem(key.pkcs8))
  await own.takeUp(running.sealer.follower)
  assert.equal(await signerOf(place), keys.statement.kid)
  assert.deepEqual(codesOf(told), ['wrong-key', 'wrong-key'])
})

test('opens keys under a passphrase with that of a file, which nobody else may read', async () => {
  using folder = makeFolder()
  const files = writeKeyFiles(folder.path)
  replace(files.statement, await encryptedPrivateKeyPem(keys.statement.pkcs8, 'correct horse'))
  const passphrase = `${folder.path}/passphrase`
  writeFileSync(passphrase, 'correct horse\n', { mode: 0o600 })
  const open = (file: string | undefined): Promise<OwnKeys> => {
    return OwnKeys.open(files, { open: configuredKeyOpener(file), now: () => start, report: () => undefined })
  }
  assert.equal((await open(passphrase)).sender.statement.kid, keys.statement.kid)
  assert.equal(await codeOf(open(undefined)), 'bad-key-file')
  chmodSync(passphrase, 0o644)
  assert.equal(await codeOf(open(passphrase)), 'bad-key-file')
})
