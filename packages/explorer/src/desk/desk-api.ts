// What the desk does for its page, in its own process: private keys are there, and stay there.
import { objectOf } from '@ledgerstone/client/api'
import type { ChangeRequest } from '@ledgerstone/client/change-request'
import { type Ask, type HttpOptions, httpOf } from '@ledgerstone/client/http'
import type { ChangePosted } from '@ledgerstone/client/registry-changes'
import { deskWord } from './desk-word.ts'

export type DeskKey = {
  /** Path below the desk's data folder. */
  readonly name: string
  readonly encrypted: boolean
  /** Absent while the key is under its passphrase. */
  readonly kid?: string
  readonly kind?: string
  /** Why it cannot be used. */
  readonly problem?: string
}

export type DeskKeyChoice = { readonly name: string; readonly passphrase?: string }

export type DeskOpened = {
  readonly type: string
  readonly sender: string
  readonly suspect: boolean
  readonly policy: string
  /** base64. */
  readonly record: string
  readonly media: string
  readonly unauthenticated: boolean
}

export type DeskRun = {
  readonly id: string
  readonly state: 'running' | 'comparing' | 'done' | 'failed'
  readonly owner: string
  readonly assurance: string
  readonly way: string
  readonly exchange?: string
  readonly steps: readonly { readonly step: string; readonly text: string; readonly time: string }[]
  readonly string?: string
  readonly outcome?: { readonly keys: readonly { readonly kid: string; readonly file?: string }[] }
  readonly problem?: { readonly code?: string; readonly detail: string }
}

/** As the options of `ledgerstone exchange`. */
export type DeskWay = {
  readonly via: 'direct' | 'ssh' | 'openshift-route' | 'port-forward'
  readonly host?: string
  readonly ssh?: string
  readonly context?: string
  readonly namespace?: string
  readonly pod?: string
  readonly routeHost?: string
}

export type DeskExchange = {
  readonly owner: string
  readonly assurance: string
  readonly way: DeskWay
  /** The id of an exchange that is scheduled. */
  readonly join?: string
  readonly openAt?: string
  readonly port?: number
  readonly passphrase?: string
}

export type DeskApi = {
  keys(): Promise<readonly DeskKey[]>
  open(place: { readonly bucket: string; readonly index: number }, key: DeskKeyChoice): Promise<DeskOpened>
  change(change: ChangeRequest<DeskKeyChoice>, by: DeskKeyChoice): Promise<ChangePosted>
  exchange(asked: DeskExchange): Promise<DeskRun>
  /** `server`: where the sealer is. */
  exchanges(): Promise<{ readonly server: string; readonly runs: readonly DeskRun[] }>
  run(id: string): Promise<DeskRun>
  compare(id: string, same: boolean): Promise<DeskRun>
  cancel(id: string): Promise<DeskRun>
}

const answer: Pick<Ask, 'accept' | 'answerBytesMax'> = {
  accept: ['application/json'],
  answerBytesMax: 8_388_608,
}

/** `options` as for the services: the desk reads and writes under the person's own token. */
export function deskApi(options: HttpOptions): DeskApi {
  const http = httpOf(options)
  const ask = async <T>(method: NonNullable<Ask['method']>, path: string, body?: object): Promise<T> => {
    const sent =
      body === undefined ? {} : { body: { mediaType: 'application/json', content: JSON.stringify(body) } }
    const headers = { 'desk-page': deskWord() }
    const asked = { method, path: `/desk${path}`, headers, ...sent, ...answer, repeatable: method === 'GET' }
    // The desk is the program that serves this very page.
    return objectOf(await http.ask(asked)) as T
  }
  return {
    keys: async () => (await ask<{ keys: readonly DeskKey[] }>('GET', '/keys')).keys,
    open: ({ bucket, index }, { name, passphrase }) =>
      ask('POST', '/open', { bucket, index, key: name, ...(passphrase !== undefined && { passphrase }) }),
    change: (change, by) => ask('POST', '/changes', { change, by }),
    exchange: (asked) => ask('POST', '/exchanges', asked),
    exchanges: () => ask('GET', '/exchanges'),
    run: (id) => ask('GET', `/exchanges/${id}`),
    compare: (id, same) => ask('POST', `/exchanges/${id}/compare`, { same }),
    cancel: (id) => ask('DELETE', `/exchanges/${id}`),
  }
}
