// Reading a bucket from its beginning: form, hashes, links and tree of every entry, in one pass of constant
// memory.
import { noHash, type ScannedEntry, scanEntry } from './block.ts'
import { equalBytes, formatHex, type Hash, parseHex } from './bytes.ts'
import { NextEntry } from './next-entry.ts'
import { Refused } from './refused.ts'
import { parseTime } from './time.ts'
import { Frontier, type Head, leafHash } from './tree.ts'

/** Where a replay stands: what the next entry has to follow. */
export type ReplayState = {
  readonly prev: string
  readonly time: string
  readonly keys: number
  readonly frontier: Frontier
}

export class BucketReplay {
  readonly #bucket: string
  readonly #frontier: Frontier
  #prev: Hash
  #time: string
  #keys: number
  #next: NextEntry | undefined

  /** Starts at block 0, or goes on after `state`. */
  constructor(bucket: string, state?: ReplayState) {
    this.#bucket = bucket
    this.#frontier = state?.frontier.clone() ?? new Frontier()
    this.#prev = state === undefined ? noHash : parseHex(state.prev, 'prev', 32)
    this.#time = state?.time ?? ''
    this.#keys = state?.keys ?? 0
  }

  get size(): number {
    return this.#frontier.size
  }

  get head(): Head {
    return { size: this.#frontier.size, root: this.#frontier.root() }
  }

  get state(): ReplayState {
    const prev = formatHex(this.#prev)
    return { prev, time: this.#time, keys: this.#keys, frontier: this.#frontier.clone() }
  }

  /**
   * Checks that the next entry is in its exact form and follows the one before: index, previous hash, time
   * and `keys` never decreasing. Throws `malformed`, `unknown-version`, `bad-link`; the index it names is
   * `size`.
   */
  add(entry: Uint8Array): void {
    const time = this.#next?.timeOf(entry)
    if (time !== undefined && time >= this.#time) {
      if (time !== this.#time) parseTime(time, 'the block time')
      this.#time = time
      this.#append(leafHash(entry))
      this.#next?.advance(this.#prev)
    } else {
      const scanned = scanEntry(entry)
      this.#keys = checkFollows(this.#bucket, scanned, { ...this.state, size: this.size })
      this.#time = scanned.time
      this.#append(leafHash(entry))
      this.#next = new NextEntry(entry, scanned, this.#prev)
    }
  }

  /** Throws `nothing-checked` for an empty replay, `forked` unless the root at this size is the head's. */
  finish(head: Head): Head {
    if (this.size === 0) throw new Refused('nothing-checked', `no block of ${this.#bucket} was checked`)
    if (this.size !== head.size) throw new Refused('gap', `${this.size} blocks were read of ${head.size}`)
    if (!equalBytes(this.#frontier.root(), head.root)) {
      throw new Refused(
        'forked',
        `the ${head.size} blocks of ${this.#bucket} do not have the root of the checkpoint`,
      )
    }
    return head
  }

  #append(hash: Hash): void {
    this.#frontier.append(hash)
    this.#prev = hash
  }
}

/**
 * Checks that an entry, in its exact form, is block `size` and follows the one before it; returns its `keys`.
 * Throws `bad-link`, and `malformed` for a time or a number that is none.
 */
export function checkFollows(
  name: string,
  { bucket, index, time, prev, keys }: ScannedEntry,
  before: Omit<ReplayState, 'frontier'> & { readonly size: number },
): number {
  const { size } = before
  // Times in their one spelling compare as texts; most blocks of one commit share theirs.
  if (time !== before.time) parseTime(time, 'the block time')
  if (bucket !== name) throw new Refused('bad-link', `block ${size} says that it is of another bucket`)
  if (index !== String(size)) throw new Refused('bad-link', `block ${size} says that it is another block`)
  if (prev !== before.prev) throw new Refused('bad-link', `block ${size} does not name the block before it`)
  if (time < before.time) throw new Refused('bad-link', `block ${size} is earlier than the block before it`)
  const registrySize = Number(keys)
  if (!Number.isSafeInteger(registrySize)) throw new Refused('malformed', 'keys of the entry is too large')
  if (registrySize < before.keys)
    throw new Refused('bad-link', `block ${size} names an older registry than the block before`)
  return registrySize
}
