// What no sequence of messages may do, whoever writes them: one side is ours, the other an attacker who holds
// keys of his own, has seen an honest ceremony, and sends what he likes in any order.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Bytes } from '@ledgerstone/core/bytes'
import fc from 'fast-check'
import { beginCeremony, type Ceremony, type CeremonyEvent, step } from '../src/ceremony.ts'
import { decodeMessage, encodeMessage, type Message } from '../src/message.ts'
import type { Role } from '../src/transcript.ts'
import { endStates, type StateName, transitions } from '../src/transitions.ts'
import { bytes32, keys, pair, play, setting } from './ceremonies.ts'

/** Everything that was said in two honest ceremonies, of which one was with the attacker's own keys. */
const overheard: Bytes[] = []
for (const mine of [keys.client, keys.stranger]) {
  await play(pair({ keys: mine }), (_, bytes) => {
    overheard.push(bytes)
    return bytes
  })
}
const messages = overheard.map(decodeMessage)

/** Parts of what was overheard, put together anew. */
const spliced: fc.Arbitrary<Bytes> = fc
  .tuple(fc.constantFrom(...messages), fc.constantFrom(...messages), fc.nat({ max: 255 }))
  .map(([a, b, at]) => {
    const mixed = encodeMessage({ ...b, ...a } as Message)
    return at % 3 === 0 ? mixed.with(at % mixed.length, at) : mixed
  })

const anyEvent: fc.Arbitrary<CeremonyEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...overheard).map((bytes) => ({ type: 'message' as const, bytes })),
  },
  { weight: 3, arbitrary: spliced.map((bytes) => ({ type: 'message' as const, bytes })) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 80 }).map((bytes) => ({ type: 'message' as const, bytes })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('connected', 'kept', 'confirm', 'lost').map((type) => ({ type }) as never),
  },
)

/** One event; a local one that is out of turn is what a caller may not do, and changes nothing. */
async function feed(ceremony: Ceremony, event: CeremonyEvent): Promise<Ceremony> {
  try {
    return (await step(ceremony, event)).ceremony
  } catch (error) {
    assert.ok(
      event.type !== 'message' && error instanceof Error && /takes no/.test(error.message),
      String(error),
    )
    return ceremony
  }
}

describe('whatever the other side sends', () => {
  for (const role of ['client', 'server'] as const) {
    test(`the ${role} is not confirmed without the other's proofs`, async () => {
      const property = fc.asyncProperty(fc.array(anyEvent, { maxLength: 14 }), async (events) => {
        let ceremony = beginCeremony(
          setting(role, { nonce: bytes32('fresh'), secrets: Array(8).fill(bytes32('new')) }),
        )
        const first: CeremonyEvent[] = role === 'client' ? [{ type: 'connected' }] : []
        for (const event of [...first, ...events]) ceremony = await feed(ceremony, event)
        assert.ok(!(['proven', 'answered', 'awaiting', 'confirmed'] as StateName[]).includes(ceremony.state))
        assert.equal(ceremony.registrations.length, 0)
      })
      await fc.assert(property, { numRuns: 300 })
    })
  }

  test('an end stays the end, and nothing is said after it', async () => {
    const property = fc.asyncProperty(anyEvent, fc.constantFrom(...endStates), async (event, state) => {
      const before: Ceremony = { ...beginCeremony(setting('server')), state }
      const { ceremony, send } = await step(before, event)
      assert.equal(ceremony, before)
      assert.equal(send, undefined)
    })
    await fc.assert(property, { numRuns: 100 })
  })

  test('bytes that are no message never throw, and end it', async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const { ceremony } = await step(beginCeremony(setting('server')), { type: 'message', bytes })
      const isCommit = bytes.length === 34 && bytes[0] === 1 && bytes[1] === 1
      assert.equal(ceremony.state, isCommit ? 'offered' : 'refused')
    })
    await fc.assert(property, { numRuns: 300 })
  })
})

describe('the table', () => {
  /** All rows that may be followed from a state. */
  function leadingTo(role: Role, to: StateName): Set<StateName> {
    const rows = transitions.filter((row) => (row.role === role || row.role === 'both') && row.from !== '*')
    const found = new Set<StateName>([to])
    for (let grown = true; grown; ) {
      const more = rows.filter((row) => found.has(row.to) && !found.has(row.from as StateName))
      for (const row of more) found.add(row.from as StateName)
      grown = more.length > 0
    }
    return found
  }

  for (const role of ['client', 'server'] as const) {
    test(`has one way to confirmed for the ${role}, and it checks both sides' proofs`, () => {
      const states = leadingTo(role, 'confirmed')
      const rows = transitions.filter(
        (row) =>
          (row.role === role || row.role === 'both') &&
          states.has(row.to) &&
          row.from !== row.to &&
          row.from !== '*',
      )
      assert.equal(rows.length, states.size - 1, 'a line without branches')
      assert.ok(
        rows.some(({ event, checks }) => /^(?:proof|answer)$/.test(event) && /signatures/.test(checks ?? '')),
      )
      assert.ok(
        rows.some(({ sends }) => sends === 'proof' || sends === 'answer'),
        'and gives its own',
      )
    })
  }

  test('has one row for a state and an event', () => {
    const names = transitions.flatMap(({ role, from, event }) =>
      (role === 'both' ? ['client', 'server'] : [role]).map((each) => `${each} ${from} ${event}`),
    )
    assert.equal(new Set(names).size, names.length)
  })
})
