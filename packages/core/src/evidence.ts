/*
 * Evidence: one file with all that an auditor needs, offline. RFC 8785 JSON, binary in base64.
 *
 *     {"bucket":"payments","entry":"<entry>","envelope":"<envelope>"|null,"index":7,
 *      "keys":{"checkpoint":"<checkpoint of keys, size K>","entries":["<entry 0>", ..., "<entry K-1>"]},
 *      "ledger":"ledger.example.com/log","receipt":"<tlog-proof>","version":"ledgerstone-evidence-v1"}
 *
 * The registry is complete, because proofs show what is there and never what was left out (a revocation,
 * say). The trust file is not in it: whoever builds evidence could put his own there.
 */
import { sha256 } from '#primitives'
import { type Block, parseEntry } from './block.ts'
import { type Bytes, equalBytes, formatBase64, type Hash, parseBase64, utf8 } from './bytes.ts'
import {
  formatCanonical,
  integerMember,
  listMember,
  membersOf,
  parseCanonical,
  textMember,
} from './canonical.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import { checkContent, decodeEnvelope, type Envelope } from './envelope.ts'
import { type JudgedStatement, judgeBlock, judgeEnvelope } from './judge.ts'
import { limits } from './limits.ts'
import { keysBucket, originOf } from './names.ts'
import { describePolicy } from './policy.ts'
import { verifyReceipt } from './receipt.ts'
import { Refused } from './refused.ts'
import { Registry } from './registry.ts'
import { parseStatement } from './statement.ts'
import { leafHash } from './tree.ts'
import type { Trust } from './trust.ts'
import { parseVkey } from './vkey.ts'

export type Evidence = {
  readonly ledger: string
  readonly bucket: string
  readonly index: number
  readonly entry: Bytes
  /** Absent for blocks that have none, and for erased ones. */
  readonly envelope: Bytes | undefined
  readonly receipt: string
  readonly keys: { readonly entries: readonly Bytes[]; readonly checkpoint: string }
}

/** What a verification of evidence found; it throws otherwise. */
export type EvidenceVerdict = JudgedStatement & {
  /** False: consistent in itself, but not held against a trust file. Compare `genesis` by other means. */
  readonly pinned: boolean
  /** The policy that the checkpoints satisfy, in words; without a trust file no policy was asked. */
  readonly policy: string
  readonly genesis: Hash
  readonly block: Block
  readonly hash: Hash
  readonly envelope: Envelope | undefined
  readonly checkpoint: VerifiedCheckpoint
  readonly registry: Registry
  /** A key of the sender was later reported stolen as of a time before this block. */
  readonly suspect: boolean
}

const version = 'ledgerstone-evidence-v1'

export function formatEvidence(evidence: Evidence): string {
  const { ledger, bucket, index, entry, envelope, receipt, keys } = evidence
  const text = formatCanonical({
    version,
    ledger,
    bucket,
    index,
    entry: formatBase64(entry),
    envelope: envelope === undefined ? null : formatBase64(envelope),
    receipt,
    keys: { checkpoint: keys.checkpoint, entries: keys.entries.map(formatBase64) },
  })
  if (text.length > limits.evidenceBytesMax) throw new Refused('too-large', 'the evidence is over 32 MiB')
  return text
}

/**
 * Strict; checks nothing but the form. Throws `malformed`, `unknown-version`, `unknown-field`, `too-large`.
 */
export function parseEvidence(text: string): Evidence {
  if (text.length > limits.evidenceBytesMax) throw new Refused('too-large', 'the evidence is over 32 MiB')
  const names = ['bucket', 'entry', 'envelope', 'index', 'keys', 'ledger', 'receipt', 'version']
  const m = membersOf(parseCanonical(text, 'the evidence'), 'the evidence', names)
  if (m['version'] !== version)
    throw new Refused('unknown-version', 'evidence of a version that is not known')
  const keys = membersOf(m['keys'], 'keys', ['checkpoint', 'entries'])
  return {
    ledger: textMember(m['ledger'], 'ledger'),
    bucket: textMember(m['bucket'], 'bucket'),
    index: integerMember(m['index'], 'index'),
    entry: parseBase64(textMember(m['entry'], 'entry'), 'entry'),
    envelope:
      m['envelope'] === null ? undefined : parseBase64(textMember(m['envelope'], 'envelope'), 'envelope'),
    receipt: textMember(m['receipt'], 'receipt'),
    keys: {
      checkpoint: textMember(keys['checkpoint'], 'the checkpoint of keys'),
      entries: listMember(keys['entries'], 'entries').map((item) =>
        parseBase64(textMember(item, 'entry'), 'entry'),
      ),
    },
  }
}

/**
 * Verifies evidence against the pinned trust, or, without one, only in itself. Everything in `text` is the
 * attacker's until this returns. Throws the reason.
 */
