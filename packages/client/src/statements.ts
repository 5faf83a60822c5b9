// Judging the statements of many entries, in this thread or, by the same contract, in others.
import { parseEntry } from '@ledgerstone/core/block'
import type { Bytes } from '@ledgerstone/core/bytes'
import { judgeBlock } from '@ledgerstone/core/judge'
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import type { Content } from '@ledgerstone/core/statement'
import { isSuspect } from './open.ts'

/** What a sound statement is; plain data, so that it can come from another thread. */
export type CheckedStatement = {
  readonly kid: string
  readonly owner: string
  readonly id: string
  readonly content: Content | undefined
  /** The key was later reported stolen as of a time before this block. */
  readonly suspect: boolean
}

export type RefusedStatement = { readonly refused: RefusalCode; readonly why: string }

/** Judges the statements of entries, signatures included; one result each, in their order. */
export type StatementCheck = (
  entries: readonly Bytes[],
) => Promise<readonly (CheckedStatement | RefusedStatement)[]>

/** The check in this thread. The registry must reach as far as the entries name it. */
export function statementCheck(registry: Registry): StatementCheck {
  return async (entries) => {
    const results: (CheckedStatement | RefusedStatement)[] = []
    for (const entry of entries) results.push(await checkStatement(entry, registry))
    return results
  }
}

async function checkStatement(
  entry: Bytes,
  registry: Registry,
): Promise<CheckedStatement | RefusedStatement> {
  try {
    const block = parseEntry(entry)
    const { statement, key } = await judgeBlock(block, registry)
    return {
      kid: key.kid,
      owner: key.owner,
      id: statement.payload.id,
      content: statement.payload.content,
      suspect: isSuspect(registry, key.kid, block.time),
    }
  } catch (error) {
    if (error instanceof Refused) return { refused: error.code, why: error.message }
    throw error
  }
}

/** A statement that stands in the log twice: only its first block counts. */
export type Duplicate = { readonly index: number; readonly first: number }

/** Finds statements of one identity: same log, owner and id. Holds every id that it has seen. */
export class DuplicateFinder {
  readonly #owners = new Map<string, Map<string, number>>()
  readonly found: Duplicate[] = []

  add({ owner, id }: CheckedStatement, index: number): void {
    const ids = this.#owners.get(owner) ?? new Map<string, number>()
    this.#owners.set(owner, ids)
    const first = ids.get(id)
    if (first === undefined) ids.set(id, index)
    else this.found.push({ index, first })
  }
}
