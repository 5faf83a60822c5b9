// The audit's way through one bucket, 256 blocks at a time: memory does not grow with history.

import { isDeepStrictEqual } from 'node:util'
import { type Bytes, equalBytes } from '@ledgerstone/core/bytes'
import { keysBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { Registry } from '@ledgerstone/core/registry'
import { parseStatement, type Statement } from '@ledgerstone/core/statement'
import { decodeEntries, tileWidth } from '@ledgerstone/core/tile'
import type { Trust } from '@ledgerstone/core/trust'
import { AuditChain, type RawBlock, type SoundBlock } from './audit-chain.ts'
import { auditEnvelope, auditStatement, identityRowOf } from './audit-content.ts'
import {
  type AuditEvent,
  type AuditFinding,
  findingIn,
  findingInDocuments,
  reasonOf,
  structural,
} from './audit-finding.ts'
import type { BlockDocument, Documents } from './documents.ts'
import { documentOf } from './documents-fill.ts'
import { cutFrames } from './frames.ts'
import type { BucketAudit } from './store-audit.ts'
import type { Verifiers } from './verify.ts'

const envelopeBytesAtOnce = 16_777_216

/**
 * Sound in itself: see `Documents.faults`. Throws `store-busy` once a service has it open: what there is to
 * compare is then left, and is no finding.
 */
export type AuditedDocuments = Pick<Documents, 'complete' | 'read'>

/** What the audit of all buckets shares. `registry` grows while `keys` is read, and judges the others. */
export type AuditContext = {
  readonly ledger: string
  readonly trust: Trust | undefined
  readonly verifiers: Verifiers
  /** Undefined from where on they are not compared. */
  documents: AuditedDocuments | undefined
  registry: Registry | undefined
}

/** A bucket being read: what one batch hands to the next. */
type Pass = {
  readonly bucket: string
  readonly audit: BucketAudit
  readonly context: AuditContext
  readonly chain: AuditChain
  /** Where the next entry begins in its file. */
  entriesAt: number
  /** The same of envelopes; undefined behind one that could not be read. */
  envelopesAt: number | undefined
  /** A block of `keys` could not be applied, or names more of it than there is: said once. */
  isUnjudged: boolean
  /** Rows that blocks should have among the identities, and have not. */
  readonly mended: Map<number, Bytes>
  /** Blocks whose documents the document store says it has. */
  readonly documents: number
}

/**
 * Findings in the order of their blocks, batch by batch, and progress after each batch. The index is compared
 * with the identities as they should be: it is not at fault where they were changed behind it.
 */
export async function* auditBlocks(
  bucket: string,
  audit: BucketAudit,
  context: AuditContext,
): AsyncGenerator<AuditEvent> {
  const { size } = audit.head
  const documents = (await askDocuments(context, (store) => store.complete(bucket))) ?? 0
  if (documents > size) {
    yield findingInDocuments(
      bucket,
      size,
      'damaged-store',
      `there are documents of ${documents} blocks, of ${size}`,
    )
  }
  const chain = new AuditChain(bucket, audit)
  const pass: Pass = {
    ...{ bucket, audit, context, chain, documents: Math.min(documents, size) },
    ...{ entriesAt: 0, envelopesAt: 0, isUnjudged: false, mended: new Map() },
  }
  for (let from = 0; from < size; from += tileWidth) {
    const count = Math.min(tileWidth, size - from)
    yield* await auditBatch(pass, from, count)
    yield { kind: 'progress', bucket, checked: from + count, size }
  }
  for await (const found of audit.checkIndex(pass.mended)) yield structural(found, 'index')
}

async function auditBatch(pass: Pass, from: number, count: number): Promise<readonly AuditFinding[]> {
  const findings: AuditFinding[] = []
  const { blocks, following } = await readBlocks(pass, from, count)
  const sound = await pass.chain.add(blocks, following, findings)
  const judged = await judgeAll(pass, sound, findings)
  await checkEnvelopes(pass, from, count, judged, findings)
  await checkIdentities(pass, from, count, judged, findings)
  return findings.sort((a, b) => (a.block ?? 0) - (b.block ?? 0))
}

/** One entry more than asked for, because the block after tells what is wrong with the one before. */
async function readBlocks(
  pass: Pass,
  from: number,
  count: number,
): Promise<{ readonly blocks: readonly RawBlock[]; readonly following: Bytes | undefined }> {
  const { audit } = pass
  const entries = await readEntries(audit, from, Math.min(count + 1, audit.head.size - from))
  const leaves = await audit.hashes(0, from, count)
  const blocks = Array.from({ length: count }, (_, i): RawBlock => {
    const entry = entries[i]
    const offset = pass.entriesAt + 2
    pass.entriesAt += 2 + (entry?.length ?? 0)
    return { index: from + i, entry, leaf: leaves.slice(i * 32, i * 32 + 32), offset }
  })
  return { blocks, following: entries[count] }
}

/** All at once or, when their lengths are damaged, one by one. */
async function readEntries(
  audit: BucketAudit,
  from: number,
  count: number,
): Promise<readonly (Bytes | undefined)[]> {
  try {
    return decodeEntries(await audit.entries(from, count), count)
  } catch (error) {
    reasonOf(error)
  }
  const entries: (Bytes | undefined)[] = []
  for (let i = 0; i < count; i++) {
    try {
      entries.push(decodeEntries(await audit.entries(from + i, 1), 1)[0])
    } catch (error) {
      reasonOf(error)
      entries.push(undefined)
    }
  }
  return entries
}

/** A statement that may stand, and the owner of its key, where the registry can tell. */
type Judged = {
  readonly block: SoundBlock
  readonly statement: Statement
  readonly owner: string | undefined
  readonly key: Awaited<ReturnType<typeof auditStatement>> | undefined
}

async function judgeAll(
  pass: Pass,
  sound: readonly SoundBlock[],
  findings: AuditFinding[],
): Promise<ReadonlyMap<number, Judged>> {
  const judged = new Map<number, Judged>()
  const judgeOne = async (block: SoundBlock): Promise<void> => {
    try {
      judged.set(block.index, await judge(pass, block))
    } catch (error) {
      const { code, message } = reasonOf(error)
      findings.push(findingIn(pass.bucket, 'entries', block.offset, block.index, code, message))
    }
  }
  // The registry takes its blocks one after the other; the signatures of other buckets go to the workers
  // together.
  if (pass.bucket === keysBucket) for (const block of sound) await judgeOne(block)
  else await Promise.all(sound.map(judgeOne))
  return judged
}

async function judge(pass: Pass, block: SoundBlock): Promise<Judged> {
  const { context, bucket } = pass
  const statement = parseStatement(block.scanned.statement)
  if (bucket === keysBucket) return { block, statement, ...(await applyToRegistry(pass, block, statement)) }
  const { registry } = context
  if (registry === undefined || registry.size < Number(block.scanned.keys)) {
    if (pass.isUnjudged) return { block, statement, owner: undefined, key: undefined }
    pass.isUnjudged = true
    throw new Refused('gap', 'from here on blocks cannot be judged: the registry that they name is damaged')
  }
  const key = await auditStatement(block, statement, registry, context.verifiers)
  return { block, statement, owner: key.owner, key }
}

/** The block of `keys` is judged by the registry before it, and becomes part of it. */
async function applyToRegistry(
  pass: Pass,
  { index, entry }: SoundBlock,
  { header }: Statement,
): Promise<Pick<Judged, 'owner' | 'key'>> {
  const { context } = pass
  if (index === 0) {
    context.registry = await Registry.open(context.ledger, entry, context.trust?.genesis)
  } else if (context.registry?.size === index) {
    await context.registry.apply(entry)
  } else if (!pass.isUnjudged) {
    pass.isUnjudged = true
    throw new Refused('gap', 'from here on blocks of keys cannot be judged: one before is damaged')
  } else return { owner: undefined, key: undefined }
  return { owner: context.registry.key(header.kid).owner, key: undefined }
}

/** The first that cannot be read ends a batch; which one that is, is found by reading them one by one. */
async function checkEnvelopes(
  pass: Pass,
  from: number,
  count: number,
  judged: ReadonlyMap<number, Judged>,
  findings: AuditFinding[],
): Promise<void> {
  let atOnce = count
  for (let index = from; index < from + count; ) {
    const envelopes = await readEnvelopes(pass.audit, index, Math.min(atOnce, from + count - index))
    if (envelopes.length === 0 && atOnce > 1) {
      atOnce = 1
      continue
    }
    if (envelopes.length === 0) {
      const what = 'the envelope cannot be read'
      findings.push(findingIn(pass.bucket, 'envelopes', pass.envelopesAt, index, 'damaged-store', what))
      pass.envelopesAt = undefined
      return
    }
    const documents = await readDocuments(pass, index, envelopes.length)
    for (const [i, envelope] of envelopes.entries()) {
      const block = judged.get(index + i)
      if (block !== undefined) checkEnvelope(pass, block, envelope, documents, findings)
      if (pass.envelopesAt !== undefined) pass.envelopesAt += 4 + envelope.length
    }
    index += envelopes.length
  }
}

/** One envelope against its statement, and the block's document, where it can be had, against both. */
function checkEnvelope(
  { bucket, context, envelopesAt }: Pass,
  { block, statement, key }: Judged,
  envelope: Bytes,
  documents: DocumentsRead,
  findings: AuditFinding[],
): void {
  try {
    auditEnvelope(block, statement, key, envelope, context.registry)
  } catch (error) {
    const { code, message } = reasonOf(error)
    const at = envelopesAt === undefined ? undefined : envelopesAt + 4
    findings.push(findingIn(bucket, 'envelopes', at, block.index, code, message))
    return
  }
  if (block.index >= documents.end) return
  const document = documents.byIndex.get(block.index)
  if (document === undefined) {
    findings.push(findingInDocuments(bucket, block.index, 'damaged-store', 'the block has no document'))
  } else if (!isDeepStrictEqual(plain(document), plain(documentOf(block.entry, envelope)))) {
    const what = 'the document is not that of the block'
    findings.push(findingInDocuments(bucket, block.index, 'damaged-store', what))
  }
}

async function readEnvelopes(audit: BucketAudit, from: number, count: number): Promise<readonly Bytes[]> {
  try {
    return cutFrames(await audit.envelopes(from, count, envelopeBytesAtOnce))
  } catch (error) {
    if (error instanceof Refused || error instanceof RangeError) return []
    throw error
  }
}

/** The documents of a range; every block below `end` should have one. */
type DocumentsRead = { readonly byIndex: ReadonlyMap<number, BlockDocument>; readonly end: number }

async function readDocuments(
  { context, bucket, documents }: Pass,
  from: number,
  count: number,
): Promise<DocumentsRead> {
  const wanted = Math.min(count, documents - from)
  const none = { byIndex: new Map(), end: 0 }
  if (wanted <= 0) return none
  const read = await askDocuments(context, (store) => store.read(bucket, from, wanted))
  if (read === undefined) return none
  return { byIndex: new Map(read.map((document) => [document.index, document])), end: from + wanted }
}

/** Undefined when the documents are not compared, or from now on cannot be. */
async function askDocuments<T>(
  context: AuditContext,
  question: (documents: AuditedDocuments) => Promise<T>,
): Promise<T | undefined> {
  if (context.documents === undefined) return undefined
  try {
    return await question(context.documents)
  } catch (error) {
    if (reasonOf(error).code !== 'store-busy') throw error
    context.documents = undefined
    return undefined
  }
}

/** Stores may give rows of other prototypes and orders of members. */
function plain(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document))
}

async function checkIdentities(
  { audit, bucket, mended }: Pass,
  from: number,
  count: number,
  judged: ReadonlyMap<number, Judged>,
  findings: AuditFinding[],
): Promise<void> {
  const rows = await audit.identities(from, count)
  for (const [index, { statement, owner }] of judged) {
    if (owner === undefined) continue
    const expected = identityRowOf(owner, statement)
    const at = (index - from) * 64
    if (equalBytes(rows.subarray(at, at + 64), expected)) continue
    mended.set(index, expected)
    const what = 'the row of identity and case is not that of the statement'
    findings.push(findingIn(bucket, 'identities', index * 64, index, 'damaged-store', what))
  }
}
