import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Refused } from '@ledgerstone/core/refused'
import { Type } from 'typebox'
import { type App, type AppLimits, createApp } from '../src/app.ts'
import { createLogger } from '../src/logger.ts'

let app: App
let log: string
const opened: App[] = []

async function create(limits: Partial<AppLimits> = {}, level = 'info'): Promise<App> {
  log = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      log += chunk
      done()
    },
  })
  const made = await createApp({ logger: createLogger({ name: 'test', level }, destination), limits })
  opened.push(made)
  const schema = {
    body: Type.Object(
      { name: Type.String({ maxLength: 10 }), count: Type.Optional(Type.Integer()) },
      { additionalProperties: false },
    ),
  }
  made.post('/things', { schema }, async (request) => ({ got: request.body }))
  made.post('/any', async (request) => ({ got: request.body }))
  const querystring = Type.Object(
    {
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
      open: Type.Optional(Type.Boolean()),
      order: Type.Optional(Type.Literal('down')),
      side: Type.Optional(Type.Unsafe<string>({ enum: ['left', 'right'] })),
    },
    { additionalProperties: false },
  )
  made.get('/things', { schema: { querystring } }, async (request) => request.query)
  made.get('/refuses', async () => {
    throw new Refused('id-reused', 'the id is taken')
  })
  made.get('/crashes', async () => {
    throw new Error('the password is swordfish')
  })
  return made
}

beforeEach(async () => {
  app = await create()
})

afterEach(async () => {
  for (const made of opened.splice(0)) await made.close()
})

const json = { 'content-type': 'application/json' }

async function post(url: string, payload: string | Buffer, headers: Record<string, string> = json) {
  return app.inject({ method: 'POST', url, headers, payload })
}

