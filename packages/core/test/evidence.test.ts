import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../src/bytes.ts'
import { formatCanonical, type Json, type JsonObject } from '../src/canonical.ts'
import {
  type EvidenceVerdict,
  formatEvidence,
  parseEvidence,
  replayRegistry,
  verifyEvidence,
} from '../src/evidence.ts'
import { openerOf, openRecord } from '../src/open.ts'
import { Refused } from '../src/refused.ts'
import { enclose } from '../src/seal.ts'
import type { Sealed } from '../src/sealed.ts'
import { senderOf } from '../src/sender.ts'
import { leafHash } from '../src/tree.ts'
import { parseTrust, type Trust } from '../src/trust.ts'
import { draftOf, keyNamed, openSample, record, rotationOf, SampleLedger, sealFor } from './sample-ledger.ts'
import { type Case, readVectors, refusedAs, testEach } from './vectors.ts'

type Given = Case & { file?: string; patch?: Json; evidence?: string; trust: string | null }
type Valid = Given & { bucket: string; index: number; envelope: boolean; suspect: boolean; policy: string }
type Vectors = {
  trusts: Record<string, string>
  files: Record<string, string>
  valid: Valid[]
  invalid: (Given & { code: string })[]
}
const vectors = readVectors<Vectors>('evidence')

function textOf({ file = '', patch, evidence }: Given): string {
  const text = evidence ?? (vectors.files[file] as string)
  return patch === undefined ? text : formatCanonical(merge(JSON.parse(text) as Json, patch))
}

/** RFC 7396. */
function merge(target: Json | undefined, patch: Json): Json {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const merged: Record<string, Json> = { ...(target as JsonObject) }
  for (const [name, value] of Object.entries(patch as JsonObject)) {
    if (value === null) delete merged[name]
    else merged[name] = merge(merged[name], value)
  }
  return merged
}

const trustOf = ({ trust }: Given): Trust | undefined =>
  trust === null ? undefined : parseTrust(vectors.trusts[trust] as string)

describe('evidence', () => {
  testEach(vectors.valid, async (given) => {
    const text = textOf(given)
    assert.equal(formatEvidence(parseEvidence(text)), text)
    const verdict = await verifyEvidence(text, trustOf(given))
    assert.equal(verdict.pinned, given.trust !== null)
    assert.deepEqual([verdict.block.bucket, verdict.block.index], [given.bucket, given.index])
    assert.deepEqual([verdict.envelope !== undefined, verdict.suspect], [given.envelope, given.suspect])
    assert.equal(verdict.policy, given.policy)
    assert.deepEqual(verdict.hash, leafHash(parseEvidence(text).entry))
    assert.equal(verdict.statement.jws, verdict.block.statement)
    assert.equal(verdict.key.kid, verdict.statement.header.kid)
  })
  testEach(vectors.invalid, async (given) => {
    await assert.rejects(verifyEvidence(textOf(given), trustOf(given)), refusedAs(given.code))
  })

  test('is all that a receiver needs to open the record', async () => {
    const given = vectors.valid[0] as Valid
    const { block, statement, key, envelope, registry } = await verifyEvidence(textOf(given), trustOf(given))
    assert.ok(envelope)
    const bob = await openerOf((await keyNamed('bob-receive')).pkcs8)
    const opened = await openRecord(block, { statement, key }, envelope, registry, bob)
    assert.deepEqual(opened.record, record)
    assert.equal(opened.sender, 'alice')
  })
  test('over 32 MiB is refused before it is read, and not made', () => {
    assert.throws(() => parseEvidence('x'.repeat(33_554_433)), refusedAs('too-large'))
    const evidence = parseEvidence(textOf(vectors.valid[0] as Valid))
    const long = { ...evidence, receipt: 'x'.repeat(33_554_432) }
    assert.throws(() => formatEvidence(long), refusedAs('too-large'))
  })
})

