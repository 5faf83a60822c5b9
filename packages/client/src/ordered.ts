/**
 * Does `work` for the items, at most `concurrency` at a time, and hands on the results in the order of the items. When
 * one fails, or nobody reads on, `signal` tells those that still run; the first failure is thrown in its place.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  concurrency: number,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): AsyncGenerator<Result> {
  const stop = new AbortController()
  const running: Promise<Result>[] = []
  try {
    for (const item of items) {
      const result = work(item, stop.signal)
      // Whether it failed is seen when its turn comes; until then it is not an unhandled rejection.
      result.catch(() => undefined)
      running.push(result)
      if (running.length >= concurrency) yield await (running.shift() as Promise<Result>)
    }
    while (running.length > 0) yield await (running.shift() as Promise<Result>)
  } finally {
    stop.abort()
  }
}
