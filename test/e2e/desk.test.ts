// `ledgerstone desk` as a command: what it refuses, and how it ends.
import assert from 'node:assert/strict'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort } from '../../bench/children.ts'
import { LedgerProcess, temporaryFolder } from './ledger-process.ts'
import { Program, run } from './program.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let ledger: LedgerProcess
let own: string

before(async () => {
  folder = await temporaryFolder()
  ledger = await LedgerProcess.start(join(folder.path, 'data'))
  own = join(folder.path, 'own')
  await mkdir(own, { mode: 0o700 })
  await cp(join(folder.path, 'data', 'ledgerstone.trust'), join(own, 'ledgerstone.trust'))
})
after(async () => {
  await ledger?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
})

test('it prints an address that opens it once, and Ctrl-C ends it', async () => {
  const port = await freePort()
  const args = ['desk', '--server', ledger.url, '--data', own, '--port', `${port}`, '--no-open']
  await using desk = Program.spawn(args)
  await desk.prints('Ctrl-C stops it.')
  const [entrance = ''] = /http:\S+secret=\S+/.exec(desk.stdout) ?? []
  const first = await fetch(entrance, { redirect: 'manual' })
  assert.equal(first.status, 303)
  const second = await fetch(entrance, { redirect: 'manual' })
  assert.equal(second.status, 403)
  desk.signal('SIGINT')
  assert.equal(await desk.ended(), 0)
  assert.doesNotMatch(desk.stderr, /secret|Error/)
})

test('a port that is taken is said', async () => {
  const port = new URL(ledger.url).port
  const { code, stderr } = await run([
    ...['desk', '--server', ledger.url, '--data', own],
    ...['--port', port, '--no-open'],
  ])
  assert.equal(code, 1)
  assert.match(stderr, /another program listens on port/)
})

test('a server of another ledger than the trust file is of is refused', async () => {
  const other = join(folder.path, 'other')
  await run(['init', '--data', other])
  const { code, stderr } = await run(['desk', '--server', ledger.url, '--data', other, '--no-open'])
  assert.equal(code, 3)
  assert.match(stderr, /wrong-ledger/)
})

test('without a trust file it does not start: trust is never taken from the server', async () => {
  const { code, stderr } = await run(['desk', '--server', ledger.url, '--data', join(folder.path, 'none')])
  assert.equal(code, 3)
  assert.match(stderr, /there is no trust file/)
})

test('a server that is away, and one to which no token may be sent, are told apart', async () => {
  const away = await run(['desk', '--server', 'http://127.0.0.1:9', '--data', own, '--no-open'])
  assert.equal(away.code, 4)
  const clear = await run(['desk', '--server', 'http://ledger.example.com', '--data', own, '--no-open'])
  assert.equal(clear.code, 3)
  assert.match(clear.stderr, /not an https URL/)
})
