// What a client remembers of logs it has verified, so that nobody can show it less, or something else, later.
import { formatHex, type Hash } from '@ledgerstone/core/bytes'
import { parseCheckpoint, type VerifiedCheckpoint } from '@ledgerstone/core/checkpoint'
import { Refused } from '@ledgerstone/core/refused'
import type { Head } from '@ledgerstone/core/tree'
import { type LogReader, proveConsistency } from './tiles.ts'

/** Keeps the newest final checkpoint of each log: in a file, in the browser's database, or only for now. */
export type Memory = {
  /** The checkpoint (its whole text) under this key; undefined when nothing is remembered. */
  read(key: string): Promise<string | undefined>
  /**
   * Remembers a checkpoint of `size`. Where another process has written a larger one in the meantime that one
   * stays: reading, comparing and writing are one step.
   */
  write(key: string, size: number, checkpoint: string): Promise<void>
}

/** The ledger that is remembered: a trust file, or a registry. */
type Remembered = { readonly genesis: Hash }

/** By the ledger's genesis and never by URL, which is the attacker's to choose. */
export function memoryKey({ genesis }: Remembered, origin: string): string {
  return `${formatHex(genesis)} ${origin}`
}

/** Remembers for as long as the process runs. */
export function plainMemory(): Memory {
  const checkpoints = new Map<string, { readonly size: number; readonly checkpoint: string }>()
  return {
    read: async (key) => checkpoints.get(key)?.checkpoint,
    async write(key, size, checkpoint) {
      if ((checkpoints.get(key)?.size ?? -1) < size) checkpoints.set(key, { size, checkpoint })
    },
  }
}

/** The remembered head of a log, which was final when it was remembered. */
export async function recall(memory: Memory, ledger: Remembered, origin: string): Promise<Head | undefined> {
  const text = await memory.read(memoryKey(ledger, origin))
  return text === undefined ? undefined : parseCheckpoint(text).head
}

/**
 * Throws `rolled-back` or `forked` unless a verified checkpoint continues what is remembered; returns what
 * that is. The checkpoint is not remembered yet: `remember` it when all that it covers has been found sound.
 */
export async function compareWithMemory(
  memory: Memory,
  ledger: Remembered,
  checkpoint: VerifiedCheckpoint,
  reader: LogReader,
): Promise<Head | undefined> {
  const old = await recall(memory, ledger, checkpoint.origin)
  if (old !== undefined) {
    await proveConsistency(reader, old, checkpoint.head).catch((cause) => {
      throw cause instanceof Refused ? named(cause, checkpoint.origin) : cause
    })
  }
  return old
}

export async function remember(
  memory: Memory,
  ledger: Remembered,
  checkpoint: VerifiedCheckpoint,
): Promise<void> {
  const { origin, head, note } = checkpoint
  await memory.write(memoryKey(ledger, origin), head.size, note)
}

function named(refused: Refused, origin: string): Refused {
  return new Refused(refused.code, `${origin}: ${refused.message}`, { cause: refused })
}
