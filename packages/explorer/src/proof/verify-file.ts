/*
 * Files, verified without any request: evidence, receipts, chains in the shape of the article's payload. What
 * a file is, is told by its beginning; trust files and entries that are given with the others are used for
 * them. A trust file among them may be from the same hand as the rest: it never takes the place of the pinned
 * one, and what holds against it alone is not pinned.
 */
import { type Standing, standingOf } from '@ledgerstone/client/anchor'
import { type ArticleVerdict, checkArticleChain, parseArticleChain } from '@ledgerstone/core/article'
import { parseEntry } from '@ledgerstone/core/block'
import { formatHex, type Hash, parseHex, textOf } from '@ledgerstone/core/bytes'
import { parseCheckpoint } from '@ledgerstone/core/checkpoint'
import { type EvidenceVerdict, expectedOf, parseEvidence, verifyEvidence } from '@ledgerstone/core/evidence'
import { limits } from '@ledgerstone/core/limits'
import { describePolicy } from '@ledgerstone/core/policy'
import { parseReceipt, verifyReceipt } from '@ledgerstone/core/receipt'
import { Refused } from '@ledgerstone/core/refused'
import type { Registry } from '@ledgerstone/core/registry'
import { leafHash } from '@ledgerstone/core/tree'
import { formatTrust, parseTrust, type Trust } from '@ledgerstone/core/trust'
import {
  type CheckpointView,
  type Fingerprints,
  fingerprintsOf,
  type PathView,
  type SenderView,
  viewCheckpoint,
  viewPath,
  viewSender,
} from './views.ts'

/** A file as the browser gives it: nothing of it is read before its size is known. */
export type GivenFile = {
  readonly name: string
  readonly size: number
  arrayBuffer(): Promise<ArrayBuffer>
}

export type FileFinding =
  | ({ readonly kind: 'evidence' } & ProofView & {
        readonly sender: SenderView
        readonly type: string
        /** Milliseconds since 1970. */
        readonly time: number
        readonly envelope: 'none' | 'sealed' | 'imported'
        readonly suspect: boolean
      })
  | ({ readonly kind: 'receipt' } & ProofView)
  | { readonly kind: 'chain'; readonly verdict: ArticleVerdict }
  | { readonly kind: 'trust'; readonly ledger: string; readonly genesis: string }
  | { readonly kind: 'entry'; readonly bucket: string; readonly index: number; readonly hash: string }

/** What evidence and receipts have in common. */
export type ProofView = {
  readonly standing: Standing
  readonly policy: string
  readonly bucket: string
  readonly index: number
  readonly hash: string
  readonly checkpoint: CheckpointView
  readonly path?: PathView
  readonly fingerprints: Fingerprints
}

export type FileResult = { readonly name: string; readonly size: number } & (
  | { readonly finding: FileFinding }
  | { readonly refused: Refused }
)

/** What files are held against. */
export type Known = {
  /** The pinned one. */
  readonly trust: Trust | undefined
  /** Replayed before, from the ledger: it has the log keys by which receipts are judged. */
  readonly registry: Registry | undefined
  /** Hash of the block that a receipt is for, hexadecimal, when the person has given one. */
  readonly hash: string | undefined
}

/** One result for each file, in their order. */
export async function verifyFiles(files: readonly GivenFile[], known: Known): Promise<readonly FileResult[]> {
  const texts = await Promise.all(files.map(readText))
  const around: Around = { ...known, pinned: known.trust, leaves: [] }
  const results: FileResult[] = []
  // What is used for others comes first: trust files, then what brings keys and blocks, then receipts.
  const order = ['trust', 'entry', 'evidence', 'chain', 'receipt']
  const rank = (i: number): number => order.indexOf(kindOf(texts[i] ?? ''))
  for (const i of [...files.keys()].toSorted((a, b) => rank(a) - rank(b))) {
    const { name, size } = files[i] as GivenFile
    results[i] = { name, size, ...(await resultOf(texts[i] as string | Refused, around)) }
  }
  return results
}

/** What the files looked at so far have brought. */
type Around = { -readonly [name in keyof Known]: Known[name] } & {
  readonly pinned: Trust | undefined
  readonly leaves: { readonly bucket: string; readonly index: number; readonly hash: Hash }[]
}

/** Verified evidence, for opening. Throws what `verifyEvidence` refuses, and `malformed` for another file. */
export async function readEvidence(file: GivenFile, trust: Trust | undefined): Promise<EvidenceVerdict> {
  const text = await readText(file)
  if (text instanceof Refused) throw text
  return verifyEvidence(text, trust)
}

async function readText(file: GivenFile): Promise<string | Refused> {
  if (file.size > limits.evidenceBytesMax) {
    const [size, most] = [file.size, limits.evidenceBytesMax].map((bytes) => Math.round(bytes / 1_048_576))
    return new Refused(
      'too-large',
      `the file has ${size} MiB; evidence has at most ${most} MiB. It was not read.`,
    )
  }
  if (file.size === 0) return new Refused('nothing-checked', 'the file is empty')
  try {
    return textOf(new Uint8Array(await file.arrayBuffer()), 'the file')
  } catch (error) {
    if (error instanceof Refused)
      return new Refused('malformed', 'the file is not a text: none of what can be verified here')
    throw error
  }
}

