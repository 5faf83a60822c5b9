import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Type } from 'typebox'
import { checkConfig, parseConfig, readConfig } from '../src/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'ledgerstone-config-'))
after(() => rmSync(folder, { recursive: true }))

const closed = { additionalProperties: false }
const schema = Type.Object(
  {
    issuer: Type.String(),
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8400 }),
    log: Type.Union([Type.Literal('public'), Type.Literal('token')], { default: 'token' }),
    tls: Type.Optional(Type.Object({ key: Type.String() }, closed)),
  },
  closed,
)

describe('a configuration file', () => {
  it('is read with its defaults and cannot be changed afterwards', () => {
    const path = join(folder, 'good.json')
    writeFileSync(path, '{"issuer":"https://x","tls":{"key":"k.pem"}}')
    const config = readConfig(path, schema)
    assert.deepEqual(config, { issuer: 'https://x', port: 8400, log: 'token', tls: { key: 'k.pem' } })
    assert.throws(() => Object.assign(config, { port: 1 }), TypeError)
    assert.throws(() => Object.assign(config.tls ?? {}, { key: 'x' }), TypeError)
  })

  it('is refused with all its mistakes at once', () => {
    assert.throws(
      () => parseConfig('{"prot":1,"port":"8400","log":"all","tls":{"kee":"x"}}', schema, 'ledger.json'),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'bad-config')
        for (const part of [
          'ledger.json',
          'issuer',
          '"prot"',
          '/port must be integer',
          '/log',
          '"kee"',
          "'key'",
        ]) {
          assert.ok(error.message.includes(part), `${part} in ${error.message}`)
        }
        return true
      },
    )
  })

  it('that is missing or not JSON is refused by name, and not quoted', () => {
    assert.throws(() => readConfig(join(folder, 'none.json'), schema), {
      code: 'bad-config',
      message: /none\.json/,
    })
    assert.throws(
      () => parseConfig('{"issuer": swordfish', schema, 'x.json'),
      (error: Error & { code?: string }) =>
        error.code === 'bad-config' && !error.message.includes('swordfish'),
    )
  })

  it('cannot have a schema that lets unknown keys pass', () => {
    const open = Type.Object({ inner: Type.Object({ a: Type.String() }) }, closed)
    assert.throws(() => checkConfig({ inner: { a: 'x' } }, open, 'x'), TypeError)
  })
})
