import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { safeParts } from '../src/ui/safe-parts.ts'

const shown = (text: string): string =>
  safeParts(text)
    .map((part) => (part.kind === 'text' ? part.text : `<${part.name}>`))
    .join('')

test('a text of any script is shown as it is', () => {
  for (const text of ['', 'plain', 'Ünïcödé', 'עברית and العربية', '日本語', 'tab\tand\nline', 'e\u0301']) {
    assert.equal(shown(text), text)
  }
})

test('what would turn the line around, or is not seen, is named', () => {
  assert.equal(shown('\u202Egnp.exe'), '<U+202E>gnp.exe')
  assert.equal(shown('a\u200Bb\u2066c\uFEFF'), 'a<U+200B>b<U+2066>c<U+FEFF>')
  assert.equal(shown('\u0000\u001B[31m'), '<U+0000><U+001B>[31m')
  assert.equal(shown('a\uD800b'), 'a<U+D800>b')
  assert.equal(shown('\u{E0041}'), '<U+E0041>')
  assert.equal(shown('a\u2028b'), 'a<U+2028>b')
})

test('a letter carries a few marks, and no tower of them', () => {
  assert.equal(shown(`a${'\u0301'.repeat(100)}`), `a${'\u0301'.repeat(4)}<+96 marks>`)
})

test('nothing is lost, and nothing that is not seen remains', async () => {
  await fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const parts = safeParts(text)
      for (const part of parts) {
        if (part.kind === 'text') assert.doesNotMatch(part.text, /[\p{Cf}\p{Co}\p{Cs}]|(?![\t\n])\p{Cc}/u)
      }
      assert.equal(parts.length === 0, text === '')
    }),
  )
})
