// Questions to a ledger that runs, as a program of any language would ask them.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after } from 'node:test'
import { commandsOf, LedgerProcess, temporaryFolder } from './ledger-process.ts'

/** `token`: another one than the usual, or none when it is empty. */
type Asked = {
  readonly token?: string
  readonly json?: unknown
  readonly headers?: Record<string, string>
}

type Asking = {
  readonly ask: (path: string, asked?: Asked) => Promise<Response>
  readonly answer: <T>(path: string, status: number, asked?: Asked) => Promise<T>
}

type AskedLedger = Asking & {
  readonly data: string
  readonly command: ReturnType<typeof commandsOf>
  readonly running: LedgerProcess
  /** A new token for these scopes, and what else `ledgerstone token` takes. */
  readonly token: (...args: readonly string[]) => Promise<string>
  /** The usual token: it may read and append, and read `keys`. */
  readonly everything: string
}

/** A ledger of its own for one file of tests: it ends with them. */
export async function startAsked(): Promise<AskedLedger> {
  const place = await temporaryFolder()
  const data = join(place.path, 'data')
  const command = commandsOf(data)
  const running = await LedgerProcess.start(data)
  after(async () => {
    await running.kill()
    await place[Symbol.asyncDispose]()
  })
  const token = async (...args: readonly string[]): Promise<string> =>
    (await command.text('token', '--scope', ...args)).trim()
  const everything = await token('read:* read:keys append:*')
  return { data, command, running, token, everything, ...askedOf(running.url, everything) }
}

/** `usual`: the token that is sent when a question names none. */
function askedOf(url: string, usual: string): Asking {
  const ask = (path: string, { token = usual, json, headers }: Asked = {}): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: json === undefined ? 'GET' : 'POST',
      headers: {
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
  const answer = async <T>(path: string, status: number, asked: Asked = {}): Promise<T> => {
    const response = await ask(path, asked)
    const text = await response.text()
    assert.equal(response.status, status, `${path} ${text}`)
    return JSON.parse(text) as T
  }
  return { ask, answer }
}

/** The problem document of a refusal (RFC 9457). */
export function problem(code: string, status: number): object {
  return { type: `urn:ledgerstone:error:${code}`, status, code }
}
