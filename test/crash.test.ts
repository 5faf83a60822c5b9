// kill -9 under load: a handful of the runs of `npm run torture`, and whether its checks would see a loss.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { formatEntry, noHash } from '@ledgerstone/core/block'
import { type Bytes, formatHex } from '@ledgerstone/core/bytes'
import { signCheckpoint } from '@ledgerstone/core/checkpoint'
import { createKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { signStatement } from '@ledgerstone/core/statement'
import { Frontier, leafHash } from '@ledgerstone/core/tree'
import { liveId } from '@ledgerstone/core/uuid'
import { vkeyOf } from '@ledgerstone/core/vkey'
import { CrashingLedger } from './crash/crashing.ts'
import { History, type Promised, type Read } from './crash/history.ts'
import { randomOf } from './crash/random.ts'

const runs = 5
const seed = Date.now() % 1_000_000
const logKey = await createKey('Ed25519')
/** Ids of records, by the name that tests give them. */
const ids = new Map<string, string>()

test(`kill -9 loses, changes and doubles nothing that was acknowledged (seed ${seed})`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ledgerstone-crash-'))
  {
    await using ledger = await CrashingLedger.create(join(folder, 'data'), randomOf(seed))
    for (let run = 1; run <= runs; run++) t.diagnostic(await ledger.crash())
    t.diagnostic(await ledger.finish())
  }
  await rm(folder, { recursive: true })
})

describe('the client that remembers what it was promised', async () => {
  const chain = await makeChain(['a', 'b', 'c'])

  test('is content with a ledger that kept everything', async () => {
    const history = chain.history()
    chain.acknowledge(history, 0)
    await history.check(2, chain.read)
    chain.acknowledge(history, 1)
    chain.acknowledge(history, 2)
    await history.check(3, chain.read)
    await history.checkAgain(chain.read)
    assert.equal(history.size, 3)
  })

  test('sees that an acknowledged block is missing', async () => {
    const history = chain.history()
    chain.acknowledge(history, 2, { checkpoint: chain.notes[0] as string })
    await assert.rejects(history.check(2, chain.read), /is lost/)
  })

  test('sees that an acknowledged block has another hash, or stands in another place', async () => {
    for (const wrong of [{ hash: formatHex(noHash) }, { index: 0 }]) {
      const history = chain.history()
      chain.acknowledge(history, 1, wrong)
      await assert.rejects(history.check(3, chain.read), /was acknowledged in block/)
    }
  })

  test('sees that a signed head is gone, and that the ledger is shorter than it was', async () => {
    const signed = chain.history()
    chain.acknowledge(signed, 0, { checkpoint: chain.notes[2] as string })
    await assert.rejects(signed.check(2, chain.read), /a head of 3 blocks was signed/)
    const seen = chain.history()
    await seen.check(3, chain.read)
    await assert.rejects(seen.check(2, chain.read), /3 blocks were there/)
  })

  test('sees that another head was signed than there is, now or later', async () => {
    const other = await chain.sign(2, noHash)
    for (const before of [0, 2, 3]) {
      const history = chain.history()
      if (before > 0) await history.check(before, chain.read)
      chain.acknowledge(history, 1, { checkpoint: other })
      await assert.rejects(history.check(3, chain.read), /another head of 2 blocks/)
    }
    const twice = chain.history()
    chain.acknowledge(twice, 1)
    chain.acknowledge(twice, 1, { checkpoint: other })
    await assert.rejects(twice.check(3, chain.read), /two heads of 2 blocks/)
  })

  test('sees that a record is there twice', async () => {
    const doubled = await makeChain(['a', 'b', 'a'])
    await assert.rejects(doubled.history().check(3, doubled.read), /is in block 0 and again in block 2/)
  })

  test('sees that an old block has changed', async () => {
    const history = chain.history()
    await history.check(3, chain.read)
    const other = await makeChain(['a', 'x', 'c'])
    await assert.rejects(history.checkAgain(other.read), /another hash than before/)
  })
})

type Chain = {
  /** A note on the first block, on the first two, ... */
  readonly notes: readonly string[]
  readonly read: Read
  readonly history: () => History
  readonly sign: (size: number, root: Bytes) => Promise<string>
  readonly acknowledge: (history: History, index: number, wrong?: Partial<Promised>) => void
}

/** A bucket whose blocks are named; blocks of one name hold the same record. */
async function makeChain(names: readonly string[]): Promise<Chain> {
  const [bucket, origin] = ['payments', 'crash.example/log/payments']
  const signer = await statementSignerOf(logKey)
  const vkey = vkeyOf(origin, 'note', logKey.spki)
  const sign = (size: number, root: Bytes): Promise<string> =>
    signCheckpoint(origin, { size, root }, [{ vkey, sign: signer.sign }], 0)
  const frontier = new Frontier()
  const [entries, notes, recordIds]: [Bytes[], string[], string[]] = [[], [], []]
  let prev = noHash
  for (const [index, name] of names.entries()) {
    const id = ids.get(name) ?? liveId(0)
    ids.set(name, id)
    const payload = { log: origin, id, type: 'payment.captured', issued: 0 }
    const content = { suite: 'rsa-aes-cfb', digest: noHash, bytes: 1 }
    const statement = await signStatement({ ...payload, content }, signer)
    const entry = formatEntry({ bucket, index, time: 0, prev, keys: 2, statement })
    prev = leafHash(entry)
    frontier.append(prev)
    entries.push(entry)
    recordIds.push(id)
    notes.push(await sign(frontier.size, frontier.root()))
  }
  return {
    notes,
    sign,
    history: () => new History(bucket, origin, [vkey.text]),
    read: async function* (from, to) {
      for (const entry of entries.slice(from, to)) yield [entry]
    },
    acknowledge(history, index, wrong = {}) {
      const hash = formatHex(leafHash(entries[index] as Bytes))
      const checkpoint = notes[index] as string
      history.acknowledge(recordIds[index] as string, { index, hash, checkpoint, ...wrong })
    },
  }
}
