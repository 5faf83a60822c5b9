// What a ledger has promised about one bucket, and whether what it shows now keeps it.
import { parseEntry } from '@ledgerstone/core/block'
import { type Bytes, formatHex } from '@ledgerstone/core/bytes'
import { verifyCheckpoint } from '@ledgerstone/core/checkpoint'
import { BucketReplay } from '@ledgerstone/core/replay'
import { parseStatement } from '@ledgerstone/core/statement'
import { Frontier, leafHash } from '@ledgerstone/core/tree'
import { parseVkey, type Vkey } from '@ledgerstone/core/vkey'

/** Of the answer of an append; hashes in hexadecimal, `checkpoint` a note. */
export type Promised = {
  readonly index: number
  readonly hash: string
  readonly checkpoint: string
}

/** Reads the entries of the blocks `from` up to, not including, `to`. */
export type Read = (from: number, to: number) => AsyncIterable<readonly Bytes[]>

export class History {
  readonly bucket: string
  readonly #origin: string
  readonly #logKeys: readonly Vkey[]
  /** What was read of the bucket, and checked. */
  #replay: BucketReplay
  readonly #hashes: Bytes[] = []
  readonly #byId = new Map<string, number>()
  /** Roots, in hexadecimal, of all sizes that were ever signed. */
  readonly #roots = new Map<number, string>()
  /** Not checked yet. */
  #acknowledged: { readonly id: string; readonly index: number; readonly hash: string }[] = []
  #notes = new Set<string>()

  constructor(bucket: string, origin: string, vkeys: readonly string[]) {
    this.bucket = bucket
    this.#origin = origin
    this.#logKeys = vkeys.map(parseVkey)
    this.#replay = new BucketReplay(bucket)
  }

  /** Blocks that were read and checked. */
  get size(): number {
    return this.#replay.size
  }

  /** The ledger has answered that the record with this id has this block. */
  acknowledge(id: string, { index, hash, checkpoint }: Promised): void {
    this.#acknowledged.push({ id, index, hash })
    this.#notes.add(checkpoint)
  }

  /** Where the record with this id was found. */
  find(id: string): { readonly index: number; readonly hash: string } | undefined {
    const index = this.#byId.get(id)
    return index === undefined ? undefined : { index, hash: formatHex(this.#hashes[index] as Bytes) }
  }

  /**
   * Goes on reading up to the `size` that the ledger now shows. Throws unless every block that was
   * acknowledged is in its place, no record is there twice, and every head that was ever signed is the head
   * of these very blocks.
   */
  async check(size: number, read: Read): Promise<void> {
    const notes = await this.#verifyNotes()
    if (size < this.size) this.#fail(`${this.size} blocks were there, now there are ${size}`)
    const largest = Math.max(0, ...notes.keys())
    if (size < largest) this.#fail(`a head of ${largest} blocks was signed, there are ${size}`)
    for (const [signed, root] of notes) if (signed <= this.size) this.#compare(signed, root)
    if (size > this.size) {
      for await (const entries of read(this.size, size)) for (const entry of entries) this.#add(entry, notes)
    }
    if (this.size !== size) this.#fail(`${this.size} blocks could be read of ${size}`)
    for (const { id, index, hash } of this.#acknowledged) this.#checkAcknowledged(id, index, hash)
    this.#acknowledged = []
    this.#notes = new Set()
  }

  /** Reads everything again, from block 0. Throws unless it is all as it was. */
  async checkAgain(read: Read): Promise<void> {
    const again = new BucketReplay(this.bucket)
    for await (const entries of read(0, this.size)) {
      for (const entry of entries) {
        const before = this.#hashes[again.size]
        again.add(entry)
        if (before === undefined || again.state.prev !== formatHex(before))
          this.#fail(`block ${again.size - 1} has another hash than before`)
      }
    }
    again.finish(this.#replay.head)
  }

  #add(entry: Bytes, notes: ReadonlyMap<number, string>): void {
    const index = this.size
    this.#replay.add(entry)
    const { statement } = parseEntry(entry)
    const { id } = parseStatement(statement).payload
    const first = this.#byId.get(id)
    if (first !== undefined) this.#fail(`the record ${id} is in block ${first} and again in block ${index}`)
    this.#byId.set(id, index)
    this.#hashes.push(leafHash(entry))
    const root = notes.get(this.size)
    if (root === undefined) return
    this.#roots.set(this.size, formatHex(this.#replay.head.root))
    this.#compare(this.size, root)
  }

  #checkAcknowledged(id: string, index: number, hash: string): void {
    const found = this.find(id)
    if (found === undefined) this.#fail(`the record ${id}, acknowledged in block ${index}, is lost`)
    if (found.index !== index || found.hash !== hash)
      this.#fail(
        `the record ${id} was acknowledged in block ${index} ${hash}, it is in ${found.index} ${found.hash}`,
      )
  }

  #compare(size: number, root: string): void {
    if (this.#rootAt(size) !== root) this.#fail(`another head of ${size} blocks was signed than there is now`)
  }

  #rootAt(size: number): string {
    let root = this.#roots.get(size)
    if (root === undefined) {
      const frontier = new Frontier()
      for (const hash of this.#hashes.slice(0, size)) frontier.append(hash)
      root = formatHex(frontier.root())
      this.#roots.set(size, root)
    }
    return root
  }

  /** Root by size, of all notes since the last check. */
  async #verifyNotes(): Promise<ReadonlyMap<number, string>> {
    const roots = new Map<number, string>()
    for (const note of this.#notes) {
      const expected = { origin: this.#origin, logKeys: this.#logKeys, published: false }
      const { head } = await verifyCheckpoint(note, expected)
      const root = formatHex(head.root)
      if ((roots.get(head.size) ?? root) !== root) this.#fail(`two heads of ${head.size} blocks were signed`)
      roots.set(head.size, root)
    }
    return roots
  }

  #fail(what: string): never {
    throw new Error(`${this.bucket}: ${what}`)
  }
}
