import assert from 'node:assert/strict'
import { constants, createCipheriv, createPrivateKey, publicEncrypt, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type ArticleBlock,
  type ArticleSource,
  articleBlockOf,
  articleHashOf,
  checkArticleChain,
  openImported,
  parseArticleBlock,
  parseArticleChain,
} from '../src/article.ts'
import { formatHex, utf8 } from '../src/bytes.ts'
import type { WrappedKey } from '../src/envelope.ts'
import { formatLabels } from '../src/labels.ts'
import { openerOf } from '../src/open.ts'
import { parsePrivateKeyPem } from '../src/pem.ts'
import { enclose } from '../src/seal.ts'
import { leafHash } from '../src/tree.ts'
import { draftOf, keyNamed, now, openSample, sealFor } from './sample-ledger.ts'
import { type Case, readVectors, refusedAs, testEach } from './vectors.ts'

type Vectors = {
  hashes: (Case & { block: Omit<ArticleBlock, 'hash' | 'metainfo'>; hash: string })[]
  chains: (Case & { chain: string; indexes: number[]; reusedKeys: number[] })[]
  invalid: (Case & { chain: string; code: string })[]
}
const vectors = readVectors<Vectors>('article')

const check = (text: string): ReturnType<typeof checkArticleChain> =>
  checkArticleChain(parseArticleChain(text).map(({ block }) => block))

describe("the article's hash", () => {
  testEach(vectors.hashes, ({ block, hash }) => assert.equal(articleHashOf(block), hash))
})

describe("chains in the article's shape", () => {
  testEach(vectors.chains, ({ chain, indexes, reusedKeys }) => {
    assert.deepEqual(
      parseArticleChain(chain).map(({ block }) => block.index),
      indexes,
    )
    assert.deepEqual(check(chain), {
      verdict: "consistent by the article's rule (weak)",
      blocks: indexes.length,
      reusedKeys,
    })
  })
  testEach(vectors.invalid, ({ chain, code }) => assert.throws(() => check(chain), refusedAs(code)))

  test("of the article's example are refused after a change of any hashed character", () => {
    const [first] = vectors.chains
    const [{ block }] = parseArticleChain(first?.chain ?? '') as readonly [ArticleSource]
    for (const name of ['objecta', 'objectb', 'objectc', 'timestamp', 'prevhash', 'hash'] as const) {
      for (let at = 0; at < block[name].length; at++) {
        const changed = `${block[name].slice(0, at)}~${block[name].slice(at + 1)}`
        assert.throws(() => checkArticleChain([{ ...block, [name]: changed }]), refusedAs('bad-link'))
      }
    }
  })
  test('keep the exact source of each block', () => {
    const odd =
      '[ {"index" : 0,\n\t"metainfo":"\\u0041", "objecta":"","objectb":"","objectc":"","timestamp":"\\/",'
    const rest =
      '"hash":"" , "prevhash":"" } , {"index":1.0,"metainfo":"é\\ud83d\\ude00","objecta":"","objectb":"",'
    const text = `${odd}${rest}"objectc":"","timestamp":"","hash":"","prevhash":""}\n]`
    const sources = parseArticleChain(text).map(({ source }) => new TextDecoder().decode(source))
    assert.equal(`[ ${sources[0]} , ${sources[1]}\n]`, text)
  })
})

