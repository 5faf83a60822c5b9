// The contract of the document store: every block as an indexed document, derived from the log and
// rebuildable. Nothing that decides anything is ever taken from it; when it breaks, appends go on.

/** One block as a document: only what is in clear in the entry and in the envelope's header. */
export type BlockDocument = {
  readonly index: number
  /** 64 hexadecimal characters. */
  readonly hash: string
  /** Milliseconds since 1970. */
  readonly time: number
  readonly type: string
  readonly id: string
  /** kid of the statement's key. */
  readonly sender: string
  readonly suite?: string
  /** kids that the envelope is sealed for. */
  readonly receivers: readonly string[]
  readonly media?: string
  /** The `client` and `sub` of the envelope's actor. */
  readonly actor?: string
  readonly meta: Readonly<Record<string, string>>
}

/** All given conditions must hold. */
export type DocumentFilter = {
  readonly type?: string
  readonly sender?: string
  readonly receiver?: string
  readonly timeFrom?: number
  readonly timeTo?: number
  readonly meta?: Readonly<Record<string, string>>
}

export type DocumentPage = {
  readonly indexes: readonly number[]
  /** Where to go on, when there may be more. */
  readonly next?: number
  /** Documents of all blocks below this index are in the store: the answer says nothing about later ones. */
  readonly complete: number
}

export interface Documents extends AsyncDisposable {
  /** Documents of all blocks below this index are present. */
  complete(bucket: string): Promise<number>
  /**
   * Adds documents of consecutive blocks from `from` on, `from` at most `complete`; atomic. Those that are
   * present already are left as they are.
   */
  put(bucket: string, from: number, documents: readonly BlockDocument[]): Promise<void>
  /**
   * Indexes of matching blocks at or above `from`, ascending (or at or below `from`, descending), at most
   * `limit`.
   */
  find(
    bucket: string,
    filter: DocumentFilter,
    page: { readonly from: number; readonly limit: number; readonly order?: 'ascending' | 'descending' },
  ): Promise<DocumentPage>
  findHash(bucket: string, hash: string): Promise<number | undefined>
  /** Documents from `from` on, ascending, at most `limit`: what the audit compares with the log. */
  read(bucket: string, from: number, limit: number): Promise<readonly BlockDocument[]>
  /** Forgets a bucket, to be filled again, also while it is asked. What it said is overwritten. */
  drop(bucket: string): Promise<void>
  /** What the store itself finds wrong with what it keeps; takes long. The audit asks before it compares. */
  faults(): Promise<readonly string[]>
}
