import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseEvidence } from '@ledgerstone/core/evidence'
import { leafHash } from '@ledgerstone/core/tree'
import { parseTrust } from '@ledgerstone/core/trust'
import {
  type FileFinding,
  type FileResult,
  type GivenFile,
  type Known,
  verifyFiles,
} from '../src/proof/verify-file.ts'

type Vectors = { readonly trusts: Record<string, string>; readonly files: Record<string, string> }
type Chains = { readonly chains: readonly { readonly comment: string; readonly chain: unknown }[] }

const vectors = read<Vectors>('evidence')
const evidence = vectors.files['file 1'] ?? ''
const cosigned = vectors.files['file 8'] ?? ''
const trustText = vectors.trusts['the trust file'] ?? ''
const pinned: Known = { trust: parseTrust(trustText), registry: undefined, hash: undefined }
const nothing: Known = { trust: undefined, registry: undefined, hash: undefined }

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), 'utf8')) as T
}

function file(content: string | Uint8Array, name = 'file'): GivenFile {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return { name, size: bytes.length, arrayBuffer: async () => new Uint8Array(bytes).buffer }
}

async function verifyOne(content: string | Uint8Array, known: Known = pinned): Promise<FileResult> {
  const [result] = await verifyFiles([file(content)], known)
  assert(result !== undefined)
  return result
}

function found<K extends FileFinding['kind']>(
  result: FileResult | undefined,
  kind: K,
): Extract<FileFinding, { readonly kind: K }> {
  assert(result !== undefined && 'finding' in result, JSON.stringify(result))
  assert.equal(result.finding.kind, kind)
  return result.finding as Extract<FileFinding, { readonly kind: K }>
}

function codeOf(result: FileResult | undefined): string {
  assert(result !== undefined && 'refused' in result, 'it is not refused')
  return result.refused.code
}

test('evidence is verified against the pinned trust file', async () => {
  const finding = found(await verifyOne(evidence), 'evidence')
  assert.equal(finding.standing, 'log-signed-only')
  assert.deepEqual([finding.bucket, finding.index, finding.envelope], ['payments', 1, 'sealed'])
  assert.equal(finding.path?.steps.at(-1)?.node ?? finding.path?.leaf, finding.checkpoint.root)
  assert.equal(finding.fingerprints.logKeys.length, 2)
})

test('evidence that a quorum has approved is verified', async () => {
  const known = { ...pinned, trust: parseTrust(vectors.trusts['trust file 4'] ?? '') }
  const finding = found(await verifyOne(cosigned, known), 'evidence')
  assert.equal(finding.standing, 'verified')
  assert.deepEqual(
    finding.checkpoint.signers.map(({ kind }) => kind),
    ['log', 'witness'],
  )
})

test('without a trust file evidence is consistent at the most', async () => {
  const finding = found(await verifyOne(evidence, nothing), 'evidence')
  assert.equal(finding.standing, 'not-pinned')
  assert.match(finding.fingerprints.genesis, /^[0-9a-f]{64}$/)
})

test('a trust file given with the evidence is held against it, and pins nothing', async () => {
  const [trust, result] = await verifyFiles([file(trustText), file(evidence)], nothing)
  assert.equal(found(trust, 'trust').ledger, 'ledger.example.com/log')
  assert.equal(found(result, 'evidence').standing, 'not-pinned')
  const other = vectors.trusts['trust file 4'] ?? ''
  assert.equal(codeOf((await verifyFiles([file(evidence), file(other)], nothing))[0]), 'wrong-ledger')
})

test('a trust file given with the evidence never takes the place of the pinned one', async () => {
  const other = vectors.trusts['trust file 4'] ?? ''
  const [refused, result] = await verifyFiles([file(other), file(evidence)], pinned)
  assert.equal(codeOf(refused), 'wrong-ledger')
  assert.equal(found(result, 'evidence').standing, 'log-signed-only')
  const [same] = await verifyFiles([file(trustText), file(evidence)], pinned)
  assert.equal(found(same, 'trust').kind, 'trust')

  const elsewhere: Known = { ...pinned, trust: parseTrust(other) }
  const [mine, theirs] = await verifyFiles([file(trustText), file(evidence)], elsewhere)
  assert.deepEqual([codeOf(mine), codeOf(theirs)], ['wrong-ledger', 'wrong-ledger'])
})

