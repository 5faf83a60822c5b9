import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statementCheck } from '@ledgerstone/client/statements'
import type { Bytes } from '@ledgerstone/core/bytes'
import { appendBlocks, serve, verifierOf } from '../../client/test/served.ts'
import { keys } from '../../log/test/sample.ts'
import { StatementThreads } from '../src/statement-threads.ts'

test('threads judge statements as one thread does, good ones and bad ones', async () => {
  await using served = await serve()
  await appendBlocks(served, 600)
  const { follower, verify } = verifierOf(served.api(), served)
  const { trust } = served.tested.sample
  let threads: StatementThreads | undefined
  const verdict = await verify({
    statements: (view) => {
      threads = StatementThreads.start(trust.ledger, view, 2)
      return threads.check
    },
  })
  assert.equal(verdict.statements, 601)
  assert.ok(threads)

  const bundle = await served.tested.log.bucket('payments').store.entries('payments', 0, 4)
  const entries: Bytes[] = []
  for (let at = 0; at < bundle.length; ) {
    const end = at + 2 + (((bundle[at] as number) << 8) | (bundle[at + 1] as number))
    entries.push(bundle.slice(at + 2, end))
    at = end
  }
  const forged = (entries[2] as Bytes).slice()
  // A character of the signature, whose last one may have bits of no byte.
  forged[forged.length - 20] = forged[forged.length - 20] === 0x41 ? 0x42 : 0x41
  const bad = entries.with(2, forged).with(3, new Uint8Array([1, 2, 3]))
  const alone = await statementCheck(follower.view.registry)(bad)
  assert.deepEqual(
    alone.map((result) => ('refused' in result ? result.refused : result.kid)),
    [keys.ledger.kid, keys.statement.kid, 'bad-signature', 'malformed'],
  )
  const results = await Promise.all(Array.from({ length: 6 }, () => threads?.check(bad)))
  for (const result of results) assert.deepEqual(result, alone)
  await threads[Symbol.asyncDispose]()
})

test('a registry that does not verify in the thread fails the check', async () => {
  await using threads = StatementThreads.start('shop.example/log', { entries: [new Uint8Array(5)] }, 1)
  await assert.rejects(() => threads.check([new Uint8Array(5)]))
  await using none = StatementThreads.start('shop.example/log', { entries: [] }, 1)
  await assert.rejects(() => none.check([new Uint8Array(5)]), /genesis/)
})
