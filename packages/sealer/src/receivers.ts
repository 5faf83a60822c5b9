// For whom a bucket's records are sealed: names out of the configuration, keys out of this process's own
// replay.
import type { RegistryFollower } from '@ledgerstone/client/registry'
import { checkReceiver } from '@ledgerstone/core/judge'
import { Refused } from '@ledgerstone/core/refused'
import type { RegisteredKey, Registry } from '@ledgerstone/core/registry'
import { type Receiver, receiverOf } from '@ledgerstone/core/seal'

/**
 * By bucket (`*`: all that are not named), each an owner, who may have several keys, or the kid of one key.
 */
export type ReceiverNames = Readonly<Record<string, readonly string[]>>

type Named = { readonly name: string; readonly keys: readonly RegisteredKey[] }
type Known = { readonly registry: Registry; readonly size: number; readonly named: readonly Named[] }

const refreshPauseMs = 2000

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
      if (!isAboutKeys(error) || this.#now() < this.#refreshedAt + refreshPauseMs) throw error
      this.#refreshedAt = this.#now()
      // When the registry cannot be read now, what it said before stands.
      await this.#follower.refresh().catch(() => Promise.reject(error))
      return this.#read(bucket)
    }
  }

  #read(bucket: string): Promise<readonly Receiver[]> {
    const registry = this.#follower.fresh()
    const keys = this.#namedFor(bucket, registry).flatMap((named) => inForce(named, this.#now()))
    return Promise.all(
      [...new Map(keys.map((key) => [key.kid, key])).values()].map((key) => this.#parse(key)),
    )
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
    .filter((key) => key.kid === name || (key.owner === name && key.purpose === 'receive'))
  const standing = all.filter((key) => key.revoked === undefined && key.replaced === undefined)
  const [first] = all
  if (first === undefined) throw new Refused('unknown-key', `receiver ${name} has no registered key`)
  if (standing.length === 0) throw new Refused('key-revoked', `every key of receiver ${name} was revoked`)
  return standing
}

/** Those valid at this time. Throws the reason when there is none. */
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
  if (valid.length > 0) return valid
  throw refusals[0] ?? new Refused('unknown-key', `receiver ${name} has no key`)
}

function isAboutKeys(error: unknown): boolean {
  return (
    error instanceof Refused &&
    ['unknown-key', 'key-revoked', 'key-expired', 'wrong-key'].includes(error.code)
  )
}
