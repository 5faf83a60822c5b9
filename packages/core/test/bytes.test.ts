import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  concat,
  equalBytes,
  formatBase64,
  formatBase64url,
  formatHex,
  parseBase64,
  parseBase64url,
  parseHex,
  Reader,
  textOf,
  utf8,
  Writer,
} from '../src/bytes.ts'
import { Refused } from '../src/refused.ts'
import { hex, refusedAs } from './vectors.ts'

const bytes = fc.uint8Array({ maxLength: 200 }).map((value) => new Uint8Array(value))
const codecs = [
  { name: 'hex', format: formatHex, parse: parseHex },
  { name: 'base64', format: formatBase64, parse: parseBase64 },
  { name: 'base64url', format: formatBase64url, parse: parseBase64url },
]

for (const { name, format, parse } of codecs) {
  describe(name, () => {
    test('gives back what was written', () => {
      fc.assert(fc.property(bytes, (value) => assert.deepEqual(parse(format(value), 'it'), value)))
    })
    test('has one spelling: whatever parses is what is written', () => {
      const text = fc.string({
        unit: fc.constantFrom(...'0123456789abcdefABCDEFgz+/-_= \n\0é'),
        maxLength: 12,
      })
      fc.assert(
        fc.property(text, (value) => {
          try {
            assert.equal(format(parse(value, 'it')), value)
          } catch (error) {
            if (!(error instanceof Refused)) throw error
            assert.equal(error.code, 'malformed')
          }
        }),
        { numRuns: 2000 },
      )
    })
    test('refuses another number of bytes than asked for', () => {
      const value = hex('00112233')
      assert.deepEqual(parse(format(value), 'it', 4), value)
      assert.throws(() => parse(format(value), 'it', 3), refusedAs('malformed'))
      assert.throws(() => parse(format(value), 'it', 5), refusedAs('malformed'))
      assert.throws(() => parse('', 'it', 1), refusedAs('malformed'))
    })
  })
}

describe('strict spellings', () => {
  const refused: [string, () => unknown][] = [
    ['upper-case hex', () => parseHex('AB', 'it')],
    ['hex of odd length', () => parseHex('abc', 'it')],
    ['hex with a prefix', () => parseHex('0xab', 'it')],
    ['hex with a newline', () => parseHex('ab\n', 'it')],
    ['base64 without padding', () => parseBase64('AA', 'it')],
    ['base64 with too much padding', () => parseBase64('AA===', 'it')],
    ['base64 with spare bits', () => parseBase64('AB==', 'it')],
    ['base64 with a space', () => parseBase64('AAAA AAAA', 'it')],
    ['base64 with a newline', () => parseBase64('AAAA\n', 'it')],
    ['base64 in the URL-safe alphabet', () => parseBase64('-_8=', 'it')],
    ['base64url with padding', () => parseBase64url('AA==', 'it')],
    ['base64url with spare bits', () => parseBase64url('AB', 'it')],
    ['base64url in the standard alphabet', () => parseBase64url('+/8', 'it')],
    ['base64url with a newline', () => parseBase64url('AAAA\n', 'it')],
    ['base64url of a length that none has', () => parseBase64url('AAAAA', 'it')],
  ]
  for (const [what, parse] of refused) {
    test(`refuse ${what}`, () => assert.throws(parse, refusedAs('malformed')))
  }
  test('take each of the sixteen spellings of an Ed25519 signature but one for wrong', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const spelled = formatBase64url(new Uint8Array(64).fill(7))
    const isTaken = (last: string): boolean => {
      try {
        return parseBase64url(spelled.slice(0, -1) + last, 'it').length === 64
      } catch {
        return false
      }
    }
    const first = alphabet.indexOf(spelled.at(-1) as string)
    assert.equal([...alphabet.slice(first, first + 16)].filter(isTaken).length, 1)
  })
})

describe('text', () => {
  test('comes back from UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => assert.equal(textOf(utf8(text), 'it'), text)),
    )
  })
  test('keeps a byte order mark, so that nothing is lost unseen', () => {
    assert.equal(textOf(hex('efbbbf61'), 'it'), '\ufeffa')
  })
  for (const [what, bad] of [
    ['a stray continuation byte', '80'],
    ['a spelling longer than needed', 'c0af'],
    ['a surrogate', 'eda080'],
    ['a character cut short', 'e282'],
    ['a code point beyond Unicode', 'f4908080'],
  ] as const) {
    test(`is refused for ${what}`, () => assert.throws(() => textOf(hex(bad), 'it'), refusedAs('malformed')))
  }
})

describe('equalBytes', () => {
  test('tells bytes of another length and of another value apart', () => {
    assert.ok(equalBytes(hex('0102'), hex('0102')))
    assert.ok(!equalBytes(hex('0102'), hex('0103')))
    assert.ok(!equalBytes(hex('0102'), hex('010200')))
    assert.ok(!equalBytes(hex('0102'), hex('')))
  })
})

describe('Writer and Reader', () => {
  test('give back what was written', () => {
    const fields = fc.tuple(
      fc.integer({ min: 0, max: 0xff }),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.maxSafeNat(),
      bytes,
    )
    fc.assert(
      fc.property(fields, ([a, b, c, d, e]) => {
        const written = new Writer().uint8(a).uint16(b).uint32(c).uint64(d).bytes16(e).finish()
        const reader = new Reader(written, 'it')
        const read = [reader.uint8(), reader.uint16(), reader.uint32(), reader.uint64(), reader.bytes16()]
        assert.deepEqual(read, [a, b, c, d, e])
        assert.equal(reader.at, written.length)
        reader.finish()
      }),
    )
  })
  test('write big-endian', () => {
    assert.equal(
      formatHex(
        new Writer()
          .uint16(1)
          .uint32(2)
          .uint64(2 ** 40 + 3)
          .finish(),
      ),
      '0001000000020000010000000003',
    )
  })
  test('refuse a value that does not fit', () => {
    const writer = new Writer()
    for (const bad of [256, -1, 1.5, Number.NaN]) assert.throws(() => writer.uint8(bad), RangeError)
    assert.throws(() => writer.uint16(65_536), RangeError)
    assert.throws(() => writer.bytes16(new Uint8Array(65_536)), RangeError)
    assert.throws(() => writer.uint64(2 ** 53), RangeError)
  })
  test('refuse to read past the end', () => {
    assert.throws(() => new Reader(hex('00'), 'it').uint16(), refusedAs('malformed'))
    assert.throws(() => new Reader(hex('0002aa'), 'it').bytes16(), refusedAs('malformed'))
    assert.throws(() => new Reader(hex(''), 'it').bytes(1), refusedAs('malformed'))
  })
  test('refuse trailing bytes', () => {
    const reader = new Reader(hex('0001'), 'it')
    reader.uint8()
    assert.throws(() => reader.finish(), refusedAs('malformed'))
  })
  test('refuse an integer that JavaScript would round', () => {
    assert.throws(() => new Reader(hex('0020000000000000'), 'it').uint64(), refusedAs('malformed'))
    assert.equal(new Reader(hex('001fffffffffffff'), 'it').uint64(), Number.MAX_SAFE_INTEGER)
  })
  test('hand out copies, so that a later write to the source changes nothing', () => {
    const source = hex('0102')
    const read = new Reader(source, 'it').bytes(2)
    source[0] = 9
    assert.deepEqual(read, hex('0102'))
  })
})

test('concat joins parts in their order', () => {
  assert.deepEqual(concat(hex('01'), hex(''), hex('0203')), hex('010203'))
  assert.deepEqual(concat(), hex(''))
})
