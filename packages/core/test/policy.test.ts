import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Faults, Policy, Quorum } from '../src/policy.ts'
import { describePolicy, faults, isSatisfied, parsePolicy } from '../src/policy.ts'
import type { Case } from './vectors.ts'
import { readVectors, refusedAs, testEach } from './vectors.ts'

type Valid = Case & {
  policy: string
  faults: Faults
  description: string
  satisfiedBy: string[][]
  notSatisfiedBy: string[][]
}
const vectors = readVectors<{ valid: Valid[]; invalid: (Case & { policy: string; code: string })[] }>(
  'policy',
)

describe('policies', () => {
  testEach(vectors.valid, (each) => {
    const policy = parsePolicy(each.policy)
    assert.equal(policy.text, each.policy)
    assert.deepEqual(faults(policy), each.faults)
    assert.equal(describePolicy(policy), each.description)
    for (const names of each.satisfiedBy)
      assert.equal(isSatisfied(policy, new Set(names)), true, names.join())
    for (const names of each.notSatisfiedBy)
      assert.equal(isSatisfied(policy, new Set(names)), false, names.join())
  })
  testEach(vectors.invalid, ({ policy, code }) => {
    assert.throws(() => parsePolicy(policy), refusedAs(code))
  })

  test('name their logs and witnesses, with URLs', () => {
    const given = vectors.valid.find(({ policy }) => policy.includes('https://a.example'))
    assert.ok(given)
    const policy = parsePolicy(given.policy)
    assert.equal(policy.logs[0]?.url, 'https://ledger.example.com/log/payments')
    assert.equal(policy.logs[0]?.vkey.name, 'ledger.example.com/log/payments')
    assert.equal(policy.witnesses.get('a')?.url, 'https://a.example/')
    assert.equal(policy.witnesses.get('a')?.vkey.name, 'a.example')
  })

  test('are refused over 128 KiB and over 256 names', () => {
    const none = 'quorum none\n'
    parsePolicy(`#${'x'.repeat(131_072 - none.length - 2)}\n${none}`)
    assert.throws(
      () => parsePolicy(`#${'x'.repeat(131_072 - none.length - 1)}\n${none}`),
      refusedAs('too-large'),
    )
    const witness = vectors.valid.find(({ policy }) => policy.startsWith('witness a '))?.policy.split('\n')[0]
    const groups = (count: number): string =>
      Array.from({ length: count }, (_, i) => `group g${i} 1 ${i === 0 ? 'a' : `g${i - 1}`}\n`).join('')
    parsePolicy(`${witness}\n${groups(255)}quorum g254\n`)
    assert.throws(() => parsePolicy(`${witness}\n${groups(256)}quorum g255\n`), refusedAs('too-large'))
  })

  test('overlap and absentMax are those found by trying every set of witnesses', () => {
    fc.assert(
      fc.property(quorumOf(), (quorum) => {
        const names = witnessesOf(quorum)
        const policy: Policy = { logs: [], witnesses: new Map(), quorum, text: '' }
        const sets = Array.from({ length: 2 ** names.length }, (_, bits) => bits)
        const reached = sets.filter((bits) =>
          isSatisfied(policy, new Set(names.filter((_, i) => bits & (1 << i)))),
        )
        const overlap = Math.min(...reached.flatMap((a) => reached.map((b) => bitsOf(a & b))))
        const blocking = sets.filter((bits) => !reached.includes(sets.length - 1 - bits))
        const absentMax = Math.min(...blocking.map(bitsOf)) - 1
        assert.deepEqual(faults(policy), { quorum: 'witnesses', overlap, f: overlap - 1, absentMax })
      }),
      { numRuns: 200 },
    )
  })
})

/** Threshold trees of two levels over at most seven witnesses, each witness in one place. */
function quorumOf(): fc.Arbitrary<Quorum> {
  const sizes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 })
  return fc.tuple(sizes, fc.array(fc.nat(), { minLength: 4, maxLength: 4 })).map(([groups, picks]) => {
    let next = 0
    const group = (members: Quorum[], pick: number): Quorum => {
      return { kind: 'group', name: '', threshold: 1 + (pick % members.length), members }
    }
    const members = groups.slice(0, 2).map((size, i) => {
      const witnesses = Array.from({ length: size }, (): Quorum => ({ kind: 'witness', name: `w${next++}` }))
      return group(witnesses, picks[i] ?? 0)
    })
    if (groups.length === 3) members.push({ kind: 'witness', name: `w${next++}` })
    return group(members, picks[3] ?? 0)
  })
}

function witnessesOf(quorum: Quorum): string[] {
  return quorum.kind === 'witness' ? [quorum.name] : quorum.members.flatMap(witnessesOf)
}

function bitsOf(set: number): number {
  return set.toString(2).replaceAll('0', '').length
}
