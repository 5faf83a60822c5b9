import { strict as assert } from 'node:assert'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { utf8 } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import { codeOf } from '../../log/test/sample.ts'
import { type Ask, type Fetch, type Http, type HttpOptions, httpOf } from '../src/http.ts'
import { UnexpectedAnswer, Unreachable } from '../src/problem.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void

type Service = AsyncDisposable & {
  readonly url: string
  readonly http: Http
  /** Headers of all requests so far. */
  readonly asked: IncomingMessage['headers'][]
  /** What was waited for between tries. */
  readonly waits: number[]
}

/** A real socket whose every answer is the test's. */
async function serviceOf(handler: Handler, options: Partial<HttpOptions> = {}): Promise<Service> {
  const asked: IncomingMessage['headers'][] = []
  const waits: number[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers)
    request.resume()
    request.on('end', () => handler(request, response, asked.length))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sleep = async (ms: number): Promise<void> => void waits.push(ms)
  const reach: Fetch = (at, init) => fetch(at, init)
  return {
    url,
    http: httpOf({ url, fetch: reach, sleep, ...options }),
    asked,
    waits,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const ask: Ask = { path: '/x', accept: ['application/json'], answerBytesMax: 1000, repeatable: true }

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  const body = JSON.stringify({ type: 'x', title: 'x', status, code, detail: `because of ${code}` })
  answer(response, status, body, { 'content-type': 'application/problem+json', ...headers })
}

test('a problem document becomes a refusal with its code and detail', async () => {
  await using service = await serviceOf((_, response) => refuse(response, 409, 'id-reused'))
  await assert.rejects(service.http.ask(ask), (error) => {
    return error instanceof Refused && error.code === 'id-reused' && error.message === 'because of id-reused'
  })
  assert.equal(service.asked.length, 1)
})

test('a code that is not known is an operating error', async () => {
  await using service = await serviceOf((_, response) => refuse(response, 422, 'from-the-future'))
  await assert.rejects(
    service.http.ask(ask),
    (error) => error instanceof UnexpectedAnswer && error.status === 422,
  )
})

test('text of a service cannot steer a terminal', async () => {
  await using service = await serviceOf((_, response) => {
    const body = JSON.stringify({ code: 'gap', detail: 'a\u001b[2Jb\u202ec' })
    answer(response, 422, body, { 'content-type': 'application/problem+json' })
  })
  await assert.rejects(service.http.ask(ask), { message: 'a [2Jb c' })
})

test('asks again after 503 with Retry-After, and waits at least so long', async () => {
  await using service = await serviceOf((_, response, count) => {
    if (count < 3) refuse(response, 503, 'pool-full', { 'retry-after': '2' })
    else answer(response, 200, '{"ok":1}')
  })
  assert.deepEqual((await service.http.ask(ask)).body, utf8('{"ok":1}'))
  assert.equal(service.waits.length, 2)
  for (const ms of service.waits) assert(ms >= 2000)
})

test('does not ask again after 503 without Retry-After', async () => {
  await using service = await serviceOf((_, response) => refuse(response, 503, 'read-only'))
  assert.equal(await codeOf(service.http.ask(ask)), 'read-only')
  assert.equal(service.asked.length, 1)
})

test('asks again when the outcome is unknown, and only what may be repeated', async () => {
  const unknown: Handler = (_, response, count) => {
    if (count === 1) refuse(response, 503, 'outcome-unknown')
    else answer(response, 201, '{}')
  }
  await using service = await serviceOf(unknown)
  assert.equal((await service.http.ask({ ...ask, method: 'POST' })).status, 201)
  await using once = await serviceOf(unknown)
  assert.equal(await codeOf(once.http.ask({ ...ask, method: 'POST', repeatable: false })), 'outcome-unknown')
  assert.equal(once.asked.length, 1)
})

test('asks again when the connection breaks, and gives up after some tries', async () => {
  await using service = await serviceOf((request, response, count) => {
    if (count < 3) request.socket.destroy()
    else answer(response, 200, '{}')
  })
  assert.equal((await service.http.ask(ask)).status, 200)
  await using broken = await serviceOf((request) => void request.socket.destroy(), { triesMax: 3 })
  await assert.rejects(broken.http.ask(ask), Unreachable)
  assert.equal(broken.asked.length, 3)
})

test('an answer that is cut short is asked for again', async () => {
  await using service = await serviceOf((_, response, count) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '4' })
    if (count === 1) response.write('{ ', () => response.destroy())
    else response.end('{  }')
  })
  assert.deepEqual((await service.http.ask(ask)).body, utf8('{  }'))
})

