/*
 * Verifying a whole bucket by the trust file alone. In this order, each step on what the one before has
 * shown: the registry from the pinned genesis -> the newest final checkpoint under the policy -> it continues
 * what is remembered -> every entry: form, links, tree, the checkpoint's root -> on request every statement,
 * every envelope -> the checkpoint is remembered.
 */
import { parseEntry } from '@ledgerstone/core/block'
import type { Bytes } from '@ledgerstone/core/bytes'
import type { VerifiedCheckpoint } from '@ledgerstone/core/checkpoint'
import { checkContent, decodeEnvelope } from '@ledgerstone/core/envelope'
import { judgeEnvelope } from '@ledgerstone/core/judge'
import { keysBucket } from '@ledgerstone/core/names'
import { describePolicy } from '@ledgerstone/core/policy'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import { BucketReplay } from '@ledgerstone/core/replay'
import type { Head } from '@ledgerstone/core/tree'
import type { Trust } from '@ledgerstone/core/trust'
import { publishedAt, readFinal } from './final.ts'
import { BadBlock, firstFalseBlock } from './locate.ts'
import { type Memory, remember } from './memory.ts'
import { inOrder } from './ordered.ts'
import type { RegistryFollower, RegistryView } from './registry.ts'
import { type CheckedStatement, type Duplicate, DuplicateFinder, type StatementCheck } from './statements.ts'
import { type Bundle, type LogReader, readBundle, readEntries } from './tiles.ts'

/** Envelopes of `count` blocks from index `from`, in order; undefined where there is none. */
export type ReadEnvelopes = (from: number, count: number) => AsyncIterable<Bytes | undefined>

export type VerifyOptions = {
  readonly bucket: string
  readonly trust: Trust
  readonly reader: LogReader
  readonly follower: RegistryFollower
  readonly memory: Memory
  /** Judge every statement; made when the registry is known. (Those of `keys` are judged in any case.) */
  readonly statements?: (view: RegistryView) => StatementCheck
  /** Check every envelope against its statement; needs `statements`. */
  readonly envelopes?: ReadEnvelopes
  readonly onProgress?: (checked: number, size: number) => void
}

/** What a verification found; it throws otherwise. */
export type BucketVerdict = {
  readonly ledger: string
  readonly bucket: string
  readonly origin: string
  /** The policy that the checkpoint satisfies, in words. */
  readonly policy: string
  readonly quorum: VerifiedCheckpoint['quorum']
  readonly checkpoint: VerifiedCheckpoint
  /**
   * When it was published, by the witnesses' clocks or, without a quorum, the log's; milliseconds since 1970.
   */
  readonly publishedAt?: number
  /** Head that was remembered before; absent: first sight, nothing was remembered. */
  readonly remembered?: Head
  /** Blocks whose form, links and place in the tree were checked: all of them. */
  readonly checked: number
  /** Statements judged, signatures included; 0 when that was not asked for. */
  readonly statements: number
  /** Envelopes that are the ones their statements name. */
  readonly envelopes: number
  /** Blocks whose statement names an envelope that is not there any more. */
  readonly missingEnvelopes: readonly number[]
  /** Statements that stand in the log more than once. */
  readonly duplicates: readonly Duplicate[]
  /** Blocks signed by a key that was later reported stolen as of a time before them. */
  readonly suspects: readonly number[]
}

/**
 * Throws `BadBlock`, a `Refused` that names the first bad block, where one can be named; any other `Refused`
 * for what concerns the whole (`rolled-back`, `forked`, `no-quorum`, `nothing-checked`, ...).
 */
export async function verifyBucket(options: VerifyOptions): Promise<BucketVerdict> {
  const { bucket, trust, memory, follower } = options
  await follower.refresh()
  if (bucket === keysBucket) return verifyKeys(options)
  const final = await readFinal(options.reader, bucket, follower.view.registry, trust, memory)
  const { head } = final.checkpoint
  if (head.size === 0) throw new Refused('nothing-checked', `${bucket} has no block`)
  const view = await follower.atLeast(await newestKeys(options.reader, head))
  const tally = await checkEntries(options, head, view)
  await remember(memory, trust, final.checkpoint, options.reader)
  return verdictOf(options, final.checkpoint, final.remembered, tally)
}

/** The follower has verified all of it, and judged each statement: what is left is to say so. */
async function verifyKeys(options: VerifyOptions): Promise<BucketVerdict> {
  const { entries, checkpoint } = options.follower.view
  const replay = new BucketReplay(keysBucket)
  for (const entry of entries) replay.add(entry)
  replay.finish(checkpoint.head)
  options.onProgress?.(replay.size, replay.size)
  const tally = { ...emptyTally(), checked: replay.size, statements: replay.size }
  return verdictOf(options, checkpoint, options.follower.remembered, tally)
}

function verdictOf(
  { bucket, trust }: VerifyOptions,
  checkpoint: VerifiedCheckpoint,
  remembered: Head | undefined,
  tally: Tally,
): BucketVerdict {
  const published = publishedAt(checkpoint, trust.policy)
  return {
    ledger: trust.ledger,
    bucket,
    origin: checkpoint.origin,
    policy: describePolicy(trust.policy),
    quorum: checkpoint.quorum,
    checkpoint,
    ...(published !== undefined && { publishedAt: published }),
    ...(remembered !== undefined && { remembered }),
    checked: tally.checked,
    statements: tally.statements,
    envelopes: tally.envelopes,
    missingEnvelopes: tally.missingEnvelopes,
    duplicates: tally.duplicates.found,
    suspects: tally.suspects,
  }
}

