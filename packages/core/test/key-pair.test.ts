import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { utf8 } from '../src/bytes.ts'
import { createKey, ownKeyOf, statementSignerOf } from '../src/key-pair.ts'
import { statementVerifierOf } from '../src/registration.ts'
import { checkSpki, keyIdOf } from '../src/spki.ts'
import { refusedAs } from './vectors.ts'

describe('own keys', () => {
  for (const kind of ['Ed25519', 'P-256', 'RSA-2048', 'ML-DSA-65'] as const) {
    test(`of kind ${kind} sign what their public half verifies`, async () => {
      const key = await createKey(kind)
      assert.equal(key.kid, keyIdOf(key.spki))
      assert.deepEqual(await ownKeyOf(key.pkcs8), key)
      const { sign, kid } = await statementSignerOf(key)
      assert.equal(kid, key.kid)
      const verify = await statementVerifierOf(key.spki, checkSpki(key.spki))
      const signature = await sign(utf8('message'))
      assert.ok(await verify(utf8('message'), signature))
      assert.ok(!(await verify(utf8('massage'), signature)))
    })
  }
  test('of kind ML-DSA-44 sign no statements', async () => {
    await assert.rejects(statementSignerOf(await createKey('ML-DSA-44')), refusedAs('wrong-key'))
  })
})
