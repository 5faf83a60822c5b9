import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Bytes, formatBase64url, formatHex } from '../src/bytes.ts'
import {
  buildEnvelope,
  checkCiphertext,
  checkContent,
  contentOf,
  decodeEnvelope,
  decodeHeader,
  type Envelope,
  encodeEnvelope,
  encodeHeader,
  splitEnvelope,
} from '../src/envelope.ts'
import { formatLabels, labelsJson } from '../src/labels.ts'
import { Refused } from '../src/refused.ts'
import { type Case, hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Valid = Case & {
  suite: string
  signer: string
  keySignature: string
  labels: unknown
  receivers: { kid: string; wrapped: string }[]
  ciphertext: string
  digest: string
  envelope: string
}
type Vectors = { valid: Valid[]; invalid: (Case & { envelope: string; code: string })[] }
const vectors = readVectors<Vectors>('envelope')

const bytesOf = (min: number, max: number): fc.Arbitrary<Bytes> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((value) => new Uint8Array(value))
const kid = bytesOf(32, 32).map(formatBase64url)
const plain = { noNullPrototype: true } as const
const parts = fc.record(
  {
    suite: fc.constant('rsa-aes-cfb' as const),
    signer: kid,
    keySignature: bytesOf(1, 300),
    labels: fc.record({ media: fc.constant('text/plain') }, plain),
    receivers: fc.uniqueArray(fc.record({ kid, wrapped: bytesOf(0, 300), params: bytesOf(0, 0) }, plain), {
      minLength: 1,
      maxLength: 16,
      selector: (row) => row.kid,
    }),
    ciphertext: bytesOf(16, 400),
  },
  plain,
)

describe('envelopes', () => {
  testEach(vectors.valid, (row) => {
    const envelope = decodeEnvelope(hex(row.envelope))
    assert.equal(envelope.suite, row.suite)
    assert.equal(envelope.signer, row.signer)
    assert.equal(formatHex(envelope.keySignature), row.keySignature)
    assert.deepEqual(labelsJson(envelope.labels), row.labels)
    assert.deepEqual(
      envelope.receivers.map(({ kid, wrapped }) => ({ kid, wrapped: formatHex(wrapped) })),
      row.receivers,
    )
    assert.equal(formatHex(envelope.ciphertext), row.ciphertext)
    assert.equal(formatHex(encodeEnvelope(envelope)), row.envelope)
    assert.equal(formatBase64url(contentOf(envelope).digest), row.digest)
    const { header } = splitEnvelope(hex(row.envelope))
    assert.equal(createHash('sha256').update(header).digest('base64url'), row.digest)
    assert.equal(contentOf(envelope).bytes, envelope.ciphertext.length)
  })
  testEach(vectors.invalid, ({ envelope, code }) => {
    assert.throws(() => decodeEnvelope(hex(envelope)), refusedAs(code))
  })

  test('come back as what was built, whatever the order of the receivers', () => {
    fc.assert(
      fc.property(parts, (given) => {
        const envelope = buildEnvelope(given)
        assert.deepEqual(decodeEnvelope(encodeEnvelope(envelope)), envelope)
        assert.deepEqual(buildEnvelope({ ...given, receivers: given.receivers.toReversed() }), envelope)
        assert.deepEqual(decodeHeader(encodeHeader(envelope)).ciphertextDigest, envelope.ciphertextDigest)
      }),
    )
  })
  test('with one bit flipped are refused or have another digest', () => {
    for (const { comment, envelope } of vectors.valid.filter((row) => row.envelope.length < 3000)) {
      const bytes = hex(envelope)
      const content = contentOf(decodeEnvelope(bytes))
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = bytes.slice()
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
        const check = (): unknown => checkContent(content, decodeEnvelope(changed))
        assert.throws(check, { name: 'Refused' }, `${comment}, bit ${bit}`)
      }
    }
  })
  test('made of any bytes are refused, never anything else', () => {
    const source = hex((vectors.valid[0] as Valid).envelope)
    const cut = fc.tuple(fc.nat(source.length), fc.nat(source.length), bytesOf(0, 6))
    fc.assert(
      fc.property(cut, ([a, b, put]) => {
        const head = source.slice(0, Math.min(a, b))
        const changed = Uint8Array.from([...head, ...put, ...source.slice(Math.max(a, b))])
        try {
          assert.deepEqual(encodeEnvelope(decodeEnvelope(changed)), changed)
        } catch (error) {
          assert.ok(error instanceof Refused, `${error}`)
        }
      }),
      { numRuns: 500 },
    )
  })
  test('over 2 MiB are refused before they are read', () => {
    assert.throws(() => decodeEnvelope(new Uint8Array(2_097_153)), refusedAs('too-large'))
  })
  test('that can be built can be decoded: the greatest one fits', () => {
    const receivers = Array.from({ length: 16 }, (_, i) => ({
      kid: formatBase64url(new Uint8Array(32).fill(i)),
      wrapped: new Uint8Array(4096),
      params: new Uint8Array(0),
    }))
    const room = 8192 - formatLabels({ media: 'a/b', meta: { x: '' } }).length
    const labels = { media: 'a/b', meta: { x: 'y'.repeat(room) } }
    const greatest = {
      ...{ suite: 'rsa-aes-cfb' as const, signer: formatBase64url(new Uint8Array(32)), labels, receivers },
      ...{ keySignature: new Uint8Array(4096), ciphertext: new Uint8Array(1_572_864) },
    }
    assert.ok(decodeEnvelope(encodeEnvelope(buildEnvelope(greatest))))
    const over = { ...greatest, ciphertext: new Uint8Array(1_572_865) }
    assert.throws(() => buildEnvelope(over), refusedAs('too-large'))
  })
})

describe('the digest of an envelope', () => {
  const envelope = decodeEnvelope(hex((vectors.valid[0] as Valid).envelope))
  const content = contentOf(envelope)
  const others: [string, Partial<Envelope>][] = [
    ['key signature', { keySignature: new Uint8Array(envelope.keySignature.length) }],
    ['signer', { signer: formatBase64url(new Uint8Array(32)) }],
    ['labels', { labels: { media: 'text/plain' } }],
    ['receivers', { receivers: envelope.receivers.slice(1) }],
    ['ciphertext digest', { ciphertextDigest: new Uint8Array(32) }],
    ['ciphertext length', { ciphertextBytes: envelope.ciphertextBytes + 1 }],
  ]
  for (const [what, change] of others) {
    test(`covers the ${what}`, () => {
      assert.throws(() => checkContent(content, { ...envelope, ...change }), refusedAs('wrong-digest'))
    })
  }
  test('goes with the suite and the length that the statement names', () => {
    checkContent(content, envelope)
    assert.throws(
      () => checkContent({ ...content, suite: 'article-block' }, envelope),
      refusedAs('wrong-digest'),
    )
    assert.throws(
      () => checkContent({ ...content, bytes: content.bytes + 1 }, envelope),
      refusedAs('wrong-digest'),
    )
  })
  test('does not cover the ciphertext by itself: that is checked against the header', () => {
    const ciphertext = envelope.ciphertext.slice()
    ciphertext[20] = (ciphertext[20] as number) ^ 1
    checkContent(content, { ...envelope, ciphertext } as Envelope)
    assert.throws(() => checkCiphertext(envelope, ciphertext), refusedAs('wrong-digest'))
    assert.throws(() => checkCiphertext(envelope, envelope.ciphertext.slice(1)), refusedAs('wrong-digest'))
  })
})
