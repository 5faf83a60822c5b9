// Event streams: each pulls what its reader takes, so that a slow one costs no memory; one that takes nothing
// is cut off.
import { setTimeout as sleep } from 'node:timers/promises'
import { Refused } from '@ledgerstone/core/refused'
import type { Bucket } from '@ledgerstone/log/bucket'
import { BlockFrames, formatComment, formatFinal } from './event-frames.ts'
import type { LedgerLimits } from './limits.ts'
import type { LedgerMetrics } from './metrics.ts'

/** `events` is pulled by the reader; `close` ends it, and must be called when the reader is gone. */
export type EventStream = { readonly events: AsyncGenerator<string>; readonly close: () => void }

export class EventStreams {
  readonly #limits: LedgerLimits
  readonly #metrics: LedgerMetrics
  readonly #frames = new WeakMap<Bucket, BlockFrames>()
  readonly #open = new Set<AbortController>()

  constructor(limits: LedgerLimits, metrics: LedgerMetrics) {
    this.#limits = limits
    this.#metrics = metrics
  }

  /**
   * Events of the blocks from `from` on, which need not exist yet, for `lifeMs`: the rest of the caller's
   * token. Throws `rate-limited` when there are too many streams.
   */
  open(bucket: Bucket, { from, lifeMs }: { readonly from: number; readonly lifeMs: number }): EventStream {
    if (this.#open.size >= this.#limits.eventStreamsMax) {
      throw new Refused('rate-limited', `there are ${this.#open.size} event streams already`)
    }
    const ending = new AbortController()
    const expiry = setTimeout(() => ending.abort('the token has expired'), lifeMs)
    const close = (): void => {
      clearTimeout(expiry)
      ending.abort('the reader is gone')
      this.#open.delete(ending)
      this.#metrics.streams.set(this.#open.size)
    }
    this.#open.add(ending)
    this.#metrics.streams.set(this.#open.size)
    return { events: this.#run(bucket, from, ending.signal, close), close }
  }

  /** Ends all streams, so that the service can stop. */
  close(): void {
    for (const ending of this.#open) ending.abort('the service is stopping')
  }

  async *#run(bucket: Bucket, from: number, end: AbortSignal, close: () => void): AsyncGenerator<string> {
    const changes = new Changes(bucket, end)
    try {
      yield formatComment(`events of ${bucket.name} from block ${from}`)
      yield* this.#follow(bucket, from, changes, end)
      yield formatComment(String(end.reason))
    } finally {
      changes.close()
      close()
    }
  }

  /**
   * Blocks as they are committed, and each newest final checkpoint once the blocks that it covers were told.
   */
  async *#follow(bucket: Bucket, from: number, changes: Changes, end: AbortSignal): AsyncGenerator<string> {
    const frames = this.#framesOf(bucket)
    let next = from
    let told = ''
    while (!end.aborted) {
      if (next < bucket.head.size) {
        const page = await frames.read(next)
        next = page.next
        yield page.text
        continue
      }
      const { final } = bucket
      if (final !== undefined && final.checkpoint !== told) {
        told = final.checkpoint
        yield formatFinal(bucket.name, final)
        continue
      }
      const changed = await changes.wait(this.#limits.heartbeatMs)
      if (end.aborted) return
      if (!changed) yield formatComment('nothing new')
      else await sleep(this.#limits.eventIntervalMs, undefined, { signal: end }).catch(() => undefined)
    }
  }

  #framesOf(bucket: Bucket): BlockFrames {
    const known = this.#frames.get(bucket) ?? new BlockFrames(bucket)
    this.#frames.set(bucket, known)
    return known
  }
}

/** Whether a bucket has moved since one looked. */
class Changes {
  readonly #unsubscribe: () => void
  readonly #end: AbortSignal
  #changed = false
  #wake: (() => void) | undefined

  constructor(bucket: Bucket, end: AbortSignal) {
    this.#end = end
    this.#unsubscribe = bucket.subscribe(() => {
      this.#changed = true
      this.#wake?.()
    })
    end.addEventListener('abort', () => this.#wake?.())
  }

  /** True as soon as something has changed, false when the time is up or the stream ends. */
  async wait(timeoutMs: number): Promise<boolean> {
    if (!this.#changed && !this.#end.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, timeoutMs)
      this.#wake = resolve
      await promise
      this.#wake = undefined
      clearTimeout(timer)
    }
    const changed = this.#changed
    this.#changed = false
    return changed
  }

  close(): void {
    this.#unsubscribe()
  }
}
