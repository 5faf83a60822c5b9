import { Refused } from '@ledgerstone/core/refused'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from 'oidc-provider'
import { type Attempts, createQueue } from './attempts.ts'
import type { AuthClient } from './clients.ts'
import { pageHeaders } from './html.ts'
import { errors } from './oidc.ts'
import { consentPage, errorPage, loginPage } from './pages.ts'
import { isPassword, type User } from './users.ts'

/** What the pages need. Functions, for keys, clients and people may be exchanged while the service runs. */
export type SignIn = {
  readonly issuer: string
  readonly provider: () => Provider
  readonly clients: () => ReadonlyMap<string, AuthClient>
  readonly users: () => ReadonlyMap<string, User>
  readonly attempts: Attempts
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

const formBytesMax = 8192
const passwordChecksWaitingMax = 8

/**
 * The pages between an authorization request and its answer: sign-in, then consent. An interaction belongs to
 * the browser that has its signed cookie; forms are taken from this service's own pages only.
 */
export function addSignIn(app: FastifyInstance, at: SignIn): void {
  const inTurn = createQueue(passwordChecksWaitingMax)

  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: formBytesMax },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  )
  app.addHook('onRequest', async (request) => checkSameOrigin(request, new URL(at.issuer).origin))
  app.setErrorHandler(showError)

  app.get('/interaction/:uid', async (request, reply) => {
    const interaction = await find(at, request, reply)
    return interaction.prompt.name === 'login'
      ? showLogin(at, reply, interaction)
      : showConsent(at, reply, interaction)
  })

  app.post('/interaction/:uid/login', (request, reply) => signIn(at, inTurn, request, reply))

  app.post('/interaction/:uid/consent', async (request, reply) => {
    const interaction = await find(at, request, reply, 'consent')
    const grantId = await grantAll(at, interaction)
    return resume(at, request, reply, { consent: interaction.grantId === undefined ? { grantId } : {} })
  })

  app.post('/interaction/:uid/abort', async (request, reply) => {
    await find(at, request, reply)
    const denied = { error: 'access_denied', error_description: 'the person said no' }
    return resume(at, request, reply, denied)
  })
}

async function signIn(
  at: SignIn,
  inTurn: ReturnType<typeof createQueue>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const interaction = await find(at, request, reply, 'login')
  const { name, password } = readLogin(request.body)
  const refused = async (error: unknown): Promise<FastifyReply> => {
    if (!(error instanceof Refused)) throw error
    return showLogin(at, reply, interaction, 429, name, error.message)
  }
  try {
    at.attempts.check(name, request.ip)
    const user = at.users().get(name)
    // The name may have been locked while this request stood in the queue.
    const sound = await inTurn(async () => {
      at.attempts.check(name, request.ip)
      const right = await isPassword(user, password)
      if (!right) at.attempts.failed(name, request.ip)
      return right
    })
    if (!sound || user === undefined) {
      request.log.warn({ person: user?.name ?? 'unknown', ip: request.ip }, 'failed sign-in')
      return showLogin(at, reply, interaction, 401, name, 'Name or password is wrong.')
    }
    at.attempts.succeeded(name, request.ip)
    return resume(at, request, reply, { login: { accountId: user.name, amr: ['pwd'], remember: false } })
  } catch (error) {
    return refused(error)
  }
}

async function find(
  at: SignIn,
  request: FastifyRequest,
  reply: FastifyReply,
  prompt?: string,
): Promise<Interaction> {
  const interaction = await at.provider().interactionDetails(request.raw, reply.raw)
  const { uid } = request.params as { uid: string }
  if (interaction.uid !== uid || (prompt !== undefined && interaction.prompt.name !== prompt)) {
    throw new errors.SessionNotFound('another sign-in has begun in this browser')
  }
  return interaction
}

async function resume(
  at: SignIn,
  request: FastifyRequest,
  reply: FastifyReply,
  result: object,
): Promise<FastifyReply> {
  const to = await at.provider().interactionResult(request.raw, reply.raw, { ...result })
  return reply.redirect(to, 303)
}

