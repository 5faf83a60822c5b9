import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { verifierOf } from '#primitives'
import { formatBase64url, utf8 } from '../src/bytes.ts'
import { statementSignerOf } from '../src/key-pair.ts'
import { Refused } from '../src/refused.ts'
import {
  formatPayload,
  parsePayload,
  parseStatement,
  type StatementAlgorithm,
  type StatementPayload,
  signStatement,
} from '../src/statement.ts'
import { formatTime } from '../src/time.ts'
import { draftOf, keyNamed, newId, now } from './sample-ledger.ts'
import { type Case, hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Valid = Case & {
  jws: string
  header: { alg: StatementAlgorithm; kid: string }
  payload: { id: string; issued: string; log: string; type: string }
  spki: string
}
type Vectors = {
  valid: Valid[]
  invalid: (Case & { jws: string; code: string })[]
  forged: (Case & { jws: string; spki: string })[]
}
const vectors = readVectors<Vectors>('statement')
const first = vectors.valid[0] as Valid

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((value) => new Uint8Array(value))
const uuid = fc.uuid({ version: [4, 7, 8] })
const payloads: fc.Arbitrary<StatementPayload> = fc.record(
  {
    log: fc.string({ unit: 'grapheme' }),
    id: uuid,
    type: fc.stringMatching(/^[a-z][a-z0-9.-]{0,63}$/).filter((type) => !type.startsWith('ledgerstone.')),
    issued: fc.integer({ min: 0, max: 253_402_300_799_999 }),
    content: fc.record(
      { suite: fc.constantFrom('rsa-aes-cfb', 'article-block'), digest: hash, bytes: fc.maxSafeNat() },
      { noNullPrototype: true },
    ),
    retry: hash.map((value) => value.slice(0, 16)),
    case: fc.record({ id: uuid, after: fc.option(hash) }, { noNullPrototype: true }),
    refs: fc.array(hash, { minLength: 1, maxLength: 8 }),
  },
  { requiredKeys: ['log', 'id', 'type', 'issued', 'content'], noNullPrototype: true },
)

describe('statements', () => {
  testEach(vectors.valid, async ({ jws, header, payload, spki }) => {
    const statement = parseStatement(jws)
    assert.equal(statement.jws, jws)
    assert.deepEqual(statement.header, header)
    assert.deepEqual(JSON.parse(formatPayload(statement.payload)), payload)
    assert.equal(statement.payload.id, payload.id)
    assert.equal(formatTime(statement.payload.issued), payload.issued)
    const verify = await verifierOf(header.alg, hex(spki))
    assert.ok(await verify(statement.signingInput, statement.signature))
  })
  testEach(vectors.invalid, ({ jws, code }) => assert.throws(() => parseStatement(jws), refusedAs(code)))
  testEach(vectors.forged, async ({ jws, spki }) => {
    const { header, signingInput, signature } = parseStatement(jws)
    assert.equal(await (await verifierOf(header.alg, hex(spki)))(signingInput, signature), false)
  })

  test('come back as what was signed', async () => {
    const key = await statementSignerOf(await keyNamed('alice'))
    const property = fc.asyncProperty(payloads, async (payload) => {
      const jws = await signStatement(payload, key)
      const statement = parseStatement(jws)
      assert.deepEqual(statement.payload, payload)
      assert.equal(new TextDecoder().decode(statement.signingInput), jws.slice(0, jws.lastIndexOf('.')))
    })
    await fc.assert(property, { numRuns: 50 })
  })
  test('are refused or no longer verify after any one bit is flipped', async () => {
    const verify = await verifierOf(first.header.alg, hex(first.spki))
    const bytes = utf8(first.jws)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      try {
        const statement = parseStatement(new TextDecoder('utf-8', { ignoreBOM: true }).decode(changed))
        // What is left can only be another payload, kid or signature.
        assert.equal(await verify(statement.signingInput, statement.signature), false, `bit ${bit}`)
      } catch (error) {
        assert.ok(error instanceof Refused, `bit ${bit}: ${error}`)
      }
    }
  })
  test('are refused, never anything else, whatever the text', () => {
    const jws = first.jws
    const cut = fc.tuple(fc.nat(jws.length), fc.nat(jws.length), fc.string({ unit: 'binary', maxLength: 5 }))
    fc.assert(
      fc.property(cut, ([a, b, put]) => {
        const text = jws.slice(0, Math.min(a, b)) + put + jws.slice(Math.max(a, b))
        try {
          assert.equal(parseStatement(text).jws, text)
        } catch (error) {
          assert.ok(error instanceof Refused, `${error}`)
        }
      }),
      { numRuns: 1000 },
    )
  })
  test('longer than 32 KiB are refused before they are read, and not made', async () => {
    assert.throws(() => parseStatement('.'.repeat(32_769)), refusedAs('too-large'))
    const key = await statementSignerOf(await keyNamed('alice'))
    const { log, id, issued } = draftOf()
    const body = { a: 'x'.repeat(16_000), b: 'y'.repeat(16_000) }
    const made = signStatement({ log, id, issued, type: 'ledgerstone.policy', body }, key)
    await assert.rejects(made, refusedAs('too-large'))
  })
  test('with a header seen before are held to the same rules', () => {
    const [header, payload, signature] = first.jws.split('.') as [string, string, string]
    assert.ok(parseStatement(first.jws))
    assert.throws(() => parseStatement(`${header}.${payload}`), refusedAs('malformed'))
    assert.throws(() => parseStatement(`${header}=.${payload}.${signature}`), refusedAs('malformed'))
    assert.ok(parseStatement(first.jws))
  })
})

describe('payloads', () => {
  const base = { log: 'a.example/log/b', id: newId(), type: 'ledgerstone.policy', issued: now }
  test('have a body of at most 16 KiB', () => {
    const bodyOf = (length: number): StatementPayload => ({ ...base, body: { a: 'x'.repeat(length - 8) } })
    assert.ok(parsePayload(formatPayload(bodyOf(16_384))))
    assert.throws(() => parsePayload(formatPayload(bodyOf(16_385))), refusedAs('too-large'))
  })
  test('keep a body with names that JavaScript knows', () => {
    const body = JSON.parse('{"__proto__":{"x":1},"constructor":2}')
    const read = parsePayload(formatPayload({ ...base, body }))
    assert.equal(formatPayload(read), formatPayload({ ...base, body }))
    assert.ok(Object.hasOwn(read.body ?? {}, '__proto__'))
    assert.equal(({} as { x?: number }).x, undefined)
  })
})

test('a kid is base64url of 32 bytes', async () => {
  const { kid } = await keyNamed('alice')
  assert.equal(kid.length, 43)
  assert.equal(formatBase64url(new Uint8Array(32)).length, 43)
})