/** The size of the registry that the newest block names: none before it names a larger one. */
async function newestKeys(reader: LogReader, { size }: Head): Promise<number> {
  const { entries } = await readBundle(reader, Math.floor((size - 1) / 256), size)
  const newest = entries.at(-1)
  try {
    return newest === undefined ? 0 : parseEntry(newest).keys
  } catch {
    // It is looked at again in its turn, and named.
    return 0
  }
}

type Tally = {
  checked: number
  statements: number
  envelopes: number
  missingEnvelopes: number[]
  duplicates: DuplicateFinder
  suspects: number[]
}

function emptyTally(): Tally {
  const duplicates = new DuplicateFinder()
  return { checked: 0, statements: 0, envelopes: 0, missingEnvelopes: [], duplicates, suspects: [] }
}

async function checkEntries(options: VerifyOptions, head: Head, view: RegistryView): Promise<Tally> {
  const { bucket, reader, onProgress } = options
  const replay = new BucketReplay(bucket)
  const tally = emptyTally()
  const check = options.statements?.(view)
  try {
    // Statements of some bundles are judged while later ones are read and replayed.
    const judged = inOrder(replayed(reader, head, replay), 4, (bundle) =>
      judgeBundle(bundle, options, check, view.registry),
    )
    for await (const { from, count, blocks } of judged) {
      tally.checked += count
      for (const [i, block] of blocks.entries()) tallyBlock(tally, block, from + i)
      onProgress?.(tally.checked, head.size)
    }
    replay.finish(head)
    return tally
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    throw await located(error, options, head, replay.size)
  }
}

async function* replayed(reader: LogReader, head: Head, replay: BucketReplay): AsyncGenerator<Bundle> {
  for await (const bundle of readEntries(reader, { from: 0, to: head.size, size: head.size })) {
    for (const entry of bundle.entries) replay.add(entry)
    yield bundle
  }
}

/**
 * Names the first block that is not the one under the checkpoint, where that can be found out; else the block
 * that failed, which the log has then signed as it is. The links of `linked` blocks had passed before the
 * failure.
 */
async function located(
  refused: Refused,
  { bucket, reader }: VerifyOptions,
  head: Head,
  linked: number,
): Promise<Refused> {
  // What is not there is no false block.
  if (refused.code === 'gap') return refused
  const failed = refused instanceof BadBlock ? refused.index : undefined
  const index =
    failed === undefined
      ? await firstFalseBlock(reader, head, linked)
      : await firstFalseBlock(reader, head, failed + 1, failed + 1)
  if (index !== undefined) {
    const why = 'the entry served is not the one under the checkpoint'
    return new BadBlock('damaged-store', bucket, index, why, { cause: refused })
  }
  if (failed !== undefined || linked === head.size) return refused
  return new BadBlock(refused.code, bucket, linked, refused.message, { cause: refused })
}

type JudgedBlock = { readonly statement: CheckedStatement; readonly envelope: 'sound' | 'missing' | 'none' }
type JudgedBundle = { readonly from: number; readonly count: number; readonly blocks: readonly JudgedBlock[] }

async function judgeBundle(
  { from, entries }: Bundle,
  { bucket, envelopes: readEnvelopes }: VerifyOptions,
  check: StatementCheck | undefined,
  registry: Registry,
): Promise<JudgedBundle> {
  if (check === undefined) return { from, count: entries.length, blocks: [] }
  const results = await check(entries)
  if (results.length !== entries.length) throw new Error('a statement check lost statements')
  const envelopes = await collect(readEnvelopes?.(from, entries.length))
  const blocks = results.map((statement, i): JudgedBlock => {
    const index = from + i
    if ('refused' in statement) throw new BadBlock(statement.refused, bucket, index, statement.why)
    if (readEnvelopes === undefined) return { statement, envelope: 'none' }
    return {
      statement,
      envelope: checkEnvelope(entries[i] as Bytes, statement, envelopes[i], registry, bucket),
    }
  })
  return { from, count: entries.length, blocks }
}

function checkEnvelope(
  entry: Bytes,
  { content, kid }: CheckedStatement,
  bytes: Bytes | undefined,
  registry: Registry,
  bucket: string,
): JudgedBlock['envelope'] {
  if (content === undefined && bytes === undefined) return 'none'
  if (bytes === undefined) return 'missing'
  const block = parseEntry(entry)
  try {
    if (content === undefined) throw new Refused('wrong-digest', 'the block has no envelope, one is served')
    const envelope = decodeEnvelope(bytes)
    checkContent(content, envelope)
    judgeEnvelope(envelope, registry.key(kid), block, registry)
    return 'sound'
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    throw new BadBlock(cause.code, bucket, block.index, `envelope: ${cause.message}`, { cause })
  }
}

function tallyBlock(tally: Tally, { statement, envelope }: JudgedBlock, index: number): void {
  tally.statements++
  tally.duplicates.add(statement, index)
  if (statement.suspect) tally.suspects.push(index)
  if (envelope === 'sound') tally.envelopes++
  if (envelope === 'missing') tally.missingEnvelopes.push(index)
}

async function collect<T>(items: AsyncIterable<T> | undefined): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items ?? []) all.push(item)
  return all
}