async function grantAll(at: SignIn, interaction: Interaction): Promise<string> {
  const { Grant } = at.provider()
  const known = interaction.grantId === undefined ? undefined : await Grant.find(interaction.grantId)
  const accountId = interaction.session?.accountId
  const grant =
    known ?? new Grant({ ...(accountId === undefined ? {} : { accountId }), clientId: clientOf(interaction) })
  const { oidc, resources } = missingOf(interaction)
  if (oidc.length > 0) grant.addOIDCScope(oidc.join(' '))
  for (const [resource, scopes] of resources) grant.addResourceScope(resource, scopes.join(' '))
  return grant.save()
}

function showLogin(
  at: SignIn,
  reply: FastifyReply,
  interaction: Interaction,
  status = 200,
  name?: string,
  alert?: string,
): FastifyReply {
  const page = loginPage({
    ...linksOf(at, interaction, 'login'),
    ...(name === undefined ? {} : { name }),
    ...(alert === undefined ? {} : { alert }),
  })
  return show(reply, interaction, status, page)
}

function showConsent(at: SignIn, reply: FastifyReply, interaction: Interaction): FastifyReply {
  const person = at.users().get(interaction.session?.accountId ?? '')
  const { oidc, resources } = missingOf(interaction)
  const asked = [...oidc, ...resources.flatMap(([, scopes]) => scopes)]
  const before = String(interaction.params['scope'] ?? '')
    .split(' ')
    .filter((scope) => scope !== '')
  const page = consentPage({
    ...linksOf(at, interaction, 'consent'),
    person: person?.displayName ?? person?.name ?? '',
    scopes: asked.length > 0 ? asked : before,
    target: String(interaction.params['redirect_uri']),
  })
  return show(reply, interaction, 200, page)
}

function linksOf(
  at: SignIn,
  interaction: Interaction,
  step: string,
): { action: string; abort: string; client: string } {
  const base = `${new URL(at.issuer).pathname.replace(/\/$/, '')}/interaction/${interaction.uid}`
  const id = clientOf(interaction)
  return { action: `${base}/${step}`, abort: `${base}/abort`, client: at.clients().get(id)?.name ?? id }
}

function show(reply: FastifyReply, interaction: Interaction, status: number, page: string): FastifyReply {
  return reply
    .code(status)
    .headers(pageHeaders(String(interaction.params['redirect_uri'])))
    .send(page)
}

function clientOf(interaction: Interaction): string {
  return String(interaction.params['client_id'])
}

type Missing = { oidc: readonly string[]; resources: readonly [string, readonly string[]][] }

/** What the consent prompt found to be asked for and not granted yet. */
function missingOf(interaction: Interaction): Missing {
  const { missingOIDCScope, missingResourceScopes } = interaction.prompt.details as {
    missingOIDCScope?: readonly string[]
    missingResourceScopes?: Readonly<Record<string, readonly string[]>>
  }
  return { oidc: missingOIDCScope ?? [], resources: Object.entries(missingResourceScopes ?? {}) }
}

function readLogin(body: unknown): { name: string; password: string } {
  const form = body instanceof URLSearchParams ? body : new URLSearchParams()
  const name = (form.get('name') ?? '').trim().toLowerCase()
  return { name: name.slice(0, 64), password: (form.get('password') ?? '').slice(0, 1024) }
}

/** Browsers name the origin of every form they post; a page of somebody else must not sign anyone in. */
function checkSameOrigin(request: FastifyRequest, own: string): void {
  if (request.method === 'GET') return
  const { origin, 'sec-fetch-site': site } = request.headers
  if (origin === undefined ? site === undefined || site === 'same-origin' : origin === own) return
  throw new Refused('malformed', 'This form comes from another site.')
}

function showError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const expired = error instanceof errors.SessionNotFound
  const refused = error instanceof Refused
  const status = expired || refused ? 400 : ((error as { statusCode?: number }).statusCode ?? 500)
  if (status >= 500) request.log.error({ err: error, problem: request.id }, 'sign-in failed')
  const text = expired
    ? 'This sign-in has expired, or was begun in another browser.'
    : refused
      ? error.message
      : `Something unexpected happened. The service has logged it under ${request.id}.`
  reply.code(status).headers(pageHeaders()).send(errorPage('This did not work', text))
}
