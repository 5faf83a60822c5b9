import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generateKeyPair, signerOf } from '#primitives'
import type { CheckpointExpected } from '../src/checkpoint.ts'
import {
  addSignatures,
  formatCheckpointBody,
  parseCheckpoint,
  signCheckpoint,
  signHead,
  verifyCheckpoint,
} from '../src/checkpoint.ts'
import type { NoteSigner } from '../src/cosignature.ts'
import { signCosignature } from '../src/cosignature.ts'
import { parsePolicy } from '../src/policy.ts'
import { leafHash } from '../src/tree.ts'
import type { VkeyType } from '../src/vkey.ts'
import { parseVkey, vkeyOf } from '../src/vkey.ts'
import type { Case } from './vectors.ts'
import { hex, readVectors, refusedAs, testEach } from './vectors.ts'

type ExpectedText = { origin: string; logKeys: string[]; published: boolean; policy?: string }
type Given = Case & { checkpoint: string; expected: ExpectedText }
type Vectors = {
  parsed: (Case & { checkpoint: string; origin: string; size: number; root: string; extensions: string[] })[]
  valid: (Given & {
    size: number
    root: string
    cosigners: { witness: string; seconds: number }[]
    quorum: string
  })[]
  invalid: (Given & { code: string })[]
}
const vectors = readVectors<Vectors>('checkpoint')

function expectedOf({ origin, logKeys, published, policy }: ExpectedText): CheckpointExpected {
  const expected = { origin, logKeys: logKeys.map(parseVkey), published }
  return policy === undefined ? expected : { ...expected, policy: parsePolicy(policy) }
}

const origin = 'ledger.example.com/log/orders'
const head = { size: 1, root: leafHash(new Uint8Array(0)) }
const seconds = 1_795_000_000

async function signerFor(name: string, type: VkeyType): Promise<NoteSigner> {
  const kind = type === 'mldsa' ? 'ML-DSA-44' : 'Ed25519'
  const pair = await generateKeyPair(kind)
  return { vkey: vkeyOf(name, type, pair.spki), sign: await signerOf(kind, pair.pkcs8) }
}

describe('checkpoints', () => {
  testEach(vectors.parsed, ({ checkpoint, origin, size, root, extensions }) => {
    const parsed = parseCheckpoint(checkpoint)
    assert.deepEqual(parsed.head, { size, root: hex(root) })
    assert.equal(parsed.origin, origin)
    assert.deepEqual(parsed.extensions, extensions)
  })
  testEach(vectors.valid, async ({ checkpoint, expected, size, root, cosigners, quorum }) => {
    const verified = await verifyCheckpoint(checkpoint, expectedOf(expected))
    assert.deepEqual(verified.head, { size, root: hex(root) })
    assert.equal(verified.origin, expected.origin)
    assert.equal(verified.note, checkpoint)
    assert.deepEqual(
      verified.cosigners.map(({ witness, seconds }) => ({ witness, seconds })),
      cosigners,
    )
    assert.equal(verified.quorum, quorum)
  })
  testEach(vectors.invalid, async ({ checkpoint, expected, code }) => {
    await assert.rejects(verifyCheckpoint(checkpoint, expectedOf(expected)), refusedAs(code))
  })

  test('are signed by the log, cosigned by a witness, and say who signed when', async () => {
    const ed25519 = await signerFor(origin, 'note')
    const mldsa = await signerFor(origin, 'mldsa')
    const witness = await signerFor('witness.example', 'cosignature')
    const note = await signCheckpoint(origin, head, [ed25519], seconds)
    assert.equal(parseCheckpoint(note).text, formatCheckpointBody(origin, head))
    await verifyCheckpoint(note, { origin, logKeys: [ed25519.vkey, mldsa.vkey], published: false })

    const published = addSignatures(note, [await signHead(origin, head, mldsa, seconds)])
    const cosigned = addSignatures(published, [
      await signCosignature(parseCheckpoint(published), witness, seconds + 1),
    ])
    const policy = parsePolicy(`witness w ${witness.vkey.text}\nquorum w\n`)
    const verified = await verifyCheckpoint(cosigned, { origin, logKeys: [ed25519.vkey, mldsa.vkey], policy })
    assert.deepEqual(verified, {
      origin,
      head,
      note: cosigned,
      logKeys: [ed25519.vkey, mldsa.vkey],
      logSeconds: seconds,
      cosigners: [{ witness: 'w', vkey: witness.vkey, seconds: seconds + 1 }],
      quorum: 'reached',
    })
  })

  test('a witness that cosigned twice counts once, with the newer time', async () => {
    const ed25519 = await signerFor(origin, 'note')
    const witness = await signerFor('witness.example', 'cosignature')
    const note = await signCheckpoint(origin, head, [ed25519], seconds)
    const lines = await Promise.all(
      [9, 7].map((time) => signCosignature(parseCheckpoint(note), witness, time)),
    )
    const policy = parsePolicy(`witness w ${witness.vkey.text}\nquorum w\n`)
    const verified = await verifyCheckpoint(addSignatures(note, lines), {
      origin,
      logKeys: [ed25519.vkey],
      policy,
    })
    assert.deepEqual(verified.cosigners, [{ witness: 'w', vkey: witness.vkey, seconds: 9 }])
  })

  test('are refused after a change of any one bit of what was signed', async () => {
    const ed25519 = await signerFor(origin, 'note')
    const note = new TextEncoder().encode(await signCheckpoint(origin, head, [ed25519], seconds))
    const expected = { origin, logKeys: [ed25519.vkey], published: false }
    for (let bit = 0; bit < note.length * 8; bit++) {
      const changed = new Uint8Array(note)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(changed)
      await assert.rejects(verifyCheckpoint(text, expected), { name: 'Refused' }, `bit ${bit}`)
    }
  })

  test('a log key does not sign for another origin', async () => {
    const signer = await signerFor('ledger.example.com/log/payments', 'note')
    await assert.rejects(signHead(origin, head, signer, seconds), TypeError)
  })

  test('a head with a root that is no hash is not signed', () => {
    assert.throws(() => formatCheckpointBody(origin, { size: 1, root: new Uint8Array(31) }), RangeError)
  })
})
