/*
 * One block, verified by the trust file and opened with a receiver's key. In this order: the entry's bytes ->
 * a receipt under a final checkpoint -> its statement, judged by the registry that the entry names -> the
 * envelope that the statement names -> the record.
 */
import { openImported, type UnauthenticatedRecord } from '@ledgerstone/core/article'
import { type Block, parseEntry } from '@ledgerstone/core/block'
import { type Bytes, equalBytes, formatHex, type Hash } from '@ledgerstone/core/bytes'
import type { VerifiedCheckpoint } from '@ledgerstone/core/checkpoint'
import { checkContent, decodeEnvelope, type Envelope } from '@ledgerstone/core/envelope'
import { type EvidenceVerdict, expectedOf } from '@ledgerstone/core/evidence'
import { type JudgedStatement, judgeBlock, judgeEnvelope } from '@ledgerstone/core/judge'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { type OpenedRecord, type Opener, openRecord } from '@ledgerstone/core/open'
import { verifyReceipt } from '@ledgerstone/core/receipt'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import { parseStatement } from '@ledgerstone/core/statement'
import { type Head, leafHash } from '@ledgerstone/core/tree'
import { type Anchor, pinnedOf } from './anchor.ts'
import type { BlockReference, LedgerApi } from './api.ts'
import { type Memory, recall } from './memory.ts'
import type { RegistryFollower, RegistryView } from './registry.ts'
import { proveConsistency } from './tiles.ts'

export type BlockReader = {
  readonly api: LedgerApi
  readonly trust: Anchor
  readonly follower: RegistryFollower
  readonly memory: Memory
}

/** A block that is final under the trust file's policy, with all that its statement stands on. */
export type VerifiedBlock = {
  readonly block: Block
  readonly hash: Hash
  readonly entry: Bytes
  readonly receipt: string
  readonly checkpoint: VerifiedCheckpoint
  readonly judged: JudgedStatement
  readonly registry: Registry
  /** The key was later reported stolen as of a time before this block. */
  readonly suspect: boolean
}

/**
 * Reads and verifies a block. Throws `unknown-block`, `bad-proof`, `no-quorum`, `bad-link` when another block
 * is served than the one asked for, why its statement may not stand, and `rolled-back` or `forked` when its
 * checkpoint is not of the history that is remembered.
 */
export async function readVerified(
  reader: BlockReader,
  bucket: string,
  reference: BlockReference,
): Promise<VerifiedBlock> {
  const { api, trust, follower } = reader
  const entry = await api.entry(bucket, reference)
  const block = parseEntry(entry)
  const hash = leafHash(entry)
  checkAsked(block, hash, bucket, reference)
  // A block of `keys` stands in the registry itself, after the part that it was judged by.
  const view = await follower.atLeast(bucket === keysBucket ? block.index + 1 : block.keys)
  const { registry } = view
  const receipt = await api.receipt(bucket, block.index)
  const verified = await verifyReceipt(
    receipt,
    hash,
    expectedOf(registry, originOf(trust.ledger, bucket), pinnedOf(trust)),
  )
  if (verified.index !== block.index) throw new Refused('bad-proof', 'the receipt is of another block')
  await checkRemembered(reader, bucket, verified.checkpoint)
  const judged = await judge(block, entry, view)
  const suspect = isSuspect(registry, judged.key.kid, block.time)
  return { block, hash, entry, receipt, checkpoint: verified.checkpoint, judged, registry, suspect }
}

/** The envelope of a verified block. Throws `erased`, `unknown-block`, `wrong-digest`, `wrong-key`... */
export async function readEnvelope(api: LedgerApi, verified: VerifiedBlock): Promise<Envelope> {
  const { block, judged } = verified
  if (judged.statement.payload.content === undefined)
    throw new Refused('unknown-block', `block ${block.index} has no envelope`)
  return checkEnvelope(await api.envelope(block.bucket, block.index), verified)
}

/** The envelope, when it is the one that the judged statement names. Throws `wrong-digest`, `wrong-key`... */
export function checkEnvelope(
  bytes: Bytes,
  { block, judged, registry }: Pick<VerifiedBlock, 'block' | 'judged' | 'registry'>,
): Envelope {
  const { content } = judged.statement.payload
  if (content === undefined)
    throw new Refused('wrong-digest', 'the block has no envelope, and yet one is served')
  const envelope = decodeEnvelope(bytes)
  checkContent(content, envelope)
  judgeEnvelope(envelope, judged.key, block, registry)
  return envelope
}

/** Whether a key was reported stolen as of this time or before. */
export function isSuspect(registry: Registry, kid: string, time: number): boolean {
  return time >= (registry.key(kid).revoked?.suspectFrom ?? Infinity)
}

/**
 * The record of a verified block, or of an imported one what it held: that says of itself that it is
 * unauthenticated.
 */
export async function openBlock(
  { block, judged, registry }: Pick<VerifiedBlock, 'block' | 'judged' | 'registry'>,
  envelope: Envelope,
  opener: Opener,
): Promise<OpenedRecord | UnauthenticatedRecord> {
  if (envelope.suite === 'article-block') return openImported(envelope, opener)
  return openRecord(block, judged, envelope, registry, opener)
}

/** The record in verified evidence. Throws `cannot-open`. */
export async function openEvidence(
  verdict: EvidenceVerdict,
  opener: Opener,
): Promise<OpenedRecord | UnauthenticatedRecord> {
  const { envelope, block, registry } = verdict
  if (envelope === undefined) throw new Refused('cannot-open', 'the evidence holds no envelope')
  return openBlock({ block, judged: verdict, registry }, envelope, opener)
}

/** Throws `bad-link` when another block was served than the one asked for. */
export function checkAsked(block: Block, hash: Hash, bucket: string, reference: BlockReference): void {
  const isAsked =
    typeof reference === 'string' && reference.length === 64
      ? formatHex(hash) === reference
      : String(block.index) === String(reference)
  if (block.bucket !== bucket || !isAsked) {
    throw new Refused(
      'bad-link',
      `block ${block.index} of ${block.bucket} was served instead of the one asked for`,
    )
  }
}

/** Whichever of the two heads is the smaller must begin the other's history. Returns what was remembered. */
export async function checkRemembered(
  { api, follower, memory }: BlockReader,
  bucket: string,
  checkpoint: VerifiedCheckpoint,
): Promise<Head | undefined> {
  const { head, origin } = checkpoint
  const old = await recall(memory, follower.view.registry, origin)
  if (old === undefined) return undefined
  const log = api.log(bucket)
  if (old.size <= head.size) await proveConsistency(log, old, head)
  else await proveConsistency(log, head, old).catch((cause) => throwShrunk(cause, origin, head, old))
  return old
}

/** An older receipt may be shown, while the log still has what was there when more was remembered. */
function throwShrunk(cause: unknown, origin: string, head: Head, old: Head): never {
  if (!(cause instanceof Refused) || cause.code !== 'gap') throw cause
  throw new Refused('rolled-back', `${origin} has ${head.size} blocks; it had ${old.size} before`, { cause })
}

/** The judged statement of a block. Those of `keys` are judged when the registry is replayed. */
export async function judge(
  block: Block,
  entry: Bytes,
  { entries, registry }: RegistryView,
): Promise<JudgedStatement> {
  if (block.bucket !== keysBucket) return judgeBlock(block, registry)
  if (!equalBytes(entries[block.index] ?? new Uint8Array(0), entry)) {
    throw new Refused('forked', `block ${block.index} of keys is another one in the registry`)
  }
  const statement = parseStatement(block.statement)
  return { statement, key: registry.key(statement.header.kid) }
}
