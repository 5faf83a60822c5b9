import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encryptAes256Cfb, signerOf, verifierOf, wrapperOf } from '#primitives'
import type { Block } from '../src/block.ts'
import { type Bytes, concat, formatBase64, utf8 } from '../src/bytes.ts'
import { buildEnvelope, contentOf, decodeEnvelope, type Envelope, encodeEnvelope } from '../src/envelope.ts'
import { type JudgedStatement, judgeBlock } from '../src/judge.ts'
import { statementSignerOf } from '../src/key-pair.ts'
import { type Opener, openerOf, openRecord } from '../src/open.ts'
import { Refused } from '../src/refused.ts'
import { enclose, type Sender } from '../src/seal.ts'
import { signStatement } from '../src/statement.ts'
import { suiteNamed } from '../src/suites.ts'
import { draftOf, keyNamed, openSample, record, rotationOf, sealFor } from './sample-ledger.ts'
import { refusedAs } from './vectors.ts'

const { sample, payments, alice } = await openSample()
const { registry } = sample
const mallory = await sample.register('mallory', 'mallory')
const malloryRsa = await sample.register('mallory-rsa', 'mallory')
const bob = await openerOf((await keyNamed('bob-receive')).pkcs8)
const carol = await openerOf((await keyNamed('carol-receive')).pkcs8)

/** What a reader does with a block and an envelope that he was given. */
async function open(
  jws: string,
  envelope: Envelope,
  opener: Opener,
  place: Partial<Block> = {},
): Promise<string> {
  const block = payments.next(jws, registry.size, place)
  const judged = await judgeBlock(block, registry)
  return new TextDecoder().decode((await openRecord(block, judged, envelope, registry, opener)).record)
}

const unopened = refusedAs('cannot-open')

describe('opening', () => {
  test('gives the record, its labels and its sender to every receiver', async () => {
    const { statement, envelope } = await sealFor(alice, ['bob-receive', 'carol-receive'])
    const block = payments.next(statement.jws, registry.size)
    const judged = await judgeBlock(block, registry)
    for (const opener of [bob, carol]) {
      const opened = await openRecord(block, judged, envelope, registry, opener)
      assert.deepEqual(opened.record, record)
      assert.deepEqual(opened.labels, envelope.labels)
      assert.deepEqual(
        [opened.sender, opened.type, opened.id],
        ['alice', 'payment.captured', statement.payload.id],
      )
    }
  })
  test('gives records that are empty, long or no text at all', async () => {
    for (const given of [new Uint8Array(0), new Uint8Array(100_000), Uint8Array.from([0xff, 0, 0xfe])]) {
      const { statement, envelope } = await sealFor(alice, ['bob-receive'], { record: given })
      const block = payments.next(statement.jws, registry.size)
      const opened = await openRecord(block, await judgeBlock(block, registry), envelope, registry, bob)
      assert.deepEqual(opened.record, given)
    }
  })
  test('is refused to whoever is no receiver', async () => {
    const { statement, envelope } = await sealFor(alice, ['bob-receive'])
    await assert.rejects(open(statement.jws, envelope, carol), unopened)
    const stolen = { kid: bob.kid, unwrap: carol.unwrap }
    await assert.rejects(open(statement.jws, envelope, stolen), unopened)
  })
  test('works with a key that was rotated since, for what was sealed before', async () => {
    const { sample, payments } = await openSample()
    const { statement, envelope } = await sealFor(alice, ['carol-receive'])
    const block = sample.append(payments, statement.jws)
    const [old, next] = [await keyNamed('carol-receive'), await keyNamed('carol-receive-next')]
    await sample.change(
      'registrar-ann',
      'key.rotate',
      await rotationOf(old, next, 'carol', { purpose: 'receive' }),
    )
    const judged = await judgeBlock(block, sample.registry)
    assert.deepEqual((await openRecord(block, judged, envelope, sample.registry, carol)).record, record)
  })
  test('takes the private key of an RSA key only', async () => {
    await assert.rejects(openerOf((await keyNamed('alice')).pkcs8), refusedAs('wrong-key'))
    await assert.rejects(openerOf(utf8('hello')), refusedAs('wrong-key'))
  })
})

