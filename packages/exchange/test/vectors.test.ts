// vectors/ceremony.json: a ceremony that happened once, read by whoever speaks the protocol.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatHex, parseBase64 } from '@ledgerstone/core/bytes'
import { formatCanonical } from '@ledgerstone/core/canonical'
import { type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import { hex, readVectors, refusedAs, testEach } from '../../core/test/vectors.ts'
import { beginCeremony, type Ceremony, type Setting, step } from '../src/ceremony.ts'
import { decodeMessage, encodeMessage } from '../src/message.ts'
import { provingKey } from '../src/own-key.ts'

type Vectors = {
  readonly setting: {
    readonly exchange: string
    readonly origin: string
    readonly exporter: string
    readonly clientNonce: string
    readonly serverNonce: string
    readonly clientSecrets: readonly string[]
    readonly serverSecrets: readonly string[]
    readonly commitment: string
    readonly string: string
    readonly registrations: readonly string[]
  }
  readonly messages: readonly { comment: string; from: string; type: string; bytes: string }[]
  readonly refused: readonly { comment: string; bytes: string; code: string }[]
}

const vectors = readVectors<Vectors>('ceremony')
const { setting, messages, refused } = vectors
const known = readVectors<{ keys: { name: string; pkcs8: string }[] }>('keys').keys

function keyNamed(name: string): Promise<OwnKey> {
  const row = known.find((each) => each.name === name)
  return ownKeyOf(parseBase64(row?.pkcs8 ?? '', name))
}

function begin(
  role: 'client' | 'server',
  keys: Setting['keys'],
  nonce: string,
  secrets: readonly string[],
): Ceremony {
  const { exchange, exporter, origin } = setting
  const binding = { exchange, exporter: hex(exporter) }
  return beginCeremony({ role, binding, origin, keys, nonce: hex(nonce), secrets: secrets.map(hex) })
}

describe('messages', () => {
  testEach(messages, ({ type, bytes }) => {
    const message = decodeMessage(hex(bytes))
    assert.equal(message.type, type)
    assert.equal(formatHex(encodeMessage(message)), bytes)
  })
})

describe('refused messages', () => {
  testEach(refused, ({ bytes, code }) => assert.throws(() => decodeMessage(hex(bytes)), refusedAs(code)))
})

describe('the ceremony of the vectors', () => {
  test('is accepted by the server, with this string and these registrations', async () => {
    const own = { owner: 'sealer', assurance: 'local' } as const
    const keys = [
      await provingKey(await keyNamed('witness'), { ...own, purpose: 'sign' }),
      await provingKey(await keyNamed('alice-rsa'), { ...own, purpose: 'sign' }),
      await provingKey(await keyNamed('carol-receive'), { ...own, purpose: 'receive' }),
    ]
    let server = begin('server', keys, setting.serverNonce, setting.serverSecrets)
    const heard = messages.filter(({ from }) => from === 'client')
    for (const [i, { bytes }] of heard.entries()) {
      const { ceremony, send } = await step(server, { type: 'message', bytes: hex(bytes) })
      if (i === 0) assert.equal(formatHex(send ?? new Uint8Array(0)), messages[1]?.bytes)
      // Encryption and PSS are random: what this server would send in message 4 is not what was sent.
      const said = ceremony.messages.map((each, at) => (at === 3 ? hex(messages[3]?.bytes ?? '') : each))
      server = { ...ceremony, messages: said }
    }
    assert.equal(heard.length, 3)
    assert.deepEqual([server.state, server.refusal], ['proven', undefined])
    assert.equal(server.string, setting.string)
    assert.deepEqual(server.registrations.map(formatCanonical), setting.registrations)
  })

  test('is accepted by the client, who commits to these bytes', async () => {
    const asked = { owner: 'auditor', assurance: 'two-person' } as const
    const notAfter = Date.parse('2027-11-23T03:17:00.000Z')
    const keys = [
      await provingKey(await keyNamed('alice'), { ...asked, purpose: 'sign' }),
      await provingKey(await keyNamed('bob-receive'), { ...asked, purpose: 'receive', notAfter }),
    ]
    let client = begin('client', keys, setting.clientNonce, setting.clientSecrets)
    const { ceremony, send } = await step(client, { type: 'connected' })
    assert.equal(formatHex(send ?? new Uint8Array(0)), `0101${setting.commitment}`)
    client = (await step(ceremony, { type: 'message', bytes: hex(messages[1]?.bytes ?? '') })).ceremony
    // Its own challenges are random, too.
    const said = client.messages.map((each, at) => (at === 2 ? hex(messages[2]?.bytes ?? '') : each))
    client = { ...client, messages: said }
    const after = await step(client, { type: 'message', bytes: hex(messages[3]?.bytes ?? '') })
    assert.deepEqual([after.ceremony.state, after.ceremony.refusal], ['proven', undefined])
    assert.equal(after.ceremony.string, setting.string)
  })
})