describe('evidence of the life of a key', async () => {
  const { sample, payments, alice } = await openSample()
  const seal = async (): Promise<Sealed> => sealFor(alice, ['bob-receive', 'carol-receive'])
  const before = await seal()
  const index = sample.append(payments, before.statement.jws).index
  const [key, next] = [await keyNamed('alice'), await keyNamed('alice-next')]
  const verdictOf = async (at: number, sealed: Sealed): Promise<EvidenceVerdict> => {
    return verifyEvidence(formatEvidence(await sample.evidence(payments, at, sealed)), sample.trust)
  }

  test('shows a record of before a rotation as valid, and one by the old key after it not', async () => {
    await sample.change('registrar-ann', 'key.rotate', await rotationOf(key, next, 'alice'))
    const verdict = await verdictOf(index, before)
    assert.equal(verdict.key.kid, key.kid)
    assert.equal(verdict.registry.key(key.kid).replaced?.by, next.kid)
    // A ledger that lets it stand all the same convinces nobody.
    const after = await seal()
    const late = sample.append(payments, after.statement.jws).index
    await assert.rejects(verdictOf(late, after), refusedAs('key-revoked'))
  })

  test('shows a record for a receiver of before his revocation as valid, and one after it not', async () => {
    const { index: early } = sample.append(payments, before.statement.jws, { keys: sample.registry.size - 1 })
    await sample.revoke('bob-receive', await keyNamed('bob-receive'))
    assert.equal((await verdictOf(early, before)).block.index, early)
    const sender = await senderOf(next, await keyNamed('alice-rsa'), undefined)
    const after = await sealFor(sender, ['bob-receive', 'carol-receive'])
    const late = sample.append(payments, after.statement.jws).index
    await assert.rejects(verdictOf(late, after), refusedAs('key-revoked'))
    const others = await sealFor(sender, ['carol-receive'])
    const good = sample.append(payments, others.statement.jws).index
    assert.equal((await verdictOf(good, others)).key.kid, next.kid)
  })
})

describe('evidence that somebody touched', async () => {
  const sample = await SampleLedger.create(1, { logKeys: 1, registrars: ['ann'] })
  const alice = await senderOf(await sample.register('alice', 'alice'), undefined, undefined)
  const payments = await sample.bucket('payments')
  const sealed = await enclose(draftOf(), alice)
  sample.append(payments, sealed.statement.jws)
  const text = formatEvidence(await sample.evidence(payments, 1, sealed))
  const bytes = utf8(text)

  const changedAt = (at: number, value: number): string => {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.with(at, value))
  }

  test('is sound before', async () => {
    assert.equal((await verifyEvidence(text, sample.trust)).pinned, true)
    assert.equal((await verifyEvidence(text, undefined)).pinned, false)
  })
  test('is refused after a change of any one byte', async () => {
    const seed = Math.floor(Math.random() * 255)
    for (let at = 0; at < bytes.length; at++) {
      const value = ((bytes[at] as number) + 1 + ((seed + at * 31) % 255)) % 256
      const verdict = verifyEvidence(changedAt(at, value), sample.trust)
      await assert.rejects(verdict, { name: 'Refused' }, `seed ${seed}: byte ${at} made ${value}`)
    }
  })
  test('is refused after a change of one byte to another that could stand there', async () => {
    const alphabet = utf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_. "\\n')
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.constantFrom(...alphabet))
    const property = fc.asyncProperty(change, async ([at, value]) => {
      fc.pre(bytes[at] !== value)
      await assert.rejects(verifyEvidence(changedAt(at, value), sample.trust), { name: 'Refused' })
      await assert.rejects(verifyEvidence(changedAt(at, value), undefined), { name: 'Refused' })
    })
    await fc.assert(property, { numRuns: 300 })
  })
  test('is refused after a cut, an insertion or a doubling', async () => {
    const change = fc.tuple(
      fc.nat(text.length),
      fc.nat(text.length),
      fc.string({ maxLength: 3 }),
      fc.boolean(),
    )
    const property = fc.asyncProperty(change, async ([a, b, put, isTwice]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      const changed =
        text.slice(0, from) + put + (isTwice ? text.slice(from, to).repeat(2) : '') + text.slice(to)
      fc.pre(changed !== text)
      await assert.rejects(verifyEvidence(changed, sample.trust), { name: 'Refused' })
    })
    await fc.assert(property, { numRuns: 300 })
  })
  test('is refused after any JSON value in it was put elsewhere', async () => {
    const { keys, ...top } = JSON.parse(text) as { keys: { entries: string[]; checkpoint: string } }
    const values = [...keys.entries, keys.checkpoint, ...Object.values(top)] as Json[]
    const target = fc.tuple(
      fc.nat(keys.entries.length + 7),
      fc.constantFrom<Json>(...values, null, 0, '', [], {}),
    )
    const names = Object.keys(top)
    const property = fc.asyncProperty(target, async ([at, value]) => {
      const entries: Json[] = [...keys.entries]
      let changed: Record<string, Json> = { ...(top as Record<string, Json>), keys: { ...keys, entries } }
      if (at < entries.length) entries[at] = value
      else if (at === entries.length) changed = { ...changed, keys: { entries, checkpoint: value } }
      else changed[names[(at - entries.length - 1) % names.length] as string] = value
      // Without its envelope the file is still sound, and says so.
      fc.pre(changed['envelope'] !== null)
      const put = formatCanonical(changed)
      fc.pre(put !== text)
      await assert.rejects(verifyEvidence(put, sample.trust), (error) => error instanceof Refused)
    })
    await fc.assert(property, { numRuns: 200 })
  })
  test('is refused with any block of the registry left out, doubled or moved', async () => {
    const good = parseEvidence(text)
    const { entries, checkpoint } = good.keys
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at] as (typeof entries)[number]
      for (const changed of [
        entries.toSpliced(at, 1),
        entries.toSpliced(at, 0, entry),
        entries.toSpliced(at, 1).toSpliced((at + 1) % entries.length, 0, entry),
      ]) {
        const file = formatEvidence({ ...good, keys: { entries: changed, checkpoint } })
        for (const trust of [sample.trust, undefined]) {
          await assert.rejects(verifyEvidence(file, trust), { name: 'Refused' }, `block ${at}`)
        }
      }
    }
  })
})

