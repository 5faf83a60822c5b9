// Committed heads -> published checkpoints, coalesced: at most one in an interval, the first at once, and
// again every minute when nothing happens, so that a frozen view can be told from silence.
import { addSignatures, verifyCheckpoint } from '@ledgerstone/core/checkpoint'
import type { NoteSignature } from '@ledgerstone/core/note'
import type { Policy } from '@ledgerstone/core/policy'
import { Refused } from '@ledgerstone/core/refused'
import type { HeadSigner } from './checkpoint.ts'
import type { Report } from './event.ts'
import type { Head } from './store.ts'

/** The newest published checkpoint that satisfies the policy. */
export type Final = { readonly head: Head; readonly checkpoint: string }

/** Asks the witnesses for their signature lines on a checkpoint that both log keys have signed. */
export type Cosign = (checkpoint: string) => Promise<readonly NoteSignature[]>

export type PublisherOptions = {
  readonly bucket: string
  readonly signer: HeadSigner
  readonly policy: Policy
  readonly cosign: Cosign | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Infinite: nothing is ever published. */
  readonly intervalMs: number
  /** A head is published again after this time, also when it has not moved. */
  readonly ageMsMax: number
  readonly onFinal: (final: Final) => void
  readonly report: Report
}

export class Publisher {
  readonly #options: PublisherOptions
  #newest: { readonly head: Head; readonly note: string } | undefined
  #final: Final | undefined
  #timer: NodeJS.Timeout | undefined
  /** When the last publication began, by the monotonic clock. */
  #begun: number | undefined
  #publishing: Promise<void> | undefined
  #isClosed = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  get final(): Final | undefined {
    return this.#final
  }

  /** The newest committed head and its note. Returns at once. */
  offer(head: Head, note: string): void {
    if (head.size === 0 || this.#options.intervalMs === Number.POSITIVE_INFINITY) return
    this.#newest = { head, note }
    this.#plan(this.#options.intervalMs)
  }

  /** Publishes what is committed and not published yet, then stops. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#publishing
    if (this.#newest !== undefined && this.#newest.head.size !== this.#final?.head.size) await this.#publish()
  }

  /** Publishes as soon as `afterMs` have passed since the last publication began. */
  #plan(afterMs: number): void {
    if (this.#isClosed || this.#publishing !== undefined) return
    const waitMs = this.#begun === undefined ? 0 : this.#begun + afterMs - performance.now()
    clearTimeout(this.#timer)
    if (waitMs <= 0) this.#start()
    else {
      this.#timer = setTimeout(() => this.#start(), waitMs)
      this.#timer.unref()
    }
  }

  #start(): void {
    const published = this.#newest
    this.#publishing = this.#publish().finally(() => {
      this.#publishing = undefined
      const isIdle = this.#newest === published && this.#final?.head.size === published?.head.size
      this.#plan(isIdle ? this.#options.ageMsMax : this.#options.intervalMs)
    })
  }

  async #publish(): Promise<void> {
    const { bucket, report } = this.#options
    const newest = this.#newest
    if (newest === undefined) return
    const begun = performance.now()
    this.#begun = begun
    const { size } = newest.head
    try {
      const checkpoint = await this.#collect(newest.head, newest.note)
      this.#final = { head: newest.head, checkpoint }
      report({ kind: 'published', bucket, size, final: true, ms: performance.now() - begun })
      this.#options.onFinal(this.#final)
    } catch (error) {
      if (error instanceof Refused && error.code === 'no-quorum') {
        report({ kind: 'published', bucket, size, final: false, ms: performance.now() - begun })
      } else if (!this.#isClosed) report({ kind: 'publish-failed', bucket, error })
    }
  }

  /** The checkpoint with all signatures, verified as a reader will. Throws `no-quorum`. */
  async #collect(head: Head, note: string): Promise<string> {
    const { signer, policy, cosign, now } = this.#options
    let checkpoint = await signer.signPublished(head, note, Math.max(1, Math.floor(now() / 1000)))
    if (cosign !== undefined) {
      const lines = await cosign(checkpoint)
      if (lines.length > 0) checkpoint = addSignatures(checkpoint, lines)
    }
    const logKeys = signer.vkeys
    await verifyCheckpoint(checkpoint, { origin: signer.origin, logKeys, policy, published: true })
    return checkpoint
  }
}
