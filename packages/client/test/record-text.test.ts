import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '@ledgerstone/core/bytes'
import { recordText, shownRecord } from '../src/record-text.ts'

test('a record is shown as it was sealed, its lines and tabs with it', () => {
  const text = '{"amount": 1.10,\n\t"id": 12345678901234567890, "who": "Ünal 株式会社 😀"}\n'
  assert.equal(recordText(utf8(text), 'application/json'), text)
})

for (const [what, text, shown] of [
  ['moves the cursor', 'a\u001b[2Jb', 'a\\u{1b}[2Jb'],
  ['sets the title', '\u001b]0;x\u0007', '\\u{1b}]0;x\\u{7}'],
  ['goes back to the beginning of the line', 'paid 1\rpaid 9', 'paid 1\\u{d}paid 9'],
  ['erases with backspaces', 'no\b\byes', 'no\\u{8}\\u{8}yes'],
  ['uses an eight-bit control', 'a\u009b2J', 'a\\u{9b}2J'],
  ['turns the direction of text', 'to \u202e1234\u202c', 'to \\u{202e}1234\\u{202c}'],
  ['isolates a direction', '\u2066a\u2069', '\\u{2066}a\\u{2069}'],
  ['hides in no width', 'pay\u200bpal', 'pay\\u{200b}pal'],
  ['tags invisibly', 'a\u{e0041}', 'a\\u{e0041}'],
  ['deletes', 'a\u007f', 'a\\u{7f}'],
  ['has a zero in it', 'a\0b', 'a\\u{0}b'],
] as const) {
  test(`a record that ${what} is shown doing so`, () => {
    assert.equal(recordText(utf8(text), 'text/plain'), shown)
  })
}

test('a record that is no text is shown in base64', () => {
  const record = new Uint8Array([0xff, 0xfe, 0])
  assert.equal(recordText(record, 'image/png'), 'image/png, 3 bytes in base64:\n//4A')
  assert.deepEqual(shownRecord(record), { base64: '//4A' })
})

test('programs get the record as it is, for they need no protection', () => {
  assert.deepEqual(shownRecord(utf8('a\u001bb')), { text: 'a\u001bb' })
  assert.deepEqual(JSON.parse(JSON.stringify(shownRecord(utf8('a\u202eb')))), { text: 'a\u202eb' })
})
