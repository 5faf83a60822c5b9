import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { RegistryFollower } from '@ledgerstone/client/registry'
import { utf8 } from '@ledgerstone/core/bytes'
import { decodeEnvelope } from '@ledgerstone/core/envelope'
import { createKey, type OwnKey } from '@ledgerstone/core/key-pair'
import { limits } from '@ledgerstone/core/limits'
import { rotationBody } from '@ledgerstone/core/registration-body'
import type { Sender } from '@ledgerstone/core/seal'
import { senderOf } from '@ledgerstone/core/sender'
import { liveId } from '@ledgerstone/core/uuid'
import { readEnvelope } from '@ledgerstone/log/read'
import type { JWTPayload } from 'jose'
import { issuerUrl } from '../../border/test/tokens.ts'
import { appendToKeys, keys, register, start } from '../../log/test/sample.ts'
import type { SealerParts } from '../src/main.ts'
import { Receivers } from '../src/receivers.ts'
import { sealAndPush } from '../src/seal.ts'
import { type Running, run, untilKeysFinal } from './running.ts'

const body = '{"type":"payment.captured","record":{"amount":1.10}}'

async function codeOf(
  running: Running,
  more: Parameters<Running['post']>[1] = {},
  text = body,
): Promise<unknown> {
  const { size } = running.ledger.log.bucket('payments').head
  running.sent.length = 0
  const answer = await running.post(text, more)
  if (answer.status < 300) return answer.status
  const posted = running.sent.filter(({ url }) => url.startsWith('/v1/'))
  assert.deepEqual(posted, [], 'the sealer itself refuses, the ledger is not asked')
  assert.equal(running.ledger.log.bucket('payments').head.size, size, 'what was refused is not in the log')
  return answer.body['code']
}

test('takes tokens that are for the sealer and cover the bucket, and no others', async () => {
  await using running = await run()
  const withToken = async (scope: string, claims: JWTPayload = {}): Promise<unknown> =>
    codeOf(running, { headers: await running.caller(scope, claims) })
  assert.equal(await withToken('append:payments'), 201)
  assert.equal(await withToken('read:* append:*'), 201)
  assert.equal(
    await withToken('append:*', { aud: ['urn:ledgerstone:ledger', 'urn:ledgerstone:sealer'] }),
    201,
  )
  assert.equal(await withToken('append:*', { aud: 'urn:ledgerstone:ledger' }), 'wrong-audience')
  assert.equal(await withToken('append:orders read:payments'), 'insufficient-scope')
  assert.equal(
    await withToken('append:*', { iat: start / 1000 - 400, exp: start / 1000 - 100 }),
    'token-expired',
  )
  assert.equal(await codeOf(running, { headers: { authorization: undefined } }), 'no-token')
  assert.equal(await codeOf(running, { headers: { authorization: 'Bearer x.y.z' } }), 'bad-token')
})

test('asks for the token before it reads a body', async () => {
  await using running = await run()
  const answer = await running.post('not JSON at all', { headers: { authorization: undefined } })
  assert.equal(answer.body['code'], 'no-token')
  const large = 'x'.repeat(3_000_000)
  const other = await running.post(large, { headers: await running.caller('append:orders') })
  assert.equal(other.body['code'], 'insufficient-scope')
  assert.match(String(answer.headers['www-authenticate']), /^Bearer /)
})

test('seals nothing for the registry, whatever the token says', async () => {
  await using running = await run()
  const headers = await running.caller('append:* manage:keys append:keys')
  assert.equal(await codeOf(running, { headers, bucket: 'keys' }), 'reserved')
  assert.equal(
    await codeOf(running, { headers: await running.caller('append:*'), bucket: 'keys' }),
    'insufficient-scope',
  )
})

test('a client gets only the types sealed that a rule allows it', async () => {
  await using running = await run({
    clients: [
      { client: 'shop', types: ['payment.*', 'order.placed'] },
      { client: 'till', issuer: 'https://other.example.com', types: ['*'] },
    ],
  })
  const typed = (type: string): string => JSON.stringify({ type, record: 1 })
  assert.equal(await codeOf(running, {}, typed('payment.captured')), 201)
  assert.equal(await codeOf(running, {}, typed('order.placed')), 201)
  assert.equal(await codeOf(running, {}, typed('order.placed.twice')), 'insufficient-scope')
  assert.equal(await codeOf(running, {}, typed('refund.approved')), 'insufficient-scope')
  const till = await running.caller('append:payments', { client_id: 'till', sub: 'till' })
  assert.equal(await codeOf(running, { headers: till }), 'insufficient-scope')
})

