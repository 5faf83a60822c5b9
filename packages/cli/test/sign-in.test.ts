// A person's sign-in at the command line, at an OAuth service of the test's own: what it lets happen to it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type SignedIn, signIn } from '../src/sign-in.ts'
import { temporaryFolder } from './temporary-folder.ts'

type Service = AsyncDisposable & { readonly issuer: string; readonly verifiers: string[] }

type Ways = {
  /** Where it says that people sign in. */
  readonly page?: string
  /** Told by a browser what it was started with. */
  readonly tell?: (started: Started) => void
}

/** Gives a token for every code. */
async function service({ page, tell }: Ways = {}): Promise<Service> {
  const verifiers: string[] = []
  const server = createServer(async (request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/token') {
      verifiers.push(new URLSearchParams(await text(request)).get('code_verifier') ?? '')
      response.end('{"access_token":"t","token_type":"Bearer","scope":"s","expires_in":60}')
      return
    }
    if (request.url === '/started') {
      tell?.(JSON.parse(await text(request)) as Started)
      response.end()
      return
    }
    const endpoints = {
      authorization_endpoint: page ?? `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
    }
    response.end(
      JSON.stringify({ issuer, ...endpoints, authorization_response_iss_parameter_supported: true }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...{ issuer, verifiers },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** Where the person is asked to sign in, and what becomes of it. */
async function begin(issuer: string): Promise<{ readonly asked: URL; readonly signedIn: Promise<SignedIn> }> {
  const { promise: shown, resolve: show } = Promise.withResolvers<string>()
  const signedIn = signIn({ issuer, clientId: 'c', scope: 's', show, timeoutMs: 30_000 })
  signedIn.catch(() => undefined)
  const asked = await Promise.race([shown, signedIn.then(() => '')])
  return { asked: new URL(asked), signedIn }
}

/** As the browser comes back; `iss`: of the service that sends it. */
async function comeBack(asked: URL, iss: string): Promise<number> {
  const back = new URL(asked.searchParams.get('redirect_uri') ?? '')
  const answer = { code: 'code', state: asked.searchParams.get('state') ?? '', iss }
  for (const [name, value] of Object.entries(answer)) back.searchParams.set(name, value)
  return (await fetch(back)).status
}

/** For what would never end. */
const patience = { timeout: 60_000 }

describe('a sign-in at the command line', patience, () => {
  test('proves with a verifier that the code is its own', async () => {
    await using auth = await service()
    const { asked, signedIn } = await begin(auth.issuer)
    assert.equal(await comeBack(asked, auth.issuer), 200)
    assert.deepEqual(await signedIn, { token: 't', scope: 's', expiresInSeconds: 60 })
    const challenge = createHash('sha256')
      .update(auth.verifiers[0] ?? '')
      .digest('base64url')
    assert.equal(asked.searchParams.get('code_challenge'), challenge)
    assert.equal(asked.searchParams.get('code_challenge_method'), 'S256')
  })

  test('takes no code that another service sends (RFC 9207)', async () => {
    await using auth = await service()
    const { asked, signedIn } = await begin(auth.issuer)
    assert.equal(await comeBack(asked, 'https://auth.example.com'), 400)
    assert.deepEqual(auth.verifiers, [])
    assert.equal(await comeBack(asked, auth.issuer), 200)
    assert.equal((await signedIn).token, 't')
  })

  test('ends although somebody on this computer has begun a request that never ends', async () => {
    await using auth = await service()
    const { asked, signedIn } = await begin(auth.issuer)
    const { port } = new URL(asked.searchParams.get('redirect_uri') ?? '')
    const silent = net.connect(Number(port), '127.0.0.1').on('error', () => undefined)
    await once(silent, 'connect')
    silent.write('GET /')
    const cut = once(silent, 'close')
    assert.equal(await comeBack(asked, auth.issuer), 200)
    assert.equal((await signedIn).token, 't')
    await cut
  })

  for (const page of ['file:///etc/hosts', 'ssh://127.0.0.1/', 'http://auth.example.com/', 'nowhere']) {
    test(`leads the browser to no address like ${page}`, async () => {
      await using auth = await service({ page })
      await assert.rejects(begin(auth.issuer), { code: 'bad-config' })
    })
  }
})

/** What a program was started with. */
type Started = { readonly args: readonly string[]; readonly environment: Readonly<Record<string, string>> }

const command = join(import.meta.dirname, '..', 'bin', 'ledgerstone.mjs')

test('the browser that is opened inherits no secret, and the address is no argument', patience, async () => {
  const { promise: started, resolve: tell } = Promise.withResolvers<Started>()
  await using auth = await service({ tell })
  using place = temporaryFolder()
  const report = `fetch('${auth.issuer}/started', { method: 'POST', body: JSON.stringify(started) })`
  const own = 'const started = { args: process.argv.slice(2), environment: process.env }'
  writeFileSync(place.at('xdg-open'), `#!${process.execPath}\n${own}\n${report}\n`, { mode: 0o755 })
  const asked = ['token', '--sign-in', '--issuer', auth.issuer, '--scope', 's']
  const secrets = { LEDGERSTONE_PASSPHRASE: 'correct horse', LEDGERSTONE_TOKEN: 'battery staple' }
  const program = spawn(process.execPath, [command, '--data', place.path, ...asked], {
    env: { PATH: place.path, DISPLAY: ':0', ...secrets },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const printed = text(program.stdout)
    const { args, environment } = await started
    assert.doesNotMatch(JSON.stringify(environment), /correct horse|battery staple/)
    const file = fileURLToPath(args[0] ?? '')
    assert.deepEqual([args.length, statSync(file).mode & 0o777], [1, 0o600])
    const [, url = ''] = /url=([^"]+)"/.exec(readFileSync(file, 'utf8')) ?? []
    assert.equal(await comeBack(new URL(url.replaceAll('&amp;', '&')), auth.issuer), 200)
    assert.equal((await printed).trim(), 't')
    assert.ok(!existsSync(file))
  } finally {
    program.kill()
  }
})
