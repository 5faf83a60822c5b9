import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generateKeyPair, signerOf } from '#primitives'
import { concat, parseBase64 } from '../src/bytes.ts'
import type { CheckpointBody } from '../src/cosignature.ts'
import { cosignedMessage, signCosignature, verifyCosignature } from '../src/cosignature.ts'
import type { NoteSignature } from '../src/note.ts'
import { parseNote } from '../src/note.ts'
import { emptyRoot } from '../src/tree.ts'
import { parseVkey, vkeyOf } from '../src/vkey.ts'
import type { Case } from './vectors.ts'
import { readVectors, refusedAs, testEach } from './vectors.ts'

type Given = Case & { vkey: string; text: string; line: string }
type Vectors = {
  valid: (Given & { seconds: number; message: string })[]
  invalid: (Given & { code: string })[]
}
const vectors = readVectors<Vectors>('cosignature')

function read({ text, line }: Given): [CheckpointBody, NoteSignature] {
  const [origin = '', size = '', root = ''] = text.split('\n')
  const note = parseNote(`${text}\n${line}\n`)
  return [
    { origin, head: { size: Number(size), root: parseBase64(root, 'root') }, text },
    note.signatures[0] as NoteSignature,
  ]
}

describe('cosignatures', () => {
  testEach(vectors.valid, async (each) => {
    const vkey = parseVkey(each.vkey)
    const [body, line] = read(each)
    assert.equal(await verifyCosignature(body, vkey, line), each.seconds)
    assert.equal(cosignedMessage(body, vkey, each.seconds).toHex(), each.message)
  })
  testEach(vectors.invalid, async (each) => {
    const [body, line] = read(each)
    await assert.rejects(verifyCosignature(body, parseVkey(each.vkey), line), refusedAs(each.code))
  })

  const head = { size: 0, root: emptyRoot }
  const body = { origin: 'example.com/log', head, text: `example.com/log\n0\n${emptyRoot.toBase64()}\n` }

  test('are made and verified with both algorithms', async () => {
    for (const [type, kind] of [
      ['cosignature', 'Ed25519'],
      ['mldsa', 'ML-DSA-44'],
    ] as const) {
      const pair = await generateKeyPair(kind)
      const signer = {
        vkey: vkeyOf('witness.example', type, pair.spki),
        sign: await signerOf(kind, pair.pkcs8),
      }
      const line = await signCosignature(body, signer, 1_795_000_000)
      assert.equal(await verifyCosignature(body, signer.vkey, line), 1_795_000_000)
      const other = { ...body, head: { ...head, size: 1 }, text: body.text.replace('\n0\n', '\n1\n') }
      await assert.rejects(verifyCosignature(other, signer.vkey, line), refusedAs('bad-signature'))
      for (const seconds of [0, -1, 1.5, 2 ** 53])
        await assert.rejects(signCosignature(body, signer, seconds), RangeError)
    }
  })

  test('a time of zero is refused although it was signed', async () => {
    for (const [type, kind] of [
      ['cosignature', 'Ed25519'],
      ['mldsa', 'ML-DSA-44'],
    ] as const) {
      const pair = await generateKeyPair(kind)
      const vkey = vkeyOf('witness.example', type, pair.spki)
      const signature = await (await signerOf(kind, pair.pkcs8))(cosignedMessage(body, vkey, 0))
      const line = { name: vkey.name, id: vkey.id, signature: concat(new Uint8Array(8), signature) }
      await assert.rejects(verifyCosignature(body, vkey, line), refusedAs('bad-signature'))
    }
  })

  test('a valid signature under another name or key ID is not the line of the key', async () => {
    const pair = await generateKeyPair('Ed25519')
    const vkey = vkeyOf('witness.example', 'cosignature', pair.spki)
    const line = await signCosignature(body, { vkey, sign: await signerOf('Ed25519', pair.pkcs8) }, 1)
    await assert.rejects(
      verifyCosignature(body, vkey, { ...line, name: 'other.example' }),
      refusedAs('bad-signature'),
    )
    await assert.rejects(
      verifyCosignature(body, vkey, { ...line, id: line.id + 1 }),
      refusedAs('bad-signature'),
    )
  })

  test('a log key of type note makes none', async () => {
    const pair = await generateKeyPair('Ed25519')
    const signer = {
      vkey: vkeyOf('example.com/log', 'note', pair.spki),
      sign: await signerOf('Ed25519', pair.pkcs8),
    }
    await assert.rejects(signCosignature(body, signer, 1), TypeError)
  })

  test('an ML-DSA-44 cosignature is bound to the name of the cosigner', async () => {
    const pair = await generateKeyPair('ML-DSA-44')
    const sign = await signerOf('ML-DSA-44', pair.pkcs8)
    const line = await signCosignature(body, { vkey: vkeyOf('one.example', 'mldsa', pair.spki), sign }, 1)
    const other = vkeyOf('two.example', 'mldsa', pair.spki)
    const renamed = { ...line, name: other.name, id: other.id }
    await assert.rejects(verifyCosignature(body, other, renamed), refusedAs('bad-signature'))
  })
})
