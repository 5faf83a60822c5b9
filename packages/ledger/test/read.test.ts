import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { articleHashOf } from '@ledgerstone/core/article'
import { formatHex, parseHex, utf8 } from '@ledgerstone/core/bytes'
import { decodeEnvelope, encodeEnvelope } from '@ledgerstone/core/envelope'
import { verifyEvidence } from '@ledgerstone/core/evidence'
import { verifyReceipt } from '@ledgerstone/core/receipt'
import { parseEnvelopeJson } from '@ledgerstone/core/sealed'
import { leafHash } from '@ledgerstone/core/tree'
import { parseVkey } from '@ledgerstone/core/vkey'
import { until } from '../../core/test/until.ts'
import { keys, ledger as name, seal, shop } from '../../log/test/sample.ts'
import { MemoryDocuments } from './documents.ts'
import { sealedJson, startLedger, type Tested } from './ledger.ts'
import type { Headers } from './mistakes.ts'

const blocks = '/v1/buckets/payments/blocks'
const dayMs = 86_400_000

let ledger: Tested
let headers: Headers
let documents: MemoryDocuments

// Blocks: 0 genesis; 1 to 6 captured by the sealer; 7 to 9 refunded by the shop, a day later.
before(async () => {
  documents = new MemoryDocuments()
  ledger = await startLedger({ documents })
  const bucket = ledger.log.bucket('payments')
  for (let i = 1; i <= 6; i++) await bucket.append(await seal({ record: utf8(`{"i":${i}}`) }), 'test')
  ledger.clock.ms += dayMs
  for (let i = 7; i <= 9; i++) {
    const draft = { sender: shop, type: 'payment.refunded', issued: ledger.clock.ms }
    await bucket.append(await seal(draft), 'test')
  }
  await until(() => bucket.final?.head.size === 10, 'all blocks are final')
  const registry = ledger.log.bucket('keys')
  await until(() => registry.final?.head.size === registry.head.size, 'keys is final')
  headers = await ledger.bearer('read:payments')
  await untilComplete(10)
})

after(() => ledger.close())

async function untilComplete(size: number): Promise<void> {
  let complete = 0
  const timer = setInterval(async () => {
    complete = await documents.complete('payments')
  }, 2)
  await until(() => complete === size, 'all documents are there').finally(() => clearInterval(timer))
}

type Answered = Awaited<ReturnType<Tested['app']['inject']>>

async function get(url: string, more: Headers = {}): Promise<Answered> {
  return ledger.app.inject({ url, headers: { ...headers, ...more } })
}

async function indexes(query: string): Promise<number[]> {
  const answer = await get(`${blocks}?${query}`)
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json().blocks.map(({ index }: { index: number }) => index)
}

async function codeOf(url: string): Promise<string> {
  const answer = await get(url)
  return `${answer.statusCode} ${answer.json().code}`
}

describe('GET /v1/buckets/{bucket}', () => {
  it('tells origin, size, verifier keys, and both notes', async () => {
    const answer = (await get('/v1/buckets/payments')).json()
    assert.deepEqual(Object.keys(answer), ['name', 'origin', 'size', 'vkeys', 'head', 'final', 'state'])
    assert.equal(answer.origin, `${name}/payments`)
    assert.equal(answer.size, 10)
    assert.equal(answer.vkeys.length, 2)
    assert.match(answer.head, /^test\.example\/log\/payments\n10\n/)
    assert.match(answer.final, /^test\.example\/log\/payments\n10\n/)
    assert.ok(answer.final.length > answer.head.length, 'the final one is signed with ML-DSA-44 too')
    assert.deepEqual(answer.state, { kind: 'open' })
  })
})

