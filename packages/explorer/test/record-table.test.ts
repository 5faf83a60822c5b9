import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableOf } from '../src/proof/record-table.ts'

test('values keep the spelling that was sealed', () => {
  const text = '{"amount": 1.10, "serial":12345678901234567890, "exp":1E+2, "who":"Zo\\u00eb", "none":null}\n'
  assert.deepEqual(tableOf(text), [
    { name: 'amount', value: '1.10' },
    { name: 'serial', value: '12345678901234567890' },
    { name: 'exp', value: '1E+2' },
    { name: 'who', value: 'Zoë' },
    { name: 'none', value: 'null' },
  ])
})

test('what is inside is named by the way to it', () => {
  assert.deepEqual(tableOf('{"lines":[{"sku":"a","n":2},{"sku":"b"}],"tags":[],"to":{}}'), [
    { name: 'lines[0].sku', value: 'a' },
    { name: 'lines[0].n', value: '2' },
    { name: 'lines[1].sku', value: 'b' },
    { name: 'tags', value: '[]' },
    { name: 'to', value: '{}' },
  ])
  assert.deepEqual(tableOf('[1,"x"]'), [
    { name: '[0]', value: '1' },
    { name: '[1]', value: 'x' },
  ])
})

for (const [what, text] of [
  ['is no JSON', 'amount: 1'],
  ['is a scalar', '"text"'],
  ['is an empty list', '[]'],
  ['is an empty object', ' {}\n'],
  ['has a member twice', '{"a":1,"a":2}'],
  ['has too many rows', JSON.stringify(Array.from({ length: 1001 }, (_, i) => i))],
] as const) {
  test(`a record that ${what} has no table`, () => assert.equal(tableOf(text), undefined))
}

test('what lies deeper than records go is shown as it stands', () => {
  const deep = `${'['.repeat(20)}1${']'.repeat(20)}`
  assert.deepEqual(tableOf(deep), [{ name: '[0]'.repeat(8), value: `${'['.repeat(12)}1${']'.repeat(12)}` }])
})

test('hostile names and values are values like any other', () => {
  assert.deepEqual(tableOf('{"<img onerror=x>":"\\u202e</script>","__proto__":1}'), [
    { name: '<img onerror=x>', value: '\u202e</script>' },
    { name: '__proto__', value: '1' },
  ])
})
