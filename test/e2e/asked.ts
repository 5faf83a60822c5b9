// Questions to a ledger that runs, as a program of any language would ask them.
import assert from 'node:assert/strict'

/** `token`: another one than the usual, or none when it is empty. */
export type Asked = {
  readonly token?: string
  readonly json?: unknown
  readonly headers?: Record<string, string>
}

export type Asking = {
  readonly ask: (path: string, asked?: Asked) => Promise<Response>
  readonly answer: <T>(path: string, status: number, asked?: Asked) => Promise<T>
}

/** `usual`: the token that is sent when a question names none. */
export function askedOf(url: string, usual: string): Asking {
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