describe('evidence of a log that lies', () => {
  test('is refused when the block is not what its place says', async () => {
    for (const place of [{ bucket: 'orders' }, { index: 7 }]) {
      const { sample, payments, alice } = await openSample()
      const sealed = await sealFor(alice, ['bob-receive'])
      sample.append(payments, sealed.statement.jws, place)
      const text = formatEvidence(await sample.evidence(payments, 1, sealed))
      await assert.rejects(verifyEvidence(text, sample.trust), refusedAs('bad-link'))
    }
  })
  test('is refused when the block names a registry that the evidence does not hold', async () => {
    const { sample, payments, alice } = await openSample()
    const sealed = await sealFor(alice, ['bob-receive'])
    sample.append(payments, sealed.statement.jws, { keys: sample.registry.size + 1 })
    const text = formatEvidence(await sample.evidence(payments, 1, sealed))
    await assert.rejects(verifyEvidence(text, sample.trust), refusedAs('gap'))
  })
  test('is refused when it has signed another registry of the same size', async () => {
    const [one, other] = [await openSample(), await openSample()]
    const sealed = await sealFor(one.alice, ['bob-receive'])
    one.sample.append(one.payments, sealed.statement.jws)
    const good = await one.sample.evidence(one.payments, 1, sealed)
    const keys = { ...good.keys, checkpoint: await other.sample.keys.checkpoint() }
    const text = formatEvidence({ ...good, keys })
    await assert.rejects(verifyEvidence(text, one.sample.trust), refusedAs('forked'))
    await assert.rejects(verifyEvidence(text, undefined), refusedAs('forked'))
  })
  test('is refused when its envelope may not stand under its statement', async () => {
    const { sample, payments } = await openSample()
    const mallory = await sample.register('mallory', 'mallory')
    const aliceRsa = await keyNamed('alice-rsa')
    const sealed = await sealFor(await senderOf(mallory, aliceRsa, undefined), ['bob-receive'])
    sample.append(payments, sealed.statement.jws)
    const text = formatEvidence(await sample.evidence(payments, 1, sealed))
    await assert.rejects(verifyEvidence(text, sample.trust), refusedAs('wrong-key'))
  })
})

test('a registry is replayed whole or not at all', async () => {
  const sample = await SampleLedger.create()
  await sample.register('alice', 'alice')
  const { entries } = sample.keys
  const registry = await replayRegistry(sample.registry.ledger, entries, sample.trust)
  assert.deepEqual(registry.head, sample.registry.head)
  await assert.rejects(replayRegistry(sample.registry.ledger, [], sample.trust), refusedAs('gap'))
  await assert.rejects(
    replayRegistry(sample.registry.ledger, entries.slice(1), undefined),
    refusedAs('bad-link'),
  )
})
