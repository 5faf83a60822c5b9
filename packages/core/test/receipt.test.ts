import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CheckpointExpected } from '../src/checkpoint.ts'
import { parsePolicy } from '../src/policy.ts'
import { formatReceipt, parseReceipt, verifyReceipt } from '../src/receipt.ts'
import { parseVkey } from '../src/vkey.ts'
import type { Case } from './vectors.ts'
import { hex, readVectors, refusedAs, testEach } from './vectors.ts'

type Given = Case & {
  receipt: string
  leaf: string
  expected: { origin: string; logKeys: string[]; published: boolean; policy?: string }
}
type Vectors = {
  valid: (Given & { index: number; size: number; quorum: string })[]
  invalid: (Given & { code: string })[]
}
const vectors = readVectors<Vectors>('receipt')

/** Refusals that need no key and no hash. */
const formCodes: ReadonlySet<string> = new Set(['malformed', 'unknown-version', 'unknown-field', 'too-large'])

function expectedOf({ origin, logKeys, published, policy }: Given['expected']): CheckpointExpected {
  const expected = { origin, logKeys: logKeys.map(parseVkey), published }
  return policy === undefined ? expected : { ...expected, policy: parsePolicy(policy) }
}

describe('receipts', () => {
  testEach(vectors.valid, async ({ receipt, leaf, expected, index, size, quorum }) => {
    assert.equal(formatReceipt(parseReceipt(receipt)), receipt)
    const verified = await verifyReceipt(receipt, hex(leaf), expectedOf(expected))
    assert.equal(verified.index, index)
    assert.deepEqual(verified.leaf, hex(leaf))
    assert.equal(verified.checkpoint.head.size, size)
    assert.equal(verified.checkpoint.quorum, quorum)
  })
  testEach(vectors.invalid, async ({ receipt, leaf, expected, code }) => {
    await assert.rejects(verifyReceipt(receipt, hex(leaf), expectedOf(expected)), refusedAs(code))
    if (formCodes.has(code)) assert.throws(() => parseReceipt(receipt), refusedAs(code))
    else parseReceipt(receipt)
  })

  test('are refused after a change of any one bit', async () => {
    const given = vectors.valid.find(({ expected }) => !expected.published)
    assert.ok(given)
    const expected = expectedOf(given.expected)
    const bytes = new TextEncoder().encode(given.receipt)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = new Uint8Array(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(changed)
      await assert.rejects(verifyReceipt(text, hex(given.leaf), expected), { name: 'Refused' }, `bit ${bit}`)
    }
  })
})
