import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { encryptedPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { createKey } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { formatTrust } from '@ledgerstone/core/trust'
import { appendBlocks, type Served, serve } from '../../client/test/served.ts'
import { codeOf, keys } from '../../log/test/sample.ts'
import type { Database } from '../src/proof/database.ts'
import { errorOf, viewError } from '../src/proof/messages.ts'
import { Prover } from '../src/proof/prover.ts'

let served: Served
const index = 3
const place = { bucket: 'payments', index }

before(async () => {
  served = await serve()
  await appendBlocks(served, 5)
})
after(() => served[Symbol.asyncDispose]())

/** Without a database: what a browser that stores nothing has. */
async function proverOf(pinned: boolean, database?: Database): Promise<Prover> {
  const { tested, url } = served
  const token = async (): Promise<string> => {
    const { authorization } = await tested.bearer('read:* read:keys')
    return authorization.slice('Bearer '.length)
  }
  const { trust } = tested.sample
  const prover = new Prover({ token, database, now: () => tested.clock.ms, tell: () => undefined })
  await prover.answer('configure', {
    url,
    ledger: trust.ledger,
    ...(pinned && { trust: formatTrust(trust) }),
  })
  return prover
}

test('a block is read, verified and proved with one replay of the registry', async () => {
  const prover = await proverOf(true)
  const { view, payload, damaged } = await prover.answer('read-block', place)
  assert.equal(damaged, undefined)
  assert.equal(view?.hash, payload?.article.hash)
  const verdict = await prover.answer('verify-block', { ...place, shown: view?.hash ?? '' })
  assert.equal(verdict.standing, 'log-signed-only')
  assert.equal(verdict.hash, view?.hash)
  assert.equal(verdict.path?.steps.at(-1)?.node, verdict.path?.root)
  assert.deepEqual(
    verdict.checkpoint?.signers.map(({ kind, algorithm }) => `${kind} ${algorithm}`),
    ['log Ed25519', 'log ML-DSA-44'],
  )
  const text = await prover.answer('evidence', place)
  const [result] = await prover.answer('verify-files', { files: [new File([text], 'evidence.json')] })
  assert(result !== undefined && 'finding' in result && result.finding.kind === 'evidence')
  assert.equal(result.finding.hash, view?.hash)
})

test('without a trust file everything is consistent at the most', async () => {
  const prover = await proverOf(false)
  assert.equal(await prover.answer('trust', undefined), undefined)
  const verdict = await prover.answer('verify-block', place)
  assert.equal(verdict.standing, 'not-pinned')
  const { genesis } = served.tested.sample.trust
  assert.equal(verdict.fingerprints?.genesis, genesis.toHex())
  assert.equal(verdict.fingerprints?.logKeys.length, 4)
})

/** A browser's database that takes its time; only settings are kept. */
function slowDatabase(): Database {
  const settings = new Map<string, string>()
  const store = { get: async () => undefined, put: async () => undefined }
  const database = {
    async get(name: string, key: string) {
      if (name === 'settings') await sleep(20)
      return name === 'settings' ? settings.get(key) : undefined
    },
    async put(_name: string, value: string, key: string) {
      settings.set(key, value)
    },
    transaction: () => ({ store, done: Promise.resolve() }),
  }
  return database as unknown as Database
}

test('what is asked while a trust file is being pinned leaves nothing unpinned behind', async () => {
  const prover = await proverOf(false, slowDatabase())
  const pinning = prover.answer('pin', { text: formatTrust(served.tested.sample.trust) })
  await sleep(5)
  await prover.answer('verify-block', place)
  await pinning
  assert.equal((await prover.answer('verify-block', place)).standing, 'log-signed-only')
})

test('heads are remembered from one look to the next', async () => {
  const prover = await proverOf(true)
  const first = await prover.answer('heads', undefined)
  assert(first.every(({ remembered, error }) => remembered === undefined && error === undefined))
  assert(first.some(({ bucket, size }) => bucket === 'payments' && size === 6))
  const second = await prover.answer('heads', undefined)
  assert(second.some(({ bucket, remembered }) => bucket === 'payments' && remembered === 6))
})

test('a record is opened with a key in any of its forms, exactly as it was sealed', async () => {
  const prover = await proverOf(true)
  const { pkcs8 } = keys.receiver
  const pem = formatPrivateKeyPem(pkcs8)
  const opened = await prover.answer('open-block', { ...place, key: { kind: 'pem', pem } })
  assert(opened.text !== undefined && opened.sender === 'sealer')
  const encrypted = await encryptedPrivateKeyPem(pkcs8, 'a passphrase')
  const key = { kind: 'pem', pem: encrypted, passphrase: 'a passphrase' } as const
  assert.deepEqual((await prover.answer('open-block', { ...place, key })).bytes, opened.bytes)
  const file = new File([await prover.answer('evidence', place)], 'evidence.json')
  assert.deepEqual((await prover.answer('open-evidence', { file, key })).bytes, opened.bytes)
})

test('a key that does not do is refused with the reason', async () => {
  const prover = await proverOf(true)
  const openWith = (pem: string, passphrase?: string): Promise<unknown> =>
    prover.answer('open-block', { ...place, key: { kind: 'pem', pem, ...(passphrase && { passphrase }) } })
  const sound = formatPrivateKeyPem(keys.receiver.pkcs8)
  const encrypted = await encryptedPrivateKeyPem(keys.receiver.pkcs8, 'a passphrase')
  const other = formatPrivateKeyPem((await createKey('RSA-2048')).pkcs8)
  const signing = formatPrivateKeyPem((await createKey('Ed25519')).pkcs8)
  const publicKey = '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n'
  for (const [pem, passphrase, code] of [
    [other, undefined, 'wrong-key'],
    [signing, undefined, 'wrong-key'],
    [publicKey, undefined, 'wrong-key'],
    [sound.replace('\n', ' '), undefined, 'malformed'],
    [sound.slice(0, 200), undefined, 'malformed'],
    ['', undefined, 'malformed'],
    [encrypted, undefined, 'wrong-passphrase'],
    [encrypted, 'another', 'wrong-passphrase'],
  ] as const) {
    assert.equal(await codeOf(openWith(pem, passphrase)), code, `${pem.slice(0, 40)} ${passphrase}`)
  }
  const unknown = prover.answer('open-block', { ...place, key: { kind: 'kept', kid: 'none' } })
  assert.equal(await codeOf(unknown), 'unknown-key')
})

test('what the browser would have to store is refused where it stores nothing', async () => {
  const prover = await proverOf(false)
  const text = formatTrust(served.tested.sample.trust)
  assert.equal(await codeOf(prover.answer('pin', { text })), 'read-only')
  assert.deepEqual(await prover.answer('alarms', undefined), [])
  assert.deepEqual(await prover.answer('kept-keys', undefined), [])
})

test('a trust file that cannot be read is refused, and never taken for none', async () => {
  const prover = await proverOf(false)
  const { ledger } = served.tested.sample.trust
  await prover.answer('configure', { url: served.url, ledger, trust: 'ledgerstone.trust/v9\n' })
  assert.equal(await codeOf(prover.answer('trust', undefined)), 'unknown-version')
  assert.equal(await codeOf(prover.answer('verify-block', place)), 'unknown-version')
})

test('errors keep their kind over the border of the worker', async () => {
  const prover = await proverOf(true)
  const error = await prover
    .answer('read-block', { ...place, index: 1000 })
    .catch((thrown: unknown) => thrown)
  const view = viewError(error)
  assert.deepEqual(view.kind === 'refused' && view.code, 'unknown-block')
  assert.deepEqual(viewError(errorOf(view)), view)
  assert.deepEqual(viewError(errorOf({ kind: 'unexpected', message: 'a' })), {
    kind: 'unexpected',
    message: 'a',
  })
})
