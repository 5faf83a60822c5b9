// Statements and envelopes that are not what they claim to be: each has its own code, and nothing enters the
// log.
import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { type Bytes, concat, formatBase64, utf8 } from '@ledgerstone/core/bytes'
import { buildEnvelope, contentOf } from '@ledgerstone/core/envelope'
import { createKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { unwrapperOf, wrapperOf } from '@ledgerstone/core/primitives/node'
import { formatEnvelopeJson, type Sealed } from '@ledgerstone/core/sealed'
import { type StatementPayload, signStatement } from '@ledgerstone/core/statement'
import { liveId } from '@ledgerstone/core/uuid'
import { bodyStatement } from '@ledgerstone/log/genesis'
import { appendToKeys, keys, ledger as name, register, sealDraft, start } from '../../log/test/sample.ts'
import { startLedger, type Tested } from './ledger.ts'
import { assertRefused, type Headers, respelled, sound, stated, url, withEnvelope } from './mistakes.ts'

const origin = `${name}/payments`
const expired = await createKey('Ed25519')
const early = await createKey('Ed25519')
const revoked = await createKey('Ed25519')

let ledger: Tested
let headers: Headers
let size: number

before(async () => {
  ledger = await startLedger()
  headers = await ledger.bearer('append:* manage:keys read:*')
  const { log } = ledger
  await register(log, expired, { owner: 'sealer', purpose: 'sign', notAfter: start - 1 })
  await register(log, early, { owner: 'sealer', purpose: 'sign', notBefore: start + 1 })
  await register(log, revoked, { owner: 'sealer', purpose: 'sign' })
  await appendToKeys(log, 'ledgerstone.key.revoke', { kid: revoked.kid, reason: 'lost' })
})

after(() => ledger.close())

beforeEach(() => {
  size = ledger.log.bucket('payments').head.size
})

afterEach(() => {
  assert.equal(ledger.log.bucket('payments').head.size, size, 'nothing was appended')
})

function refused(payload: unknown, status: number, code: string, to = url): Promise<string> {
  return assertRefused(ledger, headers, payload, status, code, to)
}

describe('a statement', () => {
  it('over another ciphertext has the wrong digest', async () => {
    const flipped = await withEnvelope(({ objectb }) => {
      return { objectb: (objectb.startsWith('0') ? '1' : '0') + objectb.slice(1) }
    })
    await refused(flipped, 422, 'wrong-digest')
  })

  it('over other labels has the wrong digest', async () => {
    const relabelled = await withEnvelope(({ labels }) => ({ labels: { ...labels, media: 'text/plain' } }))
    await refused(relabelled, 422, 'wrong-digest')
  })

  it('with a forged signature is refused', async () => {
    const { statement, envelope } = await sound()
    const [header, payload, signature = ''] = statement.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    bytes[5] = (bytes[5] as number) ^ 1
    const record = { statement: `${header}.${payload}.${bytes.toString('base64url')}`, envelope }
    await refused(record, 422, 'bad-signature')
  })

  it("signed by another sender's key under this sender's name is refused", async () => {
    await refused(await stated({}, keys.statement, keys.other), 422, 'bad-signature')
  })

  it('of the right sender but with a changed amount of bytes is refused', async () => {
    const { statement } = await sealDraft()
    const content = { ...statement.payload.content, bytes: 7 } as NonNullable<StatementPayload['content']>
    await refused(await stated({ content }), 422, 'wrong-digest')
  })

  it('for another bucket is refused', async () => {
    await refused(await stated({ log: `${name}/orders` }), 422, 'wrong-log')
  })

  it('for another ledger is refused', async () => {
    await refused(await stated({ log: 'staging.example/log/payments' }), 422, 'wrong-log')
  })

  it('issued more than a day before, or more than five minutes ahead, is stale', async () => {
    await refused(await stated({ issued: start - 86_400_001 }), 422, 'stale-statement')
    await refused(await stated({ issued: start + 300_001 }), 422, 'stale-statement')
  })

  it('by a key that is not registered is refused', async () => {
    await refused(await stated({}, await createKey('Ed25519')), 422, 'unknown-key')
  })

  it('by a key after, or before, its validity is refused', async () => {
    await refused(await stated({}, expired), 422, 'key-expired')
    await refused(await stated({}, early), 422, 'key-expired')
  })

  it('by a revoked key is refused', async () => {
    await refused(await stated({}, revoked), 422, 'key-revoked')
  })

  it('by a key of another purpose is refused', async () => {
    await refused(await stated({}, keys.receiver), 422, 'wrong-key')
    await refused(await stated({}, keys.ledger), 422, 'wrong-key')
  })

  it('whose alg is not that of the key is refused', async () => {
    const record = await respelled((header, payload) => [header.replace('Ed25519', 'ES256'), payload])
    await refused(record, 422, 'wrong-key')
    const none = await respelled((header, payload) => [header.replace('Ed25519', 'none'), payload])
    await refused(none, 400, 'malformed')
  })

  it('of a version that is not known is refused', async () => {
    const record = await respelled((header, payload) => [header.replace('-v1+', '-v2+'), payload])
    await refused(record, 400, 'unknown-version')
    const suite = await withEnvelope(() => ({ suite: 'rot13' }))
    await refused(suite, 400, 'unknown-version')
  })

  it('of a reserved type, or with a body, is not taken here', async () => {
    const statement = await bodyStatement(origin, 'ledgerstone.erased', { blocks: [] }, keys.statement, start)
    await refused({ statement: statement.jws }, 403, 'reserved')
  })

  it('with content but without its envelope is malformed', async () => {
    const { statement } = await sound()
    assert.match(await refused({ statement }, 400, 'malformed'), /lacks "envelope"/)
  })

  it('that changes keys without being a registrar’s is refused', async () => {
    const body = { kid: keys.other.kid, reason: 'spite' }
    const statement = await bodyStatement(
      `${name}/keys`,
      'ledgerstone.key.revoke',
      body,
      keys.statement,
      start,
    )
    await refused({ statement: statement.jws }, 422, 'wrong-key', '/v1/buckets/keys/blocks')
  })

  it('on a case that has moved is refused', async () => {
    const record = await stated({ case: { id: liveId(start), after: new Uint8Array(32) } })
    await refused(record, 409, 'case-moved')
  })
})

describe('an envelope', () => {
  it("of one sender under another sender's statement is refused", async () => {
    const { envelope } = await sealDraft()
    const record = await under(keys.other, envelope)
    await refused(record, 422, 'wrong-key')
  })

  it('sealed for a key that is not registered, or is no receiving key, is refused', async () => {
    const { envelope } = await sealDraft()
    const [wrapped] = envelope.receivers
    for (const [kid, code] of [
      [(await createKey('RSA-2048')).kid, 'unknown-key'],
      [keys.statement.kid, 'wrong-key'],
    ] as const) {
      const other = buildEnvelope({
        ...envelope,
        receivers: [{ ...(wrapped as NonNullable<typeof wrapped>), kid }],
      })
      await refused(await under(keys.statement, other), 422, code)
    }
  })

  // The article's receiver unwraps, checks the key signature, decrypts. Whoever received one record can
  // therefore put another text under the sender's signed key, and its flow alone takes it for the sender's.
  it("with another text under a sender's signed key is refused, whoever signs the statement", async () => {
    const victim = await sealDraft()
    const [wrapped] = victim.envelope.receivers
    const key = await unwrapperOf(keys.receiver.pkcs8)((wrapped as NonNullable<typeof wrapped>).wrapped)
    const forged = buildEnvelope({
      ...victim.envelope,
      receivers: [
        {
          kid: keys.receiver.kid,
          wrapped: await wrapperOf(keys.receiver.spki)(key),
          params: new Uint8Array(0),
        },
      ],
      ciphertext: encrypt(key, utf8('{"amount":"1000000.00"}')),
    })

    const replaced = { statement: victim.statement.jws, envelope: formatEnvelopeJson(forged) }
    await refused(replaced, 422, 'wrong-digest')
    await refused(await under(keys.other, forged), 422, 'wrong-key')
    const named = await under(keys.statement, forged, keys.other)
    await refused(named, 422, 'bad-signature')
  })
})

/** A statement over this envelope by a key, or by another one in its name. */
async function under(
  key: typeof keys.statement,
  envelope: NonNullable<Sealed['envelope']>,
  signer = key,
): Promise<unknown> {
  const payload = {
    ...{ log: origin, id: liveId(start), type: 'payment.captured', issued: start },
    content: contentOf(envelope),
  }
  const { sign } = await statementSignerOf(signer)
  const jws = await signStatement(payload, { alg: 'Ed25519', kid: key.kid, sign })
  return { statement: jws, envelope: formatEnvelopeJson(envelope) }
}

/** The article's content: IV, then AES-256-CFB of the base64. */
function encrypt(key: Uint8Array, text: Bytes): Bytes {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-cfb', key, iv)
  return concat(iv, cipher.update(formatBase64(text), 'utf8'), cipher.final())
}
