// `ledgerstone audit`: where the log's audit meets the stores that it reads.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { printable } from '@ledgerstone/client/record-text'
import { formatHex } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { Trust } from '@ledgerstone/core/trust'
import { readLedgerConfig } from '@ledgerstone/ledger/config'
import { audit as auditStore } from '@ledgerstone/log/audit'
import type { AuditEvent, AuditFinding } from '@ledgerstone/log/audit-finding'
import { openDocumentsForAudit, type RestingDocuments } from '@ledgerstone/stores/documents/audit'
import type { DocumentPlace } from '@ledgerstone/stores/documents/tables'
import { openForAudit } from '@ledgerstone/stores/file/audit'
import { readTrust } from '../connect.ts'
import { dataFolder } from '../data-folder.ts'
import { counted, exitCodes, type Output, outputOf, type Progress } from '../output.ts'

export type AuditOptions = {
  readonly data: string
  /** Configuration of a ledger that runs alone, instead of the data folder. */
  readonly config?: string
  readonly trust?: string
  readonly json?: boolean
}

type Place = { readonly store: string; readonly documents: string | undefined; readonly trust: Trust }

type Report = {
  readonly buckets: Omit<Extract<AuditEvent, { kind: 'audited' }>, 'kind'>[]
  readonly findings: AuditFinding[]
  /** Why the document store was not compared, where it was not. */
  uncompared?: string
}

const workers = 2
const findingsShown = 20
const startedMeanwhile = 'the ledger was started meanwhile; stop it to compare them'

/** Only these buckets, or all; `keys` in any case. Findings are told in full, and end with exit code 3. */
export async function audit(buckets: readonly string[], options: AuditOptions): Promise<void> {
  const output = outputOf(options)
  const place = placeOf(options)
  const report: Report = { buckets: [], findings: [] }
  await using store = await openForAudit(place.store)
  using documents = openDocuments(place.documents, report)
  await checkDocuments(documents, report)
  const { trust } = place
  const isComparable = documents !== undefined && report.uncompared === undefined
  const events = auditStore({
    ...{ store, trust, ledger: trust.ledger, verifyWorkers: workers },
    ...(isComparable && { documents }),
    ...(buckets.length > 0 && { buckets }),
  })
  await collect(events, report, output)
  output.result(reportOf(place, report), textOf(place, report, buckets.length === 0))
  if (report.findings.length > 0) process.exitCode = exitCodes.refused
}

function placeOf(options: AuditOptions): Place {
  if (options.config === undefined) {
    const folder = dataFolder(options.data)
    return { store: folder.ledger, documents: folder.documents, trust: readTrust(options) }
  }
  const { store, documents, trust } = readLedgerConfig(options.config)
  return { store, documents, trust: readTrust({ data: '.', trust: options.trust ?? trust }) }
}

/** It is derived from the log: where there is none, nothing is lost. */
function openDocuments(path: string | undefined, report: Report): RestingDocuments | undefined {
  if (path === undefined || !existsSync(path)) {
    report.uncompared = 'there is no document store'
    return undefined
  }
  try {
    return openDocumentsForAudit(path)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    if (error.code === 'store-busy') report.uncompared = 'the ledger is running; stop it to compare them'
    else addFault(report, error.message)
    return undefined
  }
}