test('evidence with any one byte changed is refused, with its reason', async () => {
  const bytes = new TextEncoder().encode(evidence)
  const step = 37
  for (let at = 0; at < bytes.length; at += step) {
    const changed = bytes.slice()
    changed[at] = (changed[at] as number) ^ 1
    const result = await verifyOne(changed)
    assert('refused' in result, `byte ${at}`)
    assert.notEqual(result.refused.message, '')
  }
})

test('a receipt needs the keys of the log and the hash of the block', async () => {
  const { receipt, entry } = parseEvidence(evidence)
  const text = new TextDecoder().decode(entry)
  assert.equal(codeOf(await verifyOne(receipt)), 'gap')
  const [first, second] = await verifyFiles([file(receipt), file(evidence)], pinned)
  const finding = found(first, 'receipt')
  assert.deepEqual([finding.standing, finding.bucket, finding.index], ['log-signed-only', 'payments', 1])
  assert.equal(finding.hash, found(second, 'evidence').hash)

  const genesis = vectors.files['file 3'] ?? ''
  const keysOnly = [file(receipt), file(genesis)]
  assert.equal(codeOf((await verifyFiles(keysOnly, pinned))[0]), 'nothing-checked')
  assert.equal(found((await verifyFiles([...keysOnly, file(text)], pinned))[0], 'receipt').index, 1)
  const hash = leafHash(entry).toHex()
  assert.equal(found((await verifyFiles(keysOnly, { ...pinned, hash }))[0], 'receipt').hash, hash)
  const wrong = { ...pinned, hash: 'ab'.repeat(32) }
  assert.equal(codeOf((await verifyFiles(keysOnly, wrong))[0]), 'bad-proof')
  assert.equal(codeOf((await verifyFiles(keysOnly, { ...pinned, hash: 'abc' }))[0]), 'malformed')
})

test('a changed receipt is refused', async () => {
  const { receipt } = parseEvidence(evidence)
  for (const [from, to, code] of [
    ['index 1', 'index 0', 'bad-proof'],
    ['index 1', 'index 01', 'malformed'],
    ['tlog-proof@v1', 'tlog-proof@v2', 'unknown-version'],
  ] as const) {
    const hash = leafHash(parseEvidence(evidence).entry).toHex()
    const given = [file(receipt.replace(from, to)), file(evidence)]
    assert.equal(codeOf((await verifyFiles(given, { ...pinned, hash }))[0]), code)
  }
})

for (const { comment, chain } of read<Chains>('article').chains) {
  test(`chain: ${comment}`, async () => {
    const text = typeof chain === 'string' ? chain : JSON.stringify(chain)
    const { verdict } = found(await verifyOne(text), 'chain')
    assert.equal(verdict.verdict, "consistent by the article's rule (weak)")
    const changed = text.replace(
      /("objectb":\s*")(.)/,
      (_, head: string, digit: string) => head + (digit === '0' ? '1' : '0'),
    )
    assert.equal(codeOf(await verifyOne(changed)), 'bad-link')
  })
}

test('a file that is too large is refused before it is read', async () => {
  const large: GivenFile = {
    name: 'large',
    size: 100 * 1_048_576,
    arrayBuffer: () => assert.fail('it was read'),
  }
  const [result] = await verifyFiles([large], pinned)
  assert.equal(codeOf(result), 'too-large')
  assert(result !== undefined && 'refused' in result)
  assert.equal(result.refused.message, 'the file has 100 MiB; evidence has at most 32 MiB. It was not read.')
})

for (const [what, content, code] of [
  ['an empty file', '', 'nothing-checked'],
  ['a picture', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe]), 'malformed'],
  ['a text', 'hello', 'malformed'],
  ['a list of nothing', '[]', 'nothing-checked'],
  ['a trust file of another version', 'ledgerstone.trust/v2\n', 'unknown-version'],
  ['an entry of another version', '{"v":2,"bucket":"payments"}', 'unknown-version'],
  ['hostile text', '<img src=x onerror=alert(1)>', 'malformed'],
] as const) {
  test(`${what} is refused as ${code}`, async () => assert.equal(codeOf(await verifyOne(content)), code))
}

test('each file has its own result, in the order given, also under one name', async () => {
  const results = await verifyFiles([file('hello'), file(evidence), file('')], pinned)
  assert.deepEqual(
    results.map((result) => ('refused' in result ? result.refused.code : result.finding.kind)),
    ['malformed', 'evidence', 'nothing-checked'],
  )
})
