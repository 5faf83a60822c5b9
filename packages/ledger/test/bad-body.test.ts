// Bodies, queries and paths that callers may get wrong: each mistake has its own code, and nothing enters the
// log.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { formatHex } from '@ledgerstone/core/bytes'
import { startLedger, type Tested } from './ledger.ts'
import {
  assertRefused,
  type Headers,
  respelled,
  type SealedJson,
  sound,
  url,
  withEnvelope,
} from './mistakes.ts'

const json = { 'content-type': 'application/json' }
let ledger: Tested
let headers: Headers
let size: number

before(async () => {
  ledger = await startLedger()
  headers = await ledger.bearer('append:* manage:keys read:*')
})

after(() => ledger.close())

beforeEach(() => {
  size = ledger.log.bucket('payments').head.size
})

afterEach(() => {
  assert.equal(ledger.log.bucket('payments').head.size, size, 'nothing was appended')
})

function refused(payload: unknown, status: number, code: string, to = url): Promise<string> {
  return assertRefused(ledger, headers, payload, status, code, to)
}

describe('a body', () => {
  it('that is cut off is malformed', async () => {
    await refused(JSON.stringify(await sound()).slice(0, -20), 400, 'malformed')
  })

  it('that is shorter than announced is malformed', async () => {
    const payload = JSON.stringify(await sound())
    const announced = { ...headers, ...json, 'content-length': `${payload.length + 5}` }
    const answer = await ledger.app.inject({ method: 'POST', url, headers: announced, payload })
    assert.equal(answer.statusCode, 400)
    assert.equal(answer.json().code, 'malformed')
  })

  it('of more than 4 MiB is too large', async () => {
    await refused(Buffer.alloc(4_194_305, ' '), 413, 'too-large')
  })

  it('of another media type is not taken, nor one of none', async () => {
    const payload = JSON.stringify(await sound())
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jose']) {
      const other = { ...headers, 'content-type': type }
      const answer = await ledger.app.inject({ method: 'POST', url, headers: other, payload })
      assert.equal(answer.statusCode, 415, type)
      assert.equal(answer.json().code, 'wrong-media-type')
    }
    const answer = await ledger.app.inject({ method: 'POST', url, headers })
    assert.equal(answer.json().code, 'malformed')
  })

  for (const [what, body] of [
    ['nothing', ''],
    ['a number', '7'],
    ['null', 'null'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ['a statement that is a number', '{"statement":7}'],
    ['a statement that is no JWS', '{"statement":"a.b","envelope":{}}'],
  ] as const) {
    it(`of ${what} is malformed`, async () => {
      await refused(body, 400, 'malformed')
    })
  }

  it('nested deeper than eight levels is too large', async () => {
    await refused(`{"statement":${'['.repeat(20)}${']'.repeat(20)}}`, 413, 'too-large')
  })
})

describe('a member that is given twice', () => {
  const repeat = (text: string, name: string): string =>
    text.replace(`"${name}":`, `"${name}":"x","${name}":`)

  it('is malformed, wherever it is', async () => {
    const text = JSON.stringify(await sound())
    for (const name of ['statement', 'envelope', 'objecta', 'media', 'kid']) {
      assert.match(await refused(repeat(text, name), 400, 'malformed'), new RegExp(`"${name}" twice`))
    }
  })

  it('is malformed also when it is spelled differently, or far from the first', async () => {
    const text = JSON.stringify(await sound())
    await refused(text.replace('{', '{"\\u0073tatement":"x",'), 400, 'malformed')
    await refused(`[${text}, ${repeat(text, 'objectb')}]`, 400, 'malformed', `${url}/batch`)
    await refused(text.replace(/\}$/, ',"statement":1e20}'), 400, 'malformed')
  })

  it('is not what white space, escapes and the order of members make', async () => {
    const record = await sound()
    const { objecta, ...rest } = record.envelope
    const spelled = JSON.stringify({ envelope: { ...rest, objecta }, statement: record.statement }, null, 2)
    const payload = spelled.replace('application/json', 'application\\/json')
    const sent = { ...headers, ...json }
    const answer = await ledger.app.inject({ method: 'POST', url, headers: sent, payload })
    assert.equal(answer.statusCode, 201)
    size++
  })

  it('cannot be hidden among millions of others', async () => {
    const many = `[${'{},'.repeat(400_000)}{}]`
    assert.match(await refused(`${many} `, 413, 'too-large', `${url}/batch`), /too many members/)
  })
})

