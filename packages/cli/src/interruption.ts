// Ctrl-C in the middle of something that goes on where it was when it is run again.

/** Somebody pressed Ctrl-C, and what was under way has ended. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** Aborted by the first Ctrl-C. It waits for what is under way; the second one does not. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  return controller.signal
}

/** How far it came, in what it counts: `interrupted after 3 of 7 invoices`. */
export function interruptedAfter(done: number, total: number, things: string): Interrupted {
  const [some, all] = [done, total].map((count) => count.toLocaleString('en'))
  return new Interrupted(`interrupted after ${some} of ${all} ${things}; the same command goes on from there`)
}
