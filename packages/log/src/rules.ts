// What differs between `keys` and every other bucket: who judges its records, how many a commit takes, and
// what has to be up to date before the chain goes on. All else is the same.
import type { Place } from '@ledgerstone/core/judge'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import { decodeEntries } from '@ledgerstone/core/tile'
import { type Admitted, admit, identify, judge } from './admit.ts'
import type { Accept, LiveRegistry } from './live-registry.ts'
import type { Judge } from './sequence.ts'
import type { Batch, Store } from './store.ts'
import type { Submission } from './submission.ts'
import type { Tip } from './tip.ts'

export type Rules = {
  /** Records of one commit. */
  readonly recordsMax: number
  /** Whether signatures are checked ahead, by the verifiers; otherwise `approve` does it. */
  readonly verifiesAhead: boolean
  /** The first judgement, before the place is known. Throws why the record is refused. */
  readonly admit: (submission: Submission, place: Omit<Place, 'keys'>) => Admitted
  /** `keys` of the blocks of the next batch, and who judges them in their places. */
  readonly setting: (tip: Tip) => { readonly keys: number; readonly judge: Judge }
  /**
   * The last judgement, over the batch as it will be written; what it returns is called once that is
   * committed.
   */
  readonly approve: (batch: Batch) => Promise<Accept>
  /** Called with what the store holds, before the bucket goes on from there. */
  readonly catchUp: (tip: Tip) => Promise<void>
}

/** Any bucket but `keys`: the sender's statement is judged by the registry as it stands. */
export function bucketRules(origin: string, live: LiveRegistry, store: Store, checkKeys: () => void): Rules {
  return {
    recordsMax: limits.commitRecordsMax,
    verifiesAhead: true,
    admit(submission, place) {
      checkKeys()
      return admit(submission, { ...place, keys: live.size }, origin, live.registry)
    },
    setting() {
      const { registry } = live
      return { keys: registry.size, judge: (record, place) => void judge(record, place, registry) }
    },
    approve: async () => () => undefined,
    async catchUp(tip) {
      checkKeys()
      // Another process may have admitted by a registry that is newer than ours.
      if (tip.keys > live.size) await live.follow(store)
      if (tip.keys > live.size) {
        throw new Refused(
          'rolled-back',
          `block ${tip.head.size - 1} names ${tip.keys} blocks of keys, not all are there`,
        )
      }
    },
  }
}

/** `keys`: one block a commit, judged whole by the registry that it is about to change. */
export function keysRules(origin: string, live: LiveRegistry, store: Store): Rules {
  return {
    recordsMax: 1,
    verifiesAhead: false,
    admit(submission) {
      // The genesis is judged by the registry that it founds.
      const { kid } = submission.statement.header
      const key = live.size === 0 ? { owner: 'ledger', spki: new Uint8Array(0) } : live.registry.key(kid)
      return identify(submission, key, origin)
    },
    setting: (tip) => ({ keys: tip.head.size, judge: () => undefined }),
    async approve({ from, entries }) {
      // Another bucket may have followed another process's block before this one has seen it.
      if (live.size !== from) throw new Refused('head-moved', 'keys has moved on')
      const [entry] = decodeEntries(entries, 1)
      return live.judge(entry as Uint8Array)
    },
    catchUp: () => live.follow(store),
  }
}
