import * as crypto from 'node:crypto'
import { parseConfig } from '@ledgerstone/border/config'
import { createKeyFile, readKeyFile, replaceKeyFile } from '@ledgerstone/border/key-file'
import { Type } from '@ledgerstone/border/typebox'
import { isReservedBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import type { ClientMetadata, JWKS } from 'oidc-provider'

/** One program that may ask for tokens. */
export type AuthClient = {
  readonly id: string
  /** Shown to people who sign in through it. */
  readonly name: string
  /**
   * `secret`: HTTP Basic or in the form; `private_key_jwt`: RFC 7523; `none`: public, for people, with PKCE.
   */
  readonly auth: 'secret' | 'private_key_jwt' | 'none'
  /**
   * base64url SHA-256 of the secret: 256 random bits need no slow hash, and the file gives no secret away.
   */
  readonly secretSha256?: string
  /** The client's public keys. */
  readonly jwks?: JWKS
  /** Where people are sent back to. With them the client may use the authorization code flow. */
  readonly redirectUris?: readonly string[]
  /** Native: any port on loopback (RFC 8252 section 7.3), and people are asked each time. */
  readonly native?: boolean
  readonly audiences: readonly string[]
  readonly scopes: readonly string[]
}

const closed = { additionalProperties: false }
const scope = Type.String({ pattern: '^[\\x21\\x23-\\x5B\\x5D-\\x7E]{1,100}$' }) // RFC 6749 section 3.3
const jwks = Type.Object(
  { keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1 }) },
  closed,
)

const schema = Type.Object(
  {
    v: Type.Literal(1),
    clients: Type.Array(
      Type.Object(
        {
          id: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }),
          name: Type.String({ minLength: 1, maxLength: 100 }),
          auth: Type.Union([Type.Literal('secret'), Type.Literal('private_key_jwt'), Type.Literal('none')]),
          secretSha256: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })),
          jwks: Type.Optional(jwks),
          redirectUris: Type.Optional(Type.Array(Type.String({ format: 'uri' }), { minItems: 1 })),
          native: Type.Optional(Type.Boolean()),
          audiences: Type.Array(Type.String({ format: 'uri' }), { minItems: 1 }),
          scopes: Type.Array(scope),
        },
        closed,
      ),
    ),
  },
  closed,
)

/**
 * The clients of a file, by id. Throws `bad-config` with all mistakes, `bad-key-file` when others may read
 * it.
 */
export function readClients(path: string): ReadonlyMap<string, AuthClient> {
  const { clients } = parseConfig(readKeyFile(path), schema, path) as { clients: readonly AuthClient[] }
  const byId = new Map<string, AuthClient>()
  for (const client of clients) {
    if (byId.has(client.id)) throw new Refused('bad-config', `${path}: two clients are called ${client.id}`)
    checkClient(client, path)
    byId.set(client.id, client)
  }
  return byId
}

export function createClients(path: string, clients: readonly AuthClient[]): void {
  createKeyFile(path, format(clients))
}

/**
 * Adds scopes to a client of the file, for a data folder that an older version has made. Returns whether
 * anything was added.
 */
export function grantScopes(path: string, id: string, scopes: readonly string[]): boolean {
  const clients = [...readClients(path).values()]
  const client = clients.find((each) => each.id === id)
  const missing = scopes.filter((scope) => client?.scopes.includes(scope) === false)
  if (missing.length === 0) return false
  const granted = clients.map((each) =>
    each === client ? { ...each, scopes: [...each.scopes, ...missing] } : each,
  )
  replaceKeyFile(path, format(granted))
  return true
}

/**
 * Puts a client in the place of the one of the same id, or beside the others. Leaves a file that has it so.
 */
export function putClient(path: string, client: AuthClient): void {
  const clients = [...readClients(path).values()]
  const known = clients.findIndex(({ id }) => id === client.id)
  const changed = known === -1 ? [...clients, client] : clients.with(known, client)
  if (format(changed) !== format(clients)) replaceKeyFile(path, format(changed))
}

/** A fresh client secret of 256 bits, and what the file keeps of it. */
export function createSecret(): { secret: string; secretSha256: string } {
  const secret = crypto.randomBytes(32).toString('base64url')
  return { secret, secretSha256: digestOf(secret) }
}

export function isSecret(presented: string, secretSha256: string): boolean {
  return crypto.timingSafeEqual(Buffer.from(digestOf(presented)), Buffer.from(secretSha256))
}

/**
 * Whether an allow-list contains a scope: literally, or `append:payments` by `append:*`. A wildcard never
 * stands for a reserved bucket.
 */
export function allows(allowed: readonly string[], requested: string): boolean {
  if (allowed.includes(requested)) return true
  const [, verb, bucket] = /^(append|read):([a-z][a-z0-9-]{0,62})$/.exec(requested) ?? []
  return bucket !== undefined && !isReservedBucket(bucket) && allowed.includes(`${verb}:*`)
}

/** The client as oidc-provider knows it (OpenID Connect Dynamic Client Registration 1.0 section 2). */
export function metadataOf(client: AuthClient): ClientMetadata {
  const forPeople = client.redirectUris !== undefined
  return {
    client_id: client.id,
    client_name: client.name,
    application_type: client.native === true ? 'native' : 'web',
    token_endpoint_auth_method: client.auth === 'secret' ? 'client_secret_basic' : client.auth,
    ...(client.secretSha256 === undefined ? {} : { client_secret: client.secretSha256 }),
    ...(client.jwks === undefined ? {} : { jwks: client.jwks }),
    redirect_uris: [...(client.redirectUris ?? [])],
    post_logout_redirect_uris: [...(client.redirectUris ?? [])],
    grant_types: [
      ...(client.auth === 'none' ? [] : ['client_credentials']),
      ...(forPeople ? ['authorization_code', 'refresh_token'] : []),
    ],
    response_types: forPeople ? ['code'] : [],
    response_modes: ['query', 'fragment'],
    ...(forPeople ? { scope: 'openid profile offline_access' } : {}),
    id_token_signed_response_alg: 'ES256',
  }
}

function format(clients: readonly AuthClient[]): string {
  return `${JSON.stringify({ v: 1, clients }, null, 2)}\n`
}

function checkClient(client: AuthClient, path: string): void {
  const mistake = (what: string): Refused =>
    new Refused('bad-config', `${path}: the client ${client.id} ${what}`)
  if ((client.auth === 'secret') !== (client.secretSha256 !== undefined)) {
    throw mistake('must have secretSha256 if and only if its auth is secret')
  }
  if ((client.auth === 'private_key_jwt') !== (client.jwks !== undefined)) {
    throw mistake('must have jwks if and only if its auth is private_key_jwt')
  }
  if (client.auth === 'none' && client.redirectUris === undefined) {
    throw mistake('has neither a way to authenticate nor a redirectUri')
  }
  if (client.jwks?.keys.some((key) => 'd' in key || 'k' in key)) {
    throw mistake('has a private key in its jwks: only public keys belong there')
  }
}

function digestOf(secret: string): string {
  return crypto.hash('sha256', secret, 'base64url')
}
