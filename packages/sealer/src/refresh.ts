// Keeping the view of the key registry young, in the background.
import type { RegistryFollower } from '@ledgerstone/client/registry'

export type Refreshing = {
  readonly everyMs: number
  /**
   * Told of every reading that failed: the view then grows older, and at some age nothing is sealed any more.
   */
  readonly onFailure: (error: unknown) => void
}

const retryMs = 1000

/** Reads at once, then every `everyMs`; sooner as long as readings fail. Ends when it is called. */
export function keepFresh(follower: RegistryFollower, { everyMs, onFailure }: Refreshing): () => void {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let failures = 0

  function read(): void {
    follower.refresh().then(
      () => next(everyMs, 0),
      (error: unknown) => {
        onFailure(error)
        next(Math.min(retryMs * 2 ** failures, everyMs), failures + 1)
      },
    )
  }

  function next(waitMs: number, failed: number): void {
    failures = failed
    if (!stopped) timer = setTimeout(read, waitMs).unref()
  }

  read()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
