// The key registry as far as `keys` is committed: what admission judges by. One per log, advanced by
// committed blocks only.
import { equalBytes, type Hash } from '@ledgerstone/core/bytes'
import { limits } from '@ledgerstone/core/limits'
import { keysBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { Registry } from '@ledgerstone/core/registry'
import { decodeEntries } from '@ledgerstone/core/tile'
import type { Store } from './store.ts'

/** Applies a judged entry of `keys`, once it is committed. */
export type Accept = () => void

export class LiveRegistry {
  readonly ledger: string
  readonly #pinned: Hash | undefined
  #registry: Registry | undefined
  #following: Promise<void> = Promise.resolve()

  /** `pinned` is the genesis hash of the trust file; only the making of a new ledger goes without. */
  constructor(ledger: string, pinned: Hash | undefined) {
    this.ledger = ledger
    this.#pinned = pinned
  }

  /** Committed blocks of `keys`. */
  get size(): number {
    return this.#registry?.size ?? 0
  }

  /** Throws `read-only` as long as `keys` has no genesis. */
  get registry(): Registry {
    if (this.#registry === undefined) throw new Refused('read-only', 'the bucket keys has no genesis yet')
    return this.#registry
  }

  /** Whether the next entry of `keys` may stand. Throws the reason why not. */
  async judge(entry: Uint8Array): Promise<Accept> {
    if (this.#registry === undefined) {
      const first = await Registry.open(this.ledger, entry, this.#pinned)
      return () => {
        this.#registry ??= first
      }
    }
    const registry = this.#registry
    const change = await registry.judge(entry)
    // Whoever follows the store at the same time may have applied this very block.
    return () => {
      if (registry.size === change.index) registry.accept(change)
    }
  }

  /**
   * Applies what the store has beyond this registry. Throws `rolled-back`, `damaged-store` or why a block may
   * not stand.
   */
  follow(store: Store): Promise<void> {
    const next = this.#following.catch(() => undefined).then(() => this.#follow(store))
    this.#following = next
    return next
  }

  async #follow(store: Store): Promise<void> {
    const head = await store.head(keysBucket)
    if (head.size < this.size)
      throw new Refused('rolled-back', `keys has ${head.size} blocks, fewer than before`)
    let bytes = 0
    while (this.size < head.size) {
      const bundle = await store.entries(keysBucket, this.size, Math.min(256, head.size - this.size))
      bytes += bundle.length
      if (bytes > limits.registryBytesMax)
        throw new Refused('too-large', 'the key registry is over its limit')
      const entries = decodeEntries(bundle)
      if (entries.length === 0)
        throw new Refused('damaged-store', `block ${this.size} of keys cannot be read`)
      for (const entry of entries) (await this.judge(entry))()
    }
    if (head.size > 0 && this.size === head.size && !equalBytes(this.registry.head.root, head.root)) {
      throw new Refused('damaged-store', 'the blocks of keys do not have the root of its head')
    }
  }
}
