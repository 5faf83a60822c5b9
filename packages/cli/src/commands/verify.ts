import { standingOf } from '@ledgerstone/client/anchor'
import { UnexpectedAnswer, Unreachable } from '@ledgerstone/client/problem'
import type { RegistryView } from '@ledgerstone/client/registry'
import { type StatementCheck, statementCheck } from '@ledgerstone/client/statements'
import { type BucketVerdict, verifyBucket } from '@ledgerstone/client/verify'
import { Refused } from '@ledgerstone/core/refused'
import { formatTime } from '@ledgerstone/core/time'
import { type CommonOptions, type Connection, connect } from '../connect.ts'
import { counted, exitCodes, explain, type Output, outputOf } from '../output.ts'
import { StatementThreads } from '../statement-threads.ts'

/** From so many on it pays to start threads. */
const blocksForThreads = 2_000

export type VerifyOptions = CommonOptions & { readonly statements?: boolean; readonly envelopes?: boolean }

/** What became of one bucket: `error` in words, with what it exits when nothing worse is found. */
type Outcome =
  | { readonly verdict: BucketVerdict }
  | { readonly bucket: string; readonly error: string; readonly code?: string; readonly exitCode: number }

/**
 * Verifies buckets one after the other. Each has its own verdict, whatever became of the others; a bad one
 * with its first bad block named. Throws what concerns all of them: the registry, by which they are judged.
 */
export async function verify(buckets: readonly string[], options: VerifyOptions): Promise<void> {
  const connection = connect(options)
  const output = outputOf(options)
  await readRegistry(connection, output)
  const names = buckets.length > 0 ? [...new Set(buckets)] : await allOf(connection, output)
  const outcomes: Outcome[] = []
  for (const bucket of names) outcomes.push(await outcomeOf(bucket, connection, options, output))
  output.result(outcomes.map(reportOf), outcomes.map(textOf).join('\n\n'))
  const exits = outcomes.flatMap((outcome) => ('verdict' in outcome ? [] : [outcome.exitCode]))
  if (exits.length === 0) return
  if (names.length > 1) output.note(`NOT VERIFIED: ${exits.length} of ${counted(names.length, 'bucket')}`)
  const { refused, unreachable, failed } = exitCodes
  process.exitCode = [refused, unreachable].find((code) => exits.includes(code)) ?? failed
}

async function readRegistry({ follower }: Connection, output: Output): Promise<void> {
  try {
    await follower.refresh()
  } catch (error) {
    if (explain(error).exitCode === exitCodes.refused)
      output.note('no bucket is verified, for there is no key registry to verify them by')
    throw error
  }
}

/**
 * The buckets that the ledger lists and those that the pinned registry knows of: it must not hide one. One
 * that is gone is among them.
 */
async function allOf({ api, follower }: Connection, output: Output): Promise<readonly string[]> {
  const listed = (await api.buckets()).map(({ name }) => name)
  const unlisted: string[] = []
  for (const bucket of follower.view.registry.bucketsBeside(listed)) {
    if (await isCovered(api, bucket)) unlisted.push(bucket)
    else output.note(`${bucket} is not verified: the token does not cover it`)
  }
  return [...listed, ...unlisted]
}

async function isCovered(api: Connection['api'], bucket: string): Promise<boolean> {
  try {
    await api.bucket(bucket)
    return true
  } catch (error) {
    return !(error instanceof Refused && error.code === 'insufficient-scope')
  }
}

/** Throws bugs alone. */
async function outcomeOf(
  bucket: string,
  connection: Connection,
  options: VerifyOptions,
  output: Output,
): Promise<Outcome> {
  try {
    return { verdict: await verifyOne(bucket, connection, options, output) }
  } catch (error) {
    const isTold =
      error instanceof Refused || error instanceof UnexpectedAnswer || error instanceof Unreachable
    if (!isTold) throw error
    const { text, ...explained } = explain(missingFrom(connection, bucket, error))
    output.note(`not verified: ${bucket}`)
    return { bucket, error: text, ...explained }
  }
}

/** A bucket that the registry knows was there; of one that it does not, the ledger's word is enough. */
function missingFrom({ follower }: Connection, bucket: string, cause: Error): Error {
  const isUnknown = cause instanceof Refused && cause.code === 'unknown-bucket'
  if (!isUnknown || !follower.view.registry.bucketsBeside([]).includes(bucket)) return cause
  const what = `the key registry has log keys of ${bucket}, and the ledger has no such bucket`
  return new Refused('unknown-bucket', what, { cause })
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
  }).finally(() => progress.clear())
  progress.finish(`verified ${bucket}: ${counted(verdict.checked, 'block')}`)
  return verdict
}

function textOf(outcome: Outcome): string {
  if ('verdict' in outcome) return soundText(outcome.verdict)
  return `NOT VERIFIED  ${outcome.bucket}\n  ${outcome.error}`
}

function soundText(verdict: BucketVerdict): string {
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

function reportOf(outcome: Outcome): unknown {
  if ('verdict' in outcome) return soundReport(outcome.verdict)
  const { exitCode, ...told } = outcome
  return { verdict: exitCode === exitCodes.refused ? 'refused' : 'not-checked', ...told }
}

function soundReport({ checkpoint, remembered, ...found }: BucketVerdict): unknown {
  const { head, note, cosigners } = checkpoint
  return {
    verdict: standingOf(true, found.quorum),
    ...found,
    checkpoint: {
      size: head.size,
      root: head.root.toHex(),
      note,
      cosigners: cosigners.map(({ witness }) => witness),
    },
    remembered: remembered === undefined ? null : remembered.size,
  }
}
