/**
 * Does `work` for the items, at most `concurrency` at a time, and hands on the results in the order of the
 * items. The failure that is thrown is the first one in that order, an item that cannot be had included.
 * `signal` tells those that still run when one has failed, or when nobody reads on.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  concurrency: number,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): AsyncGenerator<Result> {
  const stop = new AbortController()
  const iterator = iteratorOf(items)
  const running: Promise<Result>[] = []
  let last: { readonly failure?: unknown } | undefined
  try {
    while (last === undefined || running.length > 0) {
      if (last !== undefined || running.length >= concurrency) {
        yield await (running.shift() as Promise<Result>)
        continue
      }
      try {
        const next = await iterator.next()
        if (next.done === true) last = {}
        else running.push(quiet(work(next.value, stop.signal)))
      } catch (failure) {
        last = { failure }
      }
    }
    if ('failure' in last) throw last.failure
  } finally {
    stop.abort()
    await iterator.return?.(undefined)
  }
}

function iteratorOf<Item>(items: Iterable<Item> | AsyncIterable<Item>): Iterator<Item> | AsyncIterator<Item> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
}

/** Whether it failed is seen when its turn comes; until then it is not an unhandled rejection. */
function quiet<Result>(result: Promise<Result>): Promise<Result> {
  result.catch(() => undefined)
  return result
}
