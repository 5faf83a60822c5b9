import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { concat, utf8 } from '@ledgerstone/core/bytes'
import type { Labels } from '@ledgerstone/core/labels'
import { originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { formatSealed, type Sealed } from '@ledgerstone/core/sealed'
import { parseStatement } from '@ledgerstone/core/statement'
import { bodyStatement } from '@ledgerstone/log/genesis'
import { type Submission, submissionOf } from '@ledgerstone/log/submission'
import { keys, ledger, sealDraft, shop, start } from '../../log/test/sample.ts'
import { Intake } from '../src/intake.ts'
import { type Decoded, decodeDecoded, encodeDecoded, encodeRefused } from '../src/intake-message.ts'

const registered = new Map([keys.statement, keys.other].map(({ kid, spki }) => [kid, spki]))

function open(threads: number): Intake {
  return new Intake({ threads, keyOf: ({ kid }) => registered.get(kid), report: () => undefined })
}

const kinds = { 'on the calling thread': open(0), 'in a thread': open(1) }
after(async () => {
  for (const intake of Object.values(kinds)) await intake[Symbol.asyncDispose]()
})

const bodyOf = (sealed: Sealed): Uint8Array => utf8(JSON.stringify(formatSealed(sealed)))
const batchOf = (records: readonly Sealed[]): Uint8Array =>
  utf8(JSON.stringify({ records: records.map(formatSealed) }))
const unsigned = ({ jws }: Sealed['statement']): Sealed['statement'] =>
  parseStatement(`${jws.slice(0, jws.lastIndexOf('.'))}.${'A'.repeat(86)}`)

async function decodeAll(intake: Intake, body: Uint8Array): Promise<readonly Decoded[]> {
  const records: Decoded[] = []
  await intake.decodeBatch(body, 'caller', (some) => void records.push(...some))
  return records
}

/** What is left of a submission on its way between threads. */
function clearOf({ statement, envelope, envelopeBytes, isSigned }: Submission): unknown {
  const { jws, header, payload } = statement
  const { log, id, type, issued, retry, case: step, body } = payload
  const { media, actor, meta } = envelope?.labels ?? {}
  return structuredClone({
    ...{ jws, header, payload: { log, id, type, issued, retry, step, body } },
    ...{ labels: { media, actor, meta }, suite: envelope?.suite, signer: envelope?.signer },
    receivers: envelope?.receivers.map(({ kid }) => kid),
    ...{ envelopeBytes: new Uint8Array(envelopeBytes), isSigned },
  })
}

test('a submission is the same on the other side of a thread', async () => {
  const origin = originOf(ledger, 'keys')
  const body = { text: 'Ä "quoted" \u2028 line', list: [1, { deep: null }], flag: true }
  const statement = await bodyStatement(origin, 'ledgerstone.key.register', body, keys.registrar, start)
  const actor = { iss: 'https://id.example', client: 'shop', sub: 'Jörg 🧾' }
  const labels: Labels = { media: 'text/plain', actor, meta: { currency: 'EUR', paid: true, count: 3 } }
  const sound = [
    submissionOf(await sealDraft()),
    submissionOf(await sealDraft({ case: { id: '018f3b2c-0000-7000-8000-000000000001', after: null } })),
    submissionOf(await sealDraft({ case: { id: '018f3b2c-0000-7000-8000-000000000001', after: start32 } })),
    { ...submissionOf(await sealDraft({ sender: shop })), isSigned: true },
    { ...submissionOf(await sealDraft()), isSigned: false },
    submissionOf({ statement }),
    withLabels(submissionOf(await sealDraft()), labels),
  ]
  const refused = new Refused('malformed', 'it is “wrong”')
  const all: readonly Decoded[] = [...sound, refused, new Error('a fault')]
  const back = decodeDecoded(encodeDecoded(all))
  assert.equal(back.length, all.length)
  for (const [i, submission] of sound.entries()) {
    assert.deepEqual(clearOf(back[i] as Submission), clearOf(submission), `record ${i}`)
  }
  const [again, fault] = back.slice(-2)
  assert(again instanceof Refused && again.code === 'malformed' && again.message === refused.message)
  assert(fault instanceof Error && !(fault instanceof Refused) && fault.message === 'a fault')
})

const start32 = new Uint8Array(32).fill(7)

function withLabels(submission: Submission, labels: Labels): Submission {
  assert(submission.envelope !== undefined)
  return { ...submission, envelope: { ...submission.envelope, labels } }
}

test('a whole batch can be refused', () => {
  assert.throws(() => decodeDecoded(encodeRefused(new Refused('too-large', 'Ü'))), {
    code: 'too-large',
    message: 'Ü',
  })
})

for (const [where, intake] of Object.entries(kinds)) {
  test(`${where}: bad bodies are refused with their codes`, async () => {
    const sealed = await sealDraft()
    const other = await sealDraft()
    const twice = JSON.stringify(formatSealed(sealed)).replace('{', '{"statement":"",')
    const bad: readonly (readonly [Uint8Array, string])[] = [
      [new Uint8Array(0), 'malformed'],
      [utf8('{'), 'malformed'],
      [Uint8Array.of(0x22, 0xff, 0x22), 'malformed'],
      [utf8('[]'), 'malformed'],
      [utf8(twice), 'malformed'],
      [utf8(JSON.stringify({ ...formatSealed(sealed), more: 1 })), 'unknown-field'],
      [utf8(JSON.stringify({ statement: sealed.statement.jws })), 'malformed'],
      [bodyOf({ ...sealed, envelope: other.envelope }), 'wrong-digest'],
      [concat(bodyOf(sealed), utf8('x')), 'malformed'],
    ]
    for (const [body, code] of bad) {
      await assert.rejects(intake.decode(body, 'caller'), (error) => {
        assert(error instanceof Refused, String(error))
        assert.equal(error.code, code, error.message)
        return true
      })
    }
    for (const [text, code] of [
      [`[${twice}]`, 'malformed'],
      [`{"records":[],"records":[${JSON.stringify(formatSealed(sealed))}]}`, 'malformed'],
      ['{"records":[]}', 'malformed'],
      ['{"records":{}}', 'malformed'],
      ['{"records":[],"more":1}', 'unknown-field'],
      [`[${'0,'.repeat(1000)}0]`, 'too-large'],
    ] as const) {
      await assert.rejects(decodeAll(intake, utf8(text)), { code })
    }
  })

  test(`${where}: a batch gives its records in their order, each by itself`, async () => {
    const records = await Promise.all(Array.from({ length: 130 }, () => sealDraft()))
    const mixed = records.map((sealed, i) =>
      i === 70 ? { ...sealed, envelope: (records[0] as Sealed).envelope } : sealed,
    )
    const decoded = await decodeAll(intake, batchOf(mixed))
    assert.equal(decoded.length, 130)
    for (const [i, record] of decoded.entries()) {
      if (i === 70) assert(record instanceof Refused && record.code === 'wrong-digest')
      else assert.equal((record as Submission).statement.jws, mixed[i]?.statement.jws)
    }
  })
}

test('a thread verifies by the keys that it was told when it first met them', async () => {
  await using intake = open(1)
  const verdictOf = async (sealed: Sealed): Promise<boolean | undefined> =>
    (await intake.decode(bodyOf(sealed), 'caller')).isSigned
  const sealed = await sealDraft()
  const forged = { ...sealed, statement: unsigned(sealed.statement) }
  assert.equal(await verdictOf(sealed), undefined)
  assert.equal(await verdictOf(sealed), true)
  assert.equal(await verdictOf(forged), false)
  assert.equal(await verdictOf(await sealDraft({ sender: shop })), undefined, 'another key')
  assert.equal(await verdictOf(await sealDraft({ sender: shop })), true)
  const [first, second] = await decodeAll(intake, batchOf([sealed, forged]))
  assert.deepEqual([(first as Submission).isSigned, (second as Submission).isSigned], [true, false])
})

test('a key that is not registered, or of another algorithm, is never verified by', async () => {
  const { kid } = keys.statement
  const spkis = new Map([[kid, keys.rsa.spki]])
  const options = { threads: 1, report: () => undefined }
  await using none = new Intake({ ...options, keyOf: () => undefined })
  await using wrong = new Intake({ ...options, keyOf: (header) => spkis.get(header.kid) })
  for (const intake of [none, wrong]) {
    const body = bodyOf(await sealDraft())
    for (let i = 0; i < 3; i++) assert.equal((await intake.decode(body, 'caller')).isSigned, undefined)
  }
})

test('a record does not wait behind a batch of another caller', async () => {
  await using intake = open(1)
  const sealed = await sealDraft()
  const order: string[] = []
  const batch = intake.decodeBatch(batchOf(new Array<Sealed>(1000).fill(sealed)), 'many', () =>
    order.push('slice'),
  )
  await intake.decode(bodyOf(sealed), 'single')
  order.push('single')
  await batch
  const before = order.indexOf('single')
  assert(before < 20 && order.length > 25, `${before} of ${order.length} slices came first`)
})

test('closed, it fails what waits', async () => {
  const intake = open(1)
  const waiting = Promise.allSettled([
    intake.decode(bodyOf(await sealDraft()), 'caller'),
    decodeAll(intake, batchOf([await sealDraft()])),
  ])
  await intake[Symbol.asyncDispose]()
  for (const { status } of await waiting) assert.equal(status, 'rejected')
})
