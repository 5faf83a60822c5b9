import { parseCheckpoint } from '@ledgerstone/core/checkpoint'

/** How many blocks a checkpoint covers, as it says; none without one. For showing. */
export function readFinalSize(checkpoint: string | null): number {
  return checkpoint === null ? 0 : parseCheckpoint(checkpoint).head.size
}
