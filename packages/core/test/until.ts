import { setTimeout as sleep } from 'node:timers/promises'

const waitMsMax = 30_000

/** Waits until something holds. Throws what was waited for when it takes far too long. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + waitMsMax
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await sleep(3)
  }
}
