import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { elementSources, memberSources } from '../src/json-source.ts'
import { refusedAs } from './vectors.ts'

const space = fc.stringMatching(/^[ \t\n\r]{0,3}$/)
const sourceOfString = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 1 }).map((text) => JSON.stringify(text).slice(1, -1)),
      fc.constantFrom('\\"', '\\\\', '\\/', '\\u0041', '\\ud83d\\ude00', '\\n', '{', '}', '[', ']', ',', ':'),
    ),
    { maxLength: 6 },
  )
  .map((parts) => `"${parts.join('')}"`)
const sourceOfNumber = fc.constantFrom(
  '0',
  '-0',
  '1.10',
  '1e2',
  '1E+2',
  '12345678901234567890',
  '-1.5e-7',
  '1.0',
)
const source: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => {
  const list = fc.array(fc.tuple(space, tie('value'), space), { maxLength: 3, depthIdentifier: 'source' })
  const members = fc.array(fc.tuple(space, sourceOfString, space, space, tie('value'), space), {
    maxLength: 3,
    depthIdentifier: 'source',
  })
  return {
    value: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'source' },
      fc.constantFrom('null', 'true', 'false'),
      sourceOfNumber,
      sourceOfString,
      fc.tuple(list, space).map(([items, gap]) => `[${items.map((item) => item.join('')).join(',') || gap}]`),
      fc.tuple(members, space).map(([items, gap]) => {
        const spelled = items.map(([a, name, b, c, value, d]) => `${a}${name}${b}:${c}${value}${d}`)
        return `{${spelled.join(',') || gap}}`
      }),
    ),
  }
}).value

describe('sources of JSON values', () => {
  test('of a list are its elements as they are spelled', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(space, source, space), { maxLength: 5 }), space, space, (items, a, b) => {
        const text = `${a}[${items.map((item) => item.join('')).join(',')}]${b}`
        const sources = elementSources(text, 'it')
        assert.deepEqual(
          sources,
          items.map(([, value]) => value),
        )
      }),
      { numRuns: 500 },
    )
  })
  test('of an object are its members as they are spelled', () => {
    const names = fc.uniqueArray(sourceOfString, {
      maxLength: 5,
      selector: (text) => JSON.parse(text) as string,
    })
    const object = names.chain((list) =>
      fc.tuple(...list.map((name) => fc.tuple(space, fc.constant(name), space, space, source, space))),
    )
    fc.assert(
      fc.property(object, space, (members, a) => {
        const spelled = members.map(([b, name, c, d, value, e]) => `${b}${name}${c}:${d}${value}${e}`)
        const sources = memberSources(`${a}{${spelled.join(',')}}`, 'it')
        const expected = members.map(([, name, , , value]) => [JSON.parse(name) as string, value] as const)
        assert.deepEqual([...sources], expected)
      }),
      { numRuns: 500 },
    )
  })
  test('agree with JSON.parse on what the values are', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 2, '\t'), (text, indent) => {
        const spelled = JSON.stringify([JSON.parse(text)], null, indent)
        assert.deepEqual(
          elementSources(spelled, 'it').map((value) => JSON.parse(value) as unknown),
          JSON.parse(spelled),
        )
      }),
    )
  })
  test('keep numbers that JavaScript would change', () => {
    const members = memberSources('{"a":12345678901234567890,"b": 1.10 ,"c":1E400}', 'it')
    assert.deepEqual([...members.values()], ['12345678901234567890', '1.10', '1E400'])
  })
  test('of nothing are none', () => {
    assert.deepEqual(elementSources(' [ ] ', 'it'), [])
    assert.equal(memberSources('{\n}', 'it').size, 0)
  })
  for (const [what, text] of [
    ['twice', '{"a":1,"a":2}'],
    ['twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['twice, far apart', '{"a":1,"b":{"a":1},"a":1}'],
  ] as const) {
    test(`are refused for a member given ${what}`, () =>
      assert.throws(() => memberSources(text, 'it'), refusedAs('malformed')))
  }
  for (const text of [
    '',
    ' ',
    '[1,]',
    '{"a":1,}',
    '[1] 2',
    '{a:1}',
    '[1',
    '"',
    '\ufeff[]',
    'null',
    '1',
    '"x"',
  ]) {
    test(`are refused of ${JSON.stringify(text)}`, () => {
      assert.throws(() => elementSources(text, 'it'), refusedAs('malformed'))
      assert.throws(() => memberSources(text, 'it'), refusedAs('malformed'))
    })
  }
  test('are refused without quoting the text', () => {
    const quotes = (error: unknown): boolean => !inspect(error).includes('4111')
    assert.throws(() => memberSources('{"card":4111111111111111x', 'it'), quotes)
  })
  test('are refused of the other kind', () => {
    assert.throws(() => elementSources('{"a":1}', 'it'), refusedAs('malformed'))
    assert.throws(() => memberSources('[1]', 'it'), refusedAs('malformed'))
  })
  test('take deep nesting without recursion', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    assert.deepEqual(elementSources(`[${deep}]`, 'it'), [deep])
  })
})
