import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { type AuthClient, createClients, createSecret, putClient, readClients } from './clients.ts'
import { authFilesIn, commandLineClient, ledgerAudience, sealerAudience } from './config.ts'
import { createCookieKeys, createKeys } from './keys.ts'
import { createUsers, hashPassword } from './users.ts'

export type InitOptions = {
  /** Where the explorer is served, besides any port of this machine: `http://127.0.0.1:8400/`. */
  readonly explorerUrl: string
  /** A new 0600 file for the first person's password. */
  readonly passwordFile: string
  /** Of the password hash, log2 N; tests take less than the default. */
  readonly passwordCost?: number
}

/** Secrets that exist nowhere else in clear: hand them on, then forget them. */
export type InitResult = {
  /** The client of the command line on this machine. */
  readonly local: { readonly id: string; readonly secret: string }
  /** The client by which the sealer calls the ledger. */
  readonly sealer: { readonly id: string; readonly secret: string }
  readonly admin: { readonly name: string; readonly password: string }
}

/** What the sealer may ask for: to append, to read the key registry, and to register exchanged keys in it. */
export const sealerScopes: readonly string[] = ['append:*', 'read:*', 'read:keys', 'manage:keys']

const everything = ['append:*', 'read:*', 'read:keys', 'manage:keys', 'manage:exchanges']

/**
 * Makes a new OAuth service's folder (0700): keys, four clients and a first person. Throws when files exist.
 */
export async function initAuth(folder: string, options: InitOptions): Promise<InitResult> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files = authFilesIn(folder)
  const local = createSecret()
  const sealer = createSecret()
  const password = createPassword()
  createKeys(files.keys)
  createCookieKeys(files.cookieKeys)
  createClients(files.clients, [
    {
      id: 'local',
      name: 'Ledgerstone command line',
      auth: 'secret',
      secretSha256: local.secretSha256,
      audiences: [ledgerAudience, sealerAudience],
      scopes: everything,
    },
    {
      id: 'sealer',
      name: 'Sealer',
      auth: 'secret',
      secretSha256: sealer.secretSha256,
      audiences: [ledgerAudience],
      scopes: sealerScopes,
    },
    explorerClient(options.explorerUrl),
    personalClient,
  ])
  const admin = { name: 'admin', displayName: 'Administrator', scopes: everything }
  createUsers(files.users, [{ ...admin, password: await hashPassword(password, options.passwordCost) }])
  createKeyFile(options.passwordFile, `${password}\n`)
  return {
    local: { id: 'local', secret: local.secret },
    sealer: { id: 'sealer', secret: sealer.secret },
    admin: { name: admin.name, password },
  }
}

/**
 * The explorer is served elsewhere now: `http://127.0.0.1:9000/`. Whatever else stood in the file for its
 * client becomes as in a new folder.
 */
export function moveExplorer(clientsFile: string, explorerUrl: string): void {
  putClient(clientsFile, explorerClient(explorerUrl))
}

/** A folder that an older version has made has no client for people at a terminal. */
export function addCommandLine(clientsFile: string): void {
  if (!readClients(clientsFile).has(personalClient.id)) putClient(clientsFile, personalClient)
}

/** For people at a terminal of this computer (RFC 8252), on any port. */
const personalClient: AuthClient = {
  id: commandLineClient,
  name: 'Ledgerstone command line',
  auth: 'none',
  native: true,
  redirectUris: ['http://127.0.0.1/'],
  audiences: [ledgerAudience, sealerAudience],
  scopes: ['read:*', 'read:keys', 'manage:keys', 'manage:exchanges'],
}

/** For people at the page that the ledger serves, and at the desks of this computer, on any port. */
function explorerClient(explorerUrl: string): AuthClient {
  return {
    id: 'explorer',
    name: 'Ledgerstone explorer',
    auth: 'none',
    native: true,
    redirectUris: [...new Set([explorerUrl, 'http://127.0.0.1/'])],
    audiences: [ledgerAudience, sealerAudience],
    scopes: ['read:*', 'read:keys', 'manage:keys', 'manage:exchanges'],
  }
}

/** 100 bits in letters and digits that are told apart when read aloud, in groups of five. */
function createPassword(): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford's 32: five bits each
  const characters = [...randomBytes(20)].map((byte) => alphabet[byte % 32])
  return characters.join('').replaceAll(/.{5}(?=.)/g, '$&-')
}
