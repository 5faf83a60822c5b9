import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readSigners } from '../src/pages/overview/signers.ts'

type Vectors = { readonly valid: readonly { readonly checkpoint: string; readonly comment: string }[] }
const path = new URL('../../../vectors/checkpoint.json', import.meta.url)
const { valid } = JSON.parse(readFileSync(path, 'utf8')) as Vectors

test('who signed a checkpoint, and when, is read out of every sound one', () => {
  assert.ok(valid.length > 0)
  const read = valid.map(({ checkpoint }) => readSigners(checkpoint))
  for (const { size, log } of read) {
    assert.ok(Number.isSafeInteger(size) && log.length > 0)
    assert.ok(log.every((algorithm) => ['Ed25519', 'ML-DSA-44'].includes(algorithm)))
  }
  assert.ok(read.some(({ log }) => log.includes('ML-DSA-44')))
  assert.ok(read.some(({ witnesses }) => witnesses.length > 0))
  for (const { at } of read) assert.ok(at === undefined || (at > 0 && at < Date.UTC(2100, 0)))
})
