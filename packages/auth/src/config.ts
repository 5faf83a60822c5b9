import { join } from 'node:path'
import { checkConfig, readConfig } from '@ledgerstone/border/config'
import { isTrustworthyUrl } from '@ledgerstone/border/issuer'
import { Type } from '@ledgerstone/border/typebox'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import type { Static } from 'typebox'

const closed = { additionalProperties: false }

/** The audiences of Ledgerstone's services: what clients name as `resource` and find in `aud`. */
export const ledgerAudience = 'urn:ledgerstone:ledger'
export const sealerAudience = 'urn:ledgerstone:sealer'
/** The public client by which people sign in at a terminal. */
export const commandLineClient = 'command-line'

const schema = Type.Object(
  {
    /** The issuer identifier, and the URL under which the service is mounted: https, or http on loopback. */
    issuer: Type.String({ minLength: 1 }),
    /**
     * Holds jwks.json, cookies.json, clients.json, users.json and state.sqlite, unless named one by one
     * below.
     */
    folder: Type.Optional(Type.String({ minLength: 1 })),
    keysFile: Type.Optional(Type.String({ minLength: 1 })),
    cookieKeysFile: Type.Optional(Type.String({ minLength: 1 })),
    clientsFile: Type.Optional(Type.String({ minLength: 1 })),
    usersFile: Type.Optional(Type.String({ minLength: 1 })),
    stateFile: Type.Optional(Type.String({ minLength: 1 })),
    tokenLifetimeSeconds: Type.Integer({ minimum: 1, maximum: limits.tokenLifetimeSecondsMax, default: 300 }),
    /** How long people stay signed in, and with them their refresh tokens. */
    sessionLifetimeSeconds: Type.Integer({ minimum: 60, maximum: 1_209_600, default: 43_200 }),
    /**
     * Failed sign-ins of one name from one address within 15 minutes, after which it is locked for as long.
     */
    loginFailuresMax: Type.Integer({ minimum: 1, maximum: 100, default: 5 }),
    listen: Type.Optional(
      Type.Object(
        {
          host: Type.String({ default: '127.0.0.1' }),
          port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8402 }),
        },
        closed,
      ),
    ),
    trustedProxies: Type.Optional(Type.Array(Type.String())),
    logLevel: Type.String({ default: 'info' }),
  },
  closed,
)

/** As JSON Schema, for those who describe or check such a file. */
export const authConfigSchema: object = schema

/** The five files of the service, all 0600. */
export type AuthFiles = {
  readonly keys: string
  readonly cookieKeys: string
  readonly clients: string
  readonly users: string
  readonly state: string
}

export type AuthConfig = {
  readonly issuer: string
  readonly files: AuthFiles
  readonly tokenLifetimeSeconds: number
  readonly sessionLifetimeSeconds: number
  readonly loginFailuresMax: number
  readonly listen: { readonly host: string; readonly port: number }
  readonly trustedProxies: readonly string[]
  readonly logLevel: string
}

/** The configuration as written in a file: `issuer` and `folder` are enough. */
export type AuthSettings = {
  readonly issuer: string
  readonly folder?: string
  readonly keysFile?: string
  readonly cookieKeysFile?: string
  readonly clientsFile?: string
  readonly usersFile?: string
  readonly stateFile?: string
  readonly tokenLifetimeSeconds?: number
  readonly sessionLifetimeSeconds?: number
  readonly loginFailuresMax?: number
  readonly listen?: { readonly host?: string; readonly port?: number }
  readonly trustedProxies?: readonly string[]
  readonly logLevel?: string
}

/** Throws `bad-config` with all mistakes. */
export function readAuthConfig(path: string): AuthConfig {
  return complete(readConfig(path, schema), path)
}

export function checkAuthConfig(settings: AuthSettings): AuthConfig {
  return complete(checkConfig(settings, schema, 'the configuration of auth'), 'the configuration of auth')
}

/** The files of a folder by their usual names. */
export function authFilesIn(folder: string): AuthFiles {
  return {
    keys: join(folder, 'jwks.json'),
    cookieKeys: join(folder, 'cookies.json'),
    clients: join(folder, 'clients.json'),
    users: join(folder, 'users.json'),
    state: join(folder, 'state.sqlite'),
  }
}

function complete(settings: Static<typeof schema>, what: string): AuthConfig {
  checkIssuer(settings.issuer)
  const folder = settings.folder === undefined ? undefined : authFilesIn(settings.folder)
  const file = (named: string | undefined, usual: keyof AuthFiles, key: string): string => {
    const path = named ?? folder?.[usual]
    if (path === undefined) throw new Refused('bad-config', `${what}: neither folder nor ${key} is given`)
    return path
  }
  return {
    issuer: settings.issuer,
    files: {
      keys: file(settings.keysFile, 'keys', 'keysFile'),
      cookieKeys: file(settings.cookieKeysFile, 'cookieKeys', 'cookieKeysFile'),
      clients: file(settings.clientsFile, 'clients', 'clientsFile'),
      users: file(settings.usersFile, 'users', 'usersFile'),
      state: file(settings.stateFile, 'state', 'stateFile'),
    },
    tokenLifetimeSeconds: settings.tokenLifetimeSeconds,
    sessionLifetimeSeconds: settings.sessionLifetimeSeconds,
    loginFailuresMax: settings.loginFailuresMax,
    listen: { host: settings.listen?.host ?? '127.0.0.1', port: settings.listen?.port ?? 8402 },
    trustedProxies: settings.trustedProxies ?? [],
    logLevel: settings.logLevel,
  }
}

function checkIssuer(issuer: string): void {
  if (isTrustworthyUrl(issuer) && !/[?#]|\/$/.test(issuer)) return
  throw new Refused(
    'bad-config',
    `the issuer must be an https URL (http on loopback only) without query or slash at the end: ${issuer}`,
  )
}
