// Opening: the block is verified first, and the record released when its statement, its envelope and the key
// signature stand.
import {
  type BlockReader,
  openBlock as open,
  openEvidence as openIn,
  readEnvelope,
  readVerified,
} from '@ledgerstone/client/open'
import type { UnauthenticatedRecord } from '@ledgerstone/core/article'
import type { Envelope } from '@ledgerstone/core/envelope'
import type { EvidenceVerdict } from '@ledgerstone/core/evidence'
import type { OpenedRecord, Opener } from '@ledgerstone/core/open'
import { Refused } from '@ledgerstone/core/refused'
import { type Row, tableOf } from './record-table.ts'

export type Opened = {
  /** The record, byte for byte. */
  readonly bytes: Uint8Array
  /** Absent when it is no UTF-8. */
  readonly text?: string
  readonly table?: readonly Row[]
  readonly media: string
  /** Registered owner of the sender's key; absent: an imported block, of which nothing shows who wrote it. */
  readonly sender?: string
  /** With which key: its kid, or its name at the desk. */
  readonly key: string
  readonly suspect: boolean
}

/**
 * Throws `wrong-key` for a key that the record was not sealed for, `cannot-open` when the envelope does not
 * stand under the key, and why the block may not stand.
 */
export async function openBlock(
  reader: BlockReader,
  bucket: string,
  index: number,
  opener: Opener,
): Promise<Opened> {
  const verified = await readVerified(reader, bucket, index)
  const envelope = await readEnvelope(reader.api, verified)
  checkReceiver(envelope, opener)
  const opened = await open(verified, envelope, opener)
  return viewOpened(opened, envelope, opener, verified.suspect)
}

/** The same for evidence that was verified. */
export async function openEvidence(verdict: EvidenceVerdict, opener: Opener): Promise<Opened> {
  if (verdict.envelope === undefined) throw new Refused('cannot-open', 'the evidence holds no envelope')
  checkReceiver(verdict.envelope, opener)
  const opened = await openIn(verdict, opener)
  return viewOpened(opened, verdict.envelope, opener, verdict.suspect)
}

/** Who may open it stands in the envelope for all to see, so that it can be said before anything is tried. */
function checkReceiver({ suite, receivers }: Envelope, { kid }: Opener): void {
  if (suite === 'article-block' || receivers.some((receiver) => receiver.kid === kid)) return
  const kids = receivers.map((receiver) => receiver.kid).join(', ')
  throw new Refused('wrong-key', `the record is sealed for ${kids}; this is the key ${kid}`)
}

function viewOpened(
  opened: OpenedRecord | UnauthenticatedRecord,
  { labels }: Envelope,
  { kid }: Opener,
  suspect: boolean,
): Opened {
  return {
    ...contentOf(opened.record),
    media: labels.media,
    ...('sender' in opened && { sender: opened.sender }),
    key: kid,
    suspect,
  }
}

/** The bytes of a record and, where it is one, its text. */
export function contentOf(bytes: Uint8Array): Pick<Opened, 'bytes' | 'text' | 'table'> {
  const text = textIn(bytes)
  const table = text === undefined ? undefined : tableOf(text)
  return { bytes, ...(text !== undefined && { text }), ...(table !== undefined && { table }) }
}

function textIn(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
