import assert from 'node:assert/strict'
import { constants, createDecipheriv, createPrivateKey, privateDecrypt, verify } from 'node:crypto'
import { describe, test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { contentOf } from '../src/envelope.ts'
import { isSameRecord } from '../src/retry.ts'
import { enclose, type Receiver, receiverOf, type Sender, sealRecord } from '../src/seal.ts'
import { senderOf } from '../src/sender.ts'
import { draftOf, keyNamed, openSample, record, sealFor } from './sample-ledger.ts'
import { refusedAs } from './vectors.ts'

const { alice } = await openSample()
const bob = await receiverOf((await keyNamed('bob-receive')).spki)

describe('sealing', () => {
  test("is the article's flow: OAEP-SHA-512 of the key, its signature, AES-256-CFB of base64", async () => {
    const { envelope } = await sealFor(alice, ['bob-receive'])
    const pkcs8 = Buffer.from((await keyNamed('bob-receive')).pkcs8)
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    const oaep = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' }
    const aesKey = privateDecrypt(oaep, envelope.receivers[0]?.wrapped as Uint8Array)
    const spki = Buffer.from((await keyNamed('alice-rsa')).spki)
    assert.ok(verify('sha256', aesKey, { key: spki, format: 'der', type: 'spki' }, envelope.keySignature))
    const decipher = createDecipheriv('aes-256-cfb', aesKey, envelope.ciphertext.subarray(0, 16))
    const text = decipher.update(envelope.ciphertext.subarray(16), undefined, 'utf8')
    assert.deepEqual(new Uint8Array(Buffer.from(text, 'base64')), record)
  })
  test('states what the envelope is', async () => {
    const { statement, envelope } = await sealFor(alice, ['bob-receive'])
    assert.deepEqual(statement.payload.content, contentOf(envelope))
    assert.equal(statement.payload.content?.suite, 'rsa-aes-cfb')
  })
  test('draws a new key each time, and says by the retry value that it is the same record', async () => {
    const sender: Sender = { ...alice, retryKey: new Uint8Array(32).fill(1) }
    const draft = draftOf()
    const [a, b] = [await sealRecord(draft, sender, [bob]), await sealRecord(draft, sender, [bob])]
    assert.notDeepEqual(a.envelope.keySignature, b.envelope.keySignature)
    assert.notDeepEqual(a.envelope.ciphertext, b.envelope.ciphertext)
    assert.ok(isSameRecord(a.statement.payload.retry, b.statement.payload.retry))
    const other = await sealRecord({ ...draft, record: utf8('other') }, sender, [bob])
    assert.ok(!isSameRecord(a.statement.payload.retry, other.statement.payload.retry))
  })
  test('takes an empty record and one of 1 MiB, and no longer one', async () => {
    for (const length of [0, 1_048_576]) {
      const { envelope } = await sealRecord(draftOf({ record: new Uint8Array(length) }), alice, [bob])
      assert.equal(envelope.ciphertext.length, 16 + 4 * Math.ceil(length / 3))
    }
    const over = sealRecord(draftOf({ record: new Uint8Array(1_048_577) }), alice, [bob])
    await assert.rejects(over, refusedAs('too-large'))
  })
  const refused: [string, Partial<ReturnType<typeof draftOf>>, readonly Receiver[], string][] = [
    ['nobody', {}, [], 'unknown-key'],
    ['seventeen', {}, Array<Receiver>(17).fill(bob), 'too-large'],
    ['one twice', {}, [bob, bob], 'malformed'],
    ['a reserved type', { type: 'ledgerstone.genesis' }, [bob], 'reserved'],
    ['a bad type', { type: 'Payment' }, [bob], 'bad-name'],
    ['an id that is no UUID', { id: '1' }, [bob], 'malformed'],
    ['bad media', { labels: { media: 'JSON' } }, [bob], 'malformed'],
    [
      'labels over the limit',
      { labels: { media: 'a/b', meta: { x: 'y'.repeat(9000) } } },
      [bob],
      'too-large',
    ],
    ['nine refs', { refs: Array(9).fill(new Uint8Array(32)) }, [bob], 'too-large'],
  ]
  for (const [what, change, receivers, code] of refused) {
    test(`is refused for ${what}`, () => {
      return assert.rejects(sealRecord(draftOf(change), alice, receivers), refusedAs(code))
    })
  }
  test('wipes the content key, also when wrapping fails', async () => {
    const seen: Uint8Array[] = []
    const wrap = (key: Uint8Array): never => {
      seen.push(key)
      throw new Error('the disk is full')
    }
    await assert.rejects(sealRecord(draftOf(), alice, [{ kid: bob.kid, wrap }]), /disk is full/)
    assert.deepEqual(seen, [new Uint8Array(32)])
  })
  test('is for RSA keys only', async () => {
    const { spki } = await keyNamed('alice')
    await assert.rejects(receiverOf(spki), refusedAs('wrong-key'))
  })
})

describe('a sender', () => {
  test('has an RSA key for key signatures, or seals nothing but imports', async () => {
    const statement = await keyNamed('alice')
    const importer = await senderOf(statement, undefined, undefined)
    assert.equal(importer.key.kid, statement.kid)
    await assert.rejects(sealRecord(draftOf(), importer, [bob]), refusedAs('wrong-key'))
    await assert.rejects(senderOf(statement, statement, undefined), refusedAs('wrong-key'))
  })
})

describe('enclosing', () => {
  test('keeps the bytes as they are, without a receiver or a key signature', async () => {
    const source = utf8('{ "index": 1 }')
    const { envelope, statement } = await enclose(draftOf({ record: source }), alice)
    assert.deepEqual(envelope.ciphertext, source)
    assert.deepEqual([envelope.receivers, envelope.keySignature.length], [[], 0])
    assert.equal(statement.payload.content?.suite, 'article-block')
  })
  test('is refused by a rejection, like sealing', async () => {
    await assert.rejects(enclose(draftOf({ type: 'X' }), alice), refusedAs('bad-name'))
    await assert.rejects(enclose(draftOf({ record: utf8('x') }), alice), refusedAs('malformed'))
  })
})
