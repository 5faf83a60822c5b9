import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../core/test/until.ts'
import { seal } from '../../log/test/sample.ts'
import { startLedger, type Tested, type TestOptions } from './ledger.ts'
import type { Headers } from './mistakes.ts'

const url = '/v1/buckets/payments/events'
const quick = { eventIntervalMs: 1, heartbeatMs: 20, stallMsMax: 5000 }

let ledger: Tested
let headers: Headers

beforeEach(() => start({}))
afterEach(() => ledger.close())

async function start(options: TestOptions): Promise<void> {
  ledger = await startLedger({ limits: quick, ...options })
  headers = await ledger.bearer('read:payments append:payments')
}

async function restart(options: TestOptions): Promise<void> {
  await ledger.close()
  await start(options)
}

async function append(count: number): Promise<void> {
  const records = await Promise.all(Array.from({ length: count }, () => seal({ issued: ledger.clock.ms })))
  await ledger.log.bucket('payments').appendBatch(records, 'test')
}

type Event = {
  readonly id?: string
  readonly event?: string
  readonly data?: { readonly [name: string]: unknown }
}

/** A stream as a client reads it. */
class Client {
  readonly #stream: Readable
  readonly events: Event[] = []
  readonly comments: string[] = []
  ended = false

  constructor(stream: Readable) {
    this.#stream = stream
    let rest = ''
    stream.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n\n')
      rest = parts.pop() as string
      for (const part of parts) this.#take(part)
    })
    stream.on('end', () => {
      this.ended = true
    })
    stream.on('error', () => undefined)
  }

  static async open(query = '', more: Headers = {}): Promise<Client> {
    const answer = await ledger.app.inject({
      ...{ url: url + query, headers: { ...headers, ...more } },
      payloadAsStream: true,
    })
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(answer.headers['cache-control'], 'no-store')
    return new Client(answer.stream())
  }

  blocks(): number[] {
    return this.events.filter(({ event }) => event === 'block').map(({ id }) => Number(id))
  }

  sizes(): number[] {
    return this.events.filter(({ event }) => event === 'final').map(({ data }) => data?.['size'] as number)
  }

  close(): void {
    this.#stream.destroy()
  }

  #take(part: string): void {
    if (part.startsWith(':')) this.comments.push(part.slice(2))
    else {
      const fields = Object.fromEntries(
        part.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]),
      )
      this.events.push({ ...fields, data: JSON.parse(fields['data'] as string) } as Event)
    }
  }
}

describe('GET /v1/buckets/{bucket}/events', () => {
  it('tells of blocks as they are committed, then that they are final', async () => {
    const client = await Client.open()
    await append(3)
    await until(() => client.sizes().includes(4), 'the blocks are final')
    assert.deepEqual(client.blocks(), [1, 2, 3])
    const block = client.events.find(({ id }) => id === '2')
    const view = await ledger.app.inject({ url: '/v1/buckets/payments/blocks/2', headers })
    const { bucket, index, hash, time, payload, sender } = view.json()
    assert.deepEqual(block?.data, { bucket, index, hash, time, type: payload.type, id: payload.id, sender })
    const final = client.events.findLast(({ event }) => event === 'final')
    assert.equal(final?.id, undefined, 'the place in the stream is that of the newest block')
    assert.match(`${final?.data?.['checkpoint']}`, /^test\.example\/log\/payments\n4\n/)
    client.close()
  })

  it('never tells that blocks are final before it has told of them', async () => {
    const client = await Client.open('?from=0')
    for (let i = 0; i < 5; i++) await append(40)
    await until(() => client.sizes().includes(201), 'all are final')
    let told = 0
    for (const { event, id, data } of client.events) {
      if (event === 'block') assert.equal(Number(id), told++)
      else assert.ok((data?.['size'] as number) <= told)
    }
    client.close()
  })

  it('begins where it is asked to, and goes on after Last-Event-ID', async () => {
    await append(200)
    const whole = await Client.open('?from=0')
    const later = await Client.open('?from=150')
    const resumed = await Client.open('?from=0', { 'last-event-id': '189' })
    await until(() => whole.blocks().length === 201, 'the whole stream is there')
    await until(() => later.blocks().length === 51 && resumed.blocks().length === 11, 'the others too')
    assert.deepEqual(whole.blocks(), [...Array(201).keys()])
    assert.deepEqual(later.blocks(), whole.blocks().slice(150))
    assert.deepEqual(resumed.blocks(), whole.blocks().slice(190))
    for (const client of [whole, later, resumed]) client.close()
  })

  it('waits for a block that is not there yet', async () => {
    const client = await Client.open('?from=3')
    await append(4)
    await until(() => client.blocks().length === 2, 'blocks 3 and 4 are told of')
    assert.deepEqual(client.blocks(), [3, 4])
    client.close()
  })

  it('gives many readers the same events', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => Client.open(`?from=${i}`)))
    for (let i = 0; i < 4; i++) await append(30)
    await until(() => clients.every((client) => client.blocks().at(-1) === 120), 'all have all')
    for (const [i, client] of clients.entries()) assert.deepEqual(client.blocks(), range(i, 121))
    for (const client of clients) client.close()
  })

  it('sends comments when nothing happens', async () => {
    const client = await Client.open()
    await until(() => client.comments.includes('nothing new'), 'a comment comes')
    client.close()
  })

  it('ends when the token expires', async () => {
    const exp = ledger.clock.ms / 1000 + 300
    headers = await ledger.bearer('read:payments', { exp })
    ledger.clock.ms += 299_900
    const client = await Client.open('?from=0')
    await until(() => client.ended, 'the stream has ended')
    assert.equal(client.comments.at(-1), 'the token has expired')
    assert.deepEqual(client.blocks(), [0])
  })

  it('is refused when there are too many', async () => {
    await restart({ limits: { ...quick, eventStreamsMax: 2 } })
    const clients = [await Client.open(), await Client.open()]
    const refused = await ledger.app.inject({ url, headers })
    assert.equal(refused.statusCode, 429)
    assert.equal(refused.json().code, 'rate-limited')
    for (const client of clients) client.close()
  })

  it('ends when the service stops', async () => {
    const client = await Client.open()
    await ledger.app.close()
    await until(() => client.ended, 'the stream has ended')
    assert.equal(client.comments.at(-1), 'the service is stopping')
  })

  for (const [what, query, more] of [
    ['an id that is no index', '', { 'last-event-id': '7a' }],
    ['an index that is none', '?from=-1', {}],
    ['a parameter that it does not know', '?to=7', {}],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const answer = await ledger.app.inject({ url: url + query, headers: { ...headers, ...more } })
      assert.equal(answer.json().code, 'bad-query')
    })
  }
})

describe('a reader of events over a socket', () => {
  it('who goes away gives his place free', async () => {
    await restart({ limits: { ...quick, eventStreamsMax: 1 } })
    const address = await ledger.app.listen({ port: 0, host: '127.0.0.1' })
    for (let i = 0; i < 5; i++) {
      const gone = new AbortController()
      const answer = await fetch(address + url, { headers, signal: gone.signal })
      assert.equal(answer.status, 200, `reader ${i}`)
      gone.abort()
      await sleep(50)
    }
  })
})

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}
