// The keys that a sealer signs with, as long as it runs. A rotation puts another key into a file: the sealer
// takes it up without being started again, once the registry has it in force.
import { statSync } from 'node:fs'
import type { OpenKey } from '@ledgerstone/border/private-key'
import type { RegistryFollower } from '@ledgerstone/client/registry'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import type { Sender } from '@ledgerstone/core/seal'
import { checkSender, type KeyFiles, readKeys } from './keys.ts'

type Read = { readonly sender: Sender; readonly signing: readonly OwnKey[] }

/** What became of changed files: their keys sign from now on, or why those of before go on. */
export type KeysReport = (outcome: { readonly kids: readonly string[] } | { readonly error: unknown }) => void

export type OwnKeysOptions = {
  readonly open: OpenKey
  readonly report: KeysReport
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const pollMs = 5000

export class OwnKeys {
  readonly #files: KeyFiles
  readonly #options: OwnKeysOptions
  #read: Read
  /** What the files were when their keys were taken, and when that was tried last. */
  #taken: string
  #tried: string
  /** What the files held then, as long as the registry does not have it in force. */
  #waiting: Read | undefined
  #running: Promise<void> | undefined

  private constructor(files: KeyFiles, options: OwnKeysOptions, read: Read, state: string) {
    this.#files = files
    this.#options = options
    this.#read = read
    this.#taken = state
    this.#tried = state
  }

  /** Throws `bad-key-file`, `wrong-key`, `wrong-passphrase`. */
  static async open(files: KeyFiles, options: OwnKeysOptions): Promise<OwnKeys> {
    const state = stateOf(files)
    return new OwnKeys(files, options, await readKeys(files, options.open), state)
  }

  get sender(): Sender {
    return this.#read.sender
  }

  /** The two keys, as a key exchange announces and proves them. */
  get signing(): readonly OwnKey[] {
    return this.#read.signing
  }

  /**
   * Looks whether the files have changed, and takes their keys when the registry has them in force. Nothing
   * is thrown: what cannot be taken is reported, once for each change, and the keys of before go on.
   */
  takeUp(follower: Pick<RegistryFollower, 'refresh' | 'view'>): Promise<void> {
    this.#running ??= this.#takeUp(follower).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Looks every five seconds. Ends when it is called. */
  watch(follower: Pick<RegistryFollower, 'refresh' | 'view'>): () => void {
    const timer = setInterval(() => void this.takeUp(follower), pollMs).unref()
    return () => clearInterval(timer)
  }

  async #takeUp(follower: Pick<RegistryFollower, 'refresh' | 'view'>): Promise<void> {
    const { open, now, report } = this.#options
    const state = stateOf(this.#files)
    if (state === this.#taken) return
    const isNews = state !== this.#tried
    if (isNews) this.#waiting = undefined
    this.#tried = state
    try {
      const read = this.#waiting ?? (await readKeys(this.#files, open))
      this.#waiting = read
      // A replay of before the rotation does not know the new key.
      if (isNews) await follower.refresh()
      checkSender(read.sender, follower.view.registry, now())
      checkSameOwner(this.#read.sender, read.sender, follower.view.registry)
      if (stateOf(this.#files) !== state) return
      this.#waiting = undefined
      this.#read = read
      this.#taken = state
      report({ kids: read.signing.map(({ kid }) => kid) })
    } catch (error) {
      if (isNews) report({ error })
      if (!(error instanceof Refused)) this.#tried = this.#taken
    }
  }
}

/**
 * Whoever can write the files could put keys of his own there that are registered, and have the sealer speak
 * in his name. A rotation keeps the owner. Throws `wrong-key`.
 */
function checkSameOwner(before: Sender, next: Sender, registry: Registry): void {
  const { kid } = before.statement
  if (!registry.isRegistered(kid)) return
  const { owner } = registry.key(kid)
  const { owner: nextOwner } = registry.key(next.statement.kid)
  if (owner === nextOwner) return
  throw new Refused('wrong-key', `the changed files hold keys of ${nextOwner}, not of ${owner}`)
}

/** Of the files behind symbolic links, for Kubernetes swaps those. A file that is away is a state, too. */
function stateOf({ statement, key, retry }: KeyFiles): string {
  return [statement, key, retry].map(factsOf).join(' ')
}

function factsOf(path: string): string {
  try {
    const { dev, ino, mtimeNs, size } = statSync(path, { bigint: true })
    return `${dev}:${ino}:${mtimeNs}:${size}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
}
