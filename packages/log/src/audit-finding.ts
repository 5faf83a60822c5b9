// What the audit says: findings that name copy, bucket, block, file and offset, and how far it has come.
import { type RefusalCode, Refused } from '@ledgerstone/core/refused'
import type { Head } from './store.ts'
import type { Finding } from './store-audit.ts'

/** `log`: the store's files. `index`: what the store derives from them. `documents`: the document store. */
export type Copy = 'log' | 'index' | 'documents'

export type AuditFinding = Finding & {
  readonly kind: 'finding'
  readonly copy: Copy
  readonly code: RefusalCode
}

export type AuditEvent =
  | AuditFinding
  | { readonly kind: 'progress'; readonly bucket: string; readonly checked: number; readonly size: number }
  /** One bucket is done; `blocks` were read, `journalled` of them in the journal. */
  | {
      readonly kind: 'audited'
      readonly bucket: string
      readonly head: Head
      readonly blocks: number
      readonly journalled: number
      readonly findings: number
    }
  | {
      readonly kind: 'done'
      readonly buckets: number
      readonly blocks: number
      readonly findings: number
      /** Whether there were documents, and could be read until the end. */
      readonly isDocumentsCompared: boolean
    }

/** The files of a batch's parts, as stores name them. */
export type Part = 'entries' | 'envelopes' | 'identities' | 'heads' | `tiles-${number}`

export function findingIn(
  bucket: string,
  part: Part,
  offset: number | undefined,
  block: number | undefined,
  code: RefusalCode,
  what: string,
): AuditFinding {
  return {
    ...{ kind: 'finding', copy: 'log', bucket, file: `buckets/${bucket}/${part}`, code, what },
    ...(offset !== undefined && { offset }),
    ...(block !== undefined && { block }),
  }
}

/** A finding of a bucket as a whole, or of the store. */
export function findingOf(bucket: string | undefined, code: RefusalCode, what: string): AuditFinding {
  if (bucket === undefined) return { kind: 'finding', copy: 'log', file: 'buckets', code, what }
  return { kind: 'finding', copy: 'log', bucket, file: `buckets/${bucket}`, code, what }
}

export function findingInDocuments(
  bucket: string,
  block: number | undefined,
  code: RefusalCode,
  what: string,
): AuditFinding {
  const place = block === undefined ? {} : { block }
  return { kind: 'finding', copy: 'documents', bucket, file: 'documents', code, what, ...place }
}

/** A finding of the store's own structure. */
export function structural(finding: Finding, copy: Copy): AuditFinding {
  return { kind: 'finding', copy, code: 'damaged-store', ...finding }
}

/** Why something was refused; what is no refusal is nobody's finding and is thrown on. */
export function reasonOf(error: unknown): Refused {
  if (!(error instanceof Refused)) throw error
  return error
}
