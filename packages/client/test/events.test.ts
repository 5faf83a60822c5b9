import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { concat, utf8 } from '@ledgerstone/core/bytes'
import { limits } from '@ledgerstone/core/limits'
import fc from 'fast-check'
import { codeOf } from '../../log/test/sample.ts'
import { framesOf } from '../src/envelopes.ts'
import { followEvents, type LogEvent, parseEvents } from '../src/events.ts'
import type { Http } from '../src/http.ts'
import { Unreachable } from '../src/problem.ts'

async function* of(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const stream =
  ': hello\n\nevent: block\nid: 7\ndata: {"index":7,\r\ndata: "é":1}\r\n\r\n' +
  'event: final\rdata: {"size":8}\r\rdata: {}'
const events: LogEvent[] = [
  { event: 'block', id: '7', data: { index: 7, é: 1 } },
  { event: 'final', id: undefined, data: { size: 8 } },
]

test('reads events however the bytes are cut, and none that is not complete', async () => {
  const bytes = utf8(stream)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length })), async (cuts) => {
      const ends = [...cuts, bytes.length].sort((a, b) => a - b)
      const chunks = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
      assert.deepEqual(await collect(parseEvents(of(...chunks))), events)
    }),
  )
})

test('refuses an event that does not end, or is not JSON', async () => {
  const endless = of(
    utf8('data: '),
    ...Array.from({ length: 5 }, () => utf8('x'.repeat(limits.requestBytesMax / 4))),
  )
  assert.equal(await codeOf(collect(parseEvents(endless))), 'too-large')
  assert.equal(await codeOf(collect(parseEvents(of(utf8('data: x\n\n'))))), 'malformed')
})

test('asks again after an interruption, from the last event on', async () => {
  const asked: (string | undefined)[] = []
  const waits: number[] = []
  const stop = new AbortController()
  const http: Pick<Http, 'stream'> = {
    async *stream({ headers }) {
      asked.push(headers?.['last-event-id'])
      if (asked.length === 2) throw new Unreachable('gone')
      yield utf8(`event: block\nid: ${asked.length}\ndata: {}\n\n`)
    },
  }
  const sleep = async (ms: number): Promise<void> => void waits.push(ms)
  const seen: (string | undefined)[] = []
  const options = { after: '0', signal: stop.signal, sleep }
  for await (const { id } of followEvents(http as Http, '/events', options)) {
    seen.push(id)
    if (seen.length === 3) stop.abort()
  }
  assert.deepEqual(seen, ['1', '3', '4'])
  assert.deepEqual(asked, ['0', '1', '1', '3'])
  assert.deepEqual(waits, [1000, 2000, 1000])
})

test('reads envelopes however the bytes are cut, and refuses a stream that is cut short', async () => {
  const frame = (text: string): Uint8Array => concat(Uint8Array.of(0, 0, 0, text.length), utf8(text))
  const bytes = concat(frame('first'), frame(''), frame('third'))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length })), async (cuts) => {
      const ends = [...cuts, bytes.length].sort((a, b) => a - b)
      const chunks = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
      assert.deepEqual(await collect(framesOf(of(...chunks))), ['first', '', 'third'].map(utf8))
    }),
  )
  assert.equal(await codeOf(collect(framesOf(of(bytes.subarray(0, -1))))), 'malformed')
  assert.equal(await codeOf(collect(framesOf(of(Uint8Array.of(255, 0, 0, 0))))), 'too-large')
})