async function receiversOf(running: Running): Promise<readonly string[]> {
  const { body: answer } = await running.post(body)
  const bytes = await readEnvelope(running.ledger.log.bucket('payments'), answer['index'] as number)
  return decodeEnvelope(bytes ?? assert.fail('no envelope')).receivers.map(({ kid }) => kid)
}

async function revoke({ ledger }: Running, { kid }: OwnKey): Promise<void> {
  await appendToKeys(ledger.log, 'ledgerstone.key.revoke', { kid, reason: 'lost' })
  await untilKeysFinal(ledger)
}

test('seals for every key that an owner has in force, and for single keys by their kid', async () => {
  await using running = await run({
    receivers: { payments: ['auditor', keys.receiver.kid], '*': ['nobody'] },
  })
  assert.deepEqual(await receiversOf(running), [keys.receiver.kid])
  const second = await createKey('RSA-2048')
  await register(running.ledger.log, second, { owner: 'auditor', purpose: 'receive' })
  await untilKeysFinal(running.ledger)
  await running.sealer.follower.refresh()
  assert.deepEqual(new Set(await receiversOf(running)), new Set([keys.receiver.kid, second.kid]))
  await revoke(running, second)
  await running.sealer.follower.refresh()
  assert.deepEqual(await receiversOf(running), [keys.receiver.kid])
  await revoke(running, keys.receiver)
  await running.sealer.follower.refresh()
  assert.equal(await codeOf(running), 'key-revoked')
})

test('the next record after a revocation is sealed for the keys that are still in force', async () => {
  await using running = await run({ receivers: { '*': ['auditor'] } })
  const next = await createKey('RSA-2048')
  await register(running.ledger.log, next, { owner: 'auditor', purpose: 'receive' })
  await revoke(running, keys.receiver)
  // Nobody has told the sealer: the ledger refuses what it seals first.
  const { size } = running.sealer.follower.view.registry
  assert.deepEqual(await receiversOf(running), [next.kid])
  assert.equal(running.sealer.follower.view.registry.size, size + 2)
  assert.equal(running.ledger.log.bucket('payments').head.size, 2)
})

test('a receiver key that was replaced is sealed for no more', async () => {
  await using running = await run()
  const next = await createKey('RSA-2048')
  const claims = { owner: 'auditor', purpose: 'receive', assurance: 'local' } as const
  const at = { origin: `${running.sealer.ledger}/keys`, now: start }
  const rotation = await rotationBody(keys.receiver, next, claims, at)
  await appendToKeys(running.ledger.log, 'ledgerstone.key.rotate', rotation)
  await untilKeysFinal(running.ledger)
  await running.sealer.follower.refresh()
  running.sent.length = 0
  assert.deepEqual(await receiversOf(running), [next.kid])
  assert.equal(running.sent.length, 1, 'the ledger had nothing to refuse')
})

test('a receiver that was registered a moment ago is found by reading the registry again', async () => {
  await using running = await run({ receivers: { '*': ['branch'] } })
  assert.equal(await codeOf(running), 'unknown-key')
  const key = await createKey('RSA-2048')
  await register(running.ledger.log, key, { owner: 'branch', purpose: 'receive' })
  await untilKeysFinal(running.ledger)
  // Not at each request: somebody who asks again and again costs one reading in two seconds.
  assert.equal(await codeOf(running), 'unknown-key')
  running.ledger.clock.ms += 2001
  assert.deepEqual(await receiversOf(running), [key.kid])
})

test('refuses receivers whose key has expired, or is no receiving key', async () => {
  await using running = await run({
    receivers: { payments: ['late'], orders: [keys.statement.kid], '*': [] },
  })
  const key = await createKey('RSA-2048')
  await register(running.ledger.log, key, { owner: 'late', purpose: 'receive', notAfter: start + 10_000 })
  await untilKeysFinal(running.ledger)
  assert.deepEqual(await receiversOf(running), [key.kid])
  running.ledger.clock.ms += 10_001
  assert.equal(await codeOf(running), 'key-expired')
  const headers = await running.caller('append:*')
  assert.equal(await codeOf(running, { headers, bucket: 'orders' }), 'wrong-key')
  assert.equal(await codeOf(running, { headers, bucket: 'customers' }), 'unknown-bucket')
})

