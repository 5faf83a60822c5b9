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
   * Remembers a checkpoint of `size` in the place of the one it was held against (undefined: of none). False,
   * and nothing is written, when another stands there by now: comparing and writing are one step.
   */
  write(key: string, size: number, checkpoint: string, before: string | undefined): Promise<boolean>
}

/** The ledger that is remembered: a trust file, or a registry. */
type Remembered = { readonly genesis: Hash }

/** By the ledger's genesis and never by URL, which is the attacker's to choose. */
export function memoryKey({ genesis }: Remembered, origin: string): string {
  return `${formatHex(genesis)} ${origin}`
}

/** Remembers for as long as the process runs. */
export function plainMemory(): Memory {
  const checkpoints = new Map<string, string>()
  return {
    read: async (key) => checkpoints.get(key),
    async write(key, _size, checkpoint, before) {
      if (checkpoints.get(key) !== before) return false
      checkpoints.set(key, checkpoint)
      return true
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

/**
 * Remembers a verified checkpoint, held against what is remembered at that very moment: another tab or
 * process may have been shown another history since this one compared. Throws `forked`, and what was
 * remembered stays. So it does when it is the newer one.
 */
export async function remember(
  memory: Memory,
  ledger: Remembered,
  checkpoint: VerifiedCheckpoint,
  reader: LogReader,
): Promise<void> {
  const { origin, head, note } = checkpoint
  const key = memoryKey(ledger, origin)
  for (;;) {
    const before = await memory.read(key)
    const old = before === undefined ? undefined : parseCheckpoint(before).head
    if (old !== undefined && old.size >= head.size) return checkBegins(reader, head, old, origin)
    if (old !== undefined) await checkBegins(reader, old, head, origin)
    if (await memory.write(key, head.size, note, before)) return
  }
}

async function checkBegins(reader: LogReader, old: Head, next: Head, origin: string): Promise<void> {
  try {
    await proveConsistency(reader, old, next)
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    // A server that is a moment behind has not got the tiles of what another was shown: no rollback yet.
    if (cause.code !== 'gap') throw named(cause, origin)
  }
}

function named(refused: Refused, origin: string): Refused {
  return new Refused(refused.code, `${origin}: ${refused.message}`, { cause: refused })
}
