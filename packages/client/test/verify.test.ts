import { strict as assert } from 'node:assert'
import { after, before, test } from 'node:test'
import { formatEntry, parseEntry } from '@ledgerstone/core/block'
import { type Bytes, utf8 } from '@ledgerstone/core/bytes'
import { encodeEnvelope } from '@ledgerstone/core/envelope'
import type { Refused } from '@ledgerstone/core/refused'
import { senderOf } from '@ledgerstone/core/sender'
import { encodeEntries } from '@ledgerstone/core/tile'
import { leafHash } from '@ledgerstone/core/tree'
import { readEntries } from '@ledgerstone/log/read'
import { now, openSample, sealFor } from '../../core/test/sample-ledger.ts'
import { codeOf } from '../../log/test/sample.ts'
import { BadBlock } from '../src/locate.ts'
import { plainMemory } from '../src/memory.ts'
import { RegistryFollower } from '../src/registry.ts'
import { statementCheck } from '../src/statements.ts'
import { verifyBucket } from '../src/verify.ts'
import { readerOf } from './sample-reader.ts'
import { appendBlocks, type Between, changeByte, type Served, serve, verifierOf } from './served.ts'

// Genesis and 599 records: two whole bundles and a part of a third.
const size = 600
let served: Served

before(async () => {
  served = await serve()
  await appendBlocks(served, size - 1)
})
after(() => served[Symbol.asyncDispose]())

test('verifies a whole bucket: registry, checkpoint, entries, statements, envelopes', async () => {
  const api = served.api()
  const progress: number[] = []
  const verdict = await verifierOf(api, served).verify({
    envelopes: (from, count) => api.envelopes('payments', from, count),
    onProgress: (checked) => progress.push(checked),
  })
  assert.equal(verdict.checked, size)
  assert.equal(verdict.statements, size)
  assert.equal(verdict.envelopes, size - 1)
  assert.deepEqual(verdict.missingEnvelopes, [])
  assert.deepEqual(verdict.duplicates, [])
  assert.equal(verdict.quorum, 'none')
  assert.match(verdict.policy, /one operator/)
  assert.equal(verdict.remembered, undefined)
  assert.deepEqual(progress, [256, 512, 600])
})

test('verifies the registry itself', async () => {
  const verdict = await verifierOf(served.api(), served).verify({ bucket: 'keys' })
  assert.equal(verdict.checked, served.tested.log.bucket('keys').head.size)
  assert.equal(verdict.statements, verdict.checked)
})

test('says of a second look what it remembered of the first', async () => {
  const verifier = verifierOf(served.api(), served)
  await verifier.verify()
  const again = await verifier.verify()
  assert.equal(again.remembered?.size, size)
})

/** Changes one byte of the entry at `index`, `offset` from its end, wherever its bundle is served. */
function changeEntry(index: number, offset: number): Between {
  return (path, body) => {
    if (!path.startsWith('/log/payments/tile/entries/')) return body
    if (bundleOf(path) !== Math.floor(index / 256)) return body
    const { end } = entryAt(body, index % 256)
    return changeByte(body, end - offset)
  }
}

function bundleOf(path: string): number {
  return Number((/entries\/([0-9x/]+?)(?:\.p|$)/.exec(path)?.[1] ?? '').replaceAll(/[x/]/g, ''))
}

function entryAt(bundle: Uint8Array, place: number): { start: number; end: number } {
  let at = 0
  for (let i = 0; ; i++) {
    const end = at + 2 + (((bundle[at] as number) << 8) | (bundle[at + 1] as number))
    if (i === place) return { start: at, end }
    at = end
  }
}

async function badBlock(between: Between, statements = true): Promise<BadBlock> {
  const verifier = verifierOf(served.api(between), served)
  const verdict = verifier.verify(statements ? {} : { statements: undefined as never })
  const error = await verdict.then(
    () => assert.fail('it was found sound'),
    (thrown: unknown) => thrown,
  )
  assert(error instanceof BadBlock, String(error))
  return error
}

for (const index of [1, 255, 256, 300, size - 1]) {
  test(`names block ${index} when a byte of its statement is changed`, async () => {
    const error = await badBlock(changeEntry(index, 10))
    assert.equal(error.index, index)
    assert.equal(error.code, 'damaged-store')
  })
}

test('names the block whose length is changed in its bundle', async () => {
  const error = await badBlock((path, body) => {
    if (!path.startsWith('/log/payments/tile/entries/') || bundleOf(path) !== 1) return body
    const { start } = entryAt(body, 44)
    body[start + 1] = (body[start + 1] as number) ^ 1
    return body
  })
  assert.equal(error.index, 300)
})

test('names the last block when it alone is another one, although all links are sound', async () => {
  // Its signature is not asked for: only the tree can tell.
  const error = await badBlock(changeEntry(size - 1, 10), false)
  assert.equal(error.index, size - 1)
  assert.equal((error.cause as Refused).code, 'forked')
})

test('names the first block of a forged rest, all of whose links are sound', async () => {
  const { log } = served.tested
  const entries = forge(await readEntries(log.bucket('payments'), 0, size))
  const error = await badBlock((path, body) => {
    if (!path.startsWith('/log/payments/tile/entries/')) return body
    const from = bundleOf(path) * 256
    return encodeEntries(entries.slice(from, from + 256))
  }, false)
  assert.equal(error.index, 300)
  assert.equal((error.cause as Refused).code, 'forked')
})

