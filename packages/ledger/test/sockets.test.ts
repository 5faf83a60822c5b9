// What only real connections can do: stop in the middle, and not read.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { until } from '../../core/test/until.ts'
import { seal } from '../../log/test/sample.ts'
import { sealedJson, startLedger, type Tested } from './ledger.ts'
import { type Headers, url } from './mistakes.ts'

let ledger: Tested
let headers: Headers
let address: string

beforeEach(async () => {
  ledger = await startLedger({ limits: { stallMsMax: 200 } })
  headers = await ledger.bearer('read:payments append:payments')
  address = await ledger.app.listen({ port: 0, host: '127.0.0.1' })
})

afterEach(() => ledger.close())

async function open(): Promise<Socket> {
  const socket = connect({ port: Number(new URL(address).port), host: '127.0.0.1' })
  await once(socket, 'connect')
  return socket
}

function connections(): Promise<number> {
  return new Promise((resolve, reject) => {
    ledger.app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
  })
}

async function untilAlone(): Promise<void> {
  let count = 1
  const timer = setInterval(async () => {
    count = await connections()
  }, 5)
  await until(() => count === 0, 'the connection is closed').finally(() => clearInterval(timer))
}

describe('a connection', () => {
  it('that ends in the middle of a record appends nothing, and the next one is served', async () => {
    const { size } = ledger.log.bucket('payments').head
    const payload = JSON.stringify(await sealedJson())
    const socket = await open()
    const head = [`POST ${url} HTTP/1.1`, 'host: x', `authorization: ${headers['authorization']}`]
    head.push('content-type: application/json', `content-length: ${payload.length}`, '', '')
    socket.write(head.join('\r\n') + payload.slice(0, -10))
    socket.end()
    await untilAlone()
    assert.equal(ledger.log.bucket('payments').head.size, size)
    const sent = { ...headers, 'content-type': 'application/json' }
    const answer = await fetch(address + url, { method: 'POST', headers: sent, body: payload })
    assert.equal(answer.status, 201)
    await answer.body?.cancel()
  })

  it('whose reader takes nothing is cut off, and no more is read for it', async () => {
    const records = await Promise.all(
      Array.from({ length: 30 }, () => seal({ record: new Uint8Array(1_000_000) })),
    )
    await ledger.log.bucket('payments').appendBatch(records, 'test')
    const socket = await open()
    socket.pause()
    const path = '/v1/buckets/payments/envelopes'
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${headers['authorization']}\r\n\r\n`)
    await untilAlone()
    socket.destroy()
  })
})
