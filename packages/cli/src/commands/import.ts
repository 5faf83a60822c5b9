import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readKeyFile } from '@ledgerstone/border/key-file'
import { checkArticleChain, parseArticleChain } from '@ledgerstone/core/article'
import { parseBase64url } from '@ledgerstone/core/bytes'
import { originOf } from '@ledgerstone/core/names'
import { enclose } from '@ledgerstone/core/seal'
import { senderOf } from '@ledgerstone/core/sender'
import { importId } from '@ledgerstone/core/uuid'
import { type CommonOptions, connect } from '../connect.ts'
import { readOwnKey } from '../embedded/keys.ts'
import { firstLines, pushInvoices } from '../embedded/sample.ts'
import { interruptedAfter, interruption } from '../interruption.ts'
import { counted, outputOf } from '../output.ts'

export async function importInvoices(
  file: string,
  options: CommonOptions & { readonly limit?: number },
): Promise<void> {
  const output = outputOf(options)
  const { sealer } = connect(options, 'append:*')
  const signal = interruption()
  const source = {
    path: file,
    signal,
    ...(options.limit !== undefined && { chosen: firstLines(options.limit) }),
  }
  const count = await pushInvoices(sealer, source, (lines) => output.progress('importing', lines))
  if (output.json) output.result(count, '')
}

/**
 * Checks a chain by the article's own rule, then keeps each original block, byte for byte, inside a new one.
 */
export async function importChain(
  file: string,
  options: CommonOptions & { readonly bucket: string; readonly type: string },
): Promise<void> {
  const { bucket, type } = options
  const output = outputOf(options)
  const bytes = readFileSync(file)
  const blocks = parseArticleChain(bytes.toString('utf8'))
  const verdict = checkArticleChain(blocks.map(({ block }) => block))
  if (verdict.reusedKeys.length > 0) {
    output.note(
      `warning: blocks ${verdict.reusedKeys.join(', ')} share a content key: who opens one opens all`,
    )
  }
  const { api, trust, folder } = connect(options, `append:${bucket}`)
  const retryKey = parseBase64url(readKeyFile(folder.importerRetryKey).trimEnd(), 'the retry key', 32)
  const sender = await senderOf(await readOwnKey(folder.importerKey), undefined, retryKey)
  const digest = createHash('sha256').update(bytes).digest()
  const interrupted = interruption()
  const progress = output.progress('importing', blocks.length)
  const appended: { readonly original: number; readonly index: number; readonly created: boolean }[] = []
  for (const [i, { block, source }] of blocks.entries()) {
    if (interrupted.aborted) {
      progress.clear()
      throw interruptedAfter(i, blocks.length, 'blocks')
    }
    const labels = { media: 'application/json', meta: { metainfo: block.metainfo.slice(0, 1024) } }
    const draft = {
      log: originOf(trust.ledger, bucket),
      id: importId(digest, i, bucket),
      type,
      issued: Date.now(),
    }
    const sealed = await enclose({ ...draft, record: source, labels }, sender)
    const { index, created } = await api.postBlock(bucket, sealed)
    appended.push({ original: block.index, index, created })
    progress.advance(i + 1)
  }
  const fresh = appended.filter(({ created }) => created).length
  const known = appended.length - fresh
  progress.finish(
    `imported ${counted(fresh, 'block')} into ${bucket}${known > 0 ? ` (+ ${known} there before)` : ''}`,
  )
  output.result(
    { ...verdict, appended },
    `${verdict.verdict}; imported blocks are unauthenticated and shown as such`,
  )
}
