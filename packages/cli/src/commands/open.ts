import { openBlock, readEnvelope, readVerified } from '@ledgerstone/client/open'
import { recordText, shownRecord } from '@ledgerstone/client/record-text'
import type { UnauthenticatedRecord } from '@ledgerstone/core/article'
import type { Labels } from '@ledgerstone/core/labels'
import type { OpenedRecord } from '@ledgerstone/core/open'
import { describePolicy } from '@ledgerstone/core/policy'
import { formatTime } from '@ledgerstone/core/time'
import { type CommonOptions, connect } from '../connect.ts'
import { outputOf } from '../output.ts'
import { chooseOpener, type KeyChoice } from '../receiver-key.ts'
import { writeTo } from '../write-to.ts'

export type OpenOptions = CommonOptions & KeyChoice & { readonly out?: string }

export async function open(bucket: string, reference: string, options: OpenOptions): Promise<void> {
  const connection = connect(options)
  const verified = await readVerified(connection, bucket, reference)
  const envelope = await readEnvelope(connection.api, verified)
  const opener = await chooseOpener(connection.folder, envelope.receivers, options)
  const opened = await openBlock(verified, envelope, opener)
  if (options.out !== undefined) return writeTo(options.out, opened.record)
  const output = outputOf(options)
  const { block, judged, suspect } = verified
  if (suspect)
    output.note('warning: signed by a key that was later reported stolen as of a time before this block')
  const about = [
    `${bucket} ${block.index}, ${formatTime(block.time)}, ${judged.statement.payload.type}`,
    ...standing(opened, envelope.labels),
    `verified: receipt, checkpoint, statement; ${describePolicy(connection.trust.policy)}`,
  ]
  output.note(about.join('\n'))
  output.result(reportOf(opened, bucket, block.index), recordText(opened.record, envelope.labels.media))
}

function standing(opened: OpenedRecord | UnauthenticatedRecord, labels: Labels): readonly string[] {
  if ('unauthenticated' in opened) {
    const original = opened.block.index
    return [
      `UNAUTHENTICATED: block ${original} of an imported chain of the article; nothing shows who wrote it`,
    ]
  }
  const { actor } = labels
  const caller = actor === undefined ? '' : ` for ${actor.sub ?? actor.client} (${actor.iss})`
  return [`sent by ${opened.sender}${caller}`]
}

function reportOf(opened: OpenedRecord | UnauthenticatedRecord, bucket: string, index: number): unknown {
  const record = shownRecord(opened.record)
  if ('unauthenticated' in opened)
    return { bucket, index, unauthenticated: true, original: opened.block, record }
  const { labels, type, id, sender } = opened
  return { bucket, index, unauthenticated: false, type, id, sender, labels, record }
}
