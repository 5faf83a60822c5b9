import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import * as node from '../src/primitives/node.ts'
import type { Bytes } from '../src/primitives/primitives.d.ts'
import * as web from '../src/primitives/web.ts'

const both = Object.entries({ node, web })
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => new Uint8Array(array))

/** Every text in its one spelling, and the characters that others are made of. */
const encodings = {
  hex: { canonical: /^(?:[0-9a-f]{2})*$/, characters: '0123456789abcdefAFgz \0é' },
  base64: {
    canonical: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
    characters: 'AQgwBCz09+/-_== \n\0é',
  },
  base64url: {
    canonical: /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?$/,
    characters: 'AQgwBCz09+/-_= \n\0é',
  },
} as const

for (const [name, { decodeText, encodeText }] of both) {
  for (const [encoding, { canonical, characters }] of Object.entries(encodings)) {
    const decode = (text: string): Bytes | undefined => decodeText(text, encoding as keyof typeof encodings)
    const encode = (value: Uint8Array): string => encodeText(value, encoding as keyof typeof encodings)

    describe(`${name}: ${encoding}`, () => {
      test('is read back as it was written, in memory of its own', async () => {
        const sizes = fc.oneof(bytes, fc.constant(new Uint8Array(100_000).fill(7)))
        await fc.assert(
          fc.property(sizes, (value) => {
            const read = decode(encode(value))
            assert.deepEqual(read, value)
            assert.equal(read?.buffer.byteLength, value.length)
            assert.match(encode(value), canonical)
          }),
        )
      })

      test('is written of a view as of its bytes alone', () => {
        assert.equal(encode(Uint8Array.of(9, 1, 2, 9).subarray(1, 3)), encode(Uint8Array.of(1, 2)))
      })

      test('has one spelling, and no other text is taken', async () => {
        const long = encode(new Uint8Array(999))
        const others = [
          ' 00',
          '0 0',
          '\u0130\u0130',
          '\u00e9\u00e9',
          '\u0660\u0660',
          '\u0161\u0161',
          '\u0141QAA',
        ]
        for (const text of [
          ...others,
          'AB',
          'AB==',
          'A===',
          '=',
          'A',
          '0B',
          'zz',
          `\n${long}`,
          `${long}\n`,
          `${long}=`,
        ]) {
          assert.equal(decode(text), undefined, JSON.stringify(text))
        }
        const texts = fc.string({ unit: fc.constantFrom(...characters), maxLength: 12 })
        await fc.assert(
          fc.property(texts, (text) => {
            const read = decode(text)
            // Its last character may have bits that no byte has; all other texts in the right form are taken.
            const isSpelled = canonical.test(text) && isCanonicalEnd(text, encoding)
            assert.equal(read !== undefined, isSpelled)
          }),
          { numRuns: 1000 },
        )
      })
    })
  }
}

/** The bits of the last character that belong to no byte are zero (RFC 4648 section 3.5). */
function isCanonicalEnd(text: string, encoding: string): boolean {
  if (encoding === 'hex') return true
  const digits = text.replace(/=+$/, '')
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'.indexOf(digits.at(-1) ?? 'A')
  const value = last >= 0 ? last : /[+-]$/.test(digits) ? 62 : 63
  return digits.length % 4 === 2 ? value % 16 === 0 : digits.length % 4 === 3 ? value % 4 === 0 : true
}

test('both decode the same texts to the same bytes', async () => {
  for (const [encoding, { characters }] of Object.entries(encodings)) {
    const texts = fc.string({ unit: fc.constantFrom(...characters), maxLength: 40 })
    await fc.assert(
      fc.property(texts, (text) => {
        const as = encoding as keyof typeof encodings
        assert.deepEqual(node.decodeText(text, as), web.decodeText(text, as))
      }),
    )
  }
})
