// Keys and records at the desk: what is opened, and what never leaves.
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createKeyFile, parsePrivateKey, readKeyFile } from '@ledgerstone/border/key-file'
import { encryptedPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { createKey } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { type Answer, codeOf, enter, type Page, push, type Running, runningDesk } from './running-desk.ts'

const record = '{"amount":12345678901234567890,"currency":"EUR"}'
const passphrase = 'correct horse'

let running: Running
let page: Page
let index: number
before(async () => {
  running = await runningDesk()
  page = await enter(running.desk)
  index = await push(running, record)
  const pkcs8 = receiverKey()
  createKeyFile(at('receivers/locked.pem'), await encryptedPrivateKeyPem(pkcs8, passphrase))
  createKeyFile(at('receivers/stranger.pem'), formatPrivateKeyPem((await createKey('RSA-2048')).pkcs8))
  createKeyFile(at('receivers/signing.pem'), formatPrivateKeyPem((await createKey('Ed25519')).pkcs8))
  createKeyFile(at('receivers/damaged.pem'), formatPrivateKeyPem(pkcs8).replace(/\n[^-\n]{20}/, '\n'))
})
after(async () => running[Symbol.asyncDispose]())

function receiverKey(): Uint8Array<ArrayBuffer> {
  const path = running.folder.receiverKey
  return parsePrivateKey(readKeyFile(path), path)
}

function at(name: string): string {
  return join(running.folder.root, name)
}

async function open(body: Readonly<Record<string, unknown>>): Promise<Answer> {
  const authorization = `Bearer ${await running.token()}`
  const asked = { bucket: 'payments', index, ...body }
  return page('/desk/open', { method: 'POST', headers: { authorization }, body: asked })
}

async function listed(): Promise<Map<string, Record<string, unknown>>> {
  const { text } = await page('/desk/keys')
  const { keys } = JSON.parse(text) as { keys: Record<string, unknown>[] }
  return new Map(keys.map((key) => [String(key['name']), key]))
}

test('a record is verified and opened in the desk', async () => {
  const answer = await open({ key: 'receivers/auditor.pem' })
  assert.equal(answer.status, 200, answer.text)
  const opened = JSON.parse(answer.text) as Record<string, unknown>
  assert.equal(Buffer.from(String(opened['record']), 'base64').toString(), record)
  assert.equal(opened['type'], 'payment.captured')
  assert.equal(opened['sender'], 'sealer')
  assert.equal(opened['quorum'], 'none')
  assert.equal(opened['unauthenticated'], false)
  assert.equal(answer.headers['cache-control'], 'no-store')
})

test('a key under a passphrase opens with it, and is refused without it or with another', async () => {
  assert.equal((await open({ key: 'receivers/locked.pem', passphrase })).status, 200)
  assert.equal(codeOf(await open({ key: 'receivers/locked.pem' })), 'wrong-passphrase')
  const wrong = await open({ key: 'receivers/locked.pem', passphrase: 'wrong horse' })
  assert.equal(wrong.status, 422)
  assert.equal(codeOf(wrong), 'wrong-passphrase')
  assert.doesNotMatch(wrong.text, /horse/)
})

test('keys of others, of another kind and damaged ones are each told', async () => {
  assert.equal(codeOf(await open({ key: 'receivers/stranger.pem' })), 'cannot-open')
  assert.equal(codeOf(await open({ key: 'receivers/signing.pem' })), 'wrong-key')
  assert.equal(codeOf(await open({ key: 'receivers/damaged.pem' })), 'malformed')
})

for (const key of [
  '../data/receivers/auditor.pem',
  'receivers/../receivers/auditor.pem',
  'receivers\\auditor.pem',
  '/etc/ssl/private/key.pem',
  'ledger/keys/ledger.pem',
  'ledger/../receivers/auditor.pem',
  'auth/jwks.json',
  'receivers/auditor.pem\0',
  '',
]) {
  test(`the name ${JSON.stringify(key)} is no key of the desk`, async () => {
    const answer = await open({ key })
    assert.equal(codeOf(answer), 'bad-name')
    assert.doesNotMatch(answer.text, /data-|\/tmp\//)
  })
}

test('keys are listed by name, kind and id, and none of their private bytes leaves', async () => {
  const keys = await listed()
  const auditor = keys.get('receivers/auditor.pem')
  assert.deepEqual([auditor?.['encrypted'], auditor?.['kind']], [false, 'RSA'])
  assert.match(String(auditor?.['kid']), /^[A-Za-z0-9_-]{43}$/)
  assert.deepEqual(keys.get('receivers/locked.pem'), { name: 'receivers/locked.pem', encrypted: true })
  assert.ok(keys.has('sealer/registrar.pem'))
  assert.ok(![...keys.keys()].some((name) => /^(?:ledger|auth|desk)\//.test(name)))
  const answers = [
    (await page('/desk/keys')).text,
    (await open({ key: 'receivers/auditor.pem' })).text,
    (await open({ key: 'receivers/damaged.pem' })).text,
    (await open({ key: 'receivers/signing.pem' })).text,
  ]
  const pem = readFileSync(running.folder.receiverKey, 'utf8')
  for (const line of pem.split('\n').filter((text) => text.length > 40 && !text.startsWith('-'))) {
    for (const text of answers) assert.ok(!text.includes(line.slice(10, 40)))
  }
})

test('a key that others may read is listed as such, and not used', async () => {
  const name = 'receivers/open.pem'
  writeFileSync(at(name), formatPrivateKeyPem(receiverKey()))
  chmodSync(at(name), 0o644)
  assert.match(String((await listed()).get(name)?.['problem']), /may be read by others/)
  assert.equal(codeOf(await open({ key: name })), 'bad-key-file')
})

test('without a token nothing is opened', async () => {
  const asked = { bucket: 'payments', index, key: 'receivers/auditor.pem' }
  const answer = await page('/desk/open', { method: 'POST', body: asked })
  assert.equal(codeOf(answer), 'no-token')
})

test('a block without an envelope is refused', async () => {
  const answer = await open({ key: 'receivers/auditor.pem', index: 0 })
  assert.equal(codeOf(answer), 'unknown-block')
})