export async function verifyEvidence(text: string, trust: Trust | undefined): Promise<EvidenceVerdict> {
  const evidence = parseEvidence(text)
  const registry = await replayKeys(evidence, trust)
  await checkKeysCheckpoint(evidence, registry, trust)
  const checkpoint = await checkReceipt(evidence, registry, trust)
  const { block, judged } = await judgeEntry(evidence, registry)
  const envelope = checkEnvelope(evidence, block, judged, registry)
  const signers = [judged.key.kid, ...(envelope === undefined ? [] : [envelope.signer])]
  return {
    ...judged,
    pinned: trust !== undefined,
    policy: trust === undefined ? 'no trust file: not held against any policy' : describePolicy(trust.policy),
    genesis: registry.genesis,
    block,
    hash: leafHash(evidence.entry),
    envelope,
    checkpoint,
    registry,
    suspect: signers.some((kid) => block.time >= (registry.key(kid).revoked?.suspectFrom ?? Infinity)),
  }
}

async function replayKeys({ ledger, keys }: Evidence, trust: Trust | undefined): Promise<Registry> {
  if (trust !== undefined && trust.ledger !== ledger) {
    throw new Refused('wrong-ledger', `the evidence is of another ledger than the trust file`)
  }
  return replayRegistry(ledger, keys.entries, trust)
}

/**
 * The registry of these entries of `keys`, complete from block 0, held against the trust file where there is
 * one.
 */
export async function replayRegistry(
  ledger: string,
  entries: readonly Uint8Array[],
  trust: Trust | undefined,
): Promise<Registry> {
  const [first, ...rest] = entries
  if (first === undefined) throw new Refused('gap', 'the registry is not there')
  const registry = await Registry.open(ledger, first, trust?.genesis)
  for (const entry of rest) await registry.apply(entry)
  if (trust !== undefined) checkPolicyOf(registry, trust)
  return registry
}

/** Throws `bad-policy` unless the registry names the policy of the trust file as one that was in force. */
export function checkPolicyOf(registry: Registry, trust: Trust): void {
  const digest = sha256(utf8(trust.policy.text))
  if (!registry.policyDigests().some((named) => equalBytes(named, digest))) {
    throw new Refused('bad-policy', 'the policy of the trust file is not one that the registry names')
  }
}

async function checkKeysCheckpoint(
  { keys }: Evidence,
  registry: Registry,
  trust: Trust | undefined,
): Promise<void> {
  const { head } = await verifyCheckpoint(keys.checkpoint, expectedOf(registry, registry.origin, trust))
  if (head.size !== registry.size) {
    throw new Refused(
      'gap',
      `the evidence holds ${registry.size} blocks of keys, its checkpoint covers ${head.size}`,
    )
  }
  if (!equalBytes(head.root, registry.head.root))
    throw new Refused('forked', 'the registry is not the one signed for')
}

async function checkReceipt(
  { ledger, bucket, index, entry, receipt }: Evidence,
  registry: Registry,
  trust: Trust | undefined,
): Promise<VerifiedCheckpoint> {
  const expected = expectedOf(registry, originOf(ledger, bucket), trust)
  const verified = await verifyReceipt(receipt, leafHash(entry), expected)
  if (verified.index !== index) throw new Refused('bad-proof', 'the receipt is of another block')
  return verified.checkpoint
}

/** What checkpoints of a log have to satisfy, by the registry and the trust file. */
export function expectedOf(
  registry: Registry,
  origin: string,
  trust: Trust | undefined,
): { origin: string; logKeys: ReturnType<typeof parseVkey>[]; policy?: Trust['policy'] } {
  const logKeys = registry.logKeysAt(origin, registry.size).map((text) => parseVkey(text))
  return trust === undefined ? { origin, logKeys } : { origin, logKeys, policy: trust.policy }
}

async function judgeEntry(
  { bucket, index, entry, keys }: Evidence,
  registry: Registry,
): Promise<{ block: Block; judged: JudgedStatement }> {
  const block = parseEntry(entry)
  if (block.bucket !== bucket || block.index !== index)
    throw new Refused('bad-link', 'the entry is of another block')
  if (bucket !== keysBucket) return { block, judged: await judgeBlock(block, registry) }
  const replayed = keys.entries[index]
  if (replayed === undefined || !equalBytes(replayed, entry))
    throw new Refused('gap', 'the entry is not in the registry')
  const statement = parseStatement(block.statement)
  return { block, judged: { statement, key: registry.key(statement.header.kid) } }
}

function checkEnvelope(
  { envelope: bytes }: Evidence,
  block: Block,
  judged: JudgedStatement,
  registry: Registry,
): Envelope | undefined {
  const { content } = judged.statement.payload
  if (bytes === undefined) return undefined
  if (content === undefined)
    throw new Refused('wrong-digest', 'the block has no envelope, the evidence has one')
  const envelope = decodeEnvelope(bytes)
  checkContent(content, envelope)
  judgeEnvelope(envelope, judged.key, block, registry)
  return envelope
}
