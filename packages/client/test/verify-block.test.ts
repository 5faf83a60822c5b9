import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { formatHex } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { codeOf } from '../../log/test/sample.ts'
import type { Anchor } from '../src/anchor.ts'
import { plainMemory, remember } from '../src/memory.ts'
import type { BlockReader } from '../src/open.ts'
import { RegistryFollower } from '../src/registry.ts'
import type { StepName } from '../src/steps.ts'
import { type BlockReport, verifyBlock } from '../src/verify-block.ts'
import { appendBlocks, type Between, changeByte, type Served, serve } from './served.ts'

let served: Served

before(async () => {
  served = await serve()
  await appendBlocks(served, 20)
})
after(() => served[Symbol.asyncDispose]())

function readerOf(between?: Between, anchor?: Anchor): BlockReader {
  const { sample, clock } = served.tested
  const trust = anchor ?? sample.trust
  const api = served.api(between, { triesMax: 1 })
  const now = (): number => clock.ms
  const follower = new RegistryFollower({ trust, reader: api.log('keys'), now })
  return { api, trust, follower, memory: plainMemory() }
}

/** A path of the service whose answer is changed; the others are as they are. */
function changed(path: string, change: (body: Uint8Array) => Uint8Array | undefined): Between {
  return (at, body) => (at === path ? change(body) : body)
}

function failed({ steps }: BlockReport): Partial<Record<StepName, string>> {
  return Object.fromEntries(
    steps.flatMap((step) => (step.state === 'failed' ? [[step.name, step.code]] : [])),
  )
}

const part = (index: number, name: string): string => `/v1/buckets/payments/blocks/${index}/${name}`
/** Another digit in `prev`. */
const changePrev = (body: Uint8Array): Uint8Array => {
  body[100] = body[100] === 0x30 ? 0x31 : 0x30
  return body
}
const end = (body: Uint8Array): Uint8Array => changeByte(body, body.length - 10)

test('every step of a sound block is sound, and says what it found', async () => {
  const report = await verifyBlock(readerOf(), 'payments', 7)
  assert.deepEqual(failed(report), {})
  assert.deepEqual(
    report.steps.map(({ name, state }) => `${name} ${state}`),
    [
      'entry sound',
      'links sound',
      'registry sound',
      'checkpoint sound',
      // The memory is empty.
      'history none',
      'inclusion sound',
      'statement sound',
      'envelope sound',
    ],
  )
  assert.equal(report.standing, 'log-signed-only')
  assert.match(report.policy, /log-signed only/)
  assert.equal(report.suspect, false)
  const said = Object.fromEntries(report.steps.map((step) => [step.name, step.said]))
  assert.equal(said['links'], 'it names block 6; block 8 names it')
  assert.match(said['checkpoint'] ?? '', /^21 blocks, signed by log \(Ed25519\), log \(ML-DSA-44\)$/)
  assert.match(said['statement'] ?? '', /^signed by sealer \(Ed25519\) at \d{4}-/)
})

test('the first and the newest block have but one neighbour', async () => {
  const saidOf = async (index: number): Promise<string | undefined> => {
    const report = await verifyBlock(readerOf(), 'payments', index)
    assert.deepEqual(failed(report), {})
    return report.steps.find(({ name }) => name === 'links')?.said
  }
  assert.equal(await saidOf(0), 'it is the first block; block 1 names it')
  assert.equal(await saidOf(20), 'it names block 19; nothing follows it yet')
})

test('a block of the registry is verified as one of its replay', async () => {
  const report = await verifyBlock(readerOf(), 'keys', 2)
  assert.deepEqual(failed(report), {})
  assert.equal(report.steps.at(-1)?.state, 'none')
})

test('without a trust file a sound block is consistent, and not pinned', async () => {
  const { trust } = served.tested.sample
  const report = await verifyBlock(readerOf(undefined, { ledger: trust.ledger }), 'payments', 7)
  assert.deepEqual(failed(report), {})
  assert.equal(report.standing, 'not-pinned')
  assert.equal(formatHex(report.view?.registry.genesis ?? new Uint8Array(0)), formatHex(trust.genesis))
})

