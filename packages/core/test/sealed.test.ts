import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Json, JsonObject } from '../src/canonical.ts'
import { encodeEnvelope } from '../src/envelope.ts'
import { formatSealed, parseSealed } from '../src/sealed.ts'
import { openSample, sealFor } from './sample-ledger.ts'
import { refusedAs } from './vectors.ts'

const { sample, alice } = await openSample()
const sealed = await sealFor(alice, ['bob-receive', 'carol-receive'])
const json = formatSealed(sealed) as { statement: string; envelope: JsonObject & { receivers: JsonObject[] } }
const withEnvelope = (change: Record<string, Json>): unknown => ({
  ...json,
  envelope: { ...json.envelope, ...change },
})
const [bob, carol] = json.envelope.receivers as [JsonObject, JsonObject]
const text = (name: string): string => json.envelope[name] as string

describe('sealed records in JSON', () => {
  test('come back, through text too', () => {
    const read = parseSealed(JSON.parse(JSON.stringify(json)))
    assert.deepEqual(read.statement, sealed.statement)
    assert.deepEqual(encodeEnvelope(read.envelope), encodeEnvelope(sealed.envelope))
    assert.deepEqual(formatSealed(read), json)
  })
  test('have the members that the interface names, in its encodings', () => {
    assert.deepEqual(Object.keys(json), ['statement', 'envelope'])
    assert.deepEqual(Object.keys(json.envelope).sort(), [
      'labels',
      'objecta',
      'objectb',
      'receivers',
      'signer',
      'suite',
    ])
    assert.deepEqual(Object.keys(bob).sort(), ['kid', 'objectc'])
    assert.match(text('objecta'), /^[A-Za-z0-9+/]+={0,2}$/)
    assert.match(text('objectb'), /^[0-9a-f]+$/)
    assert.match(bob['objectc'] as string, /^[0-9a-f]{512}$/)
  })

  const refused: [string, unknown, string][] = [
    ['nothing', undefined, 'malformed'],
    ['a list', [json], 'malformed'],
    ['no envelope', { statement: json.statement }, 'malformed'],
    ['no statement', { envelope: json.envelope }, 'malformed'],
    ['an unknown member', { ...json, plaintext: 'x' }, 'unknown-field'],
    ['an unknown member of the envelope', withEnvelope({ objectd: '' }), 'unknown-field'],
    [
      'an unknown member of a receiver',
      withEnvelope({ receivers: [{ ...bob, name: 'bob' }, carol] }),
      'unknown-field',
    ],
    ['an unknown suite', withEnvelope({ suite: 'rot13' }), 'unknown-version'],
    ['another suite', withEnvelope({ suite: 'hpke-mlkem768-x25519-v1' }), 'wrong-digest'],
    ['objectb in upper case', withEnvelope({ objectb: text('objectb').toUpperCase() }), 'malformed'],
    ['objectb in base64', withEnvelope({ objectb: 'AAAA' }), 'malformed'],
    ['objectb of odd length', withEnvelope({ objectb: text('objectb').slice(1) }), 'malformed'],
    ['objectb cut by a byte', withEnvelope({ objectb: text('objectb').slice(2) }), 'wrong-digest'],
    ['objectb of one more byte', withEnvelope({ objectb: `${text('objectb')}00` }), 'wrong-digest'],
    ['objectb over the limit', withEnvelope({ objectb: '0'.repeat(2 * 1_572_864 + 2) }), 'too-large'],
    ['objecta without padding', withEnvelope({ objecta: text('objecta').replace(/=+$/, '') }), 'malformed'],
    ['another objecta', withEnvelope({ objecta: 'AAAA' }), 'wrong-digest'],
    ['an objecta of 64 KiB', withEnvelope({ objecta: 'AAAA'.repeat(22_000) }), 'too-large'],
    [
      'an objectc of 64 KiB',
      withEnvelope({ receivers: [{ ...bob, objectc: '00'.repeat(66_000) }] }),
      'too-large',
    ],
    ['another signer', withEnvelope({ signer: bob['kid'] as string }), 'wrong-digest'],
    ['a signer that is no kid', withEnvelope({ signer: 'alice' }), 'malformed'],
    ['other labels', withEnvelope({ labels: { media: 'text/plain' } }), 'wrong-digest'],
    ['a receiver less', withEnvelope({ receivers: [bob] }), 'wrong-digest'],
    ['receivers out of order', withEnvelope({ receivers: [carol, bob] }), 'malformed'],
    ['a receiver twice', withEnvelope({ receivers: [bob, bob] }), 'malformed'],
    ['no receivers', withEnvelope({ receivers: [] }), 'malformed'],
    ['seventeen receivers', withEnvelope({ receivers: Array<JsonObject>(17).fill(bob) }), 'too-large'],
    ['receivers in an object', withEnvelope({ receivers: { 0: bob } }), 'malformed'],
    ['empty params', withEnvelope({ receivers: [{ ...bob, params: '' }, carol] }), 'malformed'],
    ['params', withEnvelope({ receivers: [{ ...bob, params: 'AAAA' }, carol] }), 'malformed'],
  ]
  for (const [what, value, code] of refused) {
    test(`are refused with ${what}`, () => assert.throws(() => parseSealed(value), refusedAs(code)))
  }
  test('are refused when the statement is of another envelope', async () => {
    const other = formatSealed(await sealFor(alice, ['bob-receive']))
    assert.throws(() => parseSealed({ ...json, statement: other['statement'] }), refusedAs('wrong-digest'))
  })
  test('are refused when the statement has a body', async () => {
    const statement = await sample.statement('payments', 'ledger', 'ledgerstone.genesis', {})
    assert.throws(() => parseSealed({ ...json, statement }), refusedAs('malformed'))
  })
})
