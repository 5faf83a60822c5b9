// Events as text/event-stream (WHATWG HTML, section 9.2), and the blocks of a bucket in that form.
//
//     id: 7
//     event: block
// data: {"bucket":"payments","index":7,"hash":"…","time":"…","type":"payment.captured","id":"…","sender":"…"}
//
//     event: final
//     data: {"bucket":"payments","size":8,"checkpoint":"…"}
import { parseEntry } from '@ledgerstone/core/block'
import { type Bytes, formatHex } from '@ledgerstone/core/bytes'
import { parseStatement } from '@ledgerstone/core/statement'
import { formatTime } from '@ledgerstone/core/time'
import { leafHash } from '@ledgerstone/core/tree'
import type { Bucket } from '@ledgerstone/log/bucket'
import type { Final } from '@ledgerstone/log/publish'
import { readEntries } from '@ledgerstone/log/read'

/** Events of blocks up to, not including, `next`. */
export type Frames = { readonly text: string; readonly next: number }

/**
 * Blocks to a page: pages end where their number is divided by this, so that all readers come to ask for the
 * same.
 */
const pageBlocks = 64
const pagesKept = 32

/**
 * The block events of one bucket. Those that many streams ask for, one shortly after the other, are read from
 * the log and written as text once: the newest pages are kept, at most 2048 blocks.
 */
export class BlockFrames {
  readonly #bucket: Bucket
  readonly #pages = new Map<number, Promise<Frames>>()

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  /** Events from block `from` on, which must be committed. */
  read(from: number): Promise<Frames> {
    const kept = this.#pages.get(from)
    if (kept !== undefined) return kept
    const page = this.#read(from)
    this.#pages.set(from, page)
    page.catch(() => this.#pages.delete(from))
    const [oldest] = this.#pages.keys()
    if (this.#pages.size > pagesKept && oldest !== undefined) this.#pages.delete(oldest)
    return page
  }

  async #read(from: number): Promise<Frames> {
    const entries = await readEntries(this.#bucket, from, pageBlocks - (from % pageBlocks))
    return { text: entries.map(formatBlock).join(''), next: from + entries.length }
  }
}

export function formatFinal(bucket: string, { head, checkpoint }: Final): string {
  return `event: final\ndata: ${JSON.stringify({ bucket, size: head.size, checkpoint })}\n\n`
}

/** A comment: nothing to those who read events, and a sign of life to those in between. */
export function formatComment(text: string): string {
  return `: ${text}\n\n`
}

function formatBlock(entry: Bytes): string {
  const { bucket, index, time, statement } = parseEntry(entry)
  const { header, payload } = parseStatement(statement)
  const { type, id } = payload
  const hash = formatHex(leafHash(entry))
  const data = { bucket, index, hash, time: formatTime(time), type, id, sender: header.kid }
  return `id: ${index}\nevent: block\ndata: ${JSON.stringify(data)}\n\n`
}
