import { readConfig } from '@ledgerstone/border/config'
import { Type } from '@ledgerstone/border/typebox'
import { limits } from '@ledgerstone/core/limits'
import type { TInteger, TUnsafe } from 'typebox'
import { defaultLedgerLimits } from './limits.ts'

/** What `ledgerstone ledger --config FILE` reads: a JSON file. Names of key files stand here, never keys. */
export type LedgerConfig = {
  /** The pinned trust file; it names the ledger. */
  readonly trust: string
  /** Folder of the buckets' files. */
  readonly store: string
  /** The document store's file; without it, filters and look-ups by hash answer `documents-unavailable`. */
  readonly documents?: string
  /** Folder of `log-<bucket>-ed25519.pem` and `log-<bucket>-mldsa44.pem`. */
  readonly keys: string
  /** Its first line opens those of the private keys there that are encrypted. As private as a key. */
  readonly passphraseFile?: string
  /** Must be there beside `keys`, or the service does not start; others in the store are served, too. */
  readonly buckets: readonly string[]
  /** `127.0.0.1`, 8400. */
  readonly listen: { readonly host: string; readonly port: number }
  /**
   * Where callers reach this service; DPoP proofs name one of them. The first stands in the API's
   * description.
   */
  readonly publicUrls: readonly string[]
  /** `urn:ledgerstone:ledger`. */
  readonly audience: string
  readonly issuers: readonly IssuerConfig[]
  /** `public`: tiles and checkpoints need no token. Anyone then sees how much is written, and when. */
  readonly log: 'public' | 'token'
  /** `token`: `/metrics` needs the scope `manage:metrics`. */
  readonly metrics: 'public' | 'token'
  /** Serve the explorer at `/`; without it there is no page. */
  readonly explorer?: {
    /** The build; the one that came with the program. */
    readonly folder?: string
    /** Where people sign in; the first of `issuers`. */
    readonly issuer?: string
    /** `explorer`. */
    readonly clientId: string
    /** `urn:ledgerstone:sealer`. */
    readonly sealerAudience: string
    /** What people ask for when they sign in, beside `openid`; what all pages need. */
    readonly scopes?: readonly string[]
  }
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** Addresses of proxies whose `X-Forwarded-For` is believed; none. */
  readonly trustedProxies: readonly string[]
  /** Threads that check statement signatures: 2. */
  readonly verifyWorkers: number
  /** 1000. */
  readonly publishIntervalMs: number
  readonly limits: {
    /** Per client address: 50,000. */
    readonly requestsPerSecondMax: number
    /** 256. */
    readonly eventStreamsMax: number
    /** 10,000. */
    readonly waitFinalMsMax: number
  }
}

/** An OAuth service whose tokens are accepted, as in the border's `IssuerOptions`. */
export type IssuerConfig = {
  readonly issuer: string
  readonly jwksUri?: string
  readonly typ?: 'at+jwt' | 'JWT'
  readonly clientClaim?: string
  readonly scopeClaim?: string
}

/** Throws `bad-config`, listing all mistakes at once. The result is frozen, its defaults filled in. */
export function readLedgerConfig(path: string): LedgerConfig {
  return readConfig(path, ledgerConfig)
}

const closed = { additionalProperties: false }
const path = Type.String({ minLength: 1, maxLength: 4096 })
const count = (minimum: number, maximum: number, value: number): TInteger =>
  Type.Integer({ minimum, maximum, default: value })

function oneOf<const Choice extends string>(choices: readonly Choice[], value: Choice): TUnsafe<Choice> {
  return Type.Unsafe<Choice>({ type: 'string', enum: [...choices], default: value })
}

const bucketName = Type.String({ pattern: '^(?!keys$|ledgerstone-)[a-z][a-z0-9-]{0,62}$' })

const issuer = Type.Object(
  {
    issuer: Type.String({ pattern: '^https?://[^\\s?#]+$' }),
    jwksUri: Type.Optional(Type.String({ pattern: '^https?://' })),
    typ: Type.Optional(Type.Union([Type.Literal('at+jwt'), Type.Literal('JWT')])),
    clientClaim: Type.Optional(Type.String({ minLength: 1 })),
    scopeClaim: Type.Optional(Type.String({ minLength: 1 })),
  },
  closed,
)

const listen = Type.Object(
  {
    host: Type.String({ minLength: 1, default: '127.0.0.1' }),
    port: count(0, 65_535, 8400),
  },
  { ...closed, default: {} },
)

const explorer = Type.Object(
  {
    folder: Type.Optional(path),
    issuer: Type.Optional(Type.String({ pattern: '^https?://[^\\s?#]+$' })),
    clientId: Type.String({ minLength: 1, default: 'explorer' }),
    sealerAudience: Type.String({ minLength: 1, default: 'urn:ledgerstone:sealer' }),
    scopes: Type.Optional(
      Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5B\\x5D-\\x7E]{1,100}$' }), { uniqueItems: true }),
    ),
  },
  closed,
)

const limitsConfig = Type.Object(
  {
    requestsPerSecondMax: count(1, 10_000_000, 50_000),
    eventStreamsMax: count(0, 100_000, limits.eventStreamsMax),
    waitFinalMsMax: count(0, 60_000, defaultLedgerLimits.waitFinalMsMax),
  },
  { ...closed, default: {} },
)

const ledgerConfig = Type.Object(
  {
    trust: path,
    store: path,
    documents: Type.Optional(path),
    keys: path,
    passphraseFile: Type.Optional(path),
    buckets: Type.Array(bucketName, { minItems: 1, maxItems: 1000, uniqueItems: true }),
    listen,
    publicUrls: Type.Array(Type.String({ pattern: '^https?://[^\\s?#]+$' }), {
      minItems: 1,
      uniqueItems: true,
    }),
    audience: Type.String({ minLength: 1, default: 'urn:ledgerstone:ledger' }),
    issuers: Type.Array(issuer, { minItems: 1 }),
    log: oneOf(['public', 'token'], 'token'),
    metrics: oneOf(['public', 'token'], 'token'),
    explorer: Type.Optional(explorer),
    logLevel: oneOf(['debug', 'info', 'warn', 'error'], 'info'),
    trustedProxies: Type.Array(Type.String({ minLength: 1 }), { default: [] }),
    verifyWorkers: count(0, 64, 2),
    publishIntervalMs: count(100, 60_000, 1000),
    limits: limitsConfig,
  },
  closed,
)

/** As JSON Schema, for those who describe or check such a file. */
export const ledgerConfigSchema: object = ledgerConfig
