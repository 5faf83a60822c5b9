import { readFileSync } from 'node:fs'
import { type Standing, standingOf } from '@ledgerstone/client/anchor'
import { openEvidence } from '@ledgerstone/client/open'
import { recordText, shownRecord } from '@ledgerstone/client/record-text'
import { formatHex } from '@ledgerstone/core/bytes'
import { type EvidenceVerdict, verifyEvidence } from '@ledgerstone/core/evidence'
import { openerOf } from '@ledgerstone/core/open'
import { Refused } from '@ledgerstone/core/refused'
import { formatTime } from '@ledgerstone/core/time'
import { type CommonOptions, connect, readTrust } from '../connect.ts'
import { outputOf } from '../output.ts'
import { openPrivateKey, type PassphraseOptions } from '../private-key.ts'
import { writeTo } from '../write-to.ts'

/** Fetches evidence and verifies it before it is handed on. */
export async function evidence(
  bucket: string,
  block: string,
  options: CommonOptions & { readonly out?: string },
): Promise<void> {
  const { api, trust } = connect(options)
  const text = await api.evidence(bucket, block)
  const verdict = await verifyEvidence(text, trust)
  if (verdict.block.bucket !== bucket) throw new Refused('bad-link', 'the evidence is of another bucket')
  writeTo(options.out, text)
  if (options.out !== undefined)
    outputOf(options).note(`${describe(verdict)}\nevidence written to ${options.out}`)
}

export type VerifyFileOptions = PassphraseOptions & {
  readonly data: string
  readonly trust?: string
  readonly unpinned?: boolean
  readonly key?: string
  readonly json?: boolean
}

export async function verifyFile(file: string, options: VerifyFileOptions): Promise<void> {
  const trust = options.unpinned === true ? undefined : readTrust(options)
  const verdict = await verifyEvidence(readFileSync(file, 'utf8'), trust)
  const opened = options.key === undefined ? undefined : await openWith(verdict, options.key, options)
  const record = opened === undefined ? '' : `\n\n${recordText(opened, verdict.envelope?.labels.media ?? '')}`
  outputOf(options).result(
    { ...reportOf(verdict), ...(opened !== undefined && { record: shownRecord(opened) }) },
    `${describe(verdict)}${record}`,
  )
}

async function openWith(
  verdict: EvidenceVerdict,
  keyFile: string,
  options: PassphraseOptions,
): Promise<Uint8Array> {
  return (await openEvidence(verdict, await openerOf(await openPrivateKey(keyFile, options)))).record
}

function describe(verdict: EvidenceVerdict): string {
  const { pinned, block, hash, key, statement, checkpoint, policy, genesis, envelope, suspect } = verdict
  const { size, root } = checkpoint.head
  const pin = pinned ? '(pinned)' : '(NOT PINNED: compare it with the trust file of the ledger)'
  const lines = [
    `${headlines[standingOf(pinned, checkpoint.quorum)]}  ${block.bucket} ${block.index}`,
    `  hash        ${formatHex(hash)}`,
    `  time        ${formatTime(block.time)}`,
    `  type        ${statement.payload.type}`,
    `  sender      ${key.owner} (${key.kid})`,
    ...keyLines(verdict),
    `  envelope    ${describeEnvelope(envelope)}`,
    `  checkpoint  ${size.toLocaleString('en')} blocks, root ${formatHex(root)}`,
    `  policy      ${policy}`,
    `  genesis     ${formatHex(genesis)} ${pin}`,
  ]
  if (suspect) lines.push('  WARNING     the key was later reported stolen as of a time before this block')
  return lines.join('\n')
}

/** What became of the sender's key after this block, as far as the file's registry goes. */
function keyLines({ registry, key, block }: EvidenceVerdict): readonly string[] {
  const { revoked, replaced } = registry.key(key.kid)
  const judged = `in force at block ${block.keys} of keys, by which this block is judged`
  const ends: string[] = []
  if (replaced !== undefined) ends.push(`replaced since, in block ${replaced.index}, by ${replaced.by}`)
  if (revoked !== undefined) {
    ends.push(`revoked since, in block ${revoked.index}: ${JSON.stringify(revoked.reason)}`)
  }
  return ends.length === 0 ? [] : [`  key         ${[judged, ...ends].join('; ')}`]
}

function describeEnvelope(envelope: EvidenceVerdict['envelope']): string {
  if (envelope === undefined) return 'none in this file'
  if (envelope.suite === 'article-block') return 'an imported block, UNAUTHENTICATED'
  return 'the one that the statement names'
}

const headlines: Record<Standing, string> = {
  verified: 'VERIFIED',
  'log-signed-only': 'CONSISTENT, log-signed only',
  'not-pinned': 'CONSISTENT, not pinned',
}

function reportOf({
  pinned,
  block,
  hash,
  key,
  statement,
  checkpoint,
  policy,
  genesis,
  envelope,
  suspect,
}: EvidenceVerdict): object {
  return {
    verdict: standingOf(pinned, checkpoint.quorum),
    pinned,
    bucket: block.bucket,
    index: block.index,
    hash: formatHex(hash),
    time: formatTime(block.time),
    type: statement.payload.type,
    sender: { owner: key.owner, kid: key.kid },
    suite: envelope?.suite ?? null,
    size: checkpoint.head.size,
    policy,
    genesis: formatHex(genesis),
    suspect,
  }
}
