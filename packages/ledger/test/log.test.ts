// What other people's tools read: tiles, entry bundles, checkpoints, and envelopes beside them.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concat, formatHex } from '@ledgerstone/core/bytes'
import { verifyCheckpoint } from '@ledgerstone/core/checkpoint'
import { decodeEnvelope } from '@ledgerstone/core/envelope'
import { BucketReplay } from '@ledgerstone/core/replay'
import { decodeEntries } from '@ledgerstone/core/tile'
import { leafHash } from '@ledgerstone/core/tree'
import { parseVkey } from '@ledgerstone/core/vkey'
import { until } from '../../core/test/until.ts'
import { ledger as name, seal } from '../../log/test/sample.ts'
import { startLedger, type Tested } from './ledger.ts'
import type { Headers } from './mistakes.ts'

const size = 300
let ledger: Tested
let headers: Headers

before(async () => {
  ledger = await startLedger()
  const bucket = ledger.log.bucket('payments')
  const records = await Promise.all(Array.from({ length: size - 1 }, () => seal()))
  await bucket.appendBatch(records, 'test')
  await until(() => bucket.final?.head.size === size, 'all blocks are final')
  headers = await ledger.bearer('read:payments')
})

after(() => ledger.close())

type Answered = Awaited<ReturnType<Tested['app']['inject']>>

async function get(path: string): Promise<Answered> {
  return ledger.app.inject({ url: `/log/payments/${path}`, headers })
}

async function bytesOf(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await get(path)
  assert.equal(answer.statusCode, 200, `${path}: ${answer.body.slice(0, 200)}`)
  assert.equal(answer.headers['content-type'], 'application/octet-stream')
  assert.equal(answer.headers['cache-control'], 'private, max-age=31536000, immutable')
  return new Uint8Array(answer.rawPayload)
}

async function codeOf(path: string): Promise<string> {
  const answer = await get(path)
  return `${answer.statusCode} ${answer.json().code}`
}

describe('/log/{bucket}/', () => {
  it('serves the newest final checkpoint, which satisfies the policy', async () => {
    const answer = await get('checkpoint')
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
    assert.equal(answer.headers['cache-control'], 'no-store')
    const logKeys = ledger.log.bucket('payments').vkeys.map((text) => parseVkey(text))
    const { policy } = ledger.sample.trust
    const { head } = await verifyCheckpoint(answer.body, { origin: `${name}/payments`, logKeys, policy })
    assert.equal(head.size, size)
  })

  it('serves all that a reader needs to compute the root and replay the bucket', async () => {
    const bundles = [await bytesOf('tile/entries/000'), await bytesOf(`tile/entries/001.p/${size - 256}`)]
    const entries = bundles.flatMap((bundle) => decodeEntries(bundle))
    assert.equal(entries.length, size)
    const replay = new BucketReplay('payments')
    for (const entry of entries) replay.add(entry)
    replay.finish(ledger.log.bucket('payments').head)
    const leaves = concat(await bytesOf('tile/0/000'), await bytesOf(`tile/0/001.p/${size - 256}`))
    assert.equal(formatHex(leaves), entries.map((entry) => formatHex(leafHash(entry))).join(''))
    assert.equal((await bytesOf('tile/1/000.p/1')).length, 32)
  })

  it('serves partial tiles of any width, each the beginning of the full one', async () => {
    const full = await bytesOf('tile/0/000')
    assert.equal(full.length, 256 * 32)
    for (const width of [1, 2, 100, 255]) {
      assert.deepEqual(await bytesOf(`tile/0/000.p/${width}`), full.slice(0, width * 32))
    }
    const entries = decodeEntries(await bytesOf('tile/entries/001.p/3'))
    assert.equal(entries.length, 3)
  })

  it('has nothing beyond the committed size', async () => {
    for (const path of [
      'tile/0/001',
      `tile/0/001.p/${size - 255}`,
      'tile/0/002.p/1',
      'tile/1/000',
      'tile/2/000.p/1',
    ]) {
      assert.equal(await codeOf(path), '404 unknown-block', path)
    }
    assert.equal(await codeOf('tile/entries/001'), '404 unknown-block')
  })

  it('has each tile under one path only', async () => {
    for (const path of [
      'tile/0/0',
      'tile/00/000',
      'tile/0/000.p/256',
      'tile/0/000.p/0',
      'tile/0/x000/000',
      'tile/0/',
      'tile/0/000/',
      'tile/x/000',
    ]) {
      assert.equal(await codeOf(path), '404 unknown-route', path)
    }
    assert.equal(await codeOf('tile/0/000?x=1'), '400 bad-query')
    assert.equal(await codeOf('checkpoints'), '404 unknown-route')
  })
})

describe('/v1/buckets/{bucket}/envelopes', () => {
  async function frames(query: string): Promise<Buffer[]> {
    const url = `/v1/buckets/payments/envelopes${query}`
    const answer = await ledger.app.inject({ url, headers })
    assert.equal(answer.statusCode, 200, answer.body)
    assert.equal(answer.headers['cache-control'], 'no-store')
    const bytes = answer.rawPayload
    const found: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = at + 4 + bytes.readUInt32BE(at)
      found.push(bytes.subarray(at + 4, end))
      at = end
    }
    return found
  }

  it('streams all envelopes, an empty one for a block that has none', async () => {
    const all = await frames('')
    assert.equal(all.length, size)
    assert.equal(all[0]?.length, 0, 'the genesis has no envelope')
    for (const envelope of all.slice(1)) decodeEnvelope(new Uint8Array(envelope))
  })

  it('gives those of a range', async () => {
    const all = await frames('')
    assert.deepEqual(await frames('?from=260&limit=5'), all.slice(260, 265))
    assert.deepEqual(await frames('?from=298'), all.slice(298))
    assert.deepEqual(await frames('?from=300'), [])
  })

  it('refuses what it does not understand', async () => {
    for (const query of ['?from=x', '?limit=0', '?limit=10001', '?to=3']) {
      const url = `/v1/buckets/payments/envelopes${query}`
      assert.equal((await ledger.app.inject({ url, headers })).json().code, 'bad-query', query)
    }
  })
})
