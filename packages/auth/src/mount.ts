import { statSync } from 'node:fs'
import type { Logger } from '@ledgerstone/border/logger'
import type { FastifyInstance, FastifyPluginAsync, RouteOptions } from 'fastify'
import type { Provider } from 'oidc-provider'
import { createAttempts } from './attempts.ts'
import { readClients } from './clients.ts'
import type { AuthConfig } from './config.ts'
import { readCookieKeys, readKeys, rotateKeys } from './keys.ts'
import { addSignIn } from './login.ts'
import { createProvider, type Parts } from './provider.ts'
import { Storage } from './storage.ts'
import { readUsers } from './users.ts'

export type Auth = {
  /** Registers the service under the path of its issuer: `app.register(auth.plugin)`. */
  readonly plugin: FastifyPluginAsync
  /** A fresh key signs from now on; tokens of the old one stay valid until they expire. */
  rotateKeys(): Promise<void>
  /** Reads keys, clients and people again. What is wrong with them rejects, and the old ones stay. */
  reload(): Promise<void>
  /** For the readiness of the process: throws when the state cannot be read. */
  check(): void
  close(): void
}

type Running = {
  readonly parts: Parts
  readonly provider: Provider
  readonly callback: ReturnType<Provider['callback']>
}

const watchMs = 5000

/**
 * The OAuth service. Reads all its files, and refuses to start when others may read them. Changes of the
 * files count within seconds, without a restart: a person who is disabled, a client that is added, a Secret
 * that is remounted.
 */
export async function createAuth(
  config: AuthConfig,
  options: { readonly logger: Logger; readonly now?: () => number },
): Promise<Auth> {
  const { logger, now = Date.now } = options
  const storage = new Storage(config.files.state, now)
  let seen = changedAt(config)
  let running = await load().catch((error: unknown) => {
    storage.close()
    throw error
  })
  const timer = setInterval(reloadWhenChanged, watchMs).unref()

  async function load(): Promise<Running> {
    const parts = readParts(config, storage, now())
    const provider = await createProvider(parts)
    provider.on('server_error', (_ctx, error) => logger.error({ err: error }, 'the OAuth service failed'))
    return { parts, provider, callback: provider.callback() }
  }

  async function reload(): Promise<void> {
    seen = changedAt(config)
    running = await load()
  }

  async function reloadWhenChanged(): Promise<void> {
    try {
      if (changedAt(config) === seen) return
      await reload()
      logger.info('keys, clients and people were read again')
    } catch (error) {
      logger.error({ err: error }, 'the changed files of the OAuth service cannot be used; the old ones stay')
    }
  }

  const plugin: FastifyPluginAsync = async (app) => {
    const { pathname } = new URL(config.issuer)
    const prefix = pathname === '/' ? '' : pathname
    const attempts = createAttempts(config.loginFailuresMax, now)
    await app.register(
      async (scope) => {
        scope.removeAllContentTypeParsers()
        scope.addHook('onRoute', hide)
        await scope.register(async (pages) =>
          addSignIn(pages, {
            issuer: config.issuer,
            provider: () => running.provider,
            clients: () => running.parts.clients,
            users: () => running.parts.users,
            attempts,
          }),
        )
        await scope.register(async (rest) => passOn(rest, config.issuer, prefix, () => running.callback))
      },
      { prefix },
    )
  }

  return {
    plugin,
    async rotateKeys() {
      rotateKeys(config.files.keys, now())
      await reload()
    },
    reload,
    check: () => storage.check(),
    close() {
      clearInterval(timer)
      storage.close()
    },
  }
}

/** Discovery tells what there is; the description of a ledger beside which this runs has no word of it. */
function hide(route: RouteOptions): void {
  route.schema = Object.assign(route.schema ?? {}, { hide: true })
}

/** Hands everything else over to oidc-provider, which reads the bodies itself. */
function passOn(
  app: FastifyInstance,
  issuer: string,
  prefix: string,
  callback: () => Running['callback'],
): void {
  const { host, protocol } = new URL(issuer)
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.all('/*', (request, reply) => {
    reply.hijack()
    const { raw } = request
    raw.url = (raw.url ?? '').slice(prefix.length)
    Object.assign(raw, { baseUrl: prefix })
    raw.headers['x-forwarded-proto'] = protocol.slice(0, -1)
    raw.headers['x-forwarded-host'] = host
    reply.raw.setHeader('request-id', request.id)
    callback()(raw, reply.raw).catch((error: unknown) => {
      request.log.error({ err: error }, 'the OAuth service failed')
      reply.raw.destroy()
    })
  })
}

function readParts(config: AuthConfig, storage: Storage, nowMs: number): Parts {
  return {
    config,
    storage,
    keys: readKeys(config.files.keys, nowMs).keys,
    cookieKeys: readCookieKeys(config.files.cookieKeys),
    clients: readClients(config.files.clients),
    users: readUsers(config.files.users),
  }
}

function changedAt({ files }: AuthConfig): string {
  return [files.keys, files.cookieKeys, files.clients, files.users]
    .map((path) => statSync(path).mtimeMs)
    .join()
}
