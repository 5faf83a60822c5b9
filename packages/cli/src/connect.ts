// What the commands work with: the services, a token, the pinned trust file, the memory of what was final.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type LedgerApi, ledgerApi } from '@ledgerstone/client/api'
import type { Fetch, TokenSource } from '@ledgerstone/client/http'
import type { Memory } from '@ledgerstone/client/memory'
import { RegistryFollower } from '@ledgerstone/client/registry'
import { type SealerApi, sealerApi } from '@ledgerstone/client/sealer'
import { clientCredentials, staticToken } from '@ledgerstone/client/token'
import { keysBucket } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { parseTrust, type Trust } from '@ledgerstone/core/trust'
import { type DataFolder, dataFolder } from './data-folder.ts'
import { readClient } from './embedded/clients.ts'
import { fileMemory } from './file-memory.ts'
import { secretOf } from './secret-environment.ts'

/** Options that every command takes. */
export type CommonOptions = {
  readonly data: string
  readonly server?: string
  readonly token?: string
  readonly trust?: string
  readonly json?: boolean
}

export type Connection = {
  readonly folder: DataFolder
  readonly api: LedgerApi
  readonly sealer: SealerApi
  readonly trust: Trust
  readonly follower: RegistryFollower
  readonly memory: Memory
}

/** The client of the command line may do this; each command's token asks for no more than it needs. */
const readEverything = 'read:* read:keys'

const reach: Fetch = (url, init) => fetch(url, init)

export function connect(options: CommonOptions, scope: string = readEverything): Connection {
  const folder = dataFolder(options.data)
  const trust = readTrust(options)
  const url = options.server ?? serverOf(folder)
  const token = tokenSource(options, folder, scope)
  const http = { url, token, fetch: reach }
  const api = ledgerApi(http)
  const memory = fileMemory(folder.memory)
  const follower = new RegistryFollower({ trust, reader: api.log(keysBucket), memory, now: Date.now })
  return { folder, api, sealer: sealerApi({ ...http, now: Date.now }), trust, follower, memory }
}

/** The pinned trust file. Throws `bad-config` when there is none: trust is never taken from the server. */
export function readTrust(options: Pick<CommonOptions, 'data' | 'trust'>): Trust {
  const path = options.trust === undefined ? dataFolder(options.data).trust : resolve(options.trust)
  if (!existsSync(path)) {
    throw new Refused(
      'bad-config',
      `there is no trust file ${path}: name one with --trust, or the folder with --data`,
    )
  }
  return parseTrust(readFileSync(path, 'utf8'))
}

/**
 * A token from `--token`, from the environment, or from the embedded OAuth service with the data folder's
 * secret.
 */
export function tokenSource(
  options: CommonOptions,
  folder: DataFolder,
  scope: string,
  resource?: string,
): TokenSource {
  const given = options.token ?? secretOf('LEDGERSTONE_TOKEN')
  if (given !== undefined) return staticToken(given)
  const { issuer, client_id: clientId, client_secret: clientSecret } = readClient(folder.localClient)
  checkEmbedded(issuer)
  const asked = resource === undefined ? {} : { resource }
  return clientCredentials({ issuer, clientId, clientSecret, scope, ...asked, fetch: reach, now: Date.now })
}

/** Where the services of a data folder were last started. */
export function serverOf(folder: DataFolder): string {
  return issuerOf(folder).replace(/\/auth$/, '')
}

/** The OAuth service of a data folder. */
export function issuerOf(folder: DataFolder): string {
  return readClient(folder.localClient).issuer
}

/**
 * The secret on disk is for the OAuth service of this very folder; it must not become a back door to another.
 */
function checkEmbedded(issuer: string): void {
  const { hostname } = new URL(issuer)
  if (hostname !== '127.0.0.1' && hostname !== 'localhost' && hostname !== '[::1]') {
    throw new Refused(
      'bad-config',
      `${issuer} is not the embedded OAuth service; pass a token of it with --token`,
    )
  }
}
