// What becomes of a record, step by step: allowed -> sealed -> pushed -> answered.
import type { Caller } from '@ledgerstone/border/bearer'
import type { Appended, LedgerApi, Posted, PostOptions } from '@ledgerstone/client/api'
import { UnexpectedAnswer, Unreachable } from '@ledgerstone/client/problem'
import type { RegistryFollower } from '@ledgerstone/client/registry'
import type { Actor, Labels } from '@ledgerstone/core/labels'
import { isReservedBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { type Draft, type Sender, sealRecord } from '@ledgerstone/core/seal'
import type { Sealed } from '@ledgerstone/core/sealed'
import { liveId } from '@ledgerstone/core/uuid'
import { checkSender } from './keys.ts'
import { isAboutKeys, type Receivers } from './receivers.ts'
import type { SealRequest } from './record.ts'
import { type ClientRule, checkType } from './rules.ts'

/** What sealing needs; made once. */
export type Sealer = {
  /** The ledger's name, out of the trust file. */
  readonly ledger: string
  /** Another one after the own keys were rotated. */
  readonly sender: Sender
  /** Takes the own keys that the files hold now, when they have changed. */
  readonly takeUpKeys: () => Promise<void>
  readonly follower: RegistryFollower
  readonly receivers: Receivers
  readonly rules: readonly ClientRule[]
  /** Speaks to the ledger with the sealer's own token. */
  readonly api: LedgerApi
  /** Where callers reach the ledger, when they can: answers then say where the block is. */
  readonly ledgerUrl: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The ledger's answer, and whether the caller can ask again with the same id: only when it is his own. */
export type SealAnswer = Appended & { readonly id: string; readonly retrySafe: boolean }

/**
 * A caller whose token covers appending to the bucket, and what he wants. `id`: his, or one made up for him.
 */
export type Asked = {
  readonly bucket: string
  readonly caller: Caller
  readonly id: string
  readonly request: SealRequest
}

/** Throws whatever a step refuses. */
export async function sealAndPush(
  sealer: Sealer,
  asked: Asked,
  options: PostOptions,
): Promise<{ readonly created: boolean; readonly answer: SealAnswer }> {
  checkAllowed(sealer, asked)
  const draft = draftOf(sealer, asked)
  const { created, ...appended } = await pushSealed(sealer, draft, options)
  return { created, answer: { ...appended, id: asked.id, retrySafe: asked.request.id !== undefined } }
}

/** The id of the record: the caller's, or a new one, under which he cannot ask again. */
export function idOf(request: SealRequest, now: number): string {
  return request.id ?? liveId(now)
}

function checkAllowed({ rules }: Sealer, { bucket, caller, request }: Asked): void {
  // Whoever may change the registry does so with a registrar's key, not by having something sealed.
  if (isReservedBucket(bucket)) throw new Refused('reserved', `nothing is sealed for ${bucket}`)
  checkType(rules, caller, request.type)
}

type BucketDraft = Draft & { readonly bucket: string }

function draftOf({ ledger, now }: Sealer, { bucket, caller, id, request }: Asked): BucketDraft {
  const { type, record, media, meta } = request
  const labels: Labels = { actor: actorOf(caller), media, ...(meta !== undefined && { meta }) }
  return { bucket, log: originOf(ledger, bucket), id, type, issued: now(), record, labels }
}

/** The statement means: the sealer saw this client's token. */
function actorOf({ iss, client, sub }: Caller): Actor {
  return { iss, client, ...(sub !== undefined && { sub }) }
}

/**
 * By a registry that is recent enough, for receivers in force by it; the content key is made and dropped in
 * here.
 */
async function seal(sealer: Sealer, draft: BucketDraft): Promise<Sealed> {
  const sender = await senderInForce(sealer)
  return sealRecord(draft, sender, await sealer.receivers.of(draft.bucket))
}

async function senderInForce(sealer: Sealer): Promise<Sender> {
  const check = (): Sender => {
    checkSender(sealer.sender, sealer.follower.fresh(), sealer.now())
    return sealer.sender
  }
  try {
    return check()
  } catch (error) {
    if (!isAboutKeys(error)) throw error
    await sealer.takeUpKeys()
    return check()
  }
}

/**
 * The ledger judges by the newest registry: when a receiver's key, or the sealer's own, has just been
 * replaced, the record is sealed once more by what the registry and the key files say now.
 */
async function pushSealed(sealer: Sealer, draft: BucketDraft, options: PostOptions): Promise<Posted> {
  const { sender } = sealer
  const sealed = await seal(sealer, draft)
  try {
    return await pushTo(sealer.api, draft.bucket, sealed, options)
  } catch (error) {
    if (!isAboutKeys(error)) throw error
    const hasGrown = await sealer.receivers.refresh()
    await sealer.takeUpKeys()
    if (!hasGrown && sealer.sender === sender) throw error
    return pushTo(sealer.api, draft.bucket, await seal(sealer, draft), options)
  }
}

async function pushTo(api: LedgerApi, bucket: string, sealed: Sealed, options: PostOptions): Promise<Posted> {
  try {
    return await api.postBlock(bucket, sealed, options)
  } catch (error) {
    throw answerOf(error)
  }
}

/**
 * What the caller is told. He must never take the sealer's trouble with the ledger for trouble with his own
 * token.
 */
function answerOf(cause: unknown): unknown {
  if (cause instanceof Unreachable || (cause instanceof UnexpectedAnswer && cause.status >= 500)) {
    return new Refused('outcome-unknown', 'the ledger did not answer; ask again with the same id', { cause })
  }
  if (cause instanceof Refused && ownTrouble.has(cause.code)) {
    return new Error(`the ledger does not take the sealer's own token: ${cause.message}`, { cause })
  }
  return cause
}

const ownTrouble: ReadonlySet<string> = new Set([
  'no-token',
  'bad-token',
  'token-expired',
  'wrong-audience',
  'bad-proof-of-possession',
  'insufficient-scope',
  'bad-config',
])
