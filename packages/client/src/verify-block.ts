/*
 * One block, step by step, for people who want to see what was checked and what failed. The checks are those
 * of open.ts and of the core. A step that fails does not keep the others from being tried, so that what is
 * wrong can be told from what is not.
 */
import { type Block, noHash, parseEntry, scanEntry } from '@ledgerstone/core/block'
import { type Bytes, formatHex, type Hash } from '@ledgerstone/core/bytes'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@ledgerstone/core/checkpoint'
import { expectedOf } from '@ledgerstone/core/evidence'
import type { JudgedStatement } from '@ledgerstone/core/judge'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { describePolicy } from '@ledgerstone/core/policy'
import { parseReceipt, type Receipt } from '@ledgerstone/core/receipt'
import { Refused } from '@ledgerstone/core/refused'
import { checkFollows } from '@ledgerstone/core/replay'
import { formatTime } from '@ledgerstone/core/time'
import { leafHash, verifyInclusion } from '@ledgerstone/core/tree'
import { pinnedOf, type Standing, standingOf } from './anchor.ts'
import { type BlockReader, checkAsked, checkEnvelope, checkRemembered, isSuspect, judge } from './open.ts'
import type { RegistryView } from './registry.ts'
import { type Found, type Step, Steps } from './steps.ts'

export type BlockReport = {
  /** One for each name, in their order. */
  readonly steps: readonly Step[]
  readonly standing: Standing | 'failed'
  /** The policy that the checkpoint satisfies, in words; without a trust file none was asked. */
  readonly policy: string
  readonly entry?: ReadEntry
  readonly view?: RegistryView
  readonly receipt?: Receipt
  readonly checkpoint?: VerifiedCheckpoint
  readonly judged?: JudgedStatement
  /** The sender's key was later reported stolen as of a time before this block. */
  readonly suspect: boolean
}

export type ReadEntry = { readonly entry: Bytes; readonly hash: Hash; readonly block: Block }

/**
 * Reads and verifies block `index`; `shown` is the hash, hexadecimal, that the reader has been shown for it.
 * Throws only what says nothing about the block: nothing answers, the token does not do, there is no such
 * block.
 */
export async function verifyBlock(
  reader: BlockReader,
  bucket: string,
  index: number,
  shown?: string,
): Promise<BlockReport> {
  const { trust } = reader
  const served = ask(reader, bucket, index)
  const steps = new Steps()
  const entry = await steps.take('entry', () => checkEntry(served, bucket, index, shown))
  if (entry !== undefined) await steps.take('links', () => checkLinks(served, bucket, entry))
  const view = await steps.take('registry', () => readRegistry(reader, bucket, index, entry?.block))
  const found = view && (await steps.take('checkpoint', () => checkSigned(reader, served, bucket, view)))
  if (found !== undefined) {
    await steps.take('history', () => checkHistory(reader, bucket, found.checkpoint))
    if (entry !== undefined) await steps.take('inclusion', () => checkPlace(entry, found))
  }
  const judged = entry && view && (await steps.take('statement', () => checkStatement(entry, view)))
  if (entry && view && judged) await steps.take('envelope', () => checkSealed(served, entry, judged, view))
  const pinned = pinnedOf(trust)
  return {
    steps: steps.all(),
    standing: steps.failed ? 'failed' : standingOf(pinned !== undefined, found?.checkpoint.quorum),
    policy:
      pinned === undefined ? 'no trust file: not held against any policy' : describePolicy(pinned.policy),
    ...(entry && { entry }),
    ...(view && { view }),
    ...(found && found),
    ...(judged && { judged }),
    suspect: entry && view && judged ? isSuspect(view.registry, judged.key.kid, entry.block.time) : false,
  }
}

/** All that the ledger is asked for, at once: the answers are looked at in their turn. */
type Served = Readonly<Record<'entry' | 'before' | 'after' | 'envelope', Promise<Bytes | undefined>>> & {
  readonly receipt: Promise<string>
}

function ask({ api }: BlockReader, bucket: string, index: number): Served {
  const ifThere = (bytes: Promise<Bytes>): Promise<Bytes | undefined> =>
    bytes.catch((error) => {
      if (error instanceof Refused && (error.code === 'unknown-block' || error.code === 'erased'))
        return undefined
      throw error
    })
  const served = {
    entry: api.entry(bucket, index),
    before: index === 0 ? Promise.resolve(undefined) : ifThere(api.entry(bucket, index - 1)),
    after: ifThere(api.entry(bucket, index + 1)),
    envelope: ifThere(api.envelope(bucket, index)),
    receipt: api.receipt(bucket, index),
  }
  // Those that are never looked at may fail unseen.
  for (const answer of Object.values(served)) answer.catch(() => undefined)
  return served
}

async function checkEntry(
  served: Served,
  bucket: string,
  index: number,
  shown: string | undefined,
): Promise<Found<ReadEntry>> {
  const entry = (await served.entry) as Bytes
  const block = parseEntry(entry)
  const hash = leafHash(entry)
  checkAsked(block, hash, bucket, index)
  const value = { entry, hash, block }
  const said = `${entry.length} bytes in their exact form; their hash is ${formatHex(hash)}`
  if (shown === undefined || shown === formatHex(hash)) return { value, said }
  return {
    value,
    said,
    wrong: new Refused('damaged-store', `the entry's hash is ${formatHex(hash)}, not the one shown`),
  }
}

