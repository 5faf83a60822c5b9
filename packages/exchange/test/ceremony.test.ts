import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Bytes, equalBytes } from '@ledgerstone/core/bytes'
import { unwrapperOf, wrapperOf } from '@ledgerstone/core/primitives/node'
import { Refused } from '@ledgerstone/core/refused'
import { parseRegistration } from '@ledgerstone/core/registration'
import { announcedKey } from '../src/announced-key.ts'
import { beginCeremony, step } from '../src/ceremony.ts'
import { answerTo, challengeTo, checkAnswer } from '../src/challenge.ts'
import { decodeMessage, encodeMessage, type Message, type Proof } from '../src/message.ts'
import { provingKey } from '../src/own-key.ts'
import type { Role } from '../src/transcript.ts'
import {
  binding,
  bytes32,
  exchange,
  keys,
  origin,
  type Pair,
  pair,
  play,
  setting,
  type Wire,
} from './ceremonies.ts'

/** Changes one message on its way. */
function change<T extends Message['type']>(
  type: T,
  to: (message: Extract<Message, { type: T }>) => Message,
): Wire {
  return (_, bytes) => {
    const message = decodeMessage(bytes)
    return message.type === type ? encodeMessage(to(message as Extract<Message, { type: T }>)) : bytes
  }
}

function flip(bytes: Bytes, at: number): Bytes {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
}

function ends(sides: Pair, role: Role, code: string): void {
  assert.equal(sides[role].state, 'refused')
  assert.deepEqual([sides[role].refusal?.code, sides[role].refusal?.by], [code, 'us'])
}