/** What the article's proof of concept does with a text, in Node's own primitives. */
async function articleChain(texts: readonly string[]): Promise<ArticleBlock[]> {
  const sender = createPrivateKey({
    key: Buffer.from((await keyNamed('alice-rsa')).pkcs8),
    format: 'der',
    type: 'pkcs8',
  })
  const receiver = Buffer.from((await keyNamed('carol-receive')).spki)
  const chain: ArticleBlock[] = []
  for (const [i, text] of texts.entries()) {
    const key = Buffer.alloc(32, i + 1)
    const iv = Buffer.alloc(16, i + 100)
    const cipher = createCipheriv('aes-256-cfb', key, iv)
    const body = cipher.update(Buffer.from(text).toString('base64'), 'utf8')
    const spki = { key: receiver, format: 'der', type: 'spki' } as const
    const oaep = { ...spki, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' }
    const block = {
      ...{ index: i, metainfo: 'test', objecta: sign('sha256', key, sender).toString('base64') },
      ...{
        objectb: Buffer.concat([iv, body]).toString('hex'),
        objectc: publicEncrypt(oaep, key).toString('hex'),
      },
      ...{ timestamp: `2020-03-05 16:04:1${i}`, prevhash: chain[i - 1]?.hash ?? '0'.repeat(64) },
    }
    chain.push({ ...block, hash: articleHashOf(block) })
  }
  return chain
}

describe('an imported chain', async () => {
  const { sample, payments, alice } = await openSample()
  const texts = ['{"amount":1.10}', '', 'plain text é']
  const chain = await articleChain(texts)
  const sources = parseArticleChain(JSON.stringify({ blockchain: chain }, null, 1))
  const carol = await keyNamed('carol-receive')

  test('is consistent, and opens with the key of its receiver, as unauthenticated', async () => {
    assert.equal(checkArticleChain(sources.map(({ block }) => block)).blocks, 3)
    const opener = await openerOf(carol.pkcs8)
    for (const [i, { source }] of sources.entries()) {
      const { envelope } = await enclose(draftOf({ record: source }), alice)
      assert.deepEqual(envelope.ciphertext, source)
      const opened = await openImported(envelope, opener)
      assert.equal(new TextDecoder().decode(opened.record), texts[i])
      assert.equal(opened.unauthenticated, true)
      assert.deepEqual(opened.block, chain[i])
    }
  })
  test('opens with a PKCS#1 key, too', async () => {
    const key = createPrivateKey({ key: Buffer.from(carol.pkcs8), format: 'der', type: 'pkcs8' })
    const pem = key.export({ type: 'pkcs1', format: 'pem' }) as string
    const { envelope } = await enclose(draftOf({ record: sources[0]?.source as Uint8Array }), alice)
    assert.ok(await openImported(envelope, await openerOf(parsePrivateKeyPem(pem))))
  })
  test('does not open with another key, nor when it is no block of a chain', async () => {
    const { envelope } = await enclose(draftOf({ record: sources[0]?.source as Uint8Array }), alice)
    const bob = await openerOf((await keyNamed('bob-receive')).pkcs8)
    await assert.rejects(openImported(envelope, bob), refusedAs('cannot-open'))
    const opener = await openerOf(carol.pkcs8)
    const broken = { ...(chain[0] as ArticleBlock), objectb: 'aabb' }
    for (const bad of [
      '{}',
      '\u00ff',
      JSON.stringify(broken),
      JSON.stringify({ ...chain[0], objectc: 'zz' }),
    ]) {
      const { envelope } = await enclose(draftOf({ record: utf8(bad) }), alice)
      await assert.rejects(openImported(envelope, opener), refusedAs('cannot-open'), bad)
    }
  })
  test('is the only thing that opens so', async () => {
    const { envelope } = await sealFor(alice, ['carol-receive'])
    await assert.rejects(openImported(envelope, await openerOf(carol.pkcs8)), refusedAs('cannot-open'))
  })
  test('shows its own parts in the view, with the hashes of its new place', async () => {
    const { statement, envelope } = await enclose(
      draftOf({ record: sources[1]?.source as Uint8Array }),
      alice,
    )
    const block = payments.next(statement.jws, sample.registry.size)
    const hash = leafHash(utf8('x'))
    const shown = articleBlockOf(block, hash, envelope)
    const { index, hash: _, prevhash: __, ...original } = chain[1] as ArticleBlock
    assert.deepEqual(shown, { ...original, index: 1, hash: formatHex(hash), prevhash: formatHex(block.prev) })
    assert.equal(index, 1)
  })
  test('does not break the view when it is junk', async () => {
    const { statement, envelope } = await enclose(draftOf({ record: utf8('junk') }), alice)
    const block = payments.next(statement.jws, sample.registry.size)
    const shown = articleBlockOf(block, leafHash(utf8('x')), envelope)
    assert.deepEqual([shown.objecta, shown.objectb, shown.objectc, shown.index], ['', '', '', 1])
  })
})

describe("a block in the article's shape", async () => {
  const { sample, payments, alice } = await openSample()
  const { statement, envelope } = await sealFor(alice, ['bob-receive', 'carol-receive'])
  const block = payments.next(statement.jws, sample.registry.size)
  const hash = leafHash(utf8('x'))

  test('shows the wrapped key of the receiver asked for, else the first', async () => {
    const [first, second] = envelope.receivers as readonly [WrappedKey, WrappedKey]
    assert.equal(articleBlockOf(block, hash, envelope).objectc, formatHex(first.wrapped))
    assert.equal(articleBlockOf(block, hash, envelope, second.kid).objectc, formatHex(second.wrapped))
    assert.equal(articleBlockOf(block, hash, envelope, 'nobody').objectc, formatHex(first.wrapped))
  })
  test('has the members and encodings of the article', () => {
    const shown = articleBlockOf(block, hash, envelope)
    assert.deepEqual(parseArticleBlock(JSON.stringify(shown)), shown)
    assert.equal(shown.timestamp, new Date(now).toISOString())
    assert.equal(shown.metainfo, formatLabels(envelope.labels))
    assert.equal(shown.objectb, formatHex(envelope.ciphertext))
  })
  test('without an envelope shows its place only', () => {
    const shown = articleBlockOf(block, hash, undefined)
    assert.deepEqual([shown.objecta, shown.objectb, shown.objectc, shown.metainfo], ['', '', '', ''])
    assert.equal(shown.hash, formatHex(hash))
  })
})

test('any chain made by the rule is consistent, and not after one change', () => {
  const field = fc.string({ unit: 'grapheme', maxLength: 6 })
  const parts = fc.record({
    metainfo: field,
    objecta: field,
    objectb: field,
    objectc: field,
    timestamp: field,
  })
  fc.assert(
    fc.property(fc.array(parts, { minLength: 1, maxLength: 5 }), fc.nat(), (given, at) => {
      const chain: ArticleBlock[] = []
      for (const [index, part] of given.entries()) {
        const block = { ...part, index, prevhash: chain[index - 1]?.hash ?? '' }
        chain.push({ ...block, hash: articleHashOf(block) })
      }
      assert.equal(check(JSON.stringify(chain)).blocks, chain.length)
      const i = at % chain.length
      const changed = chain.with(i, { ...(chain[i] as ArticleBlock), timestamp: `${chain[i]?.timestamp}x` })
      assert.throws(() => checkArticleChain(changed), refusedAs('bad-link'))
    }),
  )
})