/** Previous and next block, each as the ledger serves it. That they are in the log is not shown by this. */
async function checkLinks(
  served: Served,
  bucket: string,
  { entry, hash, block }: ReadEntry,
): Promise<Found<true>> {
  const [before, after] = [await served.before, await served.after]
  if (block.index > 0 && before === undefined)
    throw new Refused('gap', `block ${block.index - 1} is not there`)
  checkFollows(bucket, scanEntry(entry), stateAfter(before, block.index))
  if (after !== undefined) {
    const state = { ...stateAfter(entry, block.index + 1), prev: formatHex(hash) }
    checkFollows(bucket, scanEntry(after), state)
  }
  const follows = before === undefined ? 'it is the first block' : `it names block ${block.index - 1}`
  const followed = after === undefined ? 'nothing follows it yet' : `block ${block.index + 1} names it`
  return { value: true, said: `${follows}; ${followed}` }
}

/** What the entry at `size` has to follow. */
function stateAfter(before: Bytes | undefined, size: number): Parameters<typeof checkFollows>[2] {
  if (before === undefined) return { size, prev: formatHex(noHash), time: '', keys: 0 }
  const { time, keys } = scanEntry(before)
  return { size, prev: formatHex(leafHash(before)), time, keys: Number(keys) }
}

async function readRegistry(
  { follower, trust }: BlockReader,
  bucket: string,
  index: number,
  block: Block | undefined,
): Promise<Found<RegistryView>> {
  const value = await follower.atLeast(bucket === keysBucket ? index + 1 : (block?.keys ?? 1))
  const from = pinnedOf(trust) === undefined ? 'its first block, which nothing pins' : 'the pinned genesis'
  const judgedBy = block === undefined ? '' : `; the first ${block.keys} judge this block`
  return { value, said: `${value.registry.size} blocks of keys replayed from ${from}${judgedBy}` }
}

type Signed = { readonly receipt: Receipt; readonly checkpoint: VerifiedCheckpoint }

async function checkSigned(
  { follower, trust }: BlockReader,
  served: Served,
  bucket: string,
  view: RegistryView,
): Promise<Found<Signed>> {
  const receipt = parseReceipt(await served.receipt)
  const origin = originOf(trust.ledger, bucket)
  const verify = ({ registry }: RegistryView): Promise<VerifiedCheckpoint> =>
    verifyCheckpoint(receipt.checkpoint, expectedOf(registry, origin, pinnedOf(trust)))
  const checkpoint = await verify(view).catch(async (error) => {
    if (!(error instanceof Refused) || error.code !== 'bad-checkpoint') throw error
    // The log may have changed its keys since the registry was read.
    return verify(await follower.refresh())
  })
  const signers = [
    ...checkpoint.logKeys.map(({ type }) => `log (${names[type]})`),
    ...checkpoint.cosigners.map(({ witness }) => witness),
  ]
  return {
    value: { receipt, checkpoint },
    said: `${checkpoint.head.size} blocks, signed by ${signers.join(', ')}`,
  }
}

const names = { note: 'Ed25519', cosignature: 'Ed25519', mldsa: 'ML-DSA-44' } as const

async function checkHistory(
  reader: BlockReader,
  bucket: string,
  checkpoint: VerifiedCheckpoint,
): Promise<Found<true>> {
  const old = await checkRemembered(reader, bucket, checkpoint)
  if (old === undefined) return { value: true, said: 'nothing was remembered of this bucket', none: true }
  return { value: true, said: `one history with the ${old.size} blocks that are remembered` }
}

async function checkPlace({ hash, block }: ReadEntry, { receipt, checkpoint }: Signed): Promise<Found<true>> {
  if (receipt.index !== block.index) throw new Refused('bad-proof', 'the receipt is of another block')
  const { size, root } = checkpoint.head
  verifyInclusion(hash, receipt.index, size, receipt.proof, root)
  return {
    value: true,
    said: `${receipt.proof.length} hashes lead from the block to the root of ${size} blocks`,
  }
}

async function checkStatement(
  { block, entry }: ReadEntry,
  view: RegistryView,
): Promise<Found<JudgedStatement>> {
  const value = await judge(block, entry, view)
  const { header, payload } = value.statement
  const said = `signed by ${value.key.owner} (${header.alg}) at ${formatTime(payload.issued)}`
  return { value, said }
}

async function checkSealed(
  served: Served,
  { block }: ReadEntry,
  judged: JudgedStatement,
  { registry }: RegistryView,
): Promise<Found<true>> {
  const { content } = judged.statement.payload
  const bytes = await served.envelope
  if (content === undefined && bytes === undefined) {
    return { value: true, said: 'the statement carries its content itself: there is no envelope', none: true }
  }
  if (bytes === undefined) {
    return { value: true, said: 'the envelope is not there any more: erased, or withheld', none: true }
  }
  const { suite } = checkEnvelope(bytes, { block, judged, registry })
  if (suite !== 'article-block') return { value: true, said: 'it is the one that the statement names' }
  return {
    value: true,
    said: 'it is the imported block that the statement names; nothing shows who wrote that',
  }
}
