import { readConfig } from '@ledgerstone/border/config'
import { readKeyFile } from '@ledgerstone/border/key-file'
import { Type } from '@ledgerstone/border/typebox'
import { membersOf, parseJson, textMember } from '@ledgerstone/core/canonical'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { ExchangeAssurance } from '@ledgerstone/exchange/exchange-state'
import type { TInteger, TUnsafe } from 'typebox'
import type { ExchangeSettings } from './exchange-server.ts'
import type { KeyFiles } from './keys.ts'
import type { ReceiverNames } from './receivers.ts'
import type { ClientRule } from './rules.ts'

/** What `ledgerstone sealer --config FILE` reads: a JSON file. Names of key files stand here, never keys. */
export type SealerConfig = {
  /** The pinned trust file; it names the ledger. */
  readonly trust: string
  readonly keys: KeyFiles
  /** Its first line opens those of the private keys here that are encrypted. As private as a key. */
  readonly passphraseFile?: string
  readonly ledger: {
    /** Where the ledger is; https, or http on this machine. */
    readonly url: string
    /** Where callers of the sealer reach the ledger; absent: answers have no `Location`. */
    readonly publicUrl?: string
    /** A file of JSON `{issuer, client_id, client_secret}`, as private as a key. */
    readonly client: string
    /** Of the sealer's own token: `append:* read:keys`. */
    readonly scope: string
    /** The audience of it: `urn:ledgerstone:ledger`. */
    readonly resource: string
  }
  /** For whom each bucket's records are sealed; see `ReceiverNames`. */
  readonly receivers: ReceiverNames
  readonly clients: readonly ClientRule[]
  /** `127.0.0.1`, 8401. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Where callers reach this service; DPoP proofs name one of them. */
  readonly publicUrls: readonly string[]
  /** `urn:ledgerstone:sealer`. */
  readonly audience: string
  readonly issuers: readonly {
    readonly issuer: string
    readonly jwksUri?: string
    readonly typ?: 'at+jwt' | 'JWT'
    readonly clientClaim?: string
    readonly scopeClaim?: string
  }[]
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** `token`: `/metrics` needs the scope `manage:metrics`. */
  readonly metrics: 'public' | 'token'
  /** Addresses of proxies whose `X-Forwarded-For` is believed; none. */
  readonly trustedProxies: readonly string[]
  /** How often the key registry is read again: 60,000. */
  readonly refreshMs: number
  /** Absent: no keys are exchanged here. `ledger.scope` then needs `manage:keys` too. */
  readonly exchange?: ExchangeSettings & {
    /** PEM: the registrar's private key, which signs registrations. */
    readonly registrar: string
  }
}

/** Throws `bad-config`, listing all mistakes at once. The result is frozen, its defaults filled in. */
export function readSealerConfig(path: string): SealerConfig {
  return readConfig(path, sealerConfig)
}

/** A file that holds what stands under `receivers` in the configuration. Throws `bad-config`. */
export function readReceiverNames(path: string): ReceiverNames {
  return readConfig(path, receivers)
}

/** An OAuth client of this service, from a file of its own. */
export type OwnClient = { readonly issuer: string; readonly clientId: string; readonly clientSecret: string }

/** Throws `bad-key-file` when others may read the file, `bad-config` when it holds something else. */
export function readOwnClient(path: string): OwnClient {
  const text = readKeyFile(path)
  try {
    const names = ['issuer', 'client_id', 'client_secret']
    const { issuer, client_id, client_secret } = membersOf(parseJson(text, path), path, names)
    return {
      issuer: textMember(issuer, 'issuer'),
      clientId: textMember(client_id, 'client_id'),
      clientSecret: textMember(client_secret, 'client_secret'),
    }
  } catch (error) {
    // Not the cause: a parser's message may quote the secret.
    throw new Refused('bad-config', error instanceof Refused ? error.message : `${path} cannot be read`)
  }
}

const closed = { additionalProperties: false }
const path = Type.String({ minLength: 1, maxLength: 4096 })
const url = Type.String({ pattern: '^https?://[^\\s?#]+$' })
const names = Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 16, uniqueItems: true })

