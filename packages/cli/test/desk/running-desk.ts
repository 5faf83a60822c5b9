// A desk over real services of one data folder, and a page of it that keeps to what browsers send.
import assert from 'node:assert/strict'
import { request as ask } from 'node:http'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '@ledgerstone/border/logger'
import { configuredKeyOpener } from '@ledgerstone/border/private-key'
import { ledgerApi } from '@ledgerstone/client/api'
import { sealerApi } from '@ledgerstone/client/sealer'
import { utf8 } from '@ledgerstone/core/bytes'
import type { Trust } from '@ledgerstone/core/trust'
import { tokenSource } from '../../src/connect.ts'
import { type DataFolder, dataFolder } from '../../src/data-folder.ts'
import { type Desk, type DeskOptions, startDesk } from '../../src/desk/desk.ts'
import { startServices } from '../../src/embedded/all-in-one.ts'
import { createDataFolder } from '../../src/embedded/create.ts'
import { temporaryFolder } from '../temporary-folder.ts'

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}
export type Sent = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** What stands in the request's first line, when it is not the path of the URL. */
  readonly path?: string
}

export type Running = AsyncDisposable & {
  readonly desk: Desk
  readonly folder: DataFolder
  readonly trust: Trust
  readonly server: string
  /** A token that may do everything. */
  token(audience?: string): Promise<string>
}

export const logger = createLogger({ name: 'test', level: 'silent' })

export async function runningDesk(buckets: readonly string[] = ['payments']): Promise<Running> {
  await using stack = new AsyncDisposableStack()
  const place = stack.use(temporaryFolder())
  const folder = dataFolder(place.at('data'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const trust = await createDataFolder({ path: folder.root, url, buckets, now: Date.now })
  const services = stack.use(
    await startServices({
      ...{ folder, trust, host: '127.0.0.1', port, logger, now: Date.now },
      open: configuredKeyOpener(undefined),
      exchangePorts: { from: 21_000, to: 21_999 },
    }),
  )
  const desk = stack.use(await startDesk(deskOptions({ folder, trust, server: services.url })))
  const owned = stack.move()
  const scope = 'read:* append:* read:keys manage:keys manage:exchanges'
  return {
    ...{ desk, folder, trust, server: services.url },
    token: (audience) => tokenSource({ data: folder.root }, folder, scope, audience)(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export function deskOptions(at: { folder: DataFolder; trust: Trust; server: string }): DeskOptions {
  const { folder, trust, server } = at
  return {
    ...{ folder, trust, logger, now: Date.now, port: 0 },
    configuration: {
      ledger: trust.ledger,
      issuer: `${server}/auth`,
      clientId: 'explorer',
      audiences: { ledger: 'urn:ledgerstone:ledger', sealer: 'urn:ledgerstone:sealer' },
      ...{ servedBy: 'ledger', oneOperator: true, opening: true },
    },
    upstream: { ledger: server, sealer: server, fetch: (...asked) => fetch(...asked) },
  }
}

/** Has a record sealed for the sample receiver; returns its index when its block is final. */
export async function push({ server, token }: Running, record: string): Promise<number> {
  const asked = { url: server, token: () => token(), fetch: globalThis.fetch }
  const seal = { type: 'payment.captured', record: utf8(record) }
  const { index } = await sealerApi({ ...asked, now: Date.now }).seal('payments', seal)
  const ledger = ledgerApi(asked)
  const late = performance.now() + 20_000
  while (!(await ledger.block('payments', index)).final) {
    assert.ok(performance.now() < late, `block ${index} does not become final`)
    await sleep(50)
  }
  return index
}

/** A request with exactly these headers (`fetch` would not let `Host` and `Origin` be chosen). */
export function send(url: string, sent: Sent = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, path } = sent
  return new Promise((resolve, reject) => {
    const content = body === undefined ? undefined : JSON.stringify(body)
    const described = content === undefined ? {} : { 'content-type': 'application/json' }
    const line = { method, ...(path !== undefined && { path }) }
    const asked = ask(url, { ...line, headers: { ...described, ...headers } }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
      answer.on('error', reject)
    })
    asked.on('error', reject).end(content)
  })
}

/** The page after its entrance: what it sends with each of its requests. */
export type Page = (path: string, sent?: Sent) => Promise<Answer>

export async function enter({
  url,
  entrance,
}: Desk): Promise<Page & { readonly cookie: string; readonly word: string }> {
  const answer = await send(entrance)
  assert.equal(answer.status, 303, answer.text)
  const [set = ''] = [answer.headers['set-cookie']].flat()
  const [cookie = ''] = set.split(';')
  const word = String(answer.headers['location']).replace('/#desk=', '')
  const page: Page = (path, sent = {}) =>
    send(`${url}${path}`, {
      ...sent,
      headers: { cookie, origin: url, 'sec-fetch-site': 'same-origin', 'desk-page': word, ...sent.headers },
    })
  return Object.assign(page, { cookie, word })
}

export function codeOf({ text }: Answer): string {
  return String((JSON.parse(text) as { code?: string }).code)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