test('a service that does not answer in time is unreachable', async () => {
  await using service = await serviceOf(() => undefined, { timeoutMs: 30, triesMax: 2 })
  await assert.rejects(
    service.http.ask(ask),
    (error) => error instanceof Unreachable && /in time/.test(error.message),
  )
  assert.equal(service.asked.length, 2)
})

test('a stream that falls silent is unreachable, one that goes on is not', async () => {
  const pieces: Handler = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    let left = 5
    const timer = setInterval(() => (left-- > 0 ? response.write('x') : clearInterval(timer)), 20)
  }
  await using service = await serviceOf(pieces, { timeoutMs: 60 })
  let text = ''
  const read = async (): Promise<void> => {
    for await (const chunk of service.http.stream(ask)) text += new TextDecoder().decode(chunk)
  }
  await assert.rejects(read(), Unreachable)
  assert.equal(text, 'xxxxx')
})

test('an answer over its limit is refused, whatever length it announces', async () => {
  await using service = await serviceOf((_, response) => answer(response, 200, 'x'.repeat(1001)))
  assert.equal(await codeOf(service.http.ask(ask)), 'too-large')
})

test('an answer of another media type is not taken', async () => {
  await using service = await serviceOf((_, response) => {
    answer(response, 200, '<html>', { 'content-type': 'text/html' })
  })
  await assert.rejects(service.http.ask(ask), UnexpectedAnswer)
})

test('a redirect takes the token nowhere', async () => {
  await using elsewhere = await serviceOf((_, response) => answer(response, 200, '{}'))
  await using service = await serviceOf(
    (_, response) => answer(response, 302, '', { location: elsewhere.url }),
    { token: async () => 'secret', triesMax: 1 },
  )
  await assert.rejects(service.http.ask(ask), Unreachable)
  assert.equal(elsewhere.asked.length, 0)
})

test('a token that is turned away is renewed once', async () => {
  const rejected: (string | undefined)[] = []
  const token = async (old?: string): Promise<string> => {
    rejected.push(old)
    return old === undefined ? 'old' : 'new'
  }
  await using service = await serviceOf(
    (request, response) => {
      if (request.headers.authorization === 'Bearer new') answer(response, 200, '{}')
      else refuse(response, 401, 'token-expired')
    },
    { token },
  )
  assert.equal((await service.http.ask({ ...ask, method: 'POST', repeatable: false })).status, 200)
  assert.deepEqual(rejected, [undefined, 'old'])
  await using strict = await serviceOf((_, response) => refuse(response, 401, 'bad-token'), { token })
  assert.equal(await codeOf(strict.http.ask(ask)), 'bad-token')
  assert.equal(strict.asked.length, 2)
})

test('nothing is sent in clear to another machine', () => {
  for (const url of [
    'http://ledger.example.com',
    'ftp://127.0.0.1',
    'https://user@ledger.example.com',
    'nonsense',
  ]) {
    assert.throws(
      () => httpOf({ url, fetch: () => assert.fail() }),
      (error) => {
        return error instanceof Refused && error.code === 'bad-config'
      },
    )
  }
  httpOf({ url: 'https://ledger.example.com/prefix', fetch: () => assert.fail() })
})

test('a caller who gives up is told so, and nothing is asked again', async () => {
  const stop = new AbortController()
  await using service = await serviceOf(() => stop.abort(new Error('enough')))
  await assert.rejects(service.http.ask({ ...ask, signal: stop.signal }), { message: 'enough' })
  assert.equal(service.asked.length, 1)
})
