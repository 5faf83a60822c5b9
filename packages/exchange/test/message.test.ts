import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Bytes, concat, formatHex, parseHex, utf8 } from '@ledgerstone/core/bytes'
import { decodeMessage, encodeFrame, encodeMessage, type Message, messageBytesMax } from '../src/message.ts'
import { parseShortString, shortString } from '../src/sas.ts'
import { bytes32, pair, play } from './ceremonies.ts'

async function overhear(): Promise<readonly Bytes[]> {
  const said: Bytes[] = []
  await play(pair(), (_, bytes) => {
    said.push(bytes)
    return bytes
  })
  return said
}

describe('a message', () => {
  test('of each type comes back from its bytes', async () => {
    const said = [...(await overhear()), encodeMessage({ type: 'refusal', code: 'wrong-key' })]
    const found = said.map((bytes) => decodeMessage(bytes).type)
    assert.deepEqual(found, ['commit', 'offer', 'reveal', 'proof', 'answer', 'done', 'refusal'])
    for (const bytes of said) assert.deepEqual(encodeMessage(decodeMessage(bytes)), bytes)
  })

  test('has these bytes', () => {
    const commitment = bytes32('commitment')
    assert.equal(formatHex(encodeMessage({ type: 'commit', commitment })), `0101${formatHex(commitment)}`)
    assert.equal(formatHex(encodeMessage({ type: 'done' })), '0106')
    assert.equal(formatHex(encodeFrame(encodeMessage({ type: 'done' }))), '000000020106')
    assert.equal(formatHex(encodeMessage({ type: 'refusal', code: 'ab' })), '010700026162')
  })

  test('is refused when it is cut short, longer, of another version or type, or too long', async () => {
    for (const bytes of await overhear()) {
      for (let end = 0; end < bytes.length; end += 1 + Math.floor(bytes.length / 50)) {
        assert.throws(() => decodeMessage(bytes.subarray(0, end)), { code: 'malformed' })
      }
      assert.throws(() => decodeMessage(concat(bytes, new Uint8Array(1))), { code: 'malformed' })
      assert.throws(() => decodeMessage(bytes.with(0, 2)), { code: 'unknown-version' })
      assert.throws(() => decodeMessage(bytes.with(1, 8)), { code: 'malformed' })
    }
    assert.throws(() => decodeMessage(new Uint8Array(messageBytesMax + 1)), { code: 'too-large' })
  })

  test('lists at most as many things as there can be keys', () => {
    const lists = concat(parseHex('010409', 'hex'), new Uint8Array(20))
    assert.throws(() => decodeMessage(lists), { code: 'too-large' })
  })

  test('is refused when keys are in another order or a refusal is no code', async () => {
    const offer = decodeMessage((await overhear())[1] as Bytes) as Extract<Message, { type: 'offer' }>
    const disordered = encodeMessage({ ...offer, keys: offer.keys.toReversed() })
    assert.throws(() => decodeMessage(disordered), { code: 'malformed' })
    const steering = encodeMessage({ type: 'refusal', code: '\u001b[2J' })
    assert.throws(() => decodeMessage(steering), { code: 'malformed' })
  })
})

describe('a short string', () => {
  test('is 40 bits of an HMAC in Crockford characters', () => {
    // HMAC-SHA-256, RFC 4231 test case 2: 5b dc c1 46 bf ...
    assert.equal(shortString(utf8('Jefe'), utf8('what do ya want for nothing?')), 'BFEC-2HNZ')
  })

  test('is read as people type it', () => {
    for (const typed of ['0K1X-M9QF', '0k1xm9qf', 'ok1x m9qf', 'OKIX-M9QF', ' 0klx-m9qf ']) {
      assert.equal(parseShortString(typed), '0K1X-M9QF')
    }
    for (const typed of ['', '0K1X-M9Q', '0K1X-M9QFF', '0K1X-M9QU']) {
      assert.throws(() => parseShortString(typed), { code: 'malformed' })
    }
  })
})