const receivers = Type.Record(Type.String({ pattern: '^(?:\\*|[a-z][a-z0-9-]{0,62})$' }), names)

const issuer = Type.Object(
  {
    issuer: url,
    jwksUri: Type.Optional(url),
    typ: Type.Optional(Type.Union([Type.Literal('at+jwt'), Type.Literal('JWT')])),
    clientClaim: Type.Optional(Type.String({ minLength: 1 })),
    scopeClaim: Type.Optional(Type.String({ minLength: 1 })),
  },
  closed,
)

const rule = Type.Object(
  {
    client: Type.String({ minLength: 1 }),
    issuer: Type.Optional(url),
    types: Type.Array(Type.String({ pattern: '^(?:[a-z][a-z0-9.-]{0,63}\\*?|\\*)$' }), { minItems: 1 }),
  },
  closed,
)

const ledger = Type.Object(
  {
    url,
    publicUrl: Type.Optional(url),
    client: path,
    scope: Type.String({ minLength: 1, default: 'append:* read:keys' }),
    resource: Type.String({ minLength: 1, default: 'urn:ledgerstone:ledger' }),
  },
  closed,
)

const listen = Type.Object(
  {
    host: Type.String({ minLength: 1, default: '127.0.0.1' }),
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8401 }),
  },
  { ...closed, default: {} },
)

const assurance = (least: ExchangeAssurance): TUnsafe<ExchangeAssurance> =>
  Type.Unsafe<ExchangeAssurance>({ type: 'string', enum: ['token', 'sas', 'two-person'], default: least })

const ownerRule = Type.Object(
  {
    client: Type.String({ minLength: 1 }),
    issuer: Type.Optional(url),
    owners: Type.Array(Type.String({ pattern: '^(?:[a-z0-9][a-z0-9._@-]{0,126}\\*?|\\*)$' }), {
      minItems: 1,
    }),
  },
  closed,
)

const portNumber = (usual: number): TInteger =>
  Type.Integer({ minimum: 1024, maximum: 65_535, default: usual })

const exchange = Type.Object(
  {
    registrar: path,
    host: Type.String({ minLength: 1, default: '127.0.0.1' }),
    ports: Type.Object({ from: portNumber(20_000), to: portNumber(20_099) }, { ...closed, default: {} }),
    windowMs: Type.Integer({ minimum: 1000, maximum: limits.exchangeWindowMsMax, default: 120_000 }),
    joinMs: Type.Integer({ minimum: 1000, maximum: limits.exchangeAheadMsMax, default: 600_000 }),
    confirmMs: Type.Integer({ minimum: 1000, maximum: 3_600_000, default: 600_000 }),
    journal: Type.Optional(path),
    instance: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
    certificate: Type.Optional(path),
    certificateKey: Type.Optional(path),
    clients: Type.Array(ownerRule, { minItems: 1 }),
    least: Type.Object(
      { sign: assurance('two-person'), receive: assurance('two-person') },
      { ...closed, default: {} },
    ),
  },
  closed,
)

const sealerConfig = Type.Object(
  {
    trust: path,
    keys: Type.Object({ statement: path, key: path, retry: path }, closed),
    passphraseFile: Type.Optional(path),
    ledger,
    receivers,
    clients: Type.Array(rule, { minItems: 1 }),
    listen,
    publicUrls: Type.Array(url, { minItems: 1, uniqueItems: true }),
    audience: Type.String({ minLength: 1, default: 'urn:ledgerstone:sealer' }),
    issuers: Type.Array(issuer, { minItems: 1 }),
    logLevel: Type.Unsafe<SealerConfig['logLevel']>({
      type: 'string',
      enum: ['debug', 'info', 'warn', 'error'],
      default: 'info',
    }),
    metrics: Type.Unsafe<SealerConfig['metrics']>({
      type: 'string',
      enum: ['public', 'token'],
      default: 'token',
    }),
    trustedProxies: Type.Array(Type.String({ minLength: 1 }), { default: [] }),
    refreshMs: Type.Integer({ minimum: 1000, maximum: 300_000, default: 60_000 }),
    exchange: Type.Optional(exchange),
  },
  closed,
)

/** As JSON Schema, for those who describe or check such a file. */
export const sealerConfigSchema: object = sealerConfig
