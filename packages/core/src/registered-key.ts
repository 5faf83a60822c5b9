import type { Registration } from './registration.ts'

/** A key of the registry with its life so far. Indexes are blocks of `keys`. */
export type RegisteredKey = Registration & {
  /** The block that asked for it. */
  readonly requested: number
  /** The block at which it began to count: where the threshold of registrars was reached. */
  readonly effective: number
  /**
   * `index` and `reason`: of the first revocation, which stays; of a key that had been replaced before, of
   * the one that calls it stolen. `suspectFrom`: of the newest that names one.
   */
  readonly revoked?: { readonly index: number; readonly reason: string; readonly suspectFrom?: number }
  readonly replaced?: { readonly index: number; readonly by: string }
}
