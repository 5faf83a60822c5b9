import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parsePublicKeyPem } from '@ledgerstone/core/pem'
import { keyIdOf } from '@ledgerstone/core/spki'
import { runExchange } from '../src/client.ts'
import { keepIn } from '../src/kept-keys.ts'
import { exchange, keys } from './ceremonies.ts'
import { runOf, serve } from './serving.ts'

const folder = mkdtempSync(join(tmpdir(), 'kept-'))
after(() => rmSync(folder, { recursive: true }))

test('the server’s keys are there as PEM once the exchange has ended well, mode 0600', async () => {
  await using served = await serve()
  await runExchange(runOf(served, { keep: keepIn(folder) }))
  const [name = '', more] = readdirSync(folder)
  assert.match(name, /^sealer-[0-9a-f]{8}$/)
  assert.equal(more, undefined)
  for (const file of readdirSync(join(folder, name))) {
    const path = join(folder, name, file)
    const kid = keyIdOf(parsePublicKeyPem(readFileSync(path, 'utf8')))
    assert.ok(keys.server.some((key) => `${key.purpose}-${key.kid}.pem` === file && key.kid === kid))
    assert.equal(statSync(path).mode & 0o777, 0o600)
  }
  rmSync(join(folder, name), { recursive: true })
})

test('nothing is there after an exchange that failed', async () => {
  await using served = await serve()
  const run = runOf(served, { keep: keepIn(folder), assurance: 'sas', compare: async () => false })
  await assert.rejects(runExchange(run), { code: 'wrong-string' })
  assert.deepEqual(readdirSync(folder), [])
})

test('a disk that refuses leaves nothing half written', async () => {
  writeFileSync(join(folder, `${exchange}.pending`), 'in the way')
  await assert.rejects(keepIn(folder)(keys.server, exchange))
  assert.deepEqual(readdirSync(folder), [])
})
