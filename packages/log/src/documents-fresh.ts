// Documents of the newest blocks, made of what admission had decoded: to read a block back and decode it
// again would cost ten times as much.
import { formatHex } from '@ledgerstone/core/bytes'
import type { BlockDocument } from './documents.ts'
import type { Placed } from './sequence.ts'
import type { SubmittedEnvelope, SubmittedStatement } from './submission.ts'

/** A block that was just committed, and the record that it was made for. */
export type Committed = {
  readonly place: Pick<Placed, 'index' | 'hash' | 'time'>
  readonly statement: SubmittedStatement
  readonly envelope: SubmittedEnvelope | undefined
}

/** Consecutive documents up to the newest block; the oldest go when there are too many. */
export class FreshDocuments {
  readonly #max: number
  #documents: BlockDocument[] = []
  #from = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Index of the first; meaningless when there is none. */
  get from(): number {
    return this.#from
  }

  /** The blocks of one commit, from index `from`. After a gap those before it are forgotten. */
  add(from: number, blocks: readonly Committed[]): void {
    if (this.#from + this.#documents.length !== from) {
      this.#from = from
      this.#documents = []
    }
    for (const { place, statement, envelope } of blocks) {
      this.#documents.push(describeBlock(place, statement, envelope))
    }
    this.#forget(this.#documents.length - this.#max)
  }

  /** Up to `count` from index `from`; what is before is forgotten. */
  take(from: number, count: number): readonly BlockDocument[] {
    if (from < this.#from) return []
    this.#forget(from - this.#from)
    return this.#documents.slice(0, count)
  }

  #forget(count: number): void {
    if (count <= 0) return
    const gone = Math.min(count, this.#documents.length)
    this.#documents.splice(0, gone)
    this.#from += gone
  }
}

/** The document of a block: what its statement and its envelope's header say in clear. */
export function describeBlock(
  { index, hash, time }: Committed['place'],
  { header, payload }: SubmittedStatement,
  envelope: SubmittedEnvelope | undefined,
): BlockDocument {
  const block = { index, hash: formatHex(hash), time, type: payload.type, id: payload.id, sender: header.kid }
  if (envelope === undefined) return { ...block, receivers: [], meta: {} }
  const { media, actor, meta = {} } = envelope.labels
  return {
    ...block,
    suite: envelope.suite,
    receivers: envelope.receivers.map(({ kid }) => kid),
    media,
    ...(actor !== undefined && { actor: actorText(actor) }),
    meta: Object.fromEntries(Object.entries(meta).map(([name, value]) => [name, String(value)])),
  }
}

function actorText({ client, sub }: { readonly client: string; readonly sub?: string }): string {
  return sub === undefined || sub === client ? client : `${client} ${sub}`
}
