import { Refused } from '@ledgerstone/core/refused'

/** How many failures in a window lock a key, and how long the window is. */
const windowMs = 900_000
const nameFailuresFactor = 10
const addressFailuresFactor = 10
const keysMax = 10_000

export type Attempts = {
  /** Throws `rate-limited` when this name, this address or both together have failed too often. */
  check(name: string, address: string): void
  failed(name: string, address: string): void
  succeeded(name: string, address: string): void
}

/**
 * Counts failed sign-ins. One name from one address is locked after `failuresMax`; a name from anywhere, and
 * an address with any name, after ten times that, so that nobody locks out a person from afar with five
 * requests.
 */
export function createAttempts(failuresMax: number, now: () => number): Attempts {
  const failures = new Map<string, { count: number; last: number }>()
  const rules = (name: string, address: string): readonly (readonly [string, number])[] => [
    [pairOf(name, address), failuresMax],
    [JSON.stringify({ name }), failuresMax * nameFailuresFactor],
    [JSON.stringify({ address }), failuresMax * addressFailuresFactor],
  ]

  function check(name: string, address: string): void {
    for (const [key, max] of rules(name, address)) {
      const found = failures.get(key)
      if (found === undefined || found.count < max) continue
      const waitMs = found.last + windowMs - now()
      if (waitMs <= 0) continue
      const minutes = Math.ceil(waitMs / 60_000)
      throw new Refused('rate-limited', `Too many failed sign-ins. Try again in ${minutes} minutes.`)
    }
  }

  function failed(name: string, address: string): void {
    for (const [key] of rules(name, address)) {
      const found = failures.get(key)
      const count = found !== undefined && found.last + windowMs > now() ? found.count + 1 : 1
      failures.delete(key)
      failures.set(key, { count, last: now() })
    }
    while (failures.size > keysMax) {
      const [oldest] = failures.keys()
      if (oldest !== undefined) failures.delete(oldest)
    }
  }

  function succeeded(name: string, address: string): void {
    failures.delete(pairOf(name, address))
  }

  return { check, failed, succeeded }
}

function pairOf(name: string, address: string): string {
  return JSON.stringify({ name, address })
}

/**
 * Runs one task at a time and lets a few wait: a password check fills a thread of the pool that the disk
 * needs, and 128 MiB. Throws `rate-limited` when too many wait.
 */
export function createQueue(waitingMax: number): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return (task) => {
    if (waiting >= waitingMax) throw new Refused('rate-limited', 'Too many people are signing in. Try again.')
    waiting++
    const outcome = last.then(task).finally(() => waiting--)
    last = outcome.catch(() => undefined)
    return outcome
  }
}
