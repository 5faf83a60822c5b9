import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import {
  formatCanonical,
  integerMember,
  type Json,
  listMember,
  membersOf,
  parseCanonical,
  textMember,
} from '../src/canonical.ts'
import { Refused } from '../src/refused.ts'
import { type Case, readVectors, refusedAs, testEach } from './vectors.ts'

type Vectors = {
  valid: (Case & { json: string; canonical: string })[]
  invalid: (Case & { text: string; code: string })[]
}
const vectors = readVectors<Vectors>('canonical')

const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthIdentifier: 'json' },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((n) => n + 0),
    fc.string({ unit: 'grapheme' }),
    fc.array(tie('value'), { maxLength: 4, depthIdentifier: 'json' }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 4, depthIdentifier: 'json' }),
  ),
})).value

describe('canonical JSON', () => {
  testEach(vectors.valid, ({ json, canonical }) => {
    assert.equal(formatCanonical(JSON.parse(json) as Json), canonical)
    assert.equal(formatCanonical(parseCanonical(canonical, 'it')), canonical)
  })
  testEach(vectors.invalid, ({ text, code }) => {
    assert.throws(() => parseCanonical(text, 'it'), refusedAs(code))
  })

  test('comes back as the value that it was', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = formatCanonical(value)
        assert.equal(JSON.stringify(parseCanonical(text, 'it')), JSON.stringify(JSON.parse(text)))
        assert.equal(formatCanonical(parseCanonical(text, 'it')), text)
      }),
    )
  })
  test('does not depend on the order in which members were set', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        assert.equal(formatCanonical(reversed), formatCanonical(value))
      }),
    )
  })
  test('is the same whether members come in their order or not', () => {
    const sorted = (value: Json): Json => {
      if (Array.isArray(value)) return value.map(sorted)
      if (typeof value !== 'object' || value === null) return value
      const entries = Object.entries(value).map(([name, member]) => [name, sorted(member)] as const)
      return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    }
    fc.assert(
      fc.property(json, (value) => assert.equal(formatCanonical(sorted(value)), formatCanonical(value))),
    )
    // The engine itself puts members that look like indexes first, as numbers.
    assert.equal(formatCanonical({ 9: 1, 10: 2, a: 3, '': 4 }), '{"":4,"10":2,"9":1,"a":3}')
    assert.equal(formatCanonical({ 1: 1, 2: 2 }), '{"1":1,"2":2}')
    assert.equal(formatCanonical({ a: '\\ud800', b: -0 }), '{"a":"\\\\ud800","b":0}')
    assert.equal(formatCanonical({ toJSON: 'x' }), '{"toJSON":"x"}')
  })
  test('refuses lone surrogates in values and names, whichever way they are written', () => {
    for (const value of [{ a: '\ud800' }, { '\udfff': 1 }, ['x\udc00y'], '\ud83d'])
      assert.throws(() => formatCanonical(value), refusedAs('malformed'))
    for (const text of ['{"a":"\\ud800"}', '"\\udfff"', '{"\\ud800":1}', '["\\ud83d"]'])
      assert.throws(() => parseCanonical(text, 'it'), refusedAs('malformed'))
    assert.equal(parseCanonical('"\ud83d\ude00"', 'it'), '\ud83d\ude00')
  })
  test('has one spelling: a text with one character changed is another value or refused', () => {
    const change = fc.tuple(json, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }))
    fc.assert(
      fc.property(change, ([value, at, character]) => {
        const text = formatCanonical(value)
        const changed = text.slice(0, at % text.length) + character + text.slice((at % text.length) + 1)
        if (changed === text) return
        try {
          assert.equal(formatCanonical(parseCanonical(changed, 'it')), changed)
        } catch (error) {
          assert.ok(error instanceof Refused, `${error}`)
        }
      }),
      { numRuns: 1000 },
    )
  })
  test('leaves out members that are undefined, and holds no other value that is not JSON', () => {
    const loose = (value: unknown): Json => value as Json
    assert.equal(formatCanonical(loose({ a: undefined, b: 1 })), '{"b":1}')
    for (const bad of [undefined, Number.NaN, Infinity, 1.5, 1n, () => 1, Symbol('s'), [undefined]]) {
      assert.throws(() => formatCanonical(loose(bad)), refusedAs('malformed'))
    }
  })
  test('does not quote the text that it refuses', () => {
    assert.throws(
      () => parseCanonical('{"card":4111111111111111x', 'it'),
      (error) => !inspect(error).includes('4111'),
    )
  })
})

describe('members', () => {
  test('are exactly those asked for', () => {
    assert.equal(membersOf({ a: 1 }, 'it', ['a'], ['b'])['a'], 1)
    assert.throws(() => membersOf({ b: 1 }, 'it', ['a'], ['b']), refusedAs('malformed'))
    assert.throws(() => membersOf({ a: 1, c: 1 }, 'it', ['a'], ['b']), refusedAs('unknown-field'))
  })
  test('are not those of the prototype', () => {
    assert.throws(() => membersOf({}, 'it', ['toString']), refusedAs('malformed'))
    assert.throws(() => membersOf(JSON.parse('{"__proto__":1}'), 'it', []), refusedAs('unknown-field'))
    assert.equal(membersOf({}, 'it', [], ['constructor'])['constructor'], undefined)
  })
  test('are of objects only', () => {
    for (const bad of [null, [], 'text', 1, undefined]) {
      assert.throws(() => membersOf(bad, 'it', []), refusedAs('malformed'))
    }
  })
  test('have the type asked for', () => {
    assert.equal(textMember('x', 'it'), 'x')
    assert.equal(integerMember(0, 'it'), 0)
    assert.deepEqual(listMember([1], 'it'), [1])
    for (const bad of [1, null, undefined, []])
      assert.throws(() => textMember(bad, 'it'), refusedAs('malformed'))
    for (const bad of ['1', -1, 1.5, -0, 2 ** 53, Number.NaN, null]) {
      assert.throws(() => integerMember(bad, 'it'), refusedAs('malformed'))
    }
    for (const bad of [{}, 'a', null]) assert.throws(() => listMember(bad, 'it'), refusedAs('malformed'))
  })
})
