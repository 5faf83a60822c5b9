import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { appendToKeys, codeOf, keys, start } from '../../log/test/sample.ts'
import { BadBlock } from '../src/locate.ts'
import { type CheckedStatement, DuplicateFinder, statementCheck } from '../src/statements.ts'
import { appendBlocks, serve, verifierOf } from './served.ts'

test('lists the blocks of a key that was later reported stolen as of a time before them', async () => {
  await using served = await serve()
  await appendBlocks(served, 2)
  served.tested.clock.ms += 60_000
  await appendBlocks(served, 3)
  const suspectFrom = new Date(start + 30_000).toISOString()
  const body = { kid: keys.statement.kid, reason: 'stolen', suspectFrom }
  await appendToKeys(served.tested.log, 'ledgerstone.key.revoke', body)
  await appendBlocks(served, 0)
  const verdict = await verifierOf(served.api(), served).verify()
  assert.deepEqual(verdict.suspects, [3, 4, 5])
  assert.equal(verdict.checked, 6, 'blocks from before the revocation stay valid')
})

test('names the block whose statement another judge refuses', async () => {
  await using served = await serve()
  await appendBlocks(served, 5)
  const verdict = verifierOf(served.api(), served).verify({
    statements: ({ registry }) => {
      const check = statementCheck(registry)
      return async (entries) =>
        (await check(entries)).map((result, i) => (i === 3 ? { refused: 'key-revoked', why: 'no' } : result))
    },
  })
  // The log has signed it as it is: the reason stays what the judge said.
  await assert.rejects(verdict, (error) => {
    return error instanceof BadBlock && error.index === 3 && error.code === 'key-revoked'
  })
})

test('refuses blocks that name more of the registry than is final', async () => {
  await using served = await serve()
  await appendBlocks(served, 1)
  const old = served.tested.log.bucket('keys').final?.checkpoint ?? ''
  await appendToKeys(served.tested.log, 'ledgerstone.key.revoke', { kid: keys.other.kid, reason: 'lost' })
  await appendBlocks(served, 1)
  const frozen = served.api((path, body) => {
    return path === '/log/keys/checkpoint' ? new TextEncoder().encode(old) : body
  })
  assert.equal(await codeOf(verifierOf(frozen, served).verify()), 'gap')
})

test('finds statements of one owner and id, and tells owners apart', () => {
  const finder = new DuplicateFinder()
  const statement = { kid: '', content: undefined, suspect: false }
  const of = (owner: string, id: string): CheckedStatement => ({ ...statement, owner, id })
  for (const [index, [owner, id]] of [
    ['shop', 'a'],
    ['till', 'a'],
    ['shop', 'b'],
    ['shop', 'a'],
    ['shop', 'a'],
  ].entries()) {
    finder.add(of(owner as string, id as string), index)
  }
  assert.deepEqual(finder.found, [
    { index: 3, first: 0 },
    { index: 4, first: 0 },
  ])
})