test('a trust file of another ledger fails where the registry begins', async () => {
  const { trust } = served.tested.sample
  const other = { ...trust, genesis: new Uint8Array(32) }
  const report = await verifyBlock(readerOf(undefined, other), 'payments', 7)
  assert.deepEqual(failed(report), { registry: 'wrong-ledger' })
  assert.equal(report.standing, 'failed')
})

const tampering: readonly (readonly [string, Between, Partial<Record<StepName, string>>])[] = [
  [
    'another signature of the statement',
    changed(part(7, 'entry'), end),
    { links: 'bad-link', inclusion: 'bad-proof', statement: 'bad-signature' },
  ],
  ['an entry that is none', changed(part(7, 'entry'), (body) => body.fill(0x20)), { entry: 'malformed' }],
  ['another block before', changed(part(6, 'entry'), end), { links: 'bad-link' }],
  ['another block after', changed(part(8, 'entry'), changePrev), { links: 'bad-link' }],
  ['another envelope', changed(part(7, 'envelope'), end), { envelope: 'wrong-digest' }],
  [
    'a receipt with another hash in its proof',
    changed(part(7, 'receipt'), (body) => changeByte(body, 40)),
    { inclusion: 'bad-proof' },
  ],
  [
    'a receipt with another signature',
    changed(part(7, 'receipt'), (body) => changeByte(body, body.length - 90)),
    { checkpoint: 'bad-checkpoint' },
  ],
]
for (const [what, between, expected] of tampering) {
  test(`${what} fails in its steps, and not in the others`, async () => {
    const report = await verifyBlock(readerOf(between), 'payments', 7)
    assert.equal(report.standing, 'failed')
    assert.deepEqual(failed(report), expected)
  })
}

async function refuse(code: 'erased' | 'insufficient-scope'): Promise<never> {
  throw new Refused(code, 'refused')
}

test('another hash than the one that was shown is told', async () => {
  const report = await verifyBlock(readerOf(), 'payments', 7, 'ab'.repeat(32))
  assert.deepEqual(failed(report), { entry: 'damaged-store' })
})

test('an envelope that is not there is no failure of the block', async () => {
  const gone = changed(part(7, 'envelope'), () => undefined)
  const reader = readerOf(gone)
  const erased = { ...reader.api, envelope: () => refuse('erased') }
  const report = await verifyBlock({ ...reader, api: erased }, 'payments', 7)
  assert.equal(report.standing, 'log-signed-only')
  assert.match(report.steps.at(-1)?.said ?? '', /erased, or withheld/)
})

test('what is remembered is held against the checkpoint', async () => {
  const reader = readerOf()
  const { checkpoint } = await verifyBlock(reader, 'payments', 7)
  assert(checkpoint !== undefined)
  const { registry } = reader.follower.view
  await remember(reader.memory, registry, checkpoint, reader.api.log('payments'))
  const again = await verifyBlock(reader, 'payments', 7)
  assert.match(again.steps.find(({ name }) => name === 'history')?.said ?? '', /the 21 blocks/)

  const { origin, note } = checkpoint
  const other = note.replace(/\n[A-Za-z0-9+/]{43}=\n/, `\n${'A'.repeat(43)}=\n`)
  const forked = { ...reader, memory: plainMemory() }
  await forked.memory.write(`${formatHex(registry.genesis)} ${origin}`, 21, other, undefined)
  assert.deepEqual(failed(await verifyBlock(forked, 'payments', 7)), { history: 'forked' })
  const longer = { ...reader, memory: plainMemory() }
  const thirty = note.replace('\n21\n', '\n30\n')
  await longer.memory.write(`${formatHex(registry.genesis)} ${origin}`, 30, thirty, undefined)
  const report = await verifyBlock({ ...longer, api: reader.api }, 'payments', 7)
  assert.deepEqual(failed(report), { history: 'rolled-back' })
})

test('what says nothing about the block is thrown', async () => {
  assert.equal(await codeOf(verifyBlock(readerOf(), 'payments', 1000)), 'unknown-block')
  assert.equal(await codeOf(verifyBlock(readerOf(), 'nothing', 1)), 'unknown-bucket')
  const { api } = readerOf()
  const without = { ...readerOf(), api: { ...api, entry: () => refuse('insufficient-scope') } }
  assert.equal(await codeOf(verifyBlock(without, 'payments', 7)), 'insufficient-scope')
})
