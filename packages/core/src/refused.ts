/**
 * The input or the peer is at fault, and may be told so. Everything else that is thrown is either a bug of
 * ours (an assertion) or the machine's fault (an operating error, passed on with its `cause`).
 *
 * Messages name what and which; they never contain plaintext, keys or tokens.
 */
export class Refused extends Error {
  override readonly name = 'Refused'
  /** Stable, machine-readable; rendered once per border (HTTP: RFC 9457, command line: exit code). */
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Every reason that Ledgerstone gives for refusing something, in the order of the flow. */
export const refusalCodes = [
  // form
  'malformed', // cannot be decoded, or decodes and re-encodes to other bytes
  'unknown-version', // a format version that this program does not know
  'unknown-field', // a member that the format does not have
  'too-large', // over a limit of limits.ts
  'bad-name', // not a ledger, bucket or type name
  // statement and envelope
  'wrong-log', // the statement is for another bucket or ledger
  'wrong-digest', // the envelope is not the one that the statement names
  'unknown-key', // no such key in the registry at that size
  'wrong-key', // the key has another purpose, role, owner or algorithm
  'key-expired', // outside the key's validity
  'key-revoked',
  'bad-signature',
  'stale-statement', // issued too long before, or after, the block's time
  'id-reused', // the id is taken by another record
  'case-moved', // the case's newest step is not the one named
  'reserved', // a reserved bucket or type, and no role for it
  'not-approved', // the registrars' threshold is not reached
  // proofs
  'bad-checkpoint',
  'bad-proof',
  'no-quorum', // the policy is not satisfied
  'bad-policy',
  'wrong-ledger', // not the ledger of the trust file
  'gap', // entries are missing where all are needed
  'bad-link', // prev, index, time or keys does not follow from the block before
  'rolled-back', // smaller than what was final before
  'forked', // another history of the same log
  'damaged-store', // stored bytes are not what was written
  'nothing-checked', // a verification that had nothing to verify
  // opening
  'cannot-open', // the one failure of opening an envelope
  'wrong-passphrase', // a private key is encrypted, and not with this passphrase
  // callers
  'no-token',
  'bad-token',
  'token-expired',
  'wrong-audience',
  'bad-proof-of-possession',
  'insufficient-scope',
  'rate-limited',
  'issuer-unavailable', // the OAuth service whose keys judge the token cannot be reached
  // requests
  'unknown-bucket',
  'unknown-block',
  'unknown-route',
  'bad-query',
  'wrong-media-type',
  'bad-config',
  'bad-key-file',
  // the engine
  'bucket-exists',
  'head-moved', // the compare-and-swap lost
  'outcome-unknown', // the write may or may not have happened; ask again with the same id
  'pool-full',
  'read-only', // the bucket takes no appends now
  'store-full', // no space left
  'store-busy', // another process has it open
  'stopping',
  'documents-unavailable',
  'erased', // the envelope was erased by a later block
  'keys-stale', // the view of the registry is too old to seal by
  // the key exchange
  'unknown-exchange',
  'exchange-over', // the exchange is not, or no longer, where this could be asked of it
  'wrong-certificate', // not the one certificate that this exchange takes
  'bad-ceremony', // a message out of turn, or one that breaks what an earlier one bound
  'wrong-string', // the two sides do not show the same short string
  'peer-lost', // the other side fell silent, or went away
  'no-port', // no port of the configured range is free
  // the desk
  'foreign-page', // another page, or another name for this computer, than the desk's own
  'no-session', // the desk was not opened by its one-time address
] as const

export type RefusalCode = (typeof refusalCodes)[number]
