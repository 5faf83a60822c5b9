// The audit's pass over hashes: entries, leaf hashes, links, the tiles of every level and the root of every
// head. One changed byte gives one finding: where an entry and its leaf hash differ, the block after it tells
// which of the two was changed, and the pass goes on from the other.
import { type ScannedEntry, scanEntry } from '@ledgerstone/core/block'
import { type Bytes, equalBytes, formatHex, type Hash } from '@ledgerstone/core/bytes'
import { BucketReplay } from '@ledgerstone/core/replay'
import { appendTiles, type Edge, emptyEdge } from '@ledgerstone/core/tile'
import { leafHash } from '@ledgerstone/core/tree'
import { type AuditFinding, findingIn, reasonOf } from './audit-finding.ts'
import type { Head } from './store.ts'
import type { BucketAudit } from './store-audit.ts'

/** A block as it was read; its entry is absent when its bytes cannot be had. `offset`: of its first byte. */
export type RawBlock = {
  readonly index: number
  readonly entry: Bytes | undefined
  readonly leaf: Hash
  readonly offset: number
}

/** A block whose bytes are those that the tree commits to. */
export type SoundBlock = {
  readonly index: number
  readonly entry: Bytes
  readonly offset: number
  readonly scanned: ScannedEntry
}

/** The hash that the chain goes on from; `scanned` when the block itself is sound. */
type Added = { readonly leaf: Hash; readonly scanned: ScannedEntry | undefined }

export class AuditChain {
  readonly #bucket: string
  readonly #audit: BucketAudit
  readonly #heads: AsyncGenerator<Head>
  #nextHead: Head | undefined
  #replay: BucketReplay
  #edge: Edge = emptyEdge

  constructor(bucket: string, audit: BucketAudit) {
    this.#bucket = bucket
    this.#audit = audit
    this.#heads = audit.heads()
    this.#replay = new BucketReplay(bucket)
  }

  /** Checks the next blocks. `following`: the entry after the last of them, if there is one. */
  async add(
    blocks: readonly RawBlock[],
    following: Bytes | undefined,
    findings: AuditFinding[],
  ): Promise<readonly SoundBlock[]> {
    const sound: SoundBlock[] = []
    const leaves: Hash[] = []
    for (const [i, block] of blocks.entries()) {
      const { leaf, scanned } = this.#addOne(block, blocks[i + 1]?.entry ?? following, findings)
      const { index, entry, offset } = block
      if (scanned !== undefined && entry !== undefined) sound.push({ index, entry, offset, scanned })
      leaves.push(leaf)
      await this.#checkHeads(findings)
    }
    await this.#checkTiles(leaves, findings)
    return sound
  }

  #addOne(block: RawBlock, following: Bytes | undefined, findings: AuditFinding[]): Added {
    const { index, entry, leaf, offset } = block
    const find = (code: AuditFinding['code'], what: string): void => {
      findings.push(findingIn(this.#bucket, 'entries', offset, index, code, what))
    }
    const computed = entry === undefined ? undefined : leafHash(entry)
    if (entry === undefined || computed === undefined) {
      find('damaged-store', 'the entry cannot be read')
      return this.#goOn(leaf, entry)
    }
    const isSame = equalBytes(computed, leaf)
    if (!isSame && !this.#speaksFor(computed, following)) {
      find('damaged-store', 'the entry does not have the hash that the tree commits to')
      return this.#goOn(leaf, entry)
    }
    if (!isSame) {
      const what = 'the leaf hash is not that of the entry'
      findings.push(findingIn(this.#bucket, 'tiles-0', index * 32, index, 'damaged-store', what))
    }
    try {
      this.#replay.add(entry)
      return { leaf: computed, scanned: scanEntry(entry) }
    } catch (error) {
      const { code, message } = reasonOf(error)
      find(code, message)
      return this.#goOn(computed, entry)
    }
  }

  /**
   * Whether the block after it, or the head for the newest one, is of this hash rather than of the stored
   * one.
   */
  #speaksFor(computed: Hash, following: Bytes | undefined): boolean {
    if (following === undefined) {
      const { frontier } = this.#replay.state
      frontier.append(computed)
      return equalBytes(frontier.root(), this.#audit.head.root)
    }
    try {
      return scanEntry(following).prev === formatHex(computed)
    } catch {
      return false
    }
  }

  /** Goes on behind a block that cannot stand, from the hash that the tree has for it. */
  #goOn(leaf: Hash, entry: Bytes | undefined): Added {
    const { frontier, time, keys } = this.#replay.state
    frontier.append(new Uint8Array(leaf))
    const scanned = scanOrNothing(entry)
    this.#replay = new BucketReplay(this.#bucket, {
      prev: formatHex(leaf),
      time: scanned !== undefined && scanned.time > time ? scanned.time : time,
      keys,
      frontier,
    })
    return { leaf, scanned: undefined }
  }

  async #checkHeads(findings: AuditFinding[]): Promise<void> {
    this.#nextHead ??= await this.#readHead()
    while (this.#nextHead !== undefined && this.#nextHead.size <= this.#replay.size) {
      const { size, root } = this.#nextHead
      if (size === this.#replay.size && !equalBytes(root, this.#replay.head.root)) {
        const what = `the first ${size} blocks do not have the root of the head of that size`
        findings.push(findingIn(this.#bucket, 'heads', undefined, size - 1, 'forked', what))
      }
      this.#nextHead = await this.#readHead()
    }
  }

  async #readHead(): Promise<Head | undefined> {
    const next = await this.#heads.next()
    return next.done === true ? undefined : next.value
  }

  /** Levels above the leaves. */
  async #checkTiles(leaves: readonly Hash[], findings: AuditFinding[]): Promise<void> {
    const before = this.#edge.size
    const { tiles, edge } = appendTiles(this.#edge, leaves)
    this.#edge = edge
    for (const [level, expected] of tiles.entries()) {
      if (level === 0) continue
      const from = Math.floor(before / 256 ** level)
      const stored = await this.#audit.hashes(level, from, expected.length / 32)
      for (let at = 0; at < expected.length; at += 32) {
        if (equalBytes(stored.subarray(at, at + 32), expected.subarray(at, at + 32))) continue
        const block = (from + at / 32) * 256 ** level
        const what = `the hash of the tile below it is another one`
        const part = `tiles-${level}` as const
        findings.push(findingIn(this.#bucket, part, from * 32 + at, block, 'damaged-store', what))
      }
    }
  }
}

function scanOrNothing(entry: Bytes | undefined): ScannedEntry | undefined {
  try {
    return entry === undefined ? undefined : scanEntry(entry)
  } catch {
    return undefined
  }
}
