import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseCanonical } from '../src/canonical.ts'
import { checkLabels, checkMedia, checkMeta, formatLabels, type Labels, labelsJson } from '../src/labels.ts'
import { refusedAs } from './vectors.ts'

const metaValue = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.boolean(), fc.integer())
const labels: fc.Arbitrary<Labels> = fc.record(
  {
    media: fc.constantFrom('application/json', 'text/plain', 'application/vnd.a.b+xml'),
    actor: fc.record(
      { iss: fc.webUrl(), client: fc.string({ maxLength: 20 }), sub: fc.string({ maxLength: 20 }) },
      { requiredKeys: ['iss', 'client'] },
    ),
    meta: fc.dictionary(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,20}$/), metaValue, { maxKeys: 8 }),
    tags: fc.array(
      fc.record({
        name: fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/),
        epoch: fc.maxSafeNat(),
        value: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      }),
      { maxLength: 16 },
    ),
  },
  { requiredKeys: ['media'] },
)

describe('labels', () => {
  test('come back as what was written', () => {
    fc.assert(
      fc.property(labels, (value) => {
        const text = formatLabels(value)
        const read = checkLabels(parseCanonical(text, 'labels'))
        assert.equal(formatLabels(read), text)
        assert.deepEqual(labelsJson(read), JSON.parse(text))
      }),
    )
  })
  test('have at most 8 KiB, counted in bytes', () => {
    const withMeta = (value: string): Labels => ({ media: 'a/b', meta: { x: value } })
    const room = 8192 - formatLabels(withMeta('')).length
    assert.ok(formatLabels(withMeta('y'.repeat(room))))
    assert.throws(() => formatLabels(withMeta('y'.repeat(room + 1))), refusedAs('too-large'))
    assert.throws(() => checkLabels(withMeta('é'.repeat(room / 2 + 1))), refusedAs('too-large'))
  })
  test('have meta of letters, digits and few signs only', () => {
    for (const name of ['', '1a', '_a', '__proto__', 'a b', 'é', 'a'.repeat(65)]) {
      assert.throws(() => checkMeta({ [name]: 'x' }), refusedAs('malformed'))
    }
    assert.throws(() => checkMeta(JSON.parse('{"__proto__":"x"}')), refusedAs('malformed'))
    for (const value of [null, 1.5, [], {}, undefined]) {
      assert.throws(() => checkMeta({ a: value }), refusedAs('malformed'))
    }
    for (const value of [null, [], 'x']) assert.throws(() => checkMeta(value), refusedAs('malformed'))
    assert.equal(checkMeta({ constructor: 'x' })['constructor'], 'x')
  })
  test('have a media type in lower case without parameters', () => {
    for (const text of ['application/json', 'a/b', 'application/vnd.example.v1+json'])
      assert.equal(checkMedia(text), text)
    for (const text of [
      '',
      'json',
      'a/',
      '/b',
      'A/b',
      'a/b;c=d',
      'a/b ',
      'a /b',
      'a/b/c',
      `a/${'b'.repeat(128)}`,
    ]) {
      assert.throws(() => checkMedia(text), refusedAs('malformed'))
    }
  })
  test('have tags with names of lower-case letters, digits, dots and hyphens', () => {
    const value = 'AAECAwQFBgcICQoLDA0ODw'
    assert.ok(checkLabels({ media: 'a/b', tags: [{ name: 'a.b-1', epoch: 0, value }] }))
    for (const name of ['', 'A', '1a', 'a_b', 'é', 'a'.repeat(65)]) {
      const labels = { media: 'a/b', tags: [{ name, epoch: 0, value }] }
      assert.throws(() => checkLabels(labels), refusedAs('malformed'), name)
    }
  })
  test('have at most sixteen tags', () => {
    const value = 'AAECAwQFBgcICQoLDA0ODw'
    const withTags = (count: number): unknown =>
      checkLabels({
        media: 'a/b',
        tags: Array.from({ length: count }, (_, epoch) => ({ name: 'a', epoch, value })),
      })
    assert.ok(withTags(16))
    assert.throws(() => withTags(17), refusedAs('too-large'))
  })
  test('with a lone surrogate are refused', () => {
    assert.throws(() => checkLabels({ media: 'a/b', meta: { x: '\ud800' } }), refusedAs('malformed'))
  })
})