describe('an undisturbed ceremony', () => {
  test('leaves both sides with the proven keys of the other, and one string', async () => {
    const sides = pair()
    await play(sides)
    for (const role of ['client', 'server'] as const) {
      assert.equal(sides[role].state, 'awaiting')
      const { ceremony } = await step(sides[role], { type: 'confirm', string: sides.client.string as string })
      assert.equal(ceremony.state, 'confirmed')
    }
    const kids = (list: readonly { kid: string }[]): string[] => list.map(({ kid }) => kid).sort()
    assert.deepEqual(kids(sides.client.peerKeys), kids(keys.server))
    assert.deepEqual(kids(sides.server.peerKeys), kids(keys.client))
    assert.match(sides.client.string ?? '', /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
    assert.equal(sides.client.string, sides.server.string)
  })

  test('gives the server a registration for each key, with a proof that the registry takes', async () => {
    const sides = pair()
    await play(sides)
    assert.equal(sides.server.registrations.length, 2)
    for (const body of sides.server.registrations) {
      const { owner, assurance, purpose } = await parseRegistration(origin, body)
      assert.deepEqual([owner, assurance], ['auditor', 'two-person'])
      if (purpose === 'receive') assert.deepEqual(body['proof'], { answered: exchange })
    }
  })

  test('carries a rotation with the signature of the old key', async () => {
    const wanted = { owner: 'auditor', assurance: 'two-person', purpose: 'receive' } as const
    const rotated = await provingKey(keys.strangerReceive, { ...wanted, replaces: keys.clientReceive })
    const sides = pair({ keys: [rotated] })
    await play(sides)
    const [body] = sides.server.registrations
    assert.equal(body?.['replaces'], keys.clientReceive.kid)
    assert.equal(typeof body?.['replacesProof'], 'string')
  })

  test('goes without receiving keys, and without signing keys', async () => {
    const sides = pair({ keys: keys.client.slice(1) }, { keys: keys.server.slice(0, 2) })
    await play(sides)
    assert.deepEqual([sides.client.state, sides.server.state], ['awaiting', 'awaiting'])
  })

  test('has another string under another exporter, exchange or key', async () => {
    const strings = new Set<string | undefined>()
    const exporter = bytes32('another exporter')
    const settings = [
      {},
      { binding: { exchange, exporter } },
      { keys: keys.stranger },
      { nonce: bytes32('other') },
    ]
    for (const more of settings) {
      const sides = pair(more, 'binding' in more ? more : {})
      await play(sides)
      assert.equal(sides.client.string, sides.server.string)
      strings.add(sides.client.string)
    }
    assert.equal(strings.size, settings.length)
  })
})

describe('a side refuses', () => {
  const other = bytes32('something else')
  const cut = (m: Proof): Message => ({ ...m, challenges: m.challenges.slice(1) })
  const mistakes: [string, Role, string, Wire][] = [
    [
      'another nonce than was committed to',
      'server',
      'bad-ceremony',
      change('reveal', (m) => ({ ...m, nonce: other })),
    ],
    [
      'other keys than were committed to',
      'server',
      'bad-ceremony',
      change('reveal', (m) => ({ ...m, keys: m.keys.slice(1) })),
    ],
    [
      'a wrong answer of the server',
      'client',
      'bad-ceremony',
      change('proof', (m) => ({ ...m, answers: [other] })),
    ],
    ['an answer too few', 'client', 'bad-ceremony', change('proof', (m) => ({ ...m, answers: [] }))],
    ['a challenge too few', 'client', 'bad-signature', change('proof', cut)],
    [
      'a signature too few',
      'client',
      'bad-ceremony',
      change('proof', (m) => ({ ...m, signatures: m.signatures.slice(1) })),
    ],
    [
      'a signature that is not one',
      'client',
      'bad-signature',
      change('proof', (m) => ({ ...m, signatures: m.signatures.toReversed() })),
    ],
    [
      'a wrong answer of the client',
      'server',
      'bad-ceremony',
      change('answer', (m) => ({ ...m, answers: [other] })),
    ],
    [
      'a signature of the client that is not one',
      'server',
      'bad-signature',
      change('answer', (m) => ({ ...m, signatures: [new Uint8Array(64)] })),
    ],
    [
      'a registration that the new key did not sign',
      'server',
      'bad-signature',
      change('answer', (m) => ({
        ...m,
        registrations: m.registrations.map((proof) => (proof.length > 4 ? flip(proof, 10) : proof)),
      })),
    ],
    ['a message out of turn', 'server', 'bad-ceremony', change('reveal', () => ({ type: 'done' }))],
    [
      'bytes that are no message',
      'server',
      'malformed',
      (_, bytes, n) => (n === 3 ? bytes.slice(0, -1) : bytes),
    ],
    [
      'a version that it does not know',
      'client',
      'unknown-version',
      (_, b, n) => (n === 2 ? b.with(0, 2) : b),
    ],
  ]
  for (const [what, role, code, wire] of mistakes) {
    test(what, async () => {
      const sides = pair()
      await play(sides, wire)
      ends(sides, role, code)
      assert.notEqual(sides[role === 'client' ? 'server' : 'client'].state, 'awaiting')
    })
  }

  test('keys of another owner, or with another assurance, than the exchange was asked for', async () => {
    for (const expected of [{ owner: 'somebody' }, { assurance: 'local' as const }]) {
      const sides = pair({}, { expected })
      await play(sides)
      ends(sides, 'server', 'wrong-key')
    }
  })

  test('its own keys, announced by the other side', async () => {
    const sides = pair({ keys: keys.server }, { expected: {} })
    await play(sides)
    assert.equal(sides.client.refusal?.code, 'wrong-key')
  })

  test('a ceremony of another exchange, of another TLS connection, or of another origin', async () => {
    const others = [
      { binding: { ...binding, exchange: exchange.replace('1', '2') } },
      { binding: { ...binding, exporter: bytes32('another connection') } },
    ]
    for (const more of others) {
      const sides = pair(more)
      await play(sides)
      ends(sides, 'client', 'bad-ceremony')
    }
    const sides = pair({ origin: 'other.example/log/keys' })
    await play(sides)
    ends(sides, 'server', 'bad-signature')
  })

  test('a transcript that is played again', async () => {
    const said: Uint8Array[] = []
    const sides = pair()
    await play(sides, (from, bytes) => {
      if (from === 'client') said.push(bytes)
      return bytes
    })
    let server = beginCeremony(setting('server', { nonce: bytes32('a new nonce') }))
    for (const message of said) server = (await step(server, { type: 'message', bytes: message })).ceremony
    assert.equal(server.state, 'refused')
  })

  test('the string of another connection', async () => {
    const sides = pair()
    await play(sides)
    const { ceremony, send } = await step(sides.server, { type: 'confirm', string: '0000-0000' })
    assert.deepEqual([ceremony.state, ceremony.refusal?.code], ['refused', 'wrong-string'])
    assert.ok(equalBytes(send as Uint8Array, encodeMessage({ type: 'refusal', code: 'wrong-string' })))
  })
})

describe('a receiving key', () => {
  test('does not answer for what is no challenge: a wrapped content key stays closed', async () => {
    const unwrap = unwrapperOf(keys.clientReceive.pkcs8)
    const wrapped = await wrapperOf(keys.clientReceive.spki)(bytes32('the content key of a real record'))
    const challenge = await challengeTo(keys.clientReceive.spki, bytes32('secret'))
    await assert.rejects(answerTo(wrapped, unwrap, bytes32('context')), { code: 'bad-ceremony' })
    await assert.rejects(answerTo(flip(challenge, 10), unwrap, bytes32('context')), { code: 'bad-ceremony' })
    checkAnswer(await answerTo(challenge, unwrap, bytes32('context')), bytes32('secret'), bytes32('context'))
  })

  test('may not stand for a key that nobody holds', async () => {
    const stolen = {
      ...(keys.client[1] as (typeof keys.client)[0]),
      unwrap: keys.stranger[1]?.unwrap as never,
    }
    const sides = pair({ keys: [stolen] })
    await play(sides)
    ends(sides, 'client', 'bad-ceremony')
  })
})

describe('announced keys', () => {
  test('are of one owner, without roles, at most eight, none twice', async () => {
    const [sign, receive] = keys.client as [(typeof keys.client)[0], (typeof keys.client)[0]]
    const foreign = await provingKey(keys.strangerSign, {
      owner: 'other',
      assurance: 'token',
      purpose: 'sign',
    })
    for (const list of [[], [sign, sign], [sign, foreign], Array.from({ length: 9 }, () => receive)]) {
      assert.throws(() => beginCeremony(setting('client', { keys: list })), Refused)
    }
    assert.throws(() => announcedKey({ ...sign.claims, roles: ['registrar'] }), { code: 'wrong-key' })
    assert.throws(() => announcedKey({ ...sign.claims, more: 1 }), { code: 'unknown-field' })
  })
})
