import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Bytes } from '../src/bytes.ts'
import { Refused } from '../src/refused.ts'

/** Every case of a vector file says what it shows; that is the name of its test. */
export type Case = { readonly comment: string }

/**
 * The whole of `/vectors/<name>.json`. The caller says what is in it; the tests over it say whether that is
 * so.
 */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), 'utf8')) as T
}

/** One test per case. No cases is a failure: a file that lost them must not pass. */
export function testEach<C extends Case>(cases: readonly C[], run: (each: C) => void | Promise<void>): void {
  assert.ok(cases.length > 0, 'no cases')
  assert.equal(new Set(cases.map(({ comment }) => comment)).size, cases.length, 'two cases have one comment')
  for (const each of cases) test(each.comment, async () => run(each))
}

/** Accepts only a refusal with this code: `assert.throws(f, refusedAs('malformed'))`. */
export function refusedAs(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Refused, `not a refusal: ${error}`)
    assert.equal(error.code, code, error.message)
    return true
  }
}

export function hex(text: string): Bytes {
  return Uint8Array.fromHex(text)
}