describe('GET /v1/buckets/{bucket}/blocks', () => {
  it('lists blocks with their hashes, statements and labels', async () => {
    const page = (await get(blocks)).json()
    assert.equal(page.size, 10)
    assert.equal(page.complete, 10)
    assert.equal(page.next, undefined)
    assert.equal(page.blocks.length, 10)
    for (const [i, block] of page.blocks.entries()) {
      assert.equal(block.index, i)
      assert.equal(block.prevhash, i === 0 ? '0'.repeat(64) : page.blocks[i - 1].hash)
      assert.equal(block.nexthash, i === 9 ? null : page.blocks[i + 1].hash)
      assert.equal(block.final, true)
    }
    const [genesis, first] = page.blocks
    assert.equal(genesis.envelope, null)
    assert.equal(genesis.payload.type, 'ledgerstone.genesis')
    assert.equal(first.sender, keys.statement.kid)
    assert.equal(first.payload.log, `${name}/payments`)
    assert.equal(first.envelope.suite, 'rsa-aes-cfb')
    assert.deepEqual(first.envelope.labels, { media: 'application/json', meta: { currency: 'EUR' } })
    assert.deepEqual(first.envelope.receivers, [keys.receiver.kid])
  })

  it('pages forwards and backwards', async () => {
    assert.deepEqual(await indexes('from=3&limit=2'), [3, 4])
    const { next } = (await get(`${blocks}?from=3&limit=2`)).json()
    assert.equal(next, 5)
    assert.deepEqual(await indexes('from=8'), [8, 9])
    assert.deepEqual(await indexes('from=10'), [])
    assert.deepEqual(await indexes('order=descending&limit=3'), [9, 8, 7])
    assert.deepEqual(await indexes('order=descending&limit=3&from=1'), [1, 0])
    const last = (await get(`${blocks}?order=descending&from=6&limit=3`)).json()
    assert.equal(last.next, 3)
    assert.equal((await get(`${blocks}?order=descending&from=2&limit=3`)).json().next, undefined)
  })

  it('shows the hash of the block that follows the page', async () => {
    const [only] = (await get(`${blocks}?from=4&limit=1`)).json().blocks
    const [after] = (await get(`${blocks}?from=5&limit=1`)).json().blocks
    assert.equal(only.nexthash, after.hash)
  })

  it('filters by type, sender, receiver, time and label', async () => {
    assert.deepEqual(await indexes('type=payment.refunded'), [7, 8, 9])
    assert.deepEqual(await indexes(`sender=${keys.statement.kid}`), [1, 2, 3, 4, 5, 6])
    assert.deepEqual(await indexes(`receiver=${keys.receiver.kid}&limit=2`), [1, 2])
    assert.deepEqual(await indexes(`receiver=${keys.other.kid}`), [])
    assert.deepEqual(await indexes('meta.currency=EUR&from=8'), [8, 9])
    assert.deepEqual(await indexes('meta.currency=USD'), [])
    assert.deepEqual(await indexes('time_from=2026-11-24'), [7, 8, 9])
    assert.deepEqual(await indexes('time_to=2026-11-23&from=5'), [5, 6])
    assert.deepEqual(
      await indexes('time_from=2026-11-23T03:17:00Z&time_to=2026-11-23T03:17:00.000Z&from=6'),
      [6],
    )
    assert.deepEqual(await indexes('type=payment.refunded&order=descending&limit=2'), [9, 8])
  })

  it('says where a filtered list goes on', async () => {
    const page = (await get(`${blocks}?type=payment.captured&limit=2`)).json()
    assert.equal(page.next, 3)
    assert.equal(page.complete, 10)
    assert.equal((await get(`${blocks}?type=payment.refunded`)).json().next, undefined)
  })

  for (const query of [
    'from=-1',
    'from=01',
    'from=1e3',
    'from=',
    'limit=0',
    'limit=101',
    'order=random',
    'from=1&from=2',
    'page=1',
    'meta=1',
    'meta.=1',
    'meta.a%20b=1',
    'time_from=yesterday',
    'time_to=2026-02-30',
    'time_to=2026-11-23T03:17',
    'type=Payment',
    'type=',
    'sender=alice',
    'sender=',
    `receiver=${'A'.repeat(42)}`,
    `receiver=${'A'.repeat(42)}B`,
  ]) {
    it(`?${query} is not understood`, async () => {
      assert.equal(await codeOf(`${blocks}?${query}`), '400 bad-query')
    })
  }
})

