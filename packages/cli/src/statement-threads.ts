// Judging statements on several threads. This module is both their program and what asks them.
import { availableParallelism } from 'node:os'
import type { RegistryView } from '@ledgerstone/client/registry'
import {
  type CheckedStatement,
  type RefusedStatement,
  type StatementCheck,
  statementCheck,
} from '@ledgerstone/client/statements'
import type { Bytes } from '@ledgerstone/core/bytes'
import { Registry } from '@ledgerstone/core/registry'
import { decodeEntries, encodeEntries } from '@ledgerstone/core/tile'
import { serve, Thread } from '@ledgerstone/stores/thread'

type Results = readonly (CheckedStatement | RefusedStatement)[]

type StatementCalls = {
  /** Replays and verifies all entries of `keys` up to a checkpoint, which the asking thread has done too. */
  readonly learn: (ledger: string, keys: readonly Bytes[]) => Promise<void>
  /** Judges an entry bundle. */
  readonly judge: (bundle: Bytes) => Promise<Results>
}

/** More would wait for each other's bundles: four are judged at a time. */
const threadsMax = 4
const role = 'ledgerstone statements'

type Judge = { readonly thread: Thread<StatementCalls>; readonly ready: Promise<void>; waiting: number }

export class StatementThreads implements AsyncDisposable {
  readonly #judges: readonly Judge[]

  private constructor(judges: readonly Judge[]) {
    this.#judges = judges
  }

  /** One thread for each processor. `view` is verified, and of the registry of `ledger`. */
  static start(
    ledger: string,
    view: Pick<RegistryView, 'entries'>,
    threads: number = Math.min(threadsMax, availableParallelism()),
  ): StatementThreads {
    const judges = Array.from({ length: threads }, () => {
      const thread = new Thread<StatementCalls>(new URL(import.meta.url), role, () => undefined)
      const ready = thread.ask('learn', ledger, view.entries)
      // Met by whoever has something judged.
      ready.catch(() => undefined)
      return { thread, ready, waiting: 0 }
    })
    return new StatementThreads(judges)
  }

  /** The check of each bundle goes to the thread with the least before it. Rejects when that has died. */
  readonly check: StatementCheck = async (entries) => {
    const judge = this.#judges.reduce((least, each) => (each.waiting < least.waiting ? each : least))
    judge.waiting++
    try {
      await judge.ready
      return await judge.thread.ask('judge', encodeEntries(entries))
    } finally {
      judge.waiting--
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#judges.map(({ thread }) => thread[Symbol.asyncDispose]()))
  }
}

serve<StatementCalls>((input) => {
  if (input !== role) return undefined
  let check: StatementCheck | undefined
  return {
    learn: async (ledger, [genesis, ...rest]) => {
      if (genesis === undefined) throw new Error('a registry has a genesis')
      const registry = await Registry.open(ledger, genesis)
      for (const entry of rest) await registry.apply(entry)
      check = statementCheck(registry)
    },
    judge: async (bundle) => {
      if (check === undefined) throw new Error('the thread was not told of the registry')
      return check(decodeEntries(bundle))
    },
  }
})
