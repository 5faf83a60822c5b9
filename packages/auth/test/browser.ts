import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { askToken, explorerUrl, type Service, type TokenAnswer } from './service.ts'

export type Page = {
  status: number
  url: string
  body: string
  headers: Readonly<Record<string, string | string[] | number | undefined>>
}

/** Cookies by path, redirects within the service, forms: what a person's browser does with the pages. */
export class Browser {
  readonly #service: Service
  readonly #cookies = new Map<string, { value: string; path: string }>()

  constructor(service: Service) {
    this.#service = service
  }

  /** The same person's browser after the service was started anew. */
  moveTo(service: Service): Browser {
    const moved = new Browser(service)
    for (const [key, cookie] of this.#cookies) moved.#cookies.set(key, cookie)
    return moved
  }

  async get(url: string): Promise<Page> {
    return this.#request('GET', url)
  }

  /** Presses the page's button: the form's own action, or the button's. */
  async submit(
    page: Page,
    fields: Record<string, string> = {},
    button = '<form method="post" action="',
  ): Promise<Page> {
    const at = page.body.indexOf(button)
    assert.ok(at >= 0, `no such button in ${page.body}`)
    const action = page.body.slice(at + button.length).split('"')[0] ?? ''
    return this.#request('POST', action, new URLSearchParams(fields).toString())
  }

  async post(url: string, fields: Record<string, string>, headers: Record<string, string>): Promise<Page> {
    return this.#request('POST', url, new URLSearchParams(fields).toString(), headers)
  }

  /** Follows redirects as long as they stay with the service; a redirect to elsewhere is the result. */
  async #request(
    method: 'GET' | 'POST',
    url: string,
    payload?: string,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    const { pathname, search } = new URL(url, explorerUrl)
    const form =
      payload === undefined
        ? {}
        : { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://127.0.0.1:8400' }
    const answer = await this.#service.app.inject({
      method,
      url: pathname + search,
      headers: {
        host: '127.0.0.1:8400',
        accept: 'text/html',
        cookie: this.#cookiesFor(pathname),
        ...form,
        ...headers,
      },
      ...(payload === undefined ? {} : { payload }),
    })
    for (const { name, value, path = '/', expires } of answer.cookies) {
      if (expires !== undefined && expires.getTime() < Date.now()) this.#cookies.delete(`${name} ${path}`)
      else this.#cookies.set(`${name} ${path}`, { value, path })
    }
    const { location } = answer.headers
    if (location === undefined)
      return { status: answer.statusCode, url, body: answer.body, headers: answer.headers }
    const next = new URL(location, explorerUrl)
    const stays = next.origin === new URL(explorerUrl).origin && next.pathname.startsWith('/auth/')
    return stays
      ? this.get(next.href)
      : { status: answer.statusCode, url: next.href, body: '', headers: answer.headers }
  }

  #cookiesFor(pathname: string): string {
    const sent: string[] = []
    for (const [key, { value, path }] of this.#cookies) {
      if (pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
        sent.push(`${key.split(' ')[0]}=${value}`)
    }
    return sent.join('; ')
  }
}

export const verifier: string = randomBytes(32).toString('base64url')

/** The explorer's authorization request; `undefined` takes a parameter out. */
export function authorizeUrl(changes: Record<string, string | undefined> = {}): string {
  const parameters = {
    client_id: 'explorer',
    response_type: 'code',
    redirect_uri: explorerUrl,
    scope: 'openid profile read:* read:keys',
    state: 'xyz',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...changes,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  return `/auth/authorize?${query}`
}

/** Signs a person in and consents; the URL that the browser is sent back to. */
export async function signIn(
  browser: Browser,
  person: { name: string; password: string },
  changes: Record<string, string | undefined> = {},
): Promise<URL> {
  const login = await browser.get(authorizeUrl(changes))
  const consent = await browser.submit(login, person)
  assert.match(consent.body, /Allow Ledgerstone explorer\?/)
  return new URL((await browser.submit(consent)).url)
}

export async function exchange(
  service: Service,
  back: URL,
  changes: Record<string, string> = {},
): Promise<TokenAnswer> {
  const code = back.searchParams.get('code') ?? ''
  const form = {
    grant_type: 'authorization_code',
    client_id: 'explorer',
    redirect_uri: explorerUrl,
    code_verifier: verifier,
    code,
  }
  return askToken(service, { ...form, ...changes })
}
