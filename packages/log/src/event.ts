// What the engine tells its operator: one union, for logs and metrics. Nothing is decided by these events.

export type LogEvent =
  | {
      readonly kind: 'committed'
      readonly bucket: string
      readonly count: number
      readonly bytes: number
      readonly ms: number
    }
  /** Another process has committed first; the same records are chained again. */
  | { readonly kind: 'head-moved'; readonly bucket: string }
  | { readonly kind: 'outcome-unknown'; readonly bucket: string; readonly error: unknown }
  | { readonly kind: 'reopened'; readonly bucket: string; readonly size: number }
  /** The bucket takes no more appends until the process starts anew. */
  | {
      readonly kind: 'stopped'
      readonly bucket: string
      readonly code: string
      readonly detail: string
      readonly error: unknown
    }
  /** This process's clock is behind the newest block; nothing is sequenced until it has caught up. */
  | { readonly kind: 'clock-behind'; readonly bucket: string; readonly ms: number }
  | {
      readonly kind: 'published'
      readonly bucket: string
      readonly size: number
      readonly final: boolean
      readonly ms: number
    }
  | { readonly kind: 'publish-failed'; readonly bucket: string; readonly error: unknown }
  | { readonly kind: 'documents-failed'; readonly bucket: string; readonly error: unknown }
  | { readonly kind: 'documents-filled'; readonly bucket: string; readonly complete: number }
  | { readonly kind: 'worker-failed'; readonly error: unknown }

export type Report = (event: LogEvent) => void
