import { Refused } from '@ledgerstone/core/refused'
import type { Client, Configuration, JWK, KoaContextWithOIDC, Provider as OidcProvider } from 'oidc-provider'
import { type AuthClient, allows, isSecret, metadataOf } from './clients.ts'
import type { AuthConfig } from './config.ts'
import { promptPolicy } from './consent.ts'
import { pageHeaders } from './html.ts'
import { errors, Provider } from './oidc.ts'
import { errorPage, signedOutPage, signOutPage } from './pages.ts'
import { narrow } from './personal-scopes.ts'
import type { Storage } from './storage.ts'
import type { User } from './users.ts'

/** What a provider is made of. A change of any part makes a new provider over the same storage. */
export type Parts = {
  readonly config: AuthConfig
  readonly storage: Storage
  readonly keys: JWK[]
  readonly cookieKeys: readonly string[]
  readonly clients: ReadonlyMap<string, AuthClient>
  readonly users: ReadonlyMap<string, User>
}

/** The resource that stands for all audiences of a client: what it gets when it names none. */
const allAudiences = 'urn:ledgerstone:audiences'

/** Scopes about the person; all others are about Ledgerstone's services. */
const personScopes: readonly string[] = ['openid', 'profile', 'offline_access']

const algorithms = ['ES256', 'Ed25519', 'EdDSA'] as const
/** Replays are remembered as long as an assertion lives, so that must be short. */
const assertionSecondsMax = 600
const interactionSeconds = 600

/**
 * oidc-provider with everything off that Ledgerstone does not use, and no default left that is meant for
 * development. Rejects with `bad-config` when it does not take a client.
 */
export async function createProvider(parts: Parts): Promise<OidcProvider> {
  const provider = new Provider(parts.config.issuer, configurationOf(parts))
  // The mount writes the X-Forwarded headers itself, from the issuer, so that URLs never follow a caller's
  // Host.
  provider.proxy = true
  provider.silent = true
  provider.Client.prototype.compareClientSecret = function (this: Client, presented: string): boolean {
    return isSecret(presented, this.clientSecret ?? '')
  }
  provider.use(async (ctx, next) => {
    for (const [name, value] of Object.entries(pageHeaders())) {
      if (name !== 'content-type') ctx.set(name, value)
    }
    await next()
    const { AccessToken: given } = (ctx as KoaContextWithOIDC).oidc?.entities ?? {}
    if (given?.accountId !== undefined && isObject(ctx.body) && 'access_token' in ctx.body) {
      setScope(ctx.body, given.scope, parts.users.get(given.accountId))
    }
    if (ctx.status === 404 && (ctx.body ?? undefined) === undefined) {
      ctx.status = 404
      ctx.body = { error: 'not_found', error_description: 'there is no such endpoint' }
    }
  })
  for (const id of parts.clients.keys()) await checkClient(provider, id)
  return provider
}

/** oidc-provider looks at a client when it first comes; a mistake in the file must show at the start. */
async function checkClient(provider: OidcProvider, id: string): Promise<void> {
  try {
    await provider.Client.find(id)
  } catch (error) {
    const why = (error as { error_description?: string }).error_description ?? String(error)
    throw new Refused('bad-config', `the client ${id} cannot be used: ${why}`, { cause: error })
  }
}

function configurationOf(parts: Parts): Configuration {
  const { config, storage, clients, users } = parts
  const secure = config.issuer.startsWith('https:')
  const { pathname } = new URL(config.issuer)
  return {
    adapter: (model) => storage.adapterOf(model),
    jwks: { keys: parts.keys },
    clients: [...clients.values()].map(metadataOf),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clientBasedCORS: (_ctx, origin, client) => isOwnOrigin(origin, client),
    cookies: {
      keys: [...parts.cookieKeys],
      names: { session: 'ls_session', interaction: 'ls_sign_in', resume: 'ls_resume' },
      long: { signed: true, httpOnly: true, sameSite: 'lax', secure, path: pathname },
      short: { signed: true, httpOnly: true, sameSite: 'lax', secure },
    },
    claims: { openid: ['sub'], profile: ['name'] },
    scopes: [...personScopes],
    responseTypes: ['code'],
    pkce: { required: () => true },
    routes: {
      authorization: '/authorize',
      token: '/token',
      jwks: '/jwks',
      introspection: '/introspect',
      revocation: '/revoke',
      end_session: '/sign-out',
    },
    enabledJWA: {
      clientAuthSigningAlgValues: [...algorithms, 'PS256'],
      dPoPSigningAlgValues: [...algorithms],
      idTokenSigningAlgValues: ['ES256'],
    },
    assertJwtClientAuthClaimsAndHeader: checkAssertionLife,
    features: featuresOf(parts),
    formats: {
      customizers: {
        jwt(_ctx, token, jwt) {
          const audiences = clients.get(token.clientId ?? '')?.audiences ?? []
          // An access token for all of a client's services names them all (RFC 7519 section 4.1.3).
          if (token.resourceServer?.identifier() === allAudiences) {
            jwt.payload['aud'] = audiences.length === 1 ? audiences[0] : [...audiences]
          }
          if ('accountId' in token) setScope(jwt.payload, token.scope, users.get(token.accountId))
        },
      },
    },
    ttl: {
      AccessToken: config.tokenLifetimeSeconds,
      ClientCredentials: config.tokenLifetimeSeconds,
      IdToken: config.tokenLifetimeSeconds,
      AuthorizationCode: 60,
      Interaction: interactionSeconds,
      Session: config.sessionLifetimeSeconds,
      RefreshToken: config.sessionLifetimeSeconds,
      Grant: 2 * config.sessionLifetimeSeconds,
    },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    findAccount: (_ctx, sub) => accountOf(users.get(sub)),
    interactions: {
      policy: promptPolicy(),
      url: (_ctx, interaction) => `${pathname.replace(/\/$/, '')}/interaction/${interaction.uid}`,
    },
    renderError(ctx, out) {
      ctx.set(pageHeaders())
      ctx.body = errorPage('This did not work', out.error_description ?? out.error)
    },
  }
}

