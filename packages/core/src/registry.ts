// The key registry: who may sign and receive, as everyone replays it from the `keys` bucket, beginning at the
// pinned genesis.
import type { Verify } from '#primitives'
import { type Block, noHash, parseEntry } from './block.ts'
import { equalBytes, formatHex, type Hash } from './bytes.ts'
import { identityOf } from './identity.ts'
import { limits } from './limits.ts'
import { bucketOfOrigin, checkLedgerName, keysBucket, originOf } from './names.ts'
import { Refused } from './refused.ts'
import type { RegisteredKey } from './registered-key.ts'
import {
  type GenesisOfKeys,
  parseGenesisOfKeys,
  type Registration,
  type Role,
  statementAlgorithmOf,
  statementVerifierOf,
} from './registration.ts'
import { changeOf, checkMaySign, keysOf, type RegistryChange, type Request } from './registry-change.ts'
import { checkSpki, keyIdOf } from './spki.ts'
import { parseStatement, type Statement } from './statement.ts'
import { Frontier, type Head, leafHash } from './tree.ts'
import { parseVkey } from './vkey.ts'
import { checkIssued } from './window.ts'

type Judged = Pick<RegistryChange, 'hash' | 'identity' | 'bytes'>

export class Registry {
  readonly ledger: string
  readonly origin: string
  /** Hash of block 0: the trust anchor. */
  readonly genesis: Hash
  /** Time of block 0, milliseconds since 1970. */
  readonly founded: number
  readonly threshold: number
  readonly #frontier = new Frontier()
  readonly #keys = new Map<string, RegisteredKey>()
  readonly #verifiers = new Map<string, Verify>()
  readonly #logKeys = new Map<string, { effective: number; keys: readonly string[] }[]>()
  readonly #requests = new Map<string, Request>()
  readonly #changesOf = new Map<string, RegistryChange[]>()
  readonly #policies: { effective: number; digest: Hash }[] = []
  readonly #logOfKey = new Map<string, string>()
  readonly #identities = new Set<string>()
  #bytes: number
  #last: { readonly hash: Hash; readonly time: number }

  private constructor(ledger: string, block: Block, first: Judged, genesis: GenesisOfKeys) {
    this.ledger = ledger
    this.origin = originOf(ledger, keysBucket)
    this.genesis = first.hash
    this.founded = block.time
    this.threshold = genesis.threshold
    this.#frontier.append(first.hash)
    this.#last = { hash: first.hash, time: block.time }
    this.#identities.add(first.identity)
    this.#bytes = first.bytes
    this.#announce(this.origin, genesis.logKeys, 0)
    this.#policies.push({ effective: 0, digest: genesis.policy })
    this.#add(ledgerKeyOf(genesis), 0, 0)
    for (const registrar of genesis.registrars) this.#add(registrar, 0, 0)
  }

  /**
   * A registry of one block. `pinned` is the genesis hash of the trust file; without it the registry is
   * whatever the entry says, and a verdict on it is "not pinned". Throws `wrong-ledger` when the hash
   * differs.
   */
  static async open(ledger: string, entry: Uint8Array, pinned?: Hash): Promise<Registry> {
    checkLedgerName(ledger)
    const hash = leafHash(entry)
    if (pinned !== undefined && !equalBytes(hash, pinned)) {
      throw new Refused('wrong-ledger', 'block 0 of keys is not the one that the trust file pins')
    }
    const block = parseEntry(entry)
    const origin = originOf(ledger, keysBucket)
    checkFollows(block, { index: 0, hash: noHash, time: 0 })
    const statement = parseStatement(block.statement)
    checkClaims(statement, origin, block)
    if (statement.payload.type !== 'ledgerstone.genesis')
      throw new Refused('reserved', 'block 0 is not a genesis')
    const genesis = await parseGenesisOfKeys(ledger, origin, statement.payload.body ?? null)
    const key = ledgerKeyOf(genesis)
    checkHeader(statement, key)
    await checkSignature(statement, await statementVerifierOf(key.spki, key.kind))
    const identity = formatHex(identityOf(origin, key.owner, statement.payload.id))
    return new Registry(ledger, block, { hash, identity, bytes: entry.length }, genesis)
  }

  get size(): number {
    return this.#frontier.size
  }