describe('a problem document', () => {
  it('tells a refusal by its code', async () => {
    const answer = await app.inject('/refuses')
    assert.equal(answer.statusCode, 409)
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    assert.deepEqual(answer.json(), {
      type: 'urn:ledgerstone:error:id-reused',
      title: 'The id is taken by another record',
      status: 409,
      code: 'id-reused',
      detail: 'the id is taken',
    })
  })

  it('shows an id of what was not expected and nothing else, and the log has the rest, once', async () => {
    const answer = await app.inject('/crashes')
    assert.equal(answer.statusCode, 500)
    assert.doesNotMatch(answer.body, /swordfish|stack|app\.test/)
    const { id, code } = answer.json()
    assert.equal(code, 'internal')
    const lines = log.split('\n').filter((line) => line.includes(id))
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /swordfish.*"code":"internal"/)
  })

  it('answers an unknown route, and an unknown method of a known one', async () => {
    assert.equal((await app.inject('/nothing')).json().code, 'unknown-route')
    const answer = await app.inject({ method: 'DELETE', url: '/things' })
    assert.equal(answer.statusCode, 404)
    assert.equal(answer.json().code, 'unknown-route')
  })

  it('answers a path that cannot be decoded', async () => {
    const answer = await app.inject('/%zz')
    assert.equal(answer.statusCode, 400)
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    assert.equal(answer.json().code, 'malformed')
  })

  it('answers bytes that are not HTTP', async () => {
    const answer = await sendRaw('this is not http\r\n\r\n')
    assert.match(answer, /^HTTP\/1.1 400 [\s\S]*application\/problem\+json[\s\S]*"code":"malformed"/)
  })

  it('answers a header that is too large', async () => {
    const answer = await sendRaw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`)
    assert.match(answer, /^HTTP\/1.1 431 [\s\S]*"code":"too-large"/)
  })

  it('answers a request that is cut off', async () => {
    const socket = await open()
    socket.end(
      'POST /things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{',
    )
    assert.match(await readAll(socket), /^HTTP\/1.1 400 [\s\S]*the request ends before it is whole/)
  })
})

async function open(): Promise<Socket> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return connect(address.port, '127.0.0.1')
}

async function sendRaw(text: string): Promise<string> {
  const socket = await open()
  socket.write(text)
  return readAll(socket)
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

describe('a body', () => {
  it('is taken as it is', async () => {
    assert.deepEqual((await post('/things', '{"name":"a","count":3}')).json(), {
      got: { name: 'a', count: 3 },
    })
  })

  it('with an unknown field is refused by its name, not silently cut', async () => {
    const answer = await post('/things', '{"name":"a","nmae":"b"}')
    assert.equal(answer.statusCode, 400)
    assert.equal(answer.json().code, 'unknown-field')
    assert.match(answer.json().detail, /"nmae"/)
  })

  it('is not coerced', async () => {
    const answer = await post('/things', '{"name":"a","count":"3"}')
    assert.equal(answer.json().code, 'malformed')
    assert.match(answer.json().detail, /^count in the body must be integer/)
  })

  it('with a value over its limit is told so', async () => {
    assert.equal((await post('/things', '{"name":"01234567890"}')).json().code, 'too-large')
  })

  for (const [what, payload] of [
    ['cut short', '{"name":'],
    ['empty', ''],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['behind a byte order mark', Buffer.from('\ufeff{}')],
    ['followed by more', '{} {}'],
  ] as const) {
    it(`that is ${what} is refused as malformed, without quoting it`, async () => {
      const answer = await post('/any', payload)
      assert.equal(answer.statusCode, 400)
      assert.equal(answer.json().code, 'malformed')
    })
  }

  it('that is not JSON is not quoted in the answer', async () => {
    assert.doesNotMatch((await post('/any', '{"card": 4111111111111111 1}')).body, /4111/)
  })

  for (const payload of ['{"__proto__":{"admin":true}}', '{"a":[{"\\u005f_proto__":1}]}']) {
    it(`that would poison a prototype is refused: ${payload}`, async () => {
      const answer = await post('/any', payload)
      assert.equal(answer.statusCode, 400)
      assert.equal(answer.json().code, 'unknown-field')
    })
  }

  it('may be nested eight levels deep, and no deeper', async () => {
    assert.equal((await post('/any', '['.repeat(8) + ']'.repeat(8))).statusCode, 200)
    assert.equal((await post('/any', '['.repeat(9) + ']'.repeat(9))).json().code, 'too-large')
    assert.equal((await post('/any', `${'{"a":'.repeat(9)}1${'}'.repeat(9)}`)).json().code, 'too-large')
    assert.equal((await post('/any', '['.repeat(500_000) + ']'.repeat(500_000))).json().code, 'too-large')
  })

  it('over the limit is refused', async () => {
    app = await create({ bodyBytesMax: 100 })
    const answer = await post('/any', `"${'a'.repeat(100)}"`)
    assert.equal(answer.statusCode, 413)
    assert.equal(answer.json().code, 'too-large')
  })

  it('over the limit is refused to callers that only read when they have sent all of it', async () => {
    app = await create({ bodyBytesMax: 1000 })
    const piece = Buffer.alloc(65_536, 'a')
    for (const length of ['content-length: 1048576', 'transfer-encoding: chunked']) {
      const socket = await open()
      const head = `POST /any HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${length}\r\n\r\n`
      socket.write(head)
      for (let i = 0; i < 16; i++) {
        await setTimeout(5)
        socket.write(length.startsWith('content') ? piece : `10000\r\n${piece}\r\n`)
      }
      socket.end(length.startsWith('content') ? '' : '0\r\n\r\n')
      assert.match(await readAll(socket), /^HTTP\/1.1 413 [\s\S]*"code":"too-large"/)
    }
  })

  it('that is compressed is refused, and not taken for what it is not', async () => {
    for (const [encoding, status] of [
      ['gzip', 415],
      ['br, identity', 415],
      ['Identity', 200],
    ] as const) {
      const answer = await post('/any', '{}', { ...json, 'content-encoding': encoding })
      assert.equal(answer.statusCode, status, encoding)
    }
  })

  it('of another media type is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      const answer = await post('/any', '{}', { 'content-type': type })
      assert.equal(answer.statusCode, 415)
      assert.equal(answer.json().code, 'wrong-media-type')
      assert.match(answer.json().detail, /must be application\/json/)
    }
  })
})

describe('a query', () => {
  it('is read as the integers and booleans that its schema says', async () => {
    assert.deepEqual((await app.inject('/things?limit=10&open=true')).json(), { limit: 10, open: true })
  })

  for (const query of [
    'limit=',
    'limit=0x10',
    'limit=1e1',
    'limit=+5',
    'limit=05',
    'limit=101',
    'limit=1&limit=2',
    'open=1',
    'limmit=1',
  ]) {
    it(`is refused when it is ${query}`, async () => {
      const answer = await app.inject(`/things?${query}`)
      assert.equal(answer.statusCode, 400)
      assert.equal(answer.json().code, 'bad-query')
    })
  }
})

describe('what is wrong with a query', () => {
  for (const [query, words] of [
    ['limit=1&limit=2', 'limit in the query is given more than once'],
    ['limit=101', 'limit in the query must be <= 100'],
    ['limmit=1', 'the query has an unknown member "limmit"'],
    ['order=up', 'order in the query must be "down"'],
    ['side=up', 'side in the query must be one of "left", "right"'],
  ]) {
    it(`is said of ${query}`, async () => {
      assert.equal((await app.inject(`/things?${query}`)).json().detail, words)
    })
  }
})

describe('the rate limit', () => {
  it('refuses before the body is read and before any other hook', async () => {
    app = await create({ requestsMax: 2, rateWindowMs: 60_000 })
    let seen = 0
    app.addHook('onRequest', async () => {
      seen++
    })
    assert.equal((await post('/any', '{}')).statusCode, 200)
    assert.equal((await app.inject('/nothing')).statusCode, 404)
    const answer = await post('/any', 'not even JSON')
    assert.equal(answer.statusCode, 429)
    assert.equal(answer.json().code, 'rate-limited')
    assert.equal(answer.headers['retry-after'], '60')
    assert.equal(seen, 2)
  })

  it('counts by address', async () => {
    app = await create({ requestsMax: 1, rateWindowMs: 60_000 })
    assert.equal((await app.inject({ url: '/things', remoteAddress: '10.0.0.1' })).statusCode, 200)
    assert.equal((await app.inject({ url: '/things', remoteAddress: '10.0.0.1' })).statusCode, 429)
    assert.equal((await app.inject({ url: '/things', remoteAddress: '10.0.0.2' })).statusCode, 200)
  })

  it('is not escaped by a header that a caller may write', async () => {
    app = await create({ requestsMax: 1, rateWindowMs: 60_000 })
    await app.inject({ url: '/things', headers: { 'x-forwarded-for': '10.0.0.1' } })
    const answer = await app.inject({ url: '/things', headers: { 'x-forwarded-for': '10.0.0.2' } })
    assert.equal(answer.statusCode, 429)
  })
})

describe('closing', () => {
  it('lets running requests end and refuses new ones on open connections', async () => {
    let running: (() => void) | undefined
    app.get('/slow', () => new Promise((resolve) => (running = () => resolve({ done: true }))))
    const socket = await open()
    socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')
    while (running === undefined) await setTimeout(5)
    const closed = app.close()
    await setTimeout(20)
    socket.write('GET /things HTTP/1.1\r\nhost: x\r\n\r\n')
    await setTimeout(20)
    running()
    const answers = await readAll(socket)
    assert.match(answers, /^HTTP\/1.1 200 [\s\S]*"done":true[\s\S]*HTTP\/1.1 503 [\s\S]*"code":"stopping"/)
    await closed
    assert.doesNotMatch(log, /"level":50/)
  })

  it('does not wait for connections that are kept open after their last answer', async () => {
    let running: (() => void) | undefined
    app.get('/slow', () => new Promise((resolve) => (running = () => resolve({ done: true }))))
    const socket = await open()
    socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')
    while (running === undefined) await setTimeout(5)
    const closed = app.close()
    await setTimeout(20)
    const began = performance.now()
    running()
    assert.match(await readAll(socket), /^HTTP\/1.1 200 /)
    await closed
    assert.ok(performance.now() - began < 2000, 'far from the ten seconds that running requests have')
  })

  it('cuts off what does not end in time', async () => {
    app = await create({ closeTimeoutMs: 50 })
    let started = false
    app.get('/hangs', () => {
      started = true
      return new Promise(() => undefined)
    })
    const socket = await open()
    socket.write('GET /hangs HTTP/1.1\r\nhost: x\r\n\r\n')
    while (!started) await setTimeout(5)
    await app.close()
    assert.equal(await readAll(socket), '')
  })
})

describe('the log', () => {
  it('names method, path, status and request id, and neither query nor token', async () => {
    app = await create({}, 'debug')
    const headers = { authorization: 'Bearer s3cr3t', cookie: 'session=s3cr3t' }
    const answer = await app.inject({ url: '/things?code=s3cr3t', headers })
    assert.match(log, /"path":"\/things"/)
    assert.match(log, new RegExp(String(answer.headers['request-id'])))
    assert.doesNotMatch(log, /s3cr3t/)
  })

  it('takes tokens and secrets out of whatever is logged', async () => {
    await create()
    app = opened.at(-1) ?? app
    const secret = { authorization: 'Bearer s3cr3t', 'set-cookie': 's3cr3t', dpop: 's3cr3t' }
    app.log.info({ headers: secret, request: { headers: secret } }, 'one')
    app.log.info({ access_token: 's3cr3t', body: { client_secret: 's3cr3t', password: 's3cr3t' } }, 'two')
    app.log.info({ passphrase: 's3cr3t', body: { passphrase: 's3cr3t' } }, 'three')
    assert.match(log, /"three"/)
    assert.doesNotMatch(log, /s3cr3t/)
  })
})
