// The key registry as this client has replayed it, from the pinned genesis up to a final checkpoint of
// `keys`.
import { type Bytes, equalBytes } from '@ledgerstone/core/bytes'
import {
  type CheckpointExpected,
  parseCheckpoint,
  type VerifiedCheckpoint,
  verifyCheckpoint,
} from '@ledgerstone/core/checkpoint'
import { expectedOf, replayRegistry } from '@ledgerstone/core/evidence'
import { limits } from '@ledgerstone/core/limits'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import { Frontier, type Head, leafHash } from '@ledgerstone/core/tree'
import { type Anchor, pinnedOf } from './anchor.ts'
import { publishedAt } from './final.ts'
import { type Memory, recall, remember } from './memory.ts'
import { type LogReader, proveConsistency, readEntries } from './tiles.ts'

export type RegistryFollowerOptions = {
  readonly trust: Anchor
  /** Of the bucket `keys`. */
  readonly reader: LogReader
  readonly memory?: Memory
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly sleep?: (ms: number) => Promise<void>
}

/** A replay of `keys` and the checkpoint that covers exactly it. */
export type RegistryView = {
  readonly registry: Registry
  /** All entries of `keys` up to the checkpoint. */
  readonly entries: readonly Bytes[]
  readonly checkpoint: VerifiedCheckpoint
  /** Milliseconds since 1970: revocations after this time may be missing. */
  readonly asOf: number
}

/** Follows `keys`. One object serves a whole process; its registry grows in place. */
export class RegistryFollower {
  readonly #options: RegistryFollowerOptions
  readonly #origin: string
  #view: RegistryView | undefined
  #frontier = new Frontier()
  #flight: Promise<RegistryView> | undefined
  #remembered: Head | undefined

  constructor(options: RegistryFollowerOptions) {
    this.#options = options
    this.#origin = originOf(options.trust.ledger, keysBucket)
  }

