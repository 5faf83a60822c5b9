import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, createApp } from '@ledgerstone/border/app'
import { type Bearer, createBearer } from '@ledgerstone/border/bearer'
import type { Fetch } from '@ledgerstone/border/issuer'
import { createLogger } from '@ledgerstone/border/logger'
import { type AuthSettings, checkAuthConfig, ledgerAudience } from '../src/config.ts'
import { type InitResult, initAuth } from '../src/init.ts'
import { type Auth, createAuth } from '../src/mount.ts'

export const issuer = 'http://127.0.0.1:8400/auth'
export const explorerUrl = 'http://127.0.0.1:8400/'

/** A folder of a fresh OAuth service. Password hashes cost a hundredth of the real ones. */
export async function createFolder(): Promise<{ folder: string; made: InitResult; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'ledgerstone-auth-'))
  const passwordFile = join(folder, 'admin.password')
  const made = await initAuth(join(folder, 'auth'), { explorerUrl, passwordFile, passwordCost: 10 })
  return { folder: join(folder, 'auth'), made, remove: () => rmSync(folder, { recursive: true }) }
}

/** The service over no network: its app, and what other services see of it. */
export class Service {
  readonly app: App
  readonly auth: Auth
  readonly #now: () => number

  private constructor(app: App, auth: Auth, now: () => number) {
    this.app = app
    this.auth = auth
    this.#now = now
  }

  static async open(
    folder: string,
    settings: Partial<AuthSettings> = {},
    now: () => number = Date.now,
  ): Promise<Service> {
    const logger = createLogger({ name: 'test', level: 'silent' })
    const app = await createApp({ logger })
    const auth = await createAuth(checkAuthConfig({ issuer, folder, ...settings }), { logger, now })
    await app.register(auth.plugin)
    await app.ready()
    return new Service(app, auth, now)
  }

  readonly fetch: Fetch = async (url, init) => {
    const { origin, pathname, search } = new URL(url)
    assert.equal(origin, new URL(issuer).origin)
    const method = (init.method ?? 'GET') as 'GET'
    const answer = await this.app.inject({ method, url: pathname + search })
    return new Response(answer.rawPayload.length === 0 ? null : new Uint8Array(answer.rawPayload), {
      status: answer.statusCode,
      headers: { 'content-type': String(answer.headers['content-type']) },
    })
  }

  bearer(audience: string = ledgerAudience): Bearer {
    const issuers = [{ issuer, fetch: this.fetch }]
    return createBearer({ audience, issuers, publicUrls: ['http://127.0.0.1:8400'], now: this.#now })
  }

  async close(): Promise<void> {
    await this.app.close()
    this.auth.close()
  }
}

export type TokenAnswer = {
  status: number
  access_token: string
  refresh_token: string
  id_token: string
  scope: string
  token_type: string
  expires_in: number
  error: string
  error_description: string
}

/** One request to the token endpoint. `secret` goes as HTTP Basic. */
export async function askToken(
  service: Service,
  form: Record<string, string>,
  options: { basic?: { id: string; secret: string }; headers?: Record<string, string> } = {},
): Promise<TokenAnswer> {
  const { basic, headers = {} } = options
  const authorization = basic === undefined ? {} : { authorization: basicOf(basic) }
  const answer = await service.app.inject({
    method: 'POST',
    url: '/auth/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...authorization, ...headers },
    payload: new URLSearchParams(form).toString(),
  })
  return { status: answer.statusCode, ...answer.json() }
}

function basicOf({ id, secret }: { id: string; secret: string }): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}