  get head(): Head {
    return { size: this.#frontier.size, root: this.#frontier.root() }
  }

  /** What the next block of `keys` must name as `prev` and may not go behind in time. */
  get last(): { readonly hash: Hash; readonly time: number } {
    return this.#last
  }

  /** Judges the next entry of `keys` and applies it. Throws, and changes nothing, when it may not stand. */
  async apply(entry: Uint8Array): Promise<void> {
    this.accept(await this.judge(entry))
  }

  /** What the next entry of `keys` would change. Throws when it may not stand. */
  async judge(entry: Uint8Array): Promise<RegistryChange> {
    if (this.#bytes + entry.length > limits.registryBytesMax)
      throw new Refused('too-large', 'the key registry is over its limit')
    const block = parseEntry(entry)
    const index = this.size
    checkFollows(block, { index, hash: this.#last.hash, time: this.#last.time })
    const statement = parseStatement(block.statement)
    checkClaims(statement, this.origin, block)
    const key = this.keyAt(statement.header.kid, index)
    checkValidity(key, block.time)
    checkMaySign(statement, key)
    await checkSignature(statement, await this.verifier(key))
    const change = await changeOf(statement, key, index, this)
    const identity = formatHex(identityOf(this.origin, key.owner, statement.payload.id))
    if (this.#identities.has(identity)) {
      throw new Refused('id-reused', 'a statement of this owner with this id is in keys already')
    }
    const signer = key.kid
    return {
      ...change,
      index,
      hash: leafHash(entry),
      time: block.time,
      signer,
      identity,
      bytes: entry.length,
    }
  }

  /** Applies a change that `judge` returned for the present size. */
  accept(change: RegistryChange): void {
    const { index, hash, time, request, counts } = change
    if (index !== this.size) throw new Error(`a change of block ${index} does not follow size ${this.size}`)
    this.#frontier.append(hash)
    this.#last = { hash, time }
    this.#identities.add(change.identity)
    this.#bytes += change.bytes
    for (const kid of keysOf(request)) this.#remember(kid, change)
    const id = change.approves ?? formatHex(hash)
    if (!counts) {
      this.#requests.set(id, request)
      return
    }
    this.#requests.delete(id)
    this.#carryOut(request, index)
  }

  /**
   * The key as of the first `size` blocks of `keys`. Throws `unknown-key`, `key-revoked`.
   * Validity in time is another question: `checkValidity`.
   */
  keyAt(kid: string, size: number): RegisteredKey {
    const key = this.#keys.get(kid)
    if (key === undefined || key.effective >= size) {
      throw new Refused('unknown-key', `key ${kid} is not registered at size ${size} of keys`)
    }
    const end = Math.min(key.revoked?.index ?? Infinity, key.replaced?.index ?? Infinity)
    if (end < size)
      throw new Refused('key-revoked', `key ${kid} was revoked or replaced in block ${end} of keys`)
    return key
  }

  /** The key whatever became of it since. Throws `unknown-key`. */
  key(kid: string): RegisteredKey {
    const key = this.#keys.get(kid)
    if (key === undefined) throw new Refused('unknown-key', `key ${kid} is not registered`)
    return key
  }

  keys(): readonly RegisteredKey[] {
    return [...this.#keys.values()]
  }

  /** What was asked, approved and done about a key since block 0, in the order of the blocks. */
  changesOf(kid: string): readonly RegistryChange[] {
    return this.#changesOf.get(kid) ?? []
  }

  isRegistered(kid: string): boolean {
    return this.#keys.has(kid)
  }

  /** Requests that still lack approvals, by the block hash (hex) that approvals refer to. */
  requests(): ReadonlyMap<string, Request> {
    return this.#requests
  }

  /**
   * Verifier keys of a log as of the first `size` blocks. Throws `unknown-bucket` when none were announced.
   */
  logKeysAt(origin: string, size: number): readonly string[] {
    const row = this.#logKeys.get(origin)?.findLast(({ effective }) => effective < size)
    if (row === undefined)
      throw new Refused('unknown-bucket', `no log keys of ${origin} are announced in keys`)
    return row.keys
  }

  /** The log that ever announced this key (a vkey's public key), if any did. */
  logOfKey(publicKey: Uint8Array): string | undefined {
    return this.#logOfKey.get(formatHex(publicKey))
  }

  /** All origins with announced log keys, in the order of announcement. */
  origins(): readonly string[] {
    return [...this.#logKeys.keys()]
  }

  /** The buckets that there have to be beside these: log keys of theirs are announced. */
  bucketsBeside(there: readonly string[]): readonly string[] {
    const buckets = this.origins().map((origin) => bucketOfOrigin(origin, this.ledger))
    return buckets.filter((bucket) => !there.includes(bucket))
  }

  /** SHA-256 of each policy text that was ever in force, the newest last. */
  policyDigests(): readonly Hash[] {
    return this.#policies.map(({ digest }) => digest)
  }

  /** The function that checks this key's statements; the key is parsed once. */
  async verifier(key: RegisteredKey): Promise<Verify> {
    const known = this.#verifiers.get(key.kid)
    if (known !== undefined) return known
    const verify = await statementVerifierOf(key.spki, key.kind)
    this.#verifiers.set(key.kid, verify)
    return verify
  }

  #carryOut(request: Request, index: number): void {
    switch (request.kind) {
      case 'register':
        if (request.replaces !== undefined) {
          const old = this.key(request.replaces)
          this.#keys.set(old.kid, { ...old, replaced: { index, by: request.registration.kid } })
        }
        this.#add(request.registration, request.index, index)
        break
      case 'revoke': {
        const key = this.key(request.kid)
        const { reason, suspectFrom } = request
        const first = key.revoked ?? { index, reason }
        const revoked = { ...first, ...(suspectFrom !== undefined && { suspectFrom }) }
        this.#keys.set(key.kid, { ...key, revoked })
        if (key.revoked === undefined && key.roles.includes('registrar')) this.#dropVotes(key.owner)
        break
      }
      case 'log-keys':
        this.#announce(request.log, request.keys, index)
        break
      case 'policy':
        this.#policies.push({ effective: index, digest: request.digest })
    }
  }

  /**
   * What a registrar asked for with a key that is now revoked counts no more: the key may have been a thief's
   * by then.
   */
  #dropVotes(owner: string): void {
    for (const [id, request] of this.#requests) {
      const owners = request.owners.filter((other) => other !== owner)
      if (owners.length === 0) this.#requests.delete(id)
      else this.#requests.set(id, { ...request, owners })
    }
  }

  #remember(kid: string, change: RegistryChange): void {
    const changes = this.#changesOf.get(kid)
    if (changes === undefined) this.#changesOf.set(kid, [change])
    else changes.push(change)
  }

  #announce(log: string, keys: readonly string[], effective: number): void {
    this.#logKeys.set(log, [...(this.#logKeys.get(log) ?? []), { effective, keys }])
    for (const key of keys) this.#logOfKey.set(formatHex(parseVkey(key).publicKey), log)
  }

  #add(registration: Registration, requested: number, effective: number): void {
    this.#keys.set(registration.kid, { ...registration, requested, effective })
  }
}

/** Throws `key-expired` unless the key is valid at that time (milliseconds since 1970). */
export function checkValidity(key: Registration, time: number): void {
  if (
    (key.notBefore !== undefined && time < key.notBefore) ||
    (key.notAfter !== undefined && time > key.notAfter)
  ) {
    throw new Refused('key-expired', `key ${key.kid} is not valid at the time of the block`)
  }
}

/** Throws `wrong-key` unless the key signs statements of this algorithm. */
export function checkHeader(statement: Pick<Statement, 'header'>, key: Registration): void {
  if (key.purpose !== 'sign' || statement.header.alg !== statementAlgorithmOf(key.kind)) {
    throw new Refused('wrong-key', `key ${key.kid} is not registered for ${statement.header.alg} signatures`)
  }
}

export function hasRole(key: Registration, role: Role): boolean {
  return key.roles.includes(role)
}

/** Throws `bad-signature`. */
export async function checkSignature(statement: Statement, verify: Verify): Promise<void> {
  if (!(await verify(statement.signingInput, statement.signature))) {
    throw new Refused('bad-signature', 'the statement is not signed by the key that it names')
  }
}

function checkClaims(statement: Statement, origin: string, block: Block): void {
  if (statement.payload.log !== origin) throw new Refused('wrong-log', 'the statement is for another log')
  checkIssued(statement.payload.issued, block.time)
}

function checkFollows(block: Block, after: { index: number; hash: Hash; time: number }): void {
  const { bucket, index, prev, time, keys } = block
  if (
    bucket !== keysBucket ||
    index !== after.index ||
    keys !== index ||
    time < after.time ||
    !equalBytes(prev, after.hash)
  ) {
    throw new Refused(
      'bad-link',
      `block ${index} of ${bucket} does not follow block ${after.index - 1} of keys`,
    )
  }
}

function ledgerKeyOf({ ledgerKey }: GenesisOfKeys): Registration {
  const [kid, kind] = [keyIdOf(ledgerKey), checkSpki(ledgerKey)]
  return {
    kid,
    spki: ledgerKey,
    kind,
    owner: 'ledger',
    purpose: 'sign',
    roles: ['ledger'],
    assurance: 'local',
  }
}
