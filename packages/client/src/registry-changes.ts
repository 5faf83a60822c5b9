/*
 * Changing the key registry: registration, rotation, revocation, approval. Everything is judged by the own
 * replay before it is sent, by the same code as the block itself, so that a refusal costs nobody anything.
 *
 *     const changes = registryChanges({ api, follower, now: Date.now })
 *     const { id, missing } = await changes.revoke({ kid, reason: 'laptop lost' }, registrar)
 *     if (missing > 0) // another registrar: await changes.approve(id, other)
 */
import { formatEntry } from '@ledgerstone/core/block'
import { type Hash, parseHex, utf8 } from '@ledgerstone/core/bytes'
import { formatCanonical, type JsonObject } from '@ledgerstone/core/canonical'
import { type PendingChange, pendingChanges } from '@ledgerstone/core/key-life'
import { type OwnKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { type Claims, registrationBody, rotationBody } from '@ledgerstone/core/registration-body'
import type { Registry } from '@ledgerstone/core/registry'
import type { RegistryChange } from '@ledgerstone/core/registry-change'
import { parseStatement, type Statement, signStatement } from '@ledgerstone/core/statement'
import { formatTime } from '@ledgerstone/core/time'
import { leafHash } from '@ledgerstone/core/tree'
import { liveId } from '@ledgerstone/core/uuid'
import type { LedgerApi } from './api.ts'
import type { RegistryFollower } from './registry.ts'

export type RegistryChangesOptions = {
  /** With a token that has `manage:keys`. */
  readonly api: Pick<LedgerApi, 'postBlock'>
  readonly follower: Pick<RegistryFollower, 'refresh'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A change that stands in a block. */
export type ChangePosted = {
  /** Of `keys`. */
  readonly index: number
  /** In hexadecimal. */
  readonly hash: string
  /** What further approvals refer to: the hash of the block that asked. */
  readonly id: string
  /** Whether it is in force with this block. */
  readonly counts: boolean
  /** How many more owners of registrar keys must approve. */
  readonly missing: number
}

export type Revocation = {
  readonly kid: string
  readonly reason: string
  /** Milliseconds since 1970: later blocks of the key are shown as suspect. No verdict changes. */
  readonly suspectFrom?: number
}

/**
 * Each throws what the registry refuses it for (`wrong-key`, `key-revoked`, `id-reused`, `not-approved`, ...)
 * before anything is sent, and what the ledger answers after.
 */
export type RegistryChanges = {
  /** By a registrar; the private key is here, to prove that it is held. */
  register(key: OwnKey, claims: Claims, registrar: OwnKey): Promise<ChangePosted>
  /** Puts `key` in the place of `old`, which signs too. Owner, purpose and roles stay those of `old`. */
  rotate(
    old: OwnKey,
    key: OwnKey,
    claims: Omit<Claims, 'owner' | 'purpose' | 'roles'>,
    registrar: OwnKey,
  ): Promise<ChangePosted>
  /**
   * By a registrar, or by the key itself, which needs no approval. Of a key that has ended, by registrars and
   * with `suspectFrom`: its end stays where it was.
   */
  revoke(revocation: Revocation, by: OwnKey): Promise<ChangePosted>
  /** By a registrar of another owner than those who asked or approved. `id`: 64 hexadecimal digits. */
  approve(id: string, registrar: OwnKey): Promise<ChangePosted>
  /** What is open, by the newest final registry. */
  pending(): Promise<readonly PendingChange[]>
}

export function registryChanges(options: RegistryChangesOptions): RegistryChanges {
  const { follower, now } = options
  const post = async (registry: Registry, asked: Asked, by: OwnKey): Promise<ChangePosted> => {
    return postChange(options, registry, asked, by)
  }
  return {
    async register(key, claims, registrar) {
      const { registry } = await follower.refresh()
      const body = await registrationBody(key, claims, { origin: registry.origin, now: now() })
      return post(registry, { type: 'ledgerstone.key.register', body }, registrar)
    },
    async rotate(old, key, claims, registrar) {
      const { registry } = await follower.refresh()
      const { owner, purpose, roles } = registry.keyAt(old.kid, registry.size)
      const at = { origin: registry.origin, now: now() }
      const body = await rotationBody(old, key, { ...claims, owner, purpose, roles }, at)
      return post(registry, { type: 'ledgerstone.key.rotate', body }, registrar)
    },
    async revoke(revocation, by) {
      const { registry } = await follower.refresh()
      return post(registry, { type: 'ledgerstone.key.revoke', body: revocationBody(revocation) }, by)
    },
    async approve(id, registrar) {
      const { registry } = await follower.refresh()
      const refs = [parseHex(id, 'the request', 32)]
      return post(registry, { type: 'ledgerstone.key.approve', body: {}, refs }, registrar)
    },
    async pending() {
      return pendingChanges((await follower.refresh()).registry)
    },
  }
}

/** What a statement of `keys` asks. `id`: a UUID; the same one again is the same block. */
export type Asked = {
  readonly type: string
  readonly body: JsonObject
  readonly refs?: readonly Hash[]
  readonly id?: string
}

/**
 * A signed statement for `keys`, with a retry value of its body: asked for again under the same id it is the
 * same block.
 */
export async function changeStatement(
  ledger: string,
  { type, body, refs, id }: Asked,
  by: OwnKey,
  now: number,
): Promise<Statement> {
  const payload = {
    ...{ log: originOf(ledger, keysBucket), id: id ?? liveId(now), type, issued: now, body },
    ...{ retry: leafHash(utf8(formatCanonical(body))).slice(0, 16), ...(refs !== undefined && { refs }) },
  }
  return parseStatement(await signStatement(payload, await statementSignerOf(by)))
}

/** What a statement would change, were it the next block of `keys`. Throws why it may not stand. */
export function judgeChange(registry: Registry, statement: Statement, now: number): Promise<RegistryChange> {
  const { size, last } = registry
  const place = {
    bucket: keysBucket,
    index: size,
    time: Math.max(now, last.time),
    prev: last.hash,
    keys: size,
  }
  return registry.judge(formatEntry({ ...place, statement: statement.jws }))
}

/** The body of `ledgerstone.key.revoke`. */
export function revocationBody({ kid, reason, suspectFrom }: Revocation): JsonObject {
  if (reason.trim() === '') throw new Refused('malformed', 'a revocation names its reason')
  return { kid, reason, ...(suspectFrom !== undefined && { suspectFrom: formatTime(suspectFrom) }) }
}

async function postChange(
  { api, now }: RegistryChangesOptions,
  registry: Registry,
  asked: Asked,
  by: OwnKey,
): Promise<ChangePosted> {
  const statement = await changeStatement(registry.ledger, asked, by, now())
  const { request, approves, counts } = await judgeChange(registry, statement, now())
  const { index, hash } = await api.postBlock(keysBucket, { statement })
  const missing = counts ? 0 : registry.threshold - request.owners.length
  return { index, hash, id: approves ?? hash, counts, missing }
}
