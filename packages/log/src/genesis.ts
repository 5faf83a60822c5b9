// How a ledger and its buckets begin. Statements are built here and then go the way of every other record.
import { formatBase64url, formatHex, type Hash, utf8 } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { type OwnKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { parsePolicy } from '@ledgerstone/core/policy'
import { sha256 } from '@ledgerstone/core/primitives/node'
import { Refused } from '@ledgerstone/core/refused'
import { parseStatement, type Statement, signStatement } from '@ledgerstone/core/statement'
import { createTrust, type Trust } from '@ledgerstone/core/trust'
import { liveId } from '@ledgerstone/core/uuid'
import { Bucket } from './bucket.ts'
import { type LogSigner, vkeysOf } from './checkpoint.ts'
import type { Report } from './event.ts'
import { LiveRegistry } from './live-registry.ts'
import { MldsaThread } from './mldsa.ts'
import type { Store } from './store.ts'
import { submissionOf } from './submission.ts'
import { Verifiers } from './verify.ts'

/** What block 0 of `keys` says; it can never be changed. */
export type NewLedger = {
  readonly ledger: string
  readonly store: Store
  /** The log key of `keys`. */
  readonly signer: LogSigner
  /** Signs the geneses of all buckets. */
  readonly ledgerKey: OwnKey
  /** Registrations with their proofs, each with the role `registrar`. */
  readonly registrars: readonly JsonObject[]
  /** How many registrars must approve a change. */
  readonly threshold: number
  /** A C2SP tlog-policy whose one log line is the Ed25519 key of `keys`. */
  readonly policyText: string
  readonly now: () => number
  readonly report: Report
}

/** A statement without an envelope. `now`: milliseconds since 1970. */
export async function bodyStatement(
  log: string,
  type: string,
  body: JsonObject,
  key: OwnKey,
  now: number,
  refs: readonly Hash[] = [],
): Promise<Statement> {
  const payload = { log, id: liveId(now), type, issued: now, body, ...(refs.length > 0 && { refs }) }
  return parseStatement(await signStatement(payload, await statementSignerOf(key)))
}

/**
 * Creates `keys` with its genesis in an empty store, or finishes a creation that was cut short before its
 * genesis. Throws `bucket-exists`, `bad-policy`, and what the genesis is refused for.
 */
export async function createLedger(made: NewLedger): Promise<Trust> {
  const { ledger, store, signer, ledgerKey, policyText, now, report } = made
  const policy = parsePolicy(policyText)
  createTrust(ledger, new Uint8Array(32), policyText)
  if (!(await store.buckets()).includes(keysBucket)) await store.create(keysBucket)
  if ((await store.head(keysBucket)).size > 0)
    throw new Refused('bucket-exists', 'the store has a ledger already')

  const origin = originOf(ledger, keysBucket)
  const statement = await bodyStatement(
    origin,
    'ledgerstone.genesis',
    genesisOfKeys(made, origin),
    ledgerKey,
    now(),
  )
  await using verifiers = new Verifiers(0, report)
  await using mldsa = new MldsaThread()
  const keys = await Bucket.open(keysBucket, signer, {
    ...{ ledger, store, verifiers, mldsa, policy, now, report },
    registry: new LiveRegistry(ledger, undefined),
    cosign: undefined,
    publishIntervalMs: Number.POSITIVE_INFINITY,
    publishAgeMsMax: Number.POSITIVE_INFINITY,
    checkKeys: () => undefined,
  })
  const { hash } = await keys.append(submissionOf({ statement }), ledgerKey.kid)
  await keys.close()
  return createTrust(ledger, hash, policyText)
}

/** The body of block 0 of `keys`. */
function genesisOfKeys(
  { ledger, signer, ledgerKey, registrars, threshold, policyText }: NewLedger,
  origin: string,
): JsonObject {
  return {
    bucket: keysBucket,
    ledger,
    ledgerKey: formatBase64url(ledgerKey.spki),
    logKeys: vkeysOf(origin, signer).map(({ text }) => text),
    policy: formatHex(sha256(utf8(policyText))),
    registrars,
    threshold,
  }
}

/** Who may add a bucket: a registrar announces its log keys, the ledger key signs its genesis. */
export type BucketMakers = { readonly registrar: OwnKey; readonly ledgerKey: OwnKey }

/** The statement for `keys` that announces a bucket's log keys. */
export function announcement(
  ledger: string,
  bucket: string,
  signer: LogSigner,
  registrar: OwnKey,
  now: number,
): Promise<Statement> {
  const log = originOf(ledger, bucket)
  const body = { log, logKeys: vkeysOf(log, signer).map(({ text }) => text) }
  return bodyStatement(originOf(ledger, keysBucket), 'ledgerstone.log-keys', body, registrar, now)
}

/** The statement of block 0 of any other bucket. */
export function genesisOf(
  ledger: string,
  bucket: string,
  ledgerKey: OwnKey,
  now: number,
): Promise<Statement> {
  return bodyStatement(originOf(ledger, bucket), 'ledgerstone.genesis', { bucket, ledger }, ledgerKey, now)
}
