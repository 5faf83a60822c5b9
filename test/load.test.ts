import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { load, loadFromChild, requestOf } from '../bench/load.ts'

async function listen(server: Server): Promise<{ port: number } & AsyncDisposable> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  return { port, [Symbol.asyncDispose]: close }
}

const requests = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) =>
    requestOf('POST', `/${i}`, { 'content-type': 'text/plain' }, `body ${i}`),
  )

describe('the load generator', () => {
  test('sends every request once and whole, on as many connections as asked for', async () => {
    const seen: string[] = []
    const sockets = new Set()
    const answer: RequestListener = async (request, response) => {
      sockets.add(request.socket)
      seen.push(`${request.url} ${Buffer.concat(await Array.fromAsync(request))}`)
      response.writeHead(201, { 'content-length': 3 }).end('yes')
    }
    await using server = await listen(createServer(answer))
    const measured = await load({ port: server.port, connections: 4 }, requests(100))

    assert.deepEqual(seen.sort(), Array.from({ length: 100 }, (_, i) => `/${i} body ${i}`).sort())
    assert.equal(sockets.size, 4)
    assert.deepEqual(measured.statuses, { 201: 100 })
    assert.equal(measured.errors, 0)
    assert.ok(measured.p50 > 0 && measured.p50 <= measured.p99 && measured.p99 <= measured.max)
    assert.ok(Math.abs(measured.perSecond * measured.seconds - 100) < 1e-6)
  })

  test('counts only what succeeded as throughput, and measures nothing of the warm-up', async () => {
    let count = 0
    const answer: RequestListener = async (request, response) => {
      request.resume()
      count += 1
      if (count === 4) await delay(2000)
      response.writeHead(count % 2 === 0 ? 503 : 200).end()
    }
    await using server = await listen(createServer(answer))
    const measured = await load({ port: server.port, connections: 1, warmupRequests: 4 }, requests(24))

    assert.deepEqual(measured.statuses, { 200: 12, 503: 12 })
    assert.ok(Math.abs(measured.perSecond * measured.seconds - 10) < 1e-6, 'ten of the twenty measured')
    assert.ok(measured.max < 1900, `${measured.max} ms`)
  })

  test('reads answers that come in pieces, in chunks and without a body', async () => {
    const answers = [
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n',
      'HTTP/1.1 204 No Content\r\nserver: x\r\n\r\n',
      'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
    ]
    for (const size of [1, 7, 1000]) {
      let next = 0
      const tcp = createTcpServer((socket) => {
        socket.setNoDelay(true)
        socket.on('error', () => {})
        socket.on('data', async () => {
          const answer = answers[next++ % answers.length] as string
          for (let at = 0; at < answer.length; at += size) {
            socket.write(answer.slice(at, at + size))
            await delay(0)
          }
        })
      })
      await using server = await listen(tcp)
      const measured = await load({ port: server.port, connections: 1 }, requests(8))
      assert.deepEqual(measured.statuses, { 200: 4, 204: 2, 404: 2 }, `pieces of ${size}`)
      assert.equal(measured.errors, 0)
    }
  })

  test('counts a connection that ends before its answer, and goes on with another', async () => {
    let count = 0
    const answer: RequestListener = (request, response) => {
      count += 1
      if (count % 5 === 0) request.socket.destroy()
      else response.end('ok')
    }
    await using server = await listen(createServer(answer))
    const measured = await load({ port: server.port, connections: 2 }, requests(50))
    assert.equal(measured.errors, 10)
    assert.deepEqual(measured.statuses, { 200: 40 })
  })

  test('fails when nothing is answered', async () => {
    await using server = await listen(createServer(() => {}))
    await assert.rejects(
      load({ port: server.port, connections: 1, silenceMsMax: 50 }, requests(1)),
      /nothing was answered for 50 ms/,
    )
  })

  test('repeats its requests for a given time, in a process of its own', async () => {
    await using server = await listen(createServer((_request, response) => response.end('ok')))
    const options = { port: server.port, connections: 8, durationMs: 300 }
    const measured = await loadFromChild(options, [requestOf('GET', '/', {})])
    assert.ok((measured.statuses['200'] ?? 0) > 100, JSON.stringify(measured))
    assert.ok(measured.seconds > 0.15 && measured.seconds < 5, `${measured.seconds} s`)
    assert.equal(measured.errors, 0)
  })
})