/** Before it is compared with the log, the document store must be sound in itself. */
async function checkDocuments(documents: RestingDocuments | undefined, report: Report): Promise<void> {
  try {
    for (const { what, place } of (await documents?.faults()) ?? []) {
      addFault(report, `the document store is damaged: ${what}`, place)
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    if (error.code === 'store-busy') report.uncompared = startedMeanwhile
    else addFault(report, error.message)
  }
}

function addFault(report: Report, what: string, place?: DocumentPlace): void {
  report.uncompared = 'the document store is damaged; it is filled again when it is removed'
  report.findings.push({
    ...{ kind: 'finding', copy: 'documents', file: 'documents', code: 'damaged-store' },
    ...{ what: printable(what), ...place },
  })
}

async function collect(events: AsyncIterable<AuditEvent>, report: Report, output: Output): Promise<void> {
  let progress: Progress | undefined
  for await (const event of events) {
    if (event.kind === 'finding') report.findings.push(event)
    if (event.kind === 'done' && !event.isDocumentsCompared) report.uncompared ??= startedMeanwhile
    if (event.kind === 'progress') {
      progress ??= output.progress(`auditing ${event.bucket}`, event.size)
      progress.advance(event.checked)
    }
    if (event.kind !== 'audited') continue
    const { kind: _, ...bucket } = event
    report.buckets.push(bucket)
    progress ??= output.progress(`auditing ${event.bucket}`, event.head.size)
    progress.finish(`audited ${event.bucket}: ${counted(event.blocks, 'block')}, ${findings(event.findings)}`)
    progress = undefined
  }
}

function textOf(place: Place, { buckets, findings: all, uncompared }: Report, isWhole: boolean): string {
  const { ledger, genesis } = place.trust
  const total = buckets.reduce((sum, bucket) => sum + bucket.blocks, 0)
  const only = isWhole ? '' : `only ${buckets.map(({ bucket }) => bucket).join(', ')}`
  const size = `${counted(buckets.length, 'bucket')}, ${counted(total, 'block')}`
  const compared = isWhole ? 'compared with the log' : `${only}: compared with the log`
  const verdict = all.length === 0 ? 'SOUND   ' : 'DAMAGED '
  const count = all.length === 0 ? '' : `: ${findings(all.length)}`
  const lines = [
    `${verdict} ${ledger}${isWhole ? '' : ` (${only})`}${count}`,
    `  read       ${size}: every byte of every file, every signature`,
    ...buckets.flatMap(journalText),
    `  documents  ${uncompared === undefined ? compared : `not compared: ${uncompared}`}`,
    `  genesis    ${formatHex(genesis)}, of the trust file`,
  ]
  for (const finding of all.slice(0, findingsShown)) lines.push('', ...findingText(place, finding))
  const rest = all.length - findingsShown
  if (rest > 0) lines.push('', `and ${rest.toLocaleString('en')} more (--json shows them all)`)
  return lines.join('\n')
}

/** What a start will move on, for the numbers that were seen before and after it. */
function journalText({ bucket, journalled }: Report['buckets'][number]): readonly string[] {
  if (journalled === 0) return []
  const count = counted(journalled, 'block')
  return [
    `  journal    ${bucket} was not closed: the newest ${count} stand in its journal, and were read there`,
  ]
}

function findingText(place: Place, finding: AuditFinding): readonly string[] {
  const { bucket, block, copy, offset, code, what } = finding
  const whole = copy === 'documents' ? 'the documents' : 'the store'
  const where = bucket === undefined ? whole : block === undefined ? bucket : `${bucket}, block ${block}`
  const at = offset === undefined ? '' : `, byte ${offset}`
  return [`${where}: ${what} [${code}]`, `  in the ${copy}: ${printable(fileOf(place, finding))}${at}`]
}

function fileOf({ store, documents }: Place, { copy, file }: AuditFinding): string {
  return copy === 'documents' && documents !== undefined ? documents : join(store, file)
}

function reportOf(place: Place, { buckets, findings: all, uncompared }: Report): unknown {
  const { ledger, genesis } = place.trust
  return {
    verdict: all.length === 0 ? 'sound' : 'damaged',
    ledger,
    genesis: formatHex(genesis),
    buckets: buckets.map(({ bucket, head, ...counts }) => ({
      ...{ bucket, size: head.size, root: formatHex(head.root) },
      ...counts,
    })),
    documents: uncompared === undefined ? 'compared' : uncompared,
    findings: all.map(({ kind: _, ...finding }) => ({
      ...finding,
      file: fileOf(place, finding as AuditFinding),
    })),
  }
}

function findings(count: number): string {
  return count === 0 ? 'no findings' : counted(count, 'finding')
}