function featuresOf({ clients, users }: Parts): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    introspection: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) =>
        client.clientAuthMethod !== 'none' && token.clientId === client.clientId,
    },
    revocation: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        const target = ctx.oidc.params?.['post_logout_redirect_uri']
        ctx.set(pageHeaders(typeof target === 'string' ? target : undefined))
        ctx.body = signOutPage(form)
      },
      postLogoutSuccessSource(ctx) {
        ctx.set(pageHeaders())
        ctx.body = signedOutPage()
      },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: async (_ctx, _client, oneOf) => oneOf ?? allAudiences,
      useGrantedResource: async () => true,
      async getResourceServerInfo(ctx, resource, client) {
        const own = clients.get(client.clientId)
        if (own === undefined || !(resource === allAudiences || own.audiences.includes(resource))) {
          throw new errors.InvalidTarget('the client may not ask for this resource')
        }
        return {
          audience: resource === allAudiences ? (own.audiences[0] ?? '') : resource,
          scope: grantable(ctx, own, users).join(' '),
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }
      },
    },
  }
}

/**
 * Of the scopes that are asked for, or were granted before, those that this client may have, and this person.
 * A client that asks for more than its own allow-list is refused; a person who may do less than the client
 * asks for gets less.
 */
function grantable(ctx: KoaContextWithOIDC, client: AuthClient, users: ReadonlyMap<string, User>): string[] {
  const { AuthorizationCode: code, RefreshToken: refresh } = ctx.oidc.entities
  const asked = [...ctx.oidc.requestParamScopes].filter((scope) => scope !== '')
  for (const scope of asked) {
    const aboutPerson = client.redirectUris !== undefined && personScopes.includes(scope)
    if (!aboutPerson && !allows(client.scopes, scope)) {
      throw new errors.InvalidScope('the client may not ask for this scope', scope)
    }
  }
  const before = [...(code?.scopes ?? []), ...(refresh?.scopes ?? [])]
  const person = code?.accountId ?? refresh?.accountId ?? ctx.oidc.session?.accountId
  const personal = person === undefined ? undefined : (users.get(person)?.scopes ?? [])
  return [...new Set([...asked, ...before])].filter(
    (scope) =>
      allows(client.scopes, scope) && (personal === undefined || narrow([scope], personal).length > 0),
  )
}

/** In a token, and in the answer that brings it: the person's part of what was granted to the client. */
function setScope(
  target: Record<string, unknown>,
  granted: string | undefined,
  person: User | undefined,
): void {
  const scope = narrow((granted ?? '').split(' '), person?.scopes ?? []).join(' ')
  if (scope !== '' || target['scope'] !== undefined) target['scope'] = scope
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

type Account = { accountId: string; claims(): { sub: string; name?: string } }

/** People who were disabled or taken out of the file cannot refresh their tokens either. */
function accountOf(user: User | undefined): Account | undefined {
  if (user === undefined || user.disabled === true) return undefined
  const name = user.displayName === undefined ? {} : { name: user.displayName }
  return { accountId: user.name, claims: () => ({ sub: user.name, ...name }) }
}

/**
 * A page of a public client calls the token endpoint from its own origin; for native ones any loopback port.
 */
function isOwnOrigin(origin: string, client: Client): boolean {
  return (client.redirectUris ?? []).some((uri) => {
    const own = new URL(uri)
    if (own.origin === origin) return true
    const other = URL.canParse(origin) ? new URL(origin) : undefined
    const loopback = client.applicationType === 'native' && own.hostname === '127.0.0.1'
    return loopback && other?.protocol === own.protocol && other.hostname === own.hostname
  })
}

function checkAssertionLife(_ctx: unknown, claims: Readonly<Record<string, unknown>>): void {
  const { exp } = claims
  if (typeof exp !== 'number' || exp > Date.now() / 1000 + assertionSecondsMax) {
    throw new errors.InvalidClientAuth(`the assertion must expire within ${assertionSecondsMax} seconds`)
  }
}