test('the ledger cannot slip in a receiver of its own: a registry that it made up is refused', async () => {
  await using running = await run()
  await using other = await run()
  // From now on the ledger shows another registry, in which "auditor" is another key.
  running.between = (url, init) => {
    const path = url.slice(running.ledgerUrl.length)
    return fetch(path.startsWith('/log/keys') ? other.ledgerUrl + path : url, init)
  }
  await assert.rejects(running.sealer.follower.refresh(), { code: 'forked' })
  assert.deepEqual(await receiversOf(running), [keys.receiver.kid])
})

test('seals nothing by a view of the registry that is older than ten minutes', async () => {
  await using running = await run()
  const { asOf } = running.sealer.follower.view
  running.ledger.clock.ms = asOf + limits.keysAgeMsMax + 1
  const { status, body: problem, headers } = await running.post(body)
  assert.equal(problem['code'], 'keys-stale')
  assert.equal(status, 503)
  assert.equal(headers['retry-after'], '5')
})

test('neither its own keys nor those of receivers are taken from a view that is too old', async () => {
  await using running = await run()
  const { ledger, sealer } = running
  const reader = sealer.api.log('keys')
  const young = new RegistryFollower({ trust: ledger.sample.trust, reader, now: () => start })
  await young.refresh()
  ledger.clock.ms = sealer.follower.view.asOf + limits.keysAgeMsMax + 1
  await assert.rejects(sealer.receivers.of('payments'), { code: 'keys-stale' })
  const receivers = new Receivers({ '*': ['auditor'] }, young, sealer.now)
  assert.equal((await receivers.of('payments')).length, 1)
  const caller = { ...{ client: 'shop', iss: issuerUrl, scopes: new Set<string>() }, expiresAt: 0, key: '' }
  const content = { record: utf8('1'), media: 'application/json', meta: undefined }
  const request = { type: 'payment.captured', id: undefined, ...content }
  const asked = { bucket: 'payments', caller, id: liveId(start), request }
  const { size } = ledger.log.bucket('payments').head
  await assert.rejects(sealAndPush({ ...sealer, receivers }, asked, {}), { code: 'keys-stale' })
  assert.equal(ledger.log.bucket('payments').head.size, size)
})

test('seals nothing any more when its own key is revoked', async () => {
  await using running = await run()
  await revoke(running, keys.rsa)
  await running.sealer.follower.refresh()
  assert.equal(await codeOf(running), 'key-revoked')
})

/** As keys whose files are not looked at again. */
function unchanging(sender: Sender): SealerParts['keys'] {
  return { sender, takeUp: async () => undefined }
}

test('seals nothing with keys of two owners, or with keys that are not registered', async () => {
  await using running = await run({
    keys: unchanging(await senderOf(keys.statement, keys.otherRsa, undefined)),
  })
  assert.equal(await codeOf(running), 'wrong-key')
  const sender = await senderOf(await createKey('Ed25519'), keys.rsa, undefined)
  await using unknown = await run({ keys: unchanging(sender) })
  assert.equal(await codeOf(unknown), 'unknown-key')
})

test('says that the outcome is unknown when the ledger does not answer, and names the id', async () => {
  await using running = await run()
  running.between = async () => {
    throw new TypeError('fetch failed')
  }
  const { status, body: problem, headers } = await running.post(body)
  assert.equal(status, 503)
  assert.equal(problem['code'], 'outcome-unknown')
  assert.equal(headers['retry-after'], '1')
  const id = headers['record-id'] as string
  running.between = undefined
  const again = await running.post(`{"id":"${id}",${body.slice(1)}`)
  assert.equal(again.status, 201)
  assert.equal(again.body['retrySafe'], true)
})

test('an answer of the ledger that is lost is asked for again, and no block is doubled', async () => {
  await using running = await run()
  const { size } = running.ledger.log.bucket('payments').head
  let lost = 0
  running.between = async (url, init) => {
    const response = await fetch(url, init)
    if (lost++ === 0) throw new TypeError('terminated')
    return response
  }
  const { status } = await running.post(body)
  assert.equal(lost, 2)
  assert.equal(status, 200)
  assert.equal(running.ledger.log.bucket('payments').head.size, size + 1)
})

test("the sealer's own trouble with the ledger is not the caller's", async () => {
  await using running = await run()
  running.between = async () =>
    Response.json(
      { code: 'insufficient-scope', detail: 'this needs append:payments' },
      {
        status: 403,
        headers: { 'content-type': 'application/problem+json' },
      },
    )
  const { status, body: problem } = await running.post(body)
  assert.equal(status, 500)
  assert.equal(problem['code'], 'internal')
  assert(
    running.lines.some(
      (line) => line.includes("the sealer's own token") && line.includes(String(problem['id'])),
    ),
  )
})