/** From block 300 on another history: a changed statement, and after it only links made to fit. */
function forge(entries: readonly Bytes[]): readonly Bytes[] {
  let { prev } = parseEntry(entries[300] ?? assert.fail())
  return entries.map((entry, index) => {
    if (index < 300) return entry
    const block = parseEntry(entry)
    const statement = index === 300 ? otherSignature(block.statement) : block.statement
    const forged = formatEntry({ ...block, statement, prev })
    prev = leafHash(forged)
    return forged
  })
}

/** Of one signature in sixteen `AA` is the end already. */
function otherSignature(jws: string): string {
  return jws.slice(0, -2) + (jws.endsWith('AA') ? 'AQ' : 'AA')
}

test('names a damaged tile, and remembers nothing', async () => {
  const memory = plainMemory()
  await verifierOf(served.api(), served, memory).verify()
  await appendBlocks(served, 1)
  const damaged = served.api((path, body) => {
    if (path.startsWith('/log/payments/tile/0/')) body[40] = (body[40] as number) ^ 1
    return body
  })
  assert.equal(await codeOf(verifierOf(damaged, served, memory).verify()), 'bad-proof')
  const verdict = await verifierOf(served.api(), served, memory).verify()
  assert.equal(verdict.remembered?.size, size)
})

test('refuses an envelope that is not the one its statement names, and names the block', async () => {
  const api = served.api((path, body) => {
    if (path.startsWith('/v1/buckets/payments/envelopes')) body[body.length - 1] = (body.at(-1) as number) ^ 1
    return body
  })
  const verdict = verifierOf(api, served).verify({
    envelopes: (from, count) => api.envelopes('payments', from, count),
  })
  await assert.rejects(verdict, (error) => error instanceof BadBlock && error.index === 255)
})

test('refuses the sound envelope of another block', async () => {
  const api = served.api()
  const verdict = verifierOf(api, served).verify({
    async *envelopes(from, count) {
      let index = from
      for await (const envelope of api.envelopes('payments', from, count)) {
        yield index++ === 9 ? await api.envelope('payments', 10) : envelope
      }
    },
  })
  await assert.rejects(verdict, (error) => {
    return error instanceof BadBlock && error.index === 9 && error.code === 'wrong-digest'
  })
})

test('refuses an envelope that another owner has signed, although the statement names it', async () => {
  const { sample, payments, alice } = await openSample()
  const mallory = await sample.register('mallory', 'mallory')
  const malloryRsa = await sample.register('mallory-rsa', 'mallory')
  const sound = await sealFor(alice, ['bob-receive'])
  const mixed = await sealFor({ ...alice, key: (await senderOf(mallory, malloryRsa, undefined)).key }, [
    'bob-receive',
  ])
  for (const { statement } of [sound, mixed]) sample.append(payments, statement.jws)
  const { trust } = sample
  const follower = new RegistryFollower({ trust, reader: readerOf(() => sample.keys), now: () => now })
  const verdict = verifyBucket({
    ...{ bucket: 'payments', trust, reader: readerOf(() => payments), follower, memory: plainMemory() },
    statements: ({ registry }) => statementCheck(registry),
    async *envelopes() {
      yield undefined
      for (const { envelope } of [sound, mixed]) yield encodeEnvelope(envelope)
    },
  })
  await assert.rejects(verdict, (error) => {
    return error instanceof BadBlock && error.index === 2 && error.code === 'wrong-key'
  })
})

test('lists the blocks whose envelope is gone', async () => {
  const api = served.api()
  const verdict = await verifierOf(api, served).verify({
    async *envelopes(from, count) {
      let index = from
      for await (const envelope of api.envelopes('payments', from, count)) {
        yield index++ === 7 ? undefined : envelope
      }
    },
  })
  assert.deepEqual(verdict.missingEnvelopes, [7])
})

test('refuses envelopes that end too soon', async () => {
  const api = served.api((path, body) => (path.includes('/envelopes') ? new Uint8Array(0) : body))
  const verdict = verifierOf(api, served).verify({
    envelopes: (from, count) => api.envelopes('payments', from, count),
  })
  assert.equal(await codeOf(verdict), 'gap')
})

test('refuses a checkpoint that the log keys did not sign', async () => {
  const api = served.api((path, body) => {
    if (!path.endsWith('/payments/checkpoint')) return body
    return new TextEncoder().encode(new TextDecoder().decode(body).replace(/\n[0-9]+\n/, '\n599\n'))
  })
  assert.equal(await codeOf(verifierOf(api, served).verify()), 'bad-checkpoint')
})

test('refuses a registry that does not begin with the pinned genesis', async () => {
  const api = served.api()
  const { trust } = served.tested.sample
  const other = { ...trust, genesis: new Uint8Array(32) }
  const forged = {
    ...served,
    tested: { ...served.tested, sample: { ...served.tested.sample, trust: other } },
  }
  assert.equal(await codeOf(verifierOf(api, forged).verify()), 'wrong-ledger')
})

test('takes full tiles where partial ones are gone', async () => {
  await using full = await serve()
  await appendBlocks(full, 99)
  const old = full.tested.log.bucket('payments').final?.checkpoint ?? ''
  await appendBlocks(full, 200)
  const api = full.api((path, body) => {
    if (path === '/log/payments/checkpoint') return utf8(old)
    return path.startsWith('/log/payments/') && path.includes('.p/') ? undefined : body
  })
  const verdict = await verifierOf(api, full).verify()
  assert.equal(verdict.checked, 100)
})

test('says so when a tile is not there at all', async () => {
  const api = served.api((path, body) => (path.includes('/payments/tile/entries/001') ? undefined : body))
  assert.equal(await codeOf(verifierOf(api, served).verify()), 'gap')
})
