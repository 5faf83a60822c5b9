import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../src/bytes.ts'
import { formatNote, isSignatureOf, keepSignatures, parseNote } from '../src/note.ts'
import { parseVkey, verifierOfVkey } from '../src/vkey.ts'
import type { Case } from './vectors.ts'
import { hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Valid = Case & {
  note: string
  text: string
  signatures: { name: string; id: string; signature: string }[]
  signedBy?: string
}
const vectors = readVectors<{ valid: Valid[]; invalid: (Case & { note: string; code: string })[] }>('note')

describe('notes', () => {
  testEach(vectors.valid, async ({ note: given, text, signatures, signedBy }) => {
    const note = parseNote(given)
    assert.equal(note.text, text)
    const lines = signatures.map(({ name, id, signature }) => ({
      name,
      id: Number.parseInt(id, 16),
      signature: hex(signature),
    }))
    assert.deepEqual(note.signatures, lines)
    assert.equal(formatNote(note), given)
    if (signedBy === undefined) return
    const vkey = parseVkey(signedBy)
    const line = note.signatures.find((signature) => isSignatureOf(vkey, signature))
    assert.ok(line)
    assert.equal(await (await verifierOfVkey(vkey))(utf8(text), line.signature), true)
  })
  testEach(vectors.invalid, ({ note, code }) => {
    assert.throws(() => parseNote(note), refusedAs(code))
  })

  test('at least one of the vectors is verified with its key', () => {
    assert.ok(vectors.valid.some(({ signedBy }) => signedBy !== undefined))
  })

  test('have at most 64 signatures and 64 KiB', () => {
    const line = '— a AAAAAAA=\n'
    assert.equal(parseNote(`text\n\n${line.repeat(64)}`).signatures.length, 64)
    assert.throws(() => parseNote(`text\n\n${line.repeat(65)}`), refusedAs('too-large'))
    const rest = 65_536 - utf8(`\n\n${line}`).length
    assert.equal(parseNote(`${'x'.repeat(rest)}\n\n${line}`).signatures.length, 1)
    assert.throws(() => parseNote(`${'x'.repeat(rest + 1)}\n\n${line}`), refusedAs('too-large'))
    assert.throws(() => parseNote(`${'€'.repeat(30_000)}\n\n${line}`), refusedAs('too-large'))
  })

  test('refuse half a character in the text', () => {
    assert.throws(() => parseNote('\ud800\n\n— a AAAAAAA=\n'), refusedAs('malformed'))
  })

  test('whatever is formatted parses to the same note', () => {
    const name = fc.stringMatching(/^[a-z./]{1,12}$/)
    const signature = fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => new Uint8Array(bytes))
    const line = fc.record({ name, id: fc.nat({ max: 0xffffffff }), signature }, { noNullPrototype: true })
    const text = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(text, fc.array(line, { minLength: 1, maxLength: 5 }), (lines, signatures) => {
        const note = { text: lines.map((each) => `${each}\n`).join(''), signatures }
        assert.deepEqual(parseNote(formatNote(note)), note)
      }),
    )
  })

  test('a note that nobody signed, or whose text has no last newline, cannot be formatted', () => {
    const signatures = [{ name: 'a', id: 1, signature: Uint8Array.of(1) }]
    assert.throws(() => formatNote({ text: 'a\n', signatures: [] }), refusedAs('malformed'))
    assert.throws(() => formatNote({ text: 'a', signatures }), refusedAs('malformed'))
    assert.throws(
      () => formatNote({ text: 'a\n', signatures: [{ name: 'a b', id: 1, signature: Uint8Array.of(1) }] }),
      refusedAs('malformed'),
    )
  })

  test('lines of keys that are not named are left out, the others stay in their order', () => {
    const [vkey] = vectors.valid.flatMap(({ signedBy }) =>
      signedBy === undefined ? [] : [parseVkey(signedBy)],
    )
    assert.ok(vkey)
    const own = { name: vkey.name, id: vkey.id, signature: Uint8Array.of(1) }
    const sameName = { ...own, id: vkey.id + 1 }
    const sameId = { ...own, name: 'other' }
    const kept = keepSignatures({ text: 'a\n', signatures: [sameName, own, sameId, own] }, [vkey])
    assert.deepEqual(kept, { text: 'a\n', signatures: [own, own] })
  })
})
