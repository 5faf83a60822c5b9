// What the commands of key exchanges work with: where the sealer is, a token for it, a folder of one's own.
import { copyFileSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ExchangesApi, exchangesApi } from '@ledgerstone/client/exchanges'
import type { Fetch, TokenSource } from '@ledgerstone/client/http'
import { clientCredentials } from '@ledgerstone/client/token'
import { equalBytes } from '@ledgerstone/core/bytes'
import { Refused } from '@ledgerstone/core/refused'
import type { Trust } from '@ledgerstone/core/trust'
import { type CommonOptions, readTrust, serverOf, tokenSource } from './connect.ts'
import { type DataFolder, dataFolder, makeSecretFolder } from './data-folder.ts'
import { readClient } from './embedded/clients.ts'
import { secretOf } from './secret-environment.ts'

export type PlaceOptions = CommonOptions & {
  /** A file `{issuer, client_id, client_secret}`, by which tokens are had as they are needed. */
  readonly client?: string
}

export type Place = { readonly folder: DataFolder; readonly server: string; readonly token: TokenSource }

const scope = 'manage:exchanges read:keys'
const reach: Fetch = (url, init) => fetch(url, init)

/** Throws `bad-config` when nothing says where the sealer is, or by which token it is asked. */
export function placeOf(options: PlaceOptions): Place {
  const folder = dataFolder(options.data)
  return { folder, server: options.server ?? serverOf(folder), token: tokenOf(options, folder) }
}

export function exchangesOf(options: PlaceOptions): ExchangesApi {
  const { server, token } = placeOf(options)
  return exchangesApi({ url: server, token, fetch: reach })
}

/**
 * The trust file that this side's folder is pinned to; one that is named for the first time is copied there.
 * Throws `bad-config` when there is none, `wrong-ledger` when the folder is pinned to another ledger.
 */
export function pinnedTrust(options: Pick<CommonOptions, 'data' | 'trust'>): {
  readonly trust: Trust
  readonly isNew: boolean
} {
  const folder = dataFolder(options.data)
  const trust = readTrust(options)
  if (options.trust === undefined || resolve(options.trust) === folder.trust) return { trust, isNew: false }
  if (existsSync(folder.trust)) {
    if (!equalBytes(readTrust({ data: options.data }).genesis, trust.genesis)) {
      throw new Refused('wrong-ledger', `${folder.trust} pins another ledger than ${options.trust}`)
    }
    return { trust, isNew: false }
  }
  makeSecretFolder(folder.root)
  copyFileSync(options.trust, folder.trust)
  return { trust, isNew: true }
}

/**
 * Throws `bad-config` for a token that will have ended by then: the exchange would be registered, and this
 * side would never hear of it. (What the token says of itself is the service's to judge.)
 */
export function checkLasts({ token, client }: PlaceOptions, untilMs: number): void {
  const text = client === undefined ? (token ?? secretOf('LEDGERSTONE_TOKEN')) : undefined
  const ends = text === undefined ? undefined : expiryOf(text)
  if (ends !== undefined && ends < untilMs) {
    const at = new Date(ends).toISOString()
    throw new Refused(
      'bad-config',
      `the token ends at ${at}, before the exchange: name a client with --client`,
    )
  }
}

function tokenOf(options: PlaceOptions, folder: DataFolder): TokenSource {
  const { client, token = secretOf('LEDGERSTONE_TOKEN') } = options
  if (client === undefined) {
    if (token === undefined && !existsSync(folder.localClient)) {
      throw new Refused(
        'bad-config',
        'no token, and no client to get one by: --token, $LEDGERSTONE_TOKEN or --client',
      )
    }
    return tokenSource(options, folder, scope)
  }
  const { issuer, client_id: clientId, client_secret: clientSecret } = readClient(client)
  return clientCredentials({ issuer, clientId, clientSecret, scope, fetch: reach, now: Date.now })
}

function expiryOf(token: string): number | undefined {
  try {
    const [, payload = ''] = token.split('.')
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown }
    return typeof exp === 'number' ? exp * 1000 : undefined
  } catch {
    return undefined // not a JWT; the service knows
  }
}
