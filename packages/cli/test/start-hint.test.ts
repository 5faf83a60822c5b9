import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { dataFolder, makeFolder } from '../src/data-folder.ts'
import { startHint } from '../src/start-hint.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** The hint for what did not answer, when the services of a new folder were last on that port. */
function hintAfter(port: number, told: string, name = 'data'): string {
  using place = temporaryFolder()
  const before = process.cwd()
  process.chdir(place.path)
  try {
    const folder = dataFolder(name)
    makeFolder(dirname(folder.localClient))
    const client = { issuer: `http://127.0.0.1:${port}/auth`, client_id: 'local', client_secret: 'hush' }
    createKeyFile(folder.localClient, JSON.stringify(client))
    return startHint(told, name)
  } finally {
    process.chdir(before)
  }
}

const issuer = 'http://127.0.0.1:8400/auth/.well-known/openid-configuration cannot be reached'
const ledger = 'GET /v1/buckets: nothing answers at http://127.0.0.1:8400'

test('where the services of the data folder do not answer, it is said how they are started', () => {
  assert.equal(hintAfter(8400, issuer), ' (is it running? npm start)')
  assert.equal(hintAfter(8400, ledger), ' (is it running? npm start)')
})

test('another folder, or another port, is named', () => {
  const start = 'npx ledgerstone start'
  assert.equal(hintAfter(8400, ledger, "Ada's"), ` (is it running? ${start} --data 'Ada'\\''s')`)
  assert.equal(hintAfter(84, 'http://127.0.0.1:84: nothing answers'), ` (is it running? ${start} --port 84)`)
})

test('nothing is said of services elsewhere, nor where none was ever started', () => {
  assert.equal(hintAfter(8400, 'nothing answers at https://ledger.example.com'), '')
  assert.equal(hintAfter(84, ledger), '')
  using place = temporaryFolder()
  assert.equal(startHint(ledger, place.path), '')
})
