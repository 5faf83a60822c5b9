// A person's token at the command line, and what it is needed for: the second person of an exchange.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { openSides, outcomeIn, type Sides, untilState } from './exchange-sides.ts'
import { Program } from './program.ts'

let sides: Sides
before(async () => {
  sides = await openSides()
})
after(() => sides[Symbol.asyncDispose]())

type Token = { readonly access_token: string; readonly scope: string }

/** A person's browser: cookies, redirects, forms. */
class Browser {
  readonly #cookies = new Map<string, string>()

  async get(url: string): Promise<Shown> {
    return await this.#ask(url, {})
  }

  /** Presses the button of the page's form, or the one with these words before its address. */
  async submit(
    { url, text }: Shown,
    fields: Record<string, string>,
    form = /<form method="post" action="([^"]+)"/,
  ): Promise<Shown> {
    const action = form.exec(text)?.[1]
    assert.ok(action !== undefined, text)
    const body = new URLSearchParams(fields)
    return await this.#ask(new URL(action, url).href, { method: 'POST', body })
  }

  async #ask(url: string, init: RequestInit): Promise<Shown> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { accept: 'text/html', origin: new URL(url).origin, cookie }
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const set of answer.headers.getSetCookie()) {
      const [pair = ''] = set.split(';')
      const at = pair.indexOf('=')
      this.#cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    const location = answer.headers.get('location')
    if (location !== null) return await this.get(new URL(location, url).href)
    return { url, status: answer.status, text: await answer.text() }
  }
}

type Shown = { readonly url: string; readonly status: number; readonly text: string }

function signingIn(...options: readonly string[]): Program {
  const asked = [
    '--data',
    sides.data,
    '--json',
    'token',
    '--sign-in',
    '--no-open',
    '--scope',
    'manage:exchanges',
  ]
  return Program.spawn([...asked, ...options])
}

async function addressOf(program: Program): Promise<string> {
  await program.complains('/auth/authorize?')
  await program.complains('\n')
  const address = /http:\S+\/auth\/authorize\?\S+/.exec(program.stderr)?.[0]
  assert.ok(address !== undefined, program.stderr)
  return address
}

function admin(): { name: string; password: string } {
  return { name: 'admin', password: readFileSync(dataFolder(sides.data).firstPerson, 'utf8').trim() }
}

/** As a person does it in a browser, to the page that says so. */
async function personsToken(...options: readonly string[]): Promise<Token> {
  await using program = signingIn(...options)
  const browser = new Browser()
  const consent = await browser.submit(await browser.get(await addressOf(program)), admin())
  assert.match(consent.text, /Allow Ledgerstone command line\?/)
  const { text } = await browser.submit(consent, {})
  assert.match(text, /You are signed in at the command line/)
  assert.equal(await program.ended(), 0, program.stderr)
  return JSON.parse(program.stdout) as Token
}

describe('a person who signs in at the command line', () => {
  test('gets a token of their own, for what was asked and for the service that was named', async () => {
    const { access_token: token, scope } = await personsToken('--audience', 'sealer')
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object
    assert.partialDeepStrictEqual(claims, {
      ...{ sub: 'admin', client_id: 'command-line', aud: 'urn:ledgerstone:sealer' },
      scope: 'manage:exchanges',
    })
    assert.equal(scope, 'manage:exchanges')
  })

  test('confirms, as the second person, an exchange that a program has asked for', async () => {
    await using exchange = Program.ask([
      '--data',
      sides.laptop,
      '--json',
      'exchange',
      '--server',
      sides.running.url,
      '--owner',
      'vault',
      '--two-person',
    ])
    const { id } = await untilState(sides.server, 'awaiting-confirmation')
    const { access_token: token } = await personsToken()
    const person = ['--token', token]
    // Whoever asked does not see the server's string; the person does, and compares it with what is read out.
    const seen = await sides.server.json<{ string: string }>('exchange', 'show', `${id}`, ...person)
    const refused = await sides.server.refusal('exchange', 'confirm', `${id}`, seen.string)
    assert.equal(refused.code, 'not-approved')
    const confirmed = await sides.server.json<{ state: string; confirmedBy: string }>(
      ...['exchange', 'confirm', `${id}`, seen.string, ...person],
    )
    assert.match(confirmed.confirmedBy, /admin/)
    exchange.answer('yes\n')
    assert.equal(await exchange.ended(), 0, exchange.stderr)
    assert.equal(outcomeIn(exchange.stdout).string, seen.string)
  })

  test('may say no', async () => {
    await using program = signingIn()
    const browser = new Browser()
    const consent = await browser.submit(await browser.get(await addressOf(program)), admin())
    await browser.submit(consent, {}, /formaction="([^"]+)"/)
    assert.equal(await program.ended(), 3)
    assert.equal(JSON.parse(program.stdout).code, 'no-token')
  })

  test('is not fooled by an answer that somebody else sends to the port', async () => {
    await using program = signingIn()
    const address = await addressOf(program)
    const back = new URL(address).searchParams.get('redirect_uri') ?? ''
    const { status } = await fetch(`${back}?code=stolen&state=guessed&iss=http://127.0.0.1`)
    assert.equal(status, 400)
    assert.equal((await fetch(`${back}?error=access_denied&state=guessed`)).status, 400)
    assert.equal((await fetch(`${back}favicon.ico`)).status, 404)
    const browser = new Browser()
    const consent = await browser.submit(await browser.get(address), admin())
    await browser.submit(consent, {})
    assert.equal(await program.ended(), 0, program.stderr)
  })

  test('signs in nowhere where tokens would cross a network in clear, or where nobody answers', async () => {
    const token = ['token', '--sign-in', '--no-open', '--scope', 'manage:exchanges']
    const plain = await sides.server.refusal(...token, '--issuer', 'http://auth.example.com')
    assert.equal(plain.code, 'bad-config')
    const away = await sides.server.refusal(...token, '--issuer', 'http://127.0.0.1:9/auth')
    assert.equal(away.code, 'issuer-unavailable')
  })
})