function kindOf(text: string | Refused): FileFinding['kind'] {
  if (text instanceof Refused) return 'evidence'
  if (text.startsWith('c2sp.org/tlog-proof')) return 'receipt'
  if (text.startsWith('ledgerstone.trust/')) return 'trust'
  if (text.startsWith('{"v":')) return 'entry'
  return /^\s*\[|"blockchain"\s*:/.test(text) ? 'chain' : 'evidence'
}

async function resultOf(
  text: string | Refused,
  around: Around,
): Promise<{ readonly finding: FileFinding } | { readonly refused: Refused }> {
  try {
    if (text instanceof Refused) throw text
    return { finding: await verifiers[kindOf(text)](text, around) }
  } catch (error) {
    if (error instanceof Refused) return { refused: error }
    throw error
  }
}

const verifiers: Record<FileFinding['kind'], (text: string, around: Around) => Promise<FileFinding>> = {
  async trust(text, around) {
    const trust = parseTrust(text)
    const found = { kind: 'trust', ledger: trust.ledger, genesis: formatHex(trust.genesis) } as const
    if (around.pinned !== undefined) {
      if (formatTrust(trust) === formatTrust(around.pinned)) return found
      throw new Refused('wrong-ledger', 'this is not the trust file that is pinned here: it was not used')
    }
    around.trust = trust
    // What was replayed before was not held against this file.
    around.registry = undefined
    return found
  },
  async entry(text, around) {
    const bytes = new TextEncoder().encode(text)
    const { bucket, index } = parseEntry(bytes)
    const hash = leafHash(bytes)
    around.leaves.push({ bucket, index, hash })
    return { kind: 'entry', bucket, index, hash: formatHex(hash) }
  },
  async chain(text) {
    const verdict = checkArticleChain(parseArticleChain(text).map(({ block }) => block))
    return { kind: 'chain', verdict }
  },
  async evidence(text, around) {
    const verdict = await verifyEvidence(text, around.trust)
    const { block, hash, envelope, key, statement, registry, suspect } = verdict
    around.registry = registry
    around.leaves.push({ bucket: block.bucket, index: block.index, hash })
    const path = viewPath(hash, parseReceipt(parseEvidence(text).receipt), verdict.checkpoint)
    return {
      kind: 'evidence',
      standing: standingOf(around.pinned !== undefined, verdict.checkpoint.quorum),
      policy: verdict.policy,
      bucket: block.bucket,
      index: block.index,
      hash: formatHex(hash),
      time: block.time,
      type: statement.payload.type,
      sender: viewSender(key),
      envelope: envelope === undefined ? 'none' : envelope.suite === 'article-block' ? 'imported' : 'sealed',
      suspect,
      checkpoint: viewCheckpoint(verdict.checkpoint, around.trust?.policy),
      ...(path && { path }),
      fingerprints: await fingerprintsOf(registry, block.bucket),
    }
  },
  receipt: verifyReceiptFile,
}

/** A receipt names neither the block nor any key: both have to come from elsewhere. */
async function verifyReceiptFile(text: string, around: Around): Promise<FileFinding> {
  const { trust, registry } = around
  const receipt = parseReceipt(text)
  const { origin } = parseCheckpoint(receipt.checkpoint)
  if (registry === undefined) {
    throw new Refused(
      'gap',
      'a receipt does not hold the keys of the log: drop evidence of a block of this ledger together with it',
    )
  }
  if (!registry.origins().includes(origin)) {
    throw new Refused('wrong-ledger', `the receipt is of ${origin}, which ${registry.ledger} does not have`)
  }
  const bucket = origin.slice(registry.ledger.length + 1)
  const leaf = leafFor(around, bucket, receipt.index)
  const { checkpoint } = await verifyReceipt(text, leaf, expectedOf(registry, origin, trust))
  const path = viewPath(leaf, receipt, checkpoint)
  return {
    kind: 'receipt',
    standing: standingOf(around.pinned !== undefined, checkpoint.quorum),
    policy: trust === undefined ? 'no trust file: not held against any policy' : describePolicy(trust.policy),
    bucket,
    index: receipt.index,
    hash: formatHex(leaf),
    checkpoint: viewCheckpoint(checkpoint, trust?.policy),
    ...(path && { path }),
    fingerprints: await fingerprintsOf(registry, bucket),
  }
}

function leafFor({ hash, leaves }: Around, bucket: string, index: number): Hash {
  if (hash !== undefined) return parseHex(hash.trim().toLowerCase(), 'the hash of the block', 32)
  const given = leaves.find((leaf) => leaf.bucket === bucket && leaf.index === index)
  if (given !== undefined) return given.hash
  throw new Refused(
    'nothing-checked',
    `the receipt is of block ${index} of ${bucket}: give its hash, or drop its evidence with it`,
  )
}
