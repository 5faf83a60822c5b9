// The newest blocks become final within moments: what is read of them then is waited for.
import { Refused } from '@ledgerstone/core/refused'

const triesMax = 5
const pauseMs = 500

/** Reads again as long as the block is not final, for two seconds; throws `no-quorum` then. */
export async function whenFinal<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'no-quorum' || tries === triesMax) throw error
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}