describe('forgeries', async () => {
  const { statement, envelope } = await sealFor(alice, ['bob-receive', 'carol-receive'])
  const mine = envelope.receivers.find(({ kid }) => kid === bob.kid)
  const aesKey = (await bob.unwrap(mine?.wrapped as Bytes)) as Bytes
  const wrapForCarol = await wrapperOf((await keyNamed('carol-receive')).spki)

  /**
   * The article's forgery: Bob has Alice's AES key and her signature on it, and puts his own text under them.
   */
  const forged = async (): Promise<Envelope> => {
    const iv = new Uint8Array(16).fill(7)
    const text = utf8(formatBase64(utf8('{"amount":"1000000.00","currency":"EUR"}')))
    const ciphertext = concat(iv, encryptAes256Cfb(aesKey, iv, text))
    const { suite, signer, keySignature, labels } = envelope
    const receivers = [{ kid: carol.kid, wrapped: await wrapForCarol(aesKey), params: new Uint8Array(0) }]
    return buildEnvelope({ suite, signer, keySignature, labels, receivers, ciphertext })
  }
  /** The article's own flow for a receiver: unwrap, check the key signature, decrypt. */
  const openByTheArticle = async (given: Envelope): Promise<string> => {
    const key = await carol.unwrap(given.receivers.find(({ kid }) => kid === carol.kid)?.wrapped as Bytes)
    const verify = await verifierOf('RS256', (await keyNamed('alice-rsa')).spki)
    assert.ok(await verify(key, given.keySignature))
    return new TextDecoder().decode(suiteNamed('rsa-aes-cfb').decrypt?.(key, given.ciphertext))
  }
  const stateBy = async (name: 'alice' | 'mallory', given: Envelope): Promise<string> => {
    const { log, id, type, issued } = draftOf()
    const signer = await statementSignerOf(await keyNamed(name))
    return signStatement({ log, id, type, issued, content: contentOf(given) }, signer)
  }

  test("another text under Alice's signed key passes the article's flow, and is refused here", async () => {
    const envelope = await forged()
    assert.match(await openByTheArticle(envelope), /1000000/)
    await assert.rejects(open(statement.jws, envelope, carol), unopened)
  })
  test("another text under Alice's signed key is refused under Bob's own statement, too", async () => {
    await assert.rejects(open(await stateBy('mallory', await forged()), await forged(), carol), unopened)
  })
  test('another ciphertext in the place of the one that the header names is refused', async () => {
    const { ciphertext } = await forged()
    await assert.rejects(open(statement.jws, { ...envelope, ciphertext }, carol), unopened)
  })
  test("Mallory's statement over Alice's envelope is refused", async () => {
    await assert.rejects(open(await stateBy('mallory', envelope), envelope, carol), unopened)
  })
  test("Alice's statement over an envelope that Mallory signed is refused", async () => {
    const sender: Sender = {
      statement: await statementSignerOf(mallory),
      key: { kid: malloryRsa.kid, sign: alice.key.sign },
    }
    const made = await sealFor(sender, ['carol-receive'])
    await assert.rejects(open(await stateBy('alice', made.envelope), made.envelope, carol), unopened)
  })
  test('a key signature of another key than the envelope names is refused', async () => {
    const sign = await signerOf('RS256', malloryRsa.pkcs8)
    const made = await sealFor({ ...alice, key: { kid: alice.key.kid, sign } }, ['carol-receive'])
    await assert.rejects(open(made.statement.jws, made.envelope, carol), unopened)
  })
  test('an envelope of another block of the same sender is refused', async () => {
    const other = await sealFor(alice, ['carol-receive'])
    await assert.rejects(open(other.statement.jws, envelope, carol), unopened)
  })
  test('a judged statement of another block is refused', async () => {
    const other = await sealFor(alice, ['carol-receive'])
    const judged: JudgedStatement = await judgeBlock(payments.next(statement.jws, registry.size), registry)
    const block = payments.next(other.statement.jws, registry.size)
    await assert.rejects(openRecord(block, judged, envelope, registry, carol), unopened)
  })
  test('a content key of another length is refused, though the sender signed it', async () => {
    const short = new Uint8Array(16)
    const receivers = [{ kid: carol.kid, wrapped: await wrapForCarol(short), params: new Uint8Array(0) }]
    const { labels, ciphertext } = envelope
    const parts = { suite: 'rsa-aes-cfb' as const, signer: alice.key.kid, labels, ciphertext, receivers }
    const given = buildEnvelope({ ...parts, keySignature: (await alice.key.sign(short)) as Bytes })
    await assert.rejects(open(await stateBy('alice', given), given, carol), unopened)
  })
  test('a ciphertext that the sender cut in the midst of base64 is refused', async () => {
    const { labels, keySignature, receivers } = envelope
    const parts = { suite: 'rsa-aes-cfb' as const, signer: alice.key.kid, labels, keySignature, receivers }
    const whole = envelope.ciphertext
    for (const cut of [whole.slice(0, -1), whole.slice(0, -2), whole.slice(0, -3)]) {
      const given = buildEnvelope({ ...parts, ciphertext: cut })
      await assert.rejects(open(await stateBy('alice', given), given, carol), unopened)
    }
  })
  test('an imported block and a genesis have nothing to open', async () => {
    const made = await enclose(draftOf({ record: utf8('{}') }), alice)
    await assert.rejects(open(made.statement.jws, made.envelope, carol), unopened)
    const body = { bucket: 'payments', ledger: registry.ledger }
    const genesis = await sample.statement('payments', 'ledger', 'ledgerstone.genesis', body)
    await assert.rejects(open(genesis, envelope, carol, { index: 0 }), unopened)
  })
  test('one code says it all: the reasons cannot be told apart but by the cause', async () => {
    const messages = new Set<string>()
    for (const given of [await forged(), (await sealFor(alice, ['carol-receive'])).envelope]) {
      await open(statement.jws, given, carol).catch((error: Error) => messages.add(error.message))
    }
    await open(statement.jws, envelope, { kid: 'x', unwrap: carol.unwrap }).catch((error: Error) =>
      messages.add(error.message),
    )
    assert.equal(messages.size, 1)
  })
})

