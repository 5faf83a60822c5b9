// Records that wait for a commit of one bucket: fair between callers, bounded in bytes, in order for each
// caller.
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { Admitted } from './admit.ts'
import { FairQueue, type Turn } from './fair-queue.ts'
import type { Outcome } from './sequence.ts'

export type Settle = (outcome: Outcome) => void

/** An admitted record whose caller waits. `state` is the signature's. */
export type Pending = Admitted & {
  state: 'unverified' | 'ready' | 'settled'
  readonly settle: Settle
}

export class Pool {
  readonly #queue = new FairQueue<Pending>()
  #bytes = 0
  #ready = 0
  #unverified = 0
  #expected = 0
  #expectedBytes = 0

  /** Records that could be committed now. */
  get ready(): number {
    return this.#ready
  }

  /** Records that will soon be ready, or refused, and requests of which that can be said. */
  get coming(): number {
    return this.#unverified + this.#expected
  }

  /** Bytes of all records whose callers still wait. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Takes note of a request of so many bytes whose records are still to come, and for which there will be
   * room then; what it returns is called once, when they are there. Throws `pool-full`.
   */
  expect(bytes: number): () => void {
    this.checkRoom(this.#expectedBytes + bytes)
    this.#expected++
    this.#expectedBytes += bytes
    return () => {
      this.#expected--
      this.#expectedBytes -= bytes
    }
  }

  /** Throws `pool-full` when so many bytes would not fit. */
  checkRoom(bytes: number): void {
    if (this.#bytes + bytes > limits.poolBytesMax) {
      throw new Refused('pool-full', 'too many records wait to be committed; try again')
    }
  }

  /** Takes an admitted record in; it keeps its place in the caller's line while its signature is checked. */
  add(admitted: Admitted, caller: string, settle: Settle): Pending {
    this.checkRoom(admitted.bytes)
    this.#bytes += admitted.bytes
    this.#unverified++
    const pending: Pending = { ...admitted, state: 'unverified', settle }
    this.#queue.push(caller, pending)
    return pending
  }

  /** The signature is good. */
  makeReady(pending: Pending): void {
    if (pending.state !== 'unverified') return
    pending.state = 'ready'
    this.#unverified--
    this.#ready++
  }

  /** Answers the caller, once; the record no longer counts. */
  settle(pending: Pending, outcome: Outcome): void {
    if (pending.state === 'settled') return
    if (pending.state === 'ready') this.#ready--
    else this.#unverified--
    pending.state = 'settled'
    this.#bytes -= pending.bytes
    pending.settle(outcome)
  }

  /**
   * The records of the next commit, in rounds over the callers. They stay accounted for until they are
   * settled.
   */
  take(recordsMax: number): readonly Pending[] {
    let records = 0
    let bytes = 0
    const turn = (pending: Pending): Turn => {
      if (pending.state === 'settled') return 'drop'
      if (pending.state === 'unverified') return 'wait'
      if (records > 0 && (records >= recordsMax || bytes + pending.bytes > limits.commitBytesMax))
        return 'stop'
      records++
      bytes += pending.bytes
      return 'take'
    }
    return this.#queue.take(limits.poolPerCallerPerCommitMax, turn)
  }

  /** Answers everyone who waits. */
  refuseAll(error: Refused): void {
    for (const pending of this.#queue.drain()) this.settle(pending, { kind: 'refused', error })
  }
}