describe('an unknown member', () => {
  const places: readonly [string, (record: SealedJson) => object][] = [
    ['the record', (record) => record],
    ['the envelope', (record) => record.envelope],
    ['a receiver', (record) => record.envelope.receivers[0] as object],
    ['the labels', (record) => record.envelope.labels],
  ]
  for (const [what, place] of places) {
    it(`of ${what} is refused by name`, async () => {
      const record = await sound()
      Object.assign(place(record), { sneaky: 1 })
      assert.match(await refused(record, 400, 'unknown-field'), /sneaky/)
    })
  }

  it("of the statement's payload is refused", async () => {
    const record = await respelled((header, payload) => [header, payload.replace('}', '},"sneaky":1')])
    await refused(record, 400, 'malformed')
    const sorted = await respelled((header, payload) => [
      header,
      payload.replace(',"type"', ',"sneaky":1,"type"'),
    ])
    await refused(sorted, 400, 'unknown-field')
  })

  it("of the statement's header is refused", async () => {
    const record = await respelled((header, payload) => [
      header.replace(',"kid"', ',"jku":"https://evil.example","kid"'),
      payload,
    ])
    await refused(record, 400, 'unknown-field')
  })

  it('called __proto__ is refused', async () => {
    await refused('{"statement":"a","__proto__":{"envelope":{}}}', 400, 'unknown-field')
  })
})

describe('another spelling', () => {
  const spellings: readonly [
    string,
    'objecta' | 'objectb' | 'signer' | 'statement',
    (text: string) => string,
  ][] = [
    ['hexadecimal in capitals', 'objectb', (text) => text.toUpperCase()],
    ['hexadecimal of odd length', 'objectb', (text) => `${text}a`],
    ['hexadecimal with a blank', 'objectb', (text) => `${text} `],
    ['base64 without padding', 'objecta', (text) => text.replace(/=+$/, '')],
    ['base64 with spare bits', 'objecta', (text) => withSpareBit(text, 2)],
    ['base64 in the URL alphabet', 'objecta', (text) => `-_${text.slice(2)}`],
    ['a kid with spare bits', 'signer', (text) => withSpareBit(text, 0)],
    ['a statement with a newline', 'statement', (text) => `${text}\n`],
    ['a signature with spare bits', 'statement', (text) => withSpareBit(text, 0)],
  ]
  for (const [what, member, spell] of spellings) {
    it(`(${what}) is malformed`, async () => {
      const { statement, envelope } = await sound()
      const record =
        member === 'statement'
          ? { statement: spell(statement), envelope }
          : { statement, envelope: { ...envelope, [member]: spell(envelope[member]) } }
      await refused(record, 400, 'malformed')
    })
  }

  it('of the payload (white space, other order, a member twice) is malformed, though signed', async () => {
    const respellings = [
      (payload: string) => payload.replace(':', ': '),
      (payload: string) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(payload)).reverse())),
      (payload: string) => payload.replace('{', '{"id":"x",'),
      (payload: string) => payload.replace('payment', '\\u0070ayment'),
    ]
    for (const respelling of respellings) {
      await refused(await respelled((header, payload) => [header, respelling(payload)]), 400, 'malformed')
    }
  })

  it('of the list of receivers (one of them twice) is malformed', async () => {
    await refused(
      await withEnvelope(({ receivers }) => ({ receivers: [...receivers, ...receivers] })),
      400,
      'malformed',
    )
  })
})

/** The same bytes, with a bit set that the last character before `padding` characters does not need. */
function withSpareBit(text: string, padding: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const at = text.length - padding - 1
  const next = alphabet[alphabet.indexOf(text[at] as string) + 1]
  return text.slice(0, at) + next + text.slice(at + 1)
}

describe('a query', () => {
  for (const query of ['?wait=forever', '?receipt=yes', '?receipt=', '?wait=final&wait=final', '?page=2']) {
    it(`${query} is not understood`, async () => {
      await refused(await sound(), 400, 'bad-query', url + query)
    })
  }
})

describe('a path', () => {
  it('to a bucket that is not there is refused', async () => {
    await refused(await sound(), 404, 'unknown-bucket', '/v1/buckets/nothing/blocks')
  })

  it('that is not there is refused, whatever the method', async () => {
    for (const [method, path] of [
      ['PUT', url],
      ['DELETE', `${url}/1`],
      ['PATCH', '/v1/buckets'],
      ['OPTIONS', url],
      ['GET', '/v1/bucket'],
      ['POST', '/'],
    ] as const) {
      const answer = await ledger.app.inject({
        method,
        url: path,
        headers,
      })
      assert.equal(answer.statusCode, 404, `${method} ${path}`)
      assert.equal(answer.json().code, 'unknown-route')
    }
  })
})

describe('a refusal', () => {
  it('never repeats what was sent', async () => {
    const secret = formatHex(randomBytes(8))
    const payload = `{"statement":"${secret}", ${secret}`
    const sent = { ...headers, ...json }
    const answer = await ledger.app.inject({ method: 'POST', url, headers: sent, payload })
    assert.equal(answer.statusCode, 400)
    assert.doesNotMatch(answer.body, new RegExp(secret))
  })
})
