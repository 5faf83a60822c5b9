// For whom a bucket's records are sealed: names out of the configuration, keys out of this process's own
// replay.
import type { RegistryFollower } from '@ledgerstone/client/registry'
import { checkReceiver } from '@ledgerstone/core/judge'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { RegisteredKey } from '@ledgerstone/core/registered-key'
import type { Registration } from '@ledgerstone/core/registration'
import type { Registry } from '@ledgerstone/core/registry'
import { type Receiver, receiverOf } from '@ledgerstone/core/seal'

/**
 * By bucket (`*`: all that are not named), each an owner, who may have several keys, the kid of one key, or
 * `*`: everyone with a receiving key in force.
 */
export type ReceiverNames = Readonly<Record<string, readonly string[]>>

/** A key that is about to be registered. */
export type Added = Registration & { readonly replaces?: string }

type Named = { readonly name: string; readonly keys: readonly RegisteredKey[] }
type Known = { readonly registry: Registry; readonly size: number; readonly named: readonly Named[] }

const refreshPauseMs = 2000
const everyone = '*'

export class Receivers {
  readonly #names: ReceiverNames
  readonly #follower: RegistryFollower
  readonly #now: () => number
  readonly #known = new Map<string, Known>()
  readonly #parsed = new Map<string, Promise<Receiver>>()
  #refreshedAt = -Infinity

  constructor(names: ReceiverNames, follower: RegistryFollower, now: () => number) {
    this.#names = names
    this.#follower = follower
    this.#now = now
  }

  /**
   * The receivers of a bucket by a registry that is recent enough. A name without a key in force makes the
   * registry be read again, for the key may just have been registered. Throws `unknown-bucket` when no
   * receivers are configured, `unknown-key`, `key-revoked`, `key-expired`, `wrong-key`, `keys-stale`.
   */
  async of(bucket: string): Promise<readonly Receiver[]> {
    try {
      return await this.#read(bucket)
    } catch (error) {
      if (!isAboutKeys(error) || !(await this.refresh())) throw error
      return this.#read(bucket)
    }
  }

  /**
   * Reads the registry again, unless that was done just now; whether there was something new. When it cannot
   * be read, what it said before stands.
   */
  async refresh(): Promise<boolean> {
    if (this.#now() < this.#refreshedAt + refreshPauseMs) return false
    this.#refreshedAt = this.#now()
    const { size } = this.#follower.view.registry
    return this.#follower.refresh().then(
      ({ registry }) => registry.size > size,
      () => false,
    )
  }

  #read(bucket: string): Promise<readonly Receiver[]> {
    const registry = this.#follower.fresh()
    const keys = this.#namedFor(bucket, registry).flatMap((named) => inForce(named, this.#now()))
    const distinct = [...new Map(keys.map((key) => [key.kid, key])).values()]
    if (distinct.length === 0)
      throw new Refused('unknown-key', `${bucket} has no receiver with a key in force`)
    return Promise.all(distinct.map((key) => this.#parse(key)))
  }

  /**
   * Throws `too-large` when a bucket would have more receivers with these keys than an envelope takes: one
   * key too many, and nothing could be sealed for anybody.
   */
  checkRoom(added: readonly Added[]): void {
    const { registry } = this.#follower.view
    const gone = new Set(added.map(({ replaces }) => replaces))
    for (const [row, names] of Object.entries(this.#names)) {
      const isNamed = ({ kid, owner, purpose }: Registration): boolean =>
        purpose === 'receive' && [kid, owner, everyone].some((name) => names.includes(name))
      const standing = registry.keys().filter((key) => isStanding(key) && !gone.has(key.kid))
      const count = [...standing, ...added].filter(isNamed).length
      if (count > limits.receiversMax) {
        const most = limits.receiversMax
        throw new Refused('too-large', `${row} would have ${count} receivers, and ${most} are the most`)
      }
    }
  }

  /** Looked up again only when the registry has grown. */
  #namedFor(bucket: string, registry: Registry): readonly Named[] {
    // By what is configured: buckets are the callers' to name.
    const row = Object.hasOwn(this.#names, bucket) ? bucket : '*'
    const known = this.#known.get(row)
    if (known?.registry === registry && known.size === registry.size) return known.named
    const names = this.#names[row]
    if (names === undefined || names.length === 0) {
      throw new Refused('unknown-bucket', `no receivers are configured for ${bucket}`)
    }
    const named = names.map((name) => ({ name, keys: keysOf(name, registry) }))
    this.#known.set(row, { registry, size: registry.size, named })
    return named
  }

  #parse(key: RegisteredKey): Promise<Receiver> {
    const known = this.#parsed.get(key.kid)
    if (known !== undefined) return known
    const parsed = receiverOf(key.spki)
    this.#parsed.set(key.kid, parsed)
    return parsed
  }
}

/** The key of that kid, or the receiving keys of that owner that were not revoked or replaced. */
function keysOf(name: string, registry: Registry): readonly RegisteredKey[] {
  const all = registry
    .keys()
    .filter((key) => key.kid === name || ([key.owner, everyone].includes(name) && key.purpose === 'receive'))
  const standing = all.filter(isStanding)
  if (name === everyone) return standing
  const [first] = all
  if (first === undefined) throw new Refused('unknown-key', `receiver ${name} has no registered key`)
  if (standing.length === 0) throw new Refused('key-revoked', `every key of receiver ${name} was revoked`)
  return standing
}

function isStanding({ revoked, replaced }: RegisteredKey): boolean {
  return revoked === undefined && replaced === undefined
}

/** Those valid at this time. Throws the reason when there is none; of everyone there may be nobody. */
function inForce({ name, keys }: Named, now: number): readonly RegisteredKey[] {
  const refusals: unknown[] = []
  const valid = keys.filter((key) => {
    try {
      checkReceiver(key, now)
      return true
    } catch (error) {
      refusals.push(error)
      return false
    }
  })
  if (valid.length > 0 || name === everyone) return valid
  throw refusals[0] ?? new Refused('unknown-key', `receiver ${name} has no key`)
}

/** Whether something was refused for a key that is not, or no longer, what it should be. */
export function isAboutKeys(error: unknown): boolean {
  return (
    error instanceof Refused &&
    ['unknown-key', 'key-revoked', 'key-expired', 'wrong-key'].includes(error.code)
  )
}
