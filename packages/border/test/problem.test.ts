import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import { challengeOf } from '../src/challenge.ts'
import { problemOf, problems } from '../src/problem.ts'

describe('the table of problems', () => {
  it('gives every refusal a status of the failing kind and a title', () => {
    const rows = Object.entries(problems)
    assert.ok(rows.length > 50)
    for (const [code, { status, title }] of rows) {
      assert.ok(status >= 400 && status < 600, code)
      assert.match(title, /^[A-Z].*[^.]$/, code)
    }
  })
})

describe('a key that is not registered', () => {
  const refused = new Refused('unknown-key', 'key A is not registered')

  it('is not there when it is asked for', () => {
    for (const method of ['GET', 'HEAD']) {
      const { status, code } = problemOf(refused, method)
      assert.deepEqual([status, code], [404, 'unknown-key'])
    }
  })

  it('is what is wrong with a body that names it', () => {
    for (const method of ['POST', 'DELETE', undefined]) assert.equal(problemOf(refused, method).status, 422)
  })
})

describe('a refusal about the token', () => {
  function challenge(code: RefusalCode, authorization?: string): string | undefined {
    return challengeOf(problemOf(new Refused(code, 'say "why" \\ ü')), authorization)
  }

  it('tells a caller without a token both schemes and no error', () => {
    const text = challenge('no-token')
    assert.match(text ?? '', /^Bearer realm="ledgerstone", DPoP realm="ledgerstone", algs="ES256 /)
    assert.doesNotMatch(text ?? '', /error=/)
  })

  it('names the error of RFC 6750, its description within the allowed characters', () => {
    const text = challenge('token-expired', 'Bearer x')
    assert.equal(text, `Bearer realm="ledgerstone", error="invalid_token", error_description="say 'why' ' '"`)
    assert.match(challenge('insufficient-scope', 'Bearer x') ?? '', /^Bearer .*error="insufficient_scope"/)
  })

  it('answers in the scheme that the caller used', () => {
    assert.match(challenge('insufficient-scope', 'DPoP x') ?? '', /^DPoP .*error="insufficient_scope".*algs=/)
    assert.match(challenge('bad-proof-of-possession', 'Bearer x') ?? '', /^DPoP .*error="invalid_dpop_proof"/)
  })

  it('is not challenged when it is about something else', () => {
    assert.equal(challenge('id-reused', 'Bearer x'), undefined)
  })
})
