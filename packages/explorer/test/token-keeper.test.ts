import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tokens } from '../src/session/authorization.ts'
import { SessionEnded, TokenKeeper } from '../src/session/token-keeper.ts'

const person = { id: 'ann', name: 'Ann' }

function tokensAt(expiresAt: number, name: string): Tokens {
  return {
    access: name,
    expiresAt,
    refresh: `r-${name}`,
    idToken: undefined,
    scopes: new Set(['read:*']),
    person,
  }
}

/**
 * A keeper over a clock, whose OAuth service gives tokens of five minutes as long as `isUp` and `isKnown`.
 */
function setUp(): {
  keeper: TokenKeeper
  at: { now: number; isUp: boolean; isKnown: boolean; renewals: number; ends: number }
} {
  const at = { now: 0, isUp: true, isKnown: true, renewals: 0, ends: 0 }
  const keeper = new TokenKeeper({
    tokens: tokensAt(300_000, 'first'),
    async renew() {
      at.renewals++
      if (!at.isUp) throw new TypeError('nothing answers')
      return at.isKnown ? tokensAt(at.now + 300_000, `renewed-${at.renewals}`) : undefined
    },
    onEnd: () => at.ends++,
    now: () => at.now,
  })
  return { keeper, at }
}

test('a token is used until shortly before it expires, then renewed once for all who ask', async () => {
  const { keeper, at } = setUp()
  assert.equal(await keeper.source(), 'first')
  at.now = 239_000
  assert.equal(await keeper.source(), 'first')
  at.now = 241_000
  assert.deepEqual(
    await Promise.all([keeper.source(), keeper.source(), keeper.source()]),
    Array(3).fill('renewed-1'),
  )
  assert.equal(at.renewals, 1)
})

test('a token that a service has turned away is renewed, another one is not', async () => {
  const { keeper, at } = setUp()
  assert.equal(await keeper.source('some other'), 'first')
  assert.equal(await keeper.source('first'), 'renewed-1')
  assert.equal(at.renewals, 1)
})

test('while the OAuth service is away, a token is used for as long as it is good', async () => {
  const { keeper, at } = setUp()
  at.isUp = false
  at.now = 260_000
  assert.equal(await keeper.source(), 'first')
  at.now = 300_000
  await assert.rejects(keeper.source(), TypeError)
  at.isUp = true
  assert.equal(await keeper.source(), 'renewed-3')
  assert.equal(at.ends, 0)
})

test('a session that is over is told once, and gives no token any more', async () => {
  const { keeper, at } = setUp()
  at.isKnown = false
  at.now = 250_000
  await assert.rejects(keeper.source(), SessionEnded)
  at.isKnown = true
  await assert.rejects(keeper.source(), SessionEnded)
  assert.equal(at.ends, 1)
  assert.equal(at.renewals, 1)
})
