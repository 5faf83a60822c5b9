import type { RegistryView } from '@ledgerstone/client/registry'
import { type StatementCheck, statementCheck } from '@ledgerstone/client/statements'
import { type BucketVerdict, verifyBucket } from '@ledgerstone/client/verify'
import { Refused } from '@ledgerstone/core/refused'
import { formatTime } from '@ledgerstone/core/time'
import { type CommonOptions, type Connection, connect } from '../connect.ts'
import { counted, type Output, outputOf } from '../output.ts'
import { StatementThreads } from '../statement-threads.ts'

/** From so many on it pays to start threads. */
const blocksForThreads = 2_000

export type VerifyOptions = CommonOptions & { readonly statements?: boolean; readonly envelopes?: boolean }

/** Verifies buckets one after the other; the first that fails ends it, with its first bad block named. */
export async function verify(buckets: readonly string[], options: VerifyOptions): Promise<void> {
  const connection = connect(options)
  const output = outputOf(options)
  const names = buckets.length > 0 ? buckets : await allOf(connection, output)
  const verdicts: BucketVerdict[] = []
  for (const bucket of names) verdicts.push(await verifyOne(bucket, connection, options, output))
  output.result(verdicts.map(reportOf), verdicts.map(textOf).join('\n\n'))
}

/**
 * The buckets that the ledger lists and those that the pinned registry knows of: it must not hide one. Throws
 * `unknown-bucket` where one is gone.
 */
async function allOf({ api, follower }: Connection, output: Output): Promise<readonly string[]> {
  const listed = (await api.buckets()).map(({ name }) => name)
  const { registry } = await follower.refresh()
  const unlisted: string[] = []
  for (const bucket of registry.bucketsBeside(listed)) {
    try {
      await api.bucket(bucket)
      unlisted.push(bucket)
    } catch (cause) {
      if (!(cause instanceof Refused)) throw cause
      if (cause.code === 'unknown-bucket') {
        const what = `the key registry has log keys of ${bucket}, and the ledger has no such bucket`
        throw new Refused('unknown-bucket', what, { cause })
      }
      if (cause.code !== 'insufficient-scope') throw cause
      output.note(`${bucket} is not verified: the token does not cover it`)
    }
  }
  return [...listed, ...unlisted]
}

async function verifyOne(
  bucket: string,
  { api, trust, follower, memory }: Connection,
  options: VerifyOptions,
  output: Output,
): Promise<BucketVerdict> {
  const { size } = await api.bucket(bucket)
  const progress = output.progress(`verifying ${bucket}`, size)
  const withEnvelopes = options.envelopes === true
  await using threads = new AsyncDisposableStack()
  const judge = (view: RegistryView): StatementCheck =>
    size < blocksForThreads
      ? statementCheck(view.registry)
      : threads.use(StatementThreads.start(trust.ledger, view)).check
  const verdict = await verifyBucket({
    ...{ bucket, trust, follower, memory, reader: api.log(bucket) },
    ...((options.statements === true || withEnvelopes) && { statements: judge }),
    ...(withEnvelopes && { envelopes: (from, count) => api.envelopes(bucket, from, count) }),
    onProgress: (checked) => progress.advance(checked),
  })
  progress.finish(`verified ${bucket}: ${counted(verdict.checked, 'block')}`)
  return verdict
}

function textOf(verdict: BucketVerdict): string {
  const { bucket, origin, checked, policy, quorum, remembered, checkpoint, publishedAt } = verdict
  const signatures = verdict.statements > 0 ? `, ${counted(verdict.statements, 'statement')}` : ''
  const envelopes = verdict.envelopes > 0 ? `, ${counted(verdict.envelopes, 'envelope')}` : ''
  const history =
    remembered === undefined
      ? 'first sight: nothing was remembered of this log'
      : `continues what was remembered (${counted(remembered.size, 'block')})`
  const at = publishedAt === undefined ? '' : `, published ${formatTime(publishedAt)}`
  const { size, root } = checkpoint.head
  return [
    `${quorum === 'reached' ? 'VERIFIED' : 'CONSISTENT, log-signed only'}  ${bucket} (${origin})`,
    `  checked     ${counted(checked, 'block')}: form, hashes, links, tree${signatures}${envelopes}`,
    `  checkpoint  ${counted(size, 'block')}, root ${root.toHex()}${at}`,
    `  history     ${history}`,
    `  policy      ${policy}`,
    ...warnings(verdict),
  ].join('\n')
}

function warnings({ duplicates, suspects, missingEnvelopes }: BucketVerdict): readonly string[] {
  const lines: string[] = []
  if (duplicates.length > 0)
    lines.push(`  WARNING     stand in the log twice: ${counted(duplicates.length, 'statement')}`)
  if (suspects.length > 0)
    lines.push(`  WARNING     by keys later reported stolen: ${counted(suspects.length, 'block')}`)
  if (missingEnvelopes.length > 0)
    lines.push(`  WARNING     not there: ${counted(missingEnvelopes.length, 'envelope')}`)
  return lines
}

function reportOf({ checkpoint, remembered, ...verdict }: BucketVerdict): unknown {
  const { head, note, cosigners } = checkpoint
  return {
    ...verdict,
    checkpoint: {
      size: head.size,
      root: head.root.toHex(),
      note,
      cosigners: cosigners.map(({ witness }) => witness),
    },
    remembered: remembered === undefined ? null : remembered.size,
  }
}
