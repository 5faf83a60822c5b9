// `keys register`, `keys revoke` and `keys approve`: judged by the own replay first, then appended to `keys`.
import { existsSync } from 'node:fs'
import {
  type ChangePosted,
  type RegistryChanges,
  registryChanges,
} from '@ledgerstone/client/registry-changes'
import { pendingChanges } from '@ledgerstone/core/key-life'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { Refused } from '@ledgerstone/core/refused'
import type { RegisteredKey } from '@ledgerstone/core/registered-key'
import type { Role } from '@ledgerstone/core/registration'
import { type CommonOptions, type Connection, connect } from '../connect.ts'
import { type Output, outputOf } from '../output.ts'
import { openOwnKey, type PassphraseOptions } from '../private-key.ts'
import { describeRequest, suspectText } from './keys-list.ts'

/** `key`: the registrar's private key. */
export type ChangeOptions = CommonOptions & PassphraseOptions & { readonly key?: string }

export type Changing = {
  readonly connection: Connection
  readonly changes: RegistryChanges
  readonly output: Output
}

/** What every change needs: the own replay, and a token that may change the registry. */
export function changing(options: ChangeOptions): Changing {
  const connection = connect(options, 'read:keys manage:keys')
  const { api, follower } = connection
  return {
    connection,
    changes: registryChanges({ api, follower, now: Date.now }),
    output: outputOf(options),
  }
}

/** The registrar's key: the one named, or the data folder's. */
export function registrarOf({ connection }: Changing, options: ChangeOptions): Promise<OwnKey> {
  const file = options.key ?? connection.folder.registrarKey
  if (!existsSync(file)) {
    throw new Refused('bad-key-file', `there is no registrar's key ${file}: name one with --key`)
  }
  return openOwnKey(file, options)
}

export type RegisterOptions = ChangeOptions & {
  readonly owner: string
  readonly purpose: 'sign' | 'receive'
  readonly role?: readonly Role[]
  readonly notBefore?: number
  readonly notAfter?: number
}

export async function register(file: string, options: RegisterOptions): Promise<void> {
  const { owner, purpose, role: roles = [], notBefore, notAfter } = options
  const change = changing(options)
  const key = await openOwnKey(file, options)
  const claims = {
    ...{ owner, purpose, roles, assurance: 'local' as const },
    ...(notBefore !== undefined && { notBefore }),
    ...(notAfter !== undefined && { notAfter }),
  }
  const posted = await change.changes.register(key, claims, await registrarOf(change, options))
  await report(change, posted, { kid: key.kid }, `registered ${key.kid} of ${owner} to ${purpose}`)
}

export type RevokeOptions = ChangeOptions & { readonly reason: string; readonly suspectFrom?: number }

/**
 * `key` is a kid, and a registrar signs; or a private key file, and that key signs its own end. A key that
 * has ended already is marked by registrars as stolen.
 */
export async function revoke(key: string, options: RevokeOptions): Promise<void> {
  const { reason, suspectFrom } = options
  const change = changing(options)
  const { registry } = await change.connection.follower.refresh()
  const own = existsSync(key) ? await openOwnKey(key, options) : undefined
  if (own === undefined && !/^[A-Za-z0-9_-]{43}$/.test(key)) {
    throw new Refused('bad-query', `${key} is neither a key id nor a private key file`)
  }
  const kid = own?.kid ?? key
  const by = own === undefined || options.key !== undefined ? await registrarOf(change, options) : own
  const revocation = { kid, reason, ...(suspectFrom !== undefined && { suspectFrom }) }
  const hasEnded = registry.isRegistered(kid) && isOver(registry.key(kid))
  const posted = await change.changes.revoke(revocation, by)
  const done = hasEnded ? 'marked' : 'revoked'
  await report(change, posted, { kid }, `${done} ${kid}${suspectText(',', suspectFrom)}`)
}

function isOver({ revoked, replaced }: RegisteredKey): boolean {
  return revoked !== undefined || replaced !== undefined
}

export async function approve(id: string, options: ChangeOptions): Promise<void> {
  const change = changing(options)
  const { registry } = await change.connection.follower.refresh()
  const open = pendingChanges(registry).find((each) => each.id === id)
  if (open === undefined) {
    throw new Refused('not-approved', `nothing with the hash ${id} waits for approval: see \`keys list\``)
  }
  const what = describeRequest(open.request)
  change.output.note(`approving: ${what}\n  asked or approved by ${open.request.owners.join(', ')}`)
  const posted = await change.changes.approve(id, await registrarOf(change, options))
  await report(change, posted, {}, `approved: ${what}`)
}

/** Tells what was done, when others can see it: the block is final, and this computer has replayed it. */
export async function report(
  { connection, output }: Changing,
  posted: ChangePosted,
  more: object,
  done: string,
): Promise<void> {
  const final = await isFinal(connection, posted.index)
  const { index, hash, id, counts, missing } = posted
  const effect = counts
    ? `in force with block ${index} of keys`
    : `asked for in block ${index} of keys; NOT in force: ${missing} more of the registrars must approve\n` +
      `  ledgerstone keys approve ${id}`
  const waiting = final ? '' : '\nnot final yet: others see it when it is'
  output.result({ ...more, ...posted, final }, `${done}\n${effect}\nhash  ${hash}${waiting}`)
}

async function isFinal({ follower }: Connection, index: number): Promise<boolean> {
  try {
    await follower.atLeast(index + 1)
    return true
  } catch (error) {
    if (error instanceof Refused && error.code === 'gap') return false
    throw error
  }
}
