// Reads everything again: every byte of a store is under a hash or a checksum that is recomputed here, and
// the document store is compared with it. `keys` comes first, since its registry judges all other blocks.
import { checkPolicyOf } from '@ledgerstone/core/evidence'
import { keysBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import type { Trust } from '@ledgerstone/core/trust'
import { type AuditContext, type AuditedDocuments, auditBlocks } from './audit-bucket.ts'
import { type AuditEvent, findingOf, reasonOf, structural } from './audit-finding.ts'
import type { StoreAudit } from './store-audit.ts'
import { Verifiers } from './verify.ts'

export type AuditOptions = {
  readonly store: StoreAudit
  readonly ledger: string
  /** Pins genesis and policy. Without it the store is checked against nothing but itself. */
  readonly trust: Trust | undefined
  readonly documents?: AuditedDocuments
  /** Only these buckets; `keys` is read in any case. */
  readonly buckets?: readonly string[]
  /** Threads that verify statements; 0: the calling thread. */
  readonly verifyWorkers: number
  /** After so many findings in one bucket the rest of it is left: 1000 when absent. */
  readonly findingsMax?: number
}

/**
 * Yields findings and progress, bucket by bucket, and at the end `done`. Memory is bounded. Nothing that was
 * checked is a finding too (`nothing-checked`). Throws `unknown-bucket` for a name that neither the store nor
 * `keys` knows, and operating errors.
 */
export async function* audit(options: AuditOptions): AsyncGenerator<AuditEvent> {
  const { store, ledger, trust, documents, verifyWorkers } = options
  await using verifiers = new Verifiers(verifyWorkers, () => undefined)
  const context: AuditContext = { ledger, trust, verifiers, documents, registry: undefined }
  const total = { buckets: 0, blocks: 0, findings: 0 }
  for (const stray of await store.strays()) {
    total.findings++
    yield structural(stray, 'log')
  }
  const there = await store.buckets()
  for (const bucket of namesOf(there, options)) {
    if (!there.includes(bucket)) checkAnnounced(bucket, there, context)
    for await (const event of auditBucket(bucket, options, context)) {
      yield event
      if (event.kind === 'finding') total.findings++
      if (event.kind !== 'audited') continue
      total.buckets++
      total.blocks += event.blocks
    }
  }
  for (const bucket of await goneOf(options, context)) {
    total.findings++
    yield findingOf(bucket, 'unknown-bucket', 'its log keys stand in keys, and there is no such bucket')
  }
  if (total.blocks === 0) {
    total.findings++
    yield findingOf(undefined, 'nothing-checked', 'no block was checked')
  }
  yield { kind: 'done', ...total, isDocumentsCompared: context.documents !== undefined }
}

/** `keys` first. */
function namesOf(there: readonly string[], { buckets }: AuditOptions): readonly string[] {
  const missing = (buckets ?? []).filter((name) => name !== keysBucket && !there.includes(name))
  const rest = there.filter(
    (name) => name !== keysBucket && (buckets === undefined || buckets.includes(name)),
  )
  return [keysBucket, ...rest, ...missing]
}

/** A bucket that is asked for and is not there is damage if `keys` knows it, else a slip of whoever asks. */
function checkAnnounced(bucket: string, there: readonly string[], { registry }: AuditContext): void {
  if (bucket === keysBucket || registry === undefined) return
  if (!registry.bucketsBeside(there).includes(bucket)) {
    throw new Refused('unknown-bucket', `there is no bucket ${JSON.stringify(bucket)}`)
  }
}

/** A bucket may be taken away as a whole: `keys` knows which there have to be. */
async function goneOf(options: AuditOptions, { registry }: AuditContext): Promise<readonly string[]> {
  if (options.buckets !== undefined || registry === undefined) return []
  return registry.bucketsBeside(await options.store.buckets())
}

async function* auditBucket(
  bucket: string,
  options: AuditOptions,
  context: AuditContext,
): AsyncGenerator<AuditEvent> {
  const { findingsMax = 1000 } = options
  let findings = 0
  let blocks = 0
  try {
    await using opened = await options.store.open(bucket)
    for await (const event of checkAll(bucket, opened, options, context)) {
      yield event
      if (event.kind === 'progress') blocks = event.checked
      if (event.kind === 'finding' && ++findings >= findingsMax) {
        yield findingOf(
          bucket,
          'damaged-store',
          `more than ${findingsMax} findings; the rest of the bucket is left`,
        )
        break
      }
    }
    const { head, journalled } = opened
    yield { kind: 'audited', bucket, head, blocks, journalled, findings }
  } catch (error) {
    const { code, message } = reasonOf(error)
    yield findingOf(bucket, code, message)
  }
}

async function* checkAll(
  bucket: string,
  opened: Awaited<ReturnType<StoreAudit['open']>>,
  { trust }: AuditOptions,
  context: AuditContext,
): AsyncGenerator<AuditEvent> {
  for await (const found of opened.checkStructure()) yield structural(found, 'log')
  if (opened.head.size === 0) yield findingOf(bucket, 'nothing-checked', 'the bucket has no blocks')
  yield* auditBlocks(bucket, opened, context)
  if (bucket !== keysBucket || context.registry === undefined || trust === undefined) return
  try {
    checkPolicyOf(context.registry, trust)
  } catch (error) {
    const { code, message } = reasonOf(error)
    yield findingOf(bucket, code, message)
  }
}