describe('one flipped bit', async () => {
  const { statement, envelope } = await sealFor(alice, ['bob-receive'])
  const block = payments.next(statement.jws, registry.size)
  const judged = await judgeBlock(block, registry)
  const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
    const changed = new Uint8Array(bytes)
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    return changed
  }

  test('of the envelope leaves nothing to open', async () => {
    const bytes = encodeEnvelope(envelope)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      let changed: Envelope
      try {
        changed = decodeEnvelope(flip(bytes, bit))
      } catch (error) {
        assert.ok(error instanceof Refused, `bit ${bit}: ${error}`)
        continue
      }
      await assert.rejects(openRecord(block, judged, changed, registry, bob), unopened, `bit ${bit}`)
    }
  })
  test('of the ciphertext, behind the back of the decoder, leaves nothing to open', async () => {
    for (let bit = 0; bit < envelope.ciphertext.length * 8; bit++) {
      const changed = { ...envelope, ciphertext: flip(envelope.ciphertext, bit) as Bytes }
      await assert.rejects(openRecord(block, judged, changed, registry, bob), unopened, `bit ${bit}`)
    }
  })
  test('of the statement leaves nothing to judge', async () => {
    const bytes = utf8(statement.jws)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const jws = new TextDecoder('utf-8', { ignoreBOM: true }).decode(flip(bytes, bit))
      const judged = judgeBlock({ ...block, statement: jws }, registry)
      await assert.rejects(judged, { name: 'Refused' }, `bit ${bit}`)
    }
  })
})