  /** The newest verified replay. Throws `keys-stale` when there has been none yet. */
  get view(): RegistryView {
    if (this.#view === undefined) throw new Refused('keys-stale', 'the key registry has not been read yet')
    return this.#view
  }

  /** What was remembered of `keys` before this process read it. */
  get remembered(): Head | undefined {
    return this.#remembered
  }

  /** How old the view is, in milliseconds; Infinity before the first one. */
  ageMs(): number {
    return this.#view === undefined ? Infinity : Math.max(0, this.#options.now() - this.#view.asOf)
  }

  /** The registry, when its view is recent enough to seal by. Throws `keys-stale`. */
  fresh(): Registry {
    const ageMs = this.ageMs()
    if (ageMs > limits.keysAgeMsMax) {
      const age = ageMs === Infinity ? 'not there yet' : `${Math.round(ageMs / 1000)} s old`
      throw new Refused('keys-stale', `the view of the key registry is ${age}`)
    }
    return this.view.registry
  }

  /**
   * Reads the newest final checkpoint of `keys` and what it adds. Calls at the same time share one reading.
   * Throws what the registry, the checkpoint or a proof refuses, `rolled-back` and `forked` among it; the
   * view of before then stays, and grows older.
   */
  refresh(): Promise<RegistryView> {
    this.#flight ??= this.#read().finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  /** A view of at least this many blocks of `keys`, waiting a little for it to become final. Throws `gap`. */
  async atLeast(size: number): Promise<RegistryView> {
    const { sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = this.#options
    for (let tries = 0; ; tries++) {
      if (this.#view !== undefined && this.#view.registry.size >= size) return this.#view
      if (tries > 0) await sleep(500)
      const { registry } = await this.refresh()
      if (registry.size < size && tries === 5) {
        throw new Refused('gap', `the final registry ends at ${registry.size}, a block names ${size}`)
      }
    }
  }

  async #read(): Promise<RegistryView> {
    const { trust, reader, memory, now } = this.#options
    const readAt = now()
    const text = await reader.checkpoint()
    const known = await this.#verifyByKnownKeys(text)
    const view =
      known === undefined || this.#view === undefined
        ? await this.#replay(text)
        : await this.#advance(this.#view, known)
    if (memory !== undefined) await remember(memory, view.registry, view.checkpoint, reader)
    const asOf = Math.min(readAt, publishedAt(view.checkpoint, pinnedOf(trust)?.policy) ?? readAt)
    this.#view = { ...view, asOf }
    return this.#view
  }

  /** Undefined when the log keys of `keys` are not known yet, or have changed since. */
  async #verifyByKnownKeys(text: string): Promise<VerifiedCheckpoint | undefined> {
    if (this.#view === undefined) return undefined
    try {
      return await verifyCheckpoint(text, this.#expected(this.#view.registry))
    } catch (error) {
      if (error instanceof Refused && error.code === 'bad-checkpoint') return undefined
      throw error
    }
  }

  /** From the beginning: the keys that signed the checkpoint are themselves in the entries. */
  async #replay(text: string): Promise<Omit<RegistryView, 'asOf'>> {
    const { trust, memory } = this.#options
    const { head } = parseCheckpoint(text)
    const entries = await this.#fetch({ from: 0, to: head.size, size: head.size })
    const registry = await replayRegistry(trust.ledger, entries, pinnedOf(trust))
    const checkpoint = await verifyCheckpoint(text, this.#expected(registry))
    if (!equalBytes(registry.head.root, checkpoint.head.root)) throw notTheSigned()
    const remembered = memory === undefined ? undefined : await recall(memory, registry, this.#origin)
    if (this.#view === undefined) this.#remembered = remembered
    for (const old of [remembered, this.#view?.checkpoint.head])
      if (old !== undefined) checkBegins(entries, old)
    this.#frontier = frontierOf(entries)
    return { registry, entries, checkpoint }
  }

  /**
   * What a verified checkpoint adds. Entries are applied only once the tree shows that they are the signed
   * ones.
   */
  async #advance(view: RegistryView, checkpoint: VerifiedCheckpoint): Promise<Omit<RegistryView, 'asOf'>> {
    const { reader, memory } = this.#options
    const { head } = checkpoint
    await proveConsistency(reader, view.checkpoint.head, head)
    // Another tab or process may have been shown something else meanwhile. Where it is ahead, a later refresh
    // gets there: a server that is a moment behind is no rollback.
    const shared = memory === undefined ? undefined : await recall(memory, view.registry, this.#origin)
    if (shared !== undefined && shared.size <= head.size) await proveConsistency(reader, shared, head)
    const added = await this.#fetch({ from: view.registry.size, to: head.size, size: head.size })
    const frontier = this.#frontier.clone()
    for (const entry of added) frontier.append(leafHash(entry))
    if (frontier.size !== head.size || !equalBytes(frontier.root(), head.root)) throw notTheSigned()
    for (const entry of added) {
      await view.registry.apply(entry)
      this.#frontier.append(leafHash(entry))
    }
    return { registry: view.registry, entries: [...view.entries, ...added], checkpoint }
  }

  #expected(registry: Registry): CheckpointExpected {
    return expectedOf(registry, this.#origin, pinnedOf(this.#options.trust))
  }

  async #fetch(range: { from: number; to: number; size: number }): Promise<readonly Bytes[]> {
    const entries: Bytes[] = []
    let bytes = 0
    for await (const bundle of readEntries(this.#options.reader, range)) {
      for (const entry of bundle.entries) {
        bytes += entry.length
        if (bytes > limits.registryBytesMax) throw new Refused('too-large', 'the key registry is over 16 MiB')
        // A copy: the bundle's other entries need not stay in memory.
        entries.push(entry.slice())
      }
    }
    return entries
  }
}

/**
 * Throws `rolled-back` or `forked` unless these entries, found to be the signed ones, begin with the old
 * tree.
 */
function checkBegins(entries: readonly Bytes[], old: Head): void {
  if (old.size > entries.length) {
    throw new Refused('rolled-back', `keys has ${entries.length} blocks; it had ${old.size} before`)
  }
  if (!equalBytes(frontierOf(entries.slice(0, old.size)).root(), old.root)) {
    throw new Refused('forked', `the first ${old.size} blocks of keys are not those of before`)
  }
}

function frontierOf(entries: readonly Bytes[]): Frontier {
  const frontier = new Frontier()
  for (const entry of entries) frontier.append(leafHash(entry))
  return frontier
}

function notTheSigned(): Refused {
  return new Refused('damaged-store', 'the entries of keys are not those of its checkpoint')
}
