// The keys of a confirmed exchange become blocks of the registry. A ledger that is away is asked again; what
// may stand there already is not given up, for half of it could.
import { setTimeout as sleep } from 'node:timers/promises'
import { Refused } from '@ledgerstone/core/refused'
import type { Registered } from './exchange-state.ts'

/** Some of the keys may stand in the registry: only asking again tells. */
export class Unsettled extends Error {
  override readonly name = 'Unsettled'
}

export type Registering = {
  /** All or none; asked again it answers the same. Throws `Unsettled`, or what else when nothing stands. */
  readonly register: () => Promise<Registered>
  /** It may have been asked before, by a process that was stopped meanwhile. */
  readonly mayStand: boolean
  /** How long a ledger that is away is asked again while nothing can stand there. */
  readonly registerMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onDelay: (error: unknown) => void
  readonly signal: AbortSignal
}

const firstPauseMs = 250
const pauseMsMax = 5000
/** Of a ledger that may be away for days. */
const longPauseMsMax = 60_000

/** Undefined when it was stopped first. Throws the refusal, or why nobody could be asked. */
export async function registerWhenPossible(registering: Registering): Promise<Registered | undefined> {
  const { register, registerMs, now, onDelay, signal } = registering
  const until = now() + registerMs
  let { mayStand } = registering
  for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
    try {
      return await register()
    } catch (error) {
      mayStand ||= error instanceof Unsettled
      const isLate = now() + pauseMs > until
      if (isFinal(error) || (isLate && !mayStand)) throw error
      onDelay(error)
      const waitMs = isLate ? Math.min(now() - until + pauseMs, longPauseMsMax) : pauseMs
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }
  return undefined
}

/** A refusal that does not pass by itself. */
export function isFinal(error: unknown): boolean {
  return error instanceof Refused && !passing.has(error.code)
}

const passing: ReadonlySet<string> = new Set([
  'outcome-unknown',
  'pool-full',
  'rate-limited',
  'issuer-unavailable',
  'stopping',
  'head-moved',
  'keys-stale',
])
