// Server-sent events (WHATWG HTML section 9.2), as a stream of a bucket's news that goes on after an
// interruption.
import { isObject, type JsonObject, parseJson } from '@ledgerstone/core/canonical'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { Http } from './http.ts'
import { UnexpectedAnswer, Unreachable } from './problem.ts'

/**
 * `block`: a block was committed; `final`: a new final checkpoint. What `data` holds is shown, never
 * believed.
 */
export type LogEvent = {
  readonly event: string
  /** What to hand back to go on after this event. */
  readonly id: string | undefined
  readonly data: JsonObject
}

export type EventOptions = {
  /** The `id` of the last event that was seen. */
  readonly after?: string
  readonly signal?: AbortSignal
  readonly sleep?: (ms: number) => Promise<void>
}

const pauseMs = 1000
const pauseMsMax = 30_000

/**
 * The events of one path. The service ends a stream with its token, and networks end it at any time: the
 * stream is then asked for again, from the last event on. Ends when `signal` is aborted; throws what the
 * service refuses.
 */
export async function* followEvents(
  http: Http,
  path: string,
  options: EventOptions = {},
): AsyncGenerator<LogEvent> {
  const { signal, sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = options
  let after = options.after
  let failures = 0
  const isStopped = (): boolean => signal?.aborted === true
  const stopped = new Promise<void>((resolve) => {
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })
  while (!isStopped()) {
    try {
      const headers = after === undefined ? {} : { 'last-event-id': after }
      const chunks = http.stream({ path, headers, accept: ['text/event-stream'], signal })
      for await (const event of parseEvents(chunks)) {
        failures = 0
        after = event.id ?? after
        yield event
      }
    } catch (error) {
      if (isStopped()) return
      if (!isPassing(error)) throw error
    }
    if (!isStopped()) await Promise.race([sleep(Math.min(pauseMs * 2 ** failures++, pauseMsMax)), stopped])
  }
}

/** Events out of the bytes of a stream. Throws `too-large` for an event that does not end, `malformed`. */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<LogEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let draft = newDraft()
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true })
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line !== '') addLine(draft, line)
      else {
        if (draft.data.length > 0) yield finish(draft)
        draft = newDraft()
      }
    }
    if (rest.length + draft.chars > limits.requestBytesMax)
      throw new Refused('too-large', 'an event does not end')
  }
}

type Draft = { event: string; id: string | undefined; data: string[]; chars: number }

function newDraft(): Draft {
  return { event: 'message', id: undefined, data: [], chars: 0 }
}

/** `field: value`; a line that begins with a colon is a comment. */
function addLine(draft: Draft, line: string): void {
  const colon = line.indexOf(':')
  const field = colon === -1 ? line : line.slice(0, colon)
  const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
  if (field === 'event') draft.event = value
  else if (field === 'id' && !value.includes('\0')) draft.id = value
  else if (field === 'data') {
    draft.data.push(value)
    draft.chars += value.length
  }
}

function finish({ event, id, data }: Draft): LogEvent {
  const value = parseJson(data.join('\n'), 'an event')
  if (!isObject(value)) throw new Refused('malformed', 'an event is not a JSON object')
  return { event, id, data: value }
}

/** Whether asking again may help: the network, a restart of the service, its limit on streams. */
function isPassing(error: unknown): boolean {
  if (error instanceof Unreachable) return true
  if (error instanceof UnexpectedAnswer) return error.status >= 500
  return error instanceof Refused && ['stopping', 'rate-limited', 'issuer-unavailable'].includes(error.code)
}