describe('a block', () => {
  it('is found by index and by hash', async () => {
    const byIndex = (await get(`${blocks}/5`)).json()
    const byHash = (await get(`${blocks}/${byIndex.hash}`)).json()
    assert.deepEqual(byHash, byIndex)
    assert.equal(byIndex.index, 5)
  })

  it('that is not there is refused', async () => {
    assert.equal(await codeOf(`${blocks}/10`), '404 unknown-block')
    assert.equal(await codeOf(`${blocks}/${'0'.repeat(64)}`), '404 unknown-block')
    assert.equal(await codeOf(`${blocks}/10/entry`), '404 unknown-block')
    assert.equal(await codeOf(`${blocks}/10/receipt`), '404 unknown-block')
    assert.equal(await codeOf(`${blocks}/10/evidence`), '404 unknown-block')
    assert.equal(await codeOf(`${blocks}/10/envelope`), '404 unknown-block')
    assert.equal(await codeOf(`${blocks}/0/envelope`), '404 unknown-block')
  })

  it('is named in one way only', async () => {
    for (const reference of ['05', '1.0', '-1', 'abc', '9007199254740993', 'x'.repeat(64), 'A'.repeat(64)]) {
      assert.equal(await codeOf(`${blocks}/${reference}`), '400 malformed', reference)
    }
    assert.equal(await codeOf(`${blocks}/${'7'.repeat(64)}`), '404 unknown-block')
    assert.equal(await codeOf(`${blocks}/5?x=1`), '400 bad-query')
  })

  it('gives its entry as the exact bytes under its hash', async () => {
    const { hash } = (await get(`${blocks}/5`)).json()
    const answer = await get(`${blocks}/5/entry`)
    assert.equal(answer.headers['content-type'], 'application/octet-stream')
    assert.match(`${answer.headers['cache-control']}`, /^private, .*immutable$/)
    assert.equal(formatHex(leafHash(new Uint8Array(answer.rawPayload))), hash)
  })

  it('gives its envelope as bytes, or as JSON to those who ask for it', async () => {
    const bytes = new Uint8Array((await get(`${blocks}/5/envelope`)).rawPayload)
    const envelope = decodeEnvelope(bytes)
    const answer = await get(`${blocks}/5/envelope`, { accept: 'application/json' })
    assert.match(`${answer.headers['content-type']}`, /^application\/json/)
    assert.deepEqual(encodeEnvelope(parseEnvelopeJson(answer.json())), bytes)
    assert.equal(envelope.ciphertext.length, (await get(`${blocks}/5`)).json().envelope.bytes)
    const any = await get(`${blocks}/5/envelope`, { accept: '*/*' })
    assert.equal(any.headers['content-type'], 'application/octet-stream')
    assert.equal(any.headers['cache-control'], 'no-store')
  })

  it('gives a receipt that verifies against the trust file', async () => {
    const { hash } = (await get(`${blocks}/5`)).json()
    const answer = await get(`${blocks}/5/receipt`)
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
    const logKeys = ledger.log.bucket('payments').vkeys.map((text) => parseVkey(text))
    const expected = { origin: `${name}/payments`, logKeys, policy: ledger.sample.trust.policy }
    assert.equal((await verifyReceipt(answer.body, parseHex(hash, 'hash'), expected)).index, 5)
  })

  it('gives evidence that verifies against the trust file, as a file to keep', async () => {
    const answer = await get(`${blocks}/5/evidence`)
    assert.match(
      `${answer.headers['content-disposition']}`,
      /^attachment; filename="payments-5\.evidence\.json"$/,
    )
    const verdict = await verifyEvidence(answer.body, ledger.sample.trust)
    assert.equal(verdict.pinned, true)
    assert.equal(verdict.block.index, 5)
    assert.equal(verdict.key.owner, 'sealer')
  })

  it('answers HEAD as it answers GET, without the body', async () => {
    const answer = await ledger.app.inject({ method: 'HEAD', url: `${blocks}/5/entry`, headers })
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.body, '')
    assert.equal(answer.headers['content-type'], 'application/octet-stream')
  })
})

