import { strict as assert } from 'node:assert'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { LogEvent } from '../src/event.ts'
import { Verifiers } from '../src/verify.ts'
import { keys, sealDraft, shop } from './sample.ts'

const events: LogEvent[] = []
const kinds = {
  'on the main thread': new Verifiers(0, () => undefined),
  'in workers': new Verifiers(2, (event) => void events.push(event)),
}
after(async () => {
  for (const verifiers of Object.values(kinds)) await verifiers[Symbol.asyncDispose]()
})

const good = (await sealDraft()).statement
const ofOther = (await sealDraft({ sender: shop })).statement
const forged = { ...good, signature: good.signature.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) }

function verdict(
  verifiers: Verifiers,
  statement: typeof good,
  spki: Uint8Array,
  caller = 'a',
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verifiers.verify(statement, spki, caller, (isGood, error) =>
      error === undefined ? resolve(isGood) : reject(error),
    )
  })
}

for (const [where, verifiers] of Object.entries(kinds)) {
  test(`good signatures are told from bad ones ${where}`, async () => {
    const verdicts = await Promise.all([
      verdict(verifiers, good, keys.statement.spki),
      verdict(verifiers, forged, keys.statement.spki),
      verdict(verifiers, ofOther, keys.other.spki),
      verdict(verifiers, { ...good, signature: new Uint8Array(0) }, keys.statement.spki),
      verdict(verifiers, { ...good, signingInput: good.signingInput.slice(1) }, keys.statement.spki),
    ])
    assert.deepEqual(verdicts, [true, false, true, false, false])
  })
}

test('a thousand verdicts come to those who asked', async () => {
  const asked = Array.from({ length: 1000 }, (_, i) => (i % 7 === 0 ? forged : good))
  const verdicts = await Promise.all(
    asked.map((one) => verdict(kinds['in workers'], one, keys.statement.spki)),
  )
  assert.deepEqual(
    verdicts,
    asked.map((one) => one === good),
  )
})

test('jobs that drip in while a thread is at work are all answered', async () => {
  const asked: Promise<boolean>[] = []
  for (let i = 0; i < 40; i++) {
    asked.push(verdict(kinds['in workers'], i % 5 === 0 ? forged : good, keys.statement.spki, `${i % 3}`))
    for (let turn = 0; turn < i % 4; turn++) await setImmediate()
  }
  const verdicts = await Promise.all(asked)
  assert.deepEqual(
    verdicts,
    verdicts.map((_, i) => i % 5 !== 0),
  )
})

test('one verification of a caller does not wait behind a thousand of another', async () => {
  const order: string[] = []
  const ask = (caller: string): Promise<unknown> =>
    verdict(kinds['in workers'], good, keys.statement.spki, caller).then(() => order.push(caller))
  const many = Array.from({ length: 1000 }, () => ask('many'))
  await ask('single')
  assert(order.length < 300, `${order.length} came first`)
  await Promise.all(many)
})

test('a key that cannot be parsed has signed nothing and harms nobody else', async () => {
  const verifiers = new Verifiers(1, (event) => void events.push(event))
  const other = { ...good, header: { ...good.header, kid: 'other' } }
  const verdicts = [
    verdict(verifiers, other, new Uint8Array(3)),
    verdict(verifiers, good, keys.statement.spki),
  ]
  assert.deepEqual(await Promise.all(verdicts), [false, true])
  await verifiers[Symbol.asyncDispose]()
})

test('a thread that dies fails what it was given, and another takes its place', async () => {
  const verifiers = new Verifiers(1, (event) => void events.push(event))
  // A length that does not fit its field: no statement can have it, and the thread cannot read the message.
  const broken = { ...good, signature: new Uint8Array(70_000) }
  await assert.rejects(verdict(verifiers, broken, keys.statement.spki))
  assert.equal(events.filter(({ kind }) => kind === 'worker-failed').length, 1)
  assert.equal(await verdict(verifiers, good, keys.statement.spki), true)
  await verifiers[Symbol.asyncDispose]()
})

test('a thread that dies fails its second message too, and the rest is verified', async () => {
  const verifiers = new Verifiers(1, () => undefined)
  const broken = { ...good, signature: new Uint8Array(70_000) }
  const statements = [broken, ...Array.from({ length: 80 }, () => good)]
  const settled = await Promise.allSettled(
    statements.map((statement) => verdict(verifiers, statement, keys.statement.spki)),
  )
  assert.deepEqual(
    settled.map(({ status }) => status),
    statements.map((_, i) => (i < 8 + 32 ? 'rejected' : 'fulfilled')),
  )
  await verifiers[Symbol.asyncDispose]()
})

test('closed verifiers fail what waits', async () => {
  const verifiers = new Verifiers(1, () => undefined)
  const waiting = Array.from({ length: 500 }, () => verdict(verifiers, good, keys.statement.spki))
  const settled = Promise.allSettled(waiting)
  await verifiers[Symbol.asyncDispose]()
  const states = new Set((await settled).map(({ status }) => status))
  assert(states.has('rejected'))
})