describe("the article's payload", () => {
  it('has exactly its members', async () => {
    const answer = (await get('/api/v1/blockchain/list?bucket=payments')).json()
    assert.deepEqual(Object.keys(answer), ['name', 'statuscode', 'status', 'message', 'blockchain'])
    assert.equal(answer.name, 'Blockchain')
    assert.equal(answer.statuscode, '200')
    assert.equal(answer.status, 'OK')
    assert.equal(answer.blockchain.length, 10)
    const members = ['index', 'metainfo', 'objecta', 'objectb', 'objectc', 'timestamp', 'hash', 'prevhash']
    for (const block of answer.blockchain) assert.deepEqual(Object.keys(block).sort(), members.toSorted())
    const [, first, second] = answer.blockchain
    assert.equal(first.index, 1)
    assert.equal(second.prevhash, first.hash)
    assert.notEqual(first.hash, articleHashOf(first), 'for showing only')
    assert.match(first.objecta, /^[A-Za-z0-9+/]+=*$/)
    assert.match(first.objectb, /^[0-9a-f]+$/)
    assert.match(first.objectc, /^[0-9a-f]{512}$/)
  })

  it('is paged, and links to the next page', async () => {
    const url = `/api/v1/blockchain/list?bucket=payments&from=2&limit=3&receiver=${keys.receiver.kid}`
    const answer = await get(url)
    const link = /^<(.*)>; rel="next"$/.exec(`${answer.headers['link']}`)?.[1]
    const next = (await get(link as string)).json()
    assert.deepEqual(
      next.blockchain.map(({ index }: { index: number }) => index),
      [5, 6, 7],
    )
    assert.equal((await get('/api/v1/blockchain/list?bucket=payments&from=9')).headers['link'], undefined)
  })

  it('of one block has that block', async () => {
    const { blockchain } = (await get('/api/v1/blockchain/4?bucket=payments')).json()
    const list = (await get('/api/v1/blockchain/list?bucket=payments')).json()
    assert.deepEqual(blockchain, [list.blockchain[4]])
    assert.equal(await codeOf('/api/v1/blockchain/10?bucket=payments'), '404 unknown-block')
    assert.equal(await codeOf('/api/v1/blockchain/x?bucket=payments'), '400 bad-query')
  })

  it('needs to know of which bucket', async () => {
    const everything = await ledger.bearer('read:*')
    for (const query of ['', '?bucket=payments&bucket=keys']) {
      const url = `/api/v1/blockchain/list${query}`
      const answer = await ledger.app.inject({ url, headers: everything })
      assert.equal(answer.json().code, 'bad-query')
    }
  })
})

describe('the document store', () => {
  it('that lags says up to where it has come, and hashes beyond are found all the same', async () => {
    const lagging = new MemoryDocuments()
    lagging.documentsMax = 2
    const other = await startLedger({ documents: lagging })
    const token = await other.bearer('append:payments read:payments')
    const answers = []
    for (let i = 0; i < 3; i++) {
      const payload = await sealedJson()
      answers.push(await other.app.inject({ method: 'POST', url: blocks, headers: token, payload }))
    }
    const list = await other.app.inject({ url: `${blocks}?type=payment.captured`, headers: token })
    const { complete, blocks: found } = list.json()
    assert.ok(complete <= 2)
    assert.ok(found.every(({ index }: { index: number }) => index < complete))
    const { hash } = (answers[2] as Answered).json()
    const block = await other.app.inject({ url: `${blocks}/${hash}`, headers: token })
    assert.equal(block.json().index, 3)
    await other.close()
  })

  it('that breaks, or is not there, keeps no one from appending and reading', async () => {
    for (const documents of [undefined, new MemoryDocuments()]) {
      const other = await startLedger({ documents })
      if (documents !== undefined) documents.broken = true
      const token = await other.bearer('append:payments read:payments')
      const payload = await sealedJson()
      const answer = await other.app.inject({ method: 'POST', url: blocks, headers: token, payload })
      assert.equal(answer.statusCode, 201)
      assert.equal((await other.app.inject({ url: blocks, headers: token })).json().blocks.length, 2)
      for (const url of [`${blocks}?type=payment.captured`, `${blocks}/${answer.json().hash}`]) {
        const refused = await other.app.inject({ url, headers: token })
        assert.equal(refused.statusCode, 503)
        assert.equal(refused.json().code, 'documents-unavailable')
      }
      assert.equal((await other.app.inject({ url: '/health/ready' })).statusCode, 200)
      await other.close()
    }
  })

  it('never decides which block has a hash', async () => {
    const { hash } = (await get(`${blocks}/5`)).json()
    const lie = documents.findHash
    documents.findHash = async () => 4
    assert.equal(await codeOf(`${blocks}/${hash}`), '503 documents-unavailable')
    documents.findHash = lie
    assert.equal((await get(`${blocks}/${hash}`)).json().index, 5)
  })
})
