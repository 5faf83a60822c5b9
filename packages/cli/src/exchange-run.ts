// An exchange of keys from end to end, for the command line and the desk: the pinned registry first, private
// keys made when none are given, the exchange itself, and at last the blocks that it made, verified here.
import { ledgerApi } from '@ledgerstone/client/api'
import { exchangesApi } from '@ledgerstone/client/exchanges'
import type { Fetch, TokenSource } from '@ledgerstone/client/http'
import { RegistryFollower } from '@ledgerstone/client/registry'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { checkOwnerName } from '@ledgerstone/core/registration'
import { checkValidity } from '@ledgerstone/core/registry'
import { checkSpki } from '@ledgerstone/core/spki'
import type { Trust } from '@ledgerstone/core/trust'
import type { AnnouncedKey } from '@ledgerstone/exchange/announced-key'
import type { Identity } from '@ledgerstone/exchange/certificate'
import {
  type AccountStep,
  type ClientKey,
  type Exchanged,
  type ExchangeRun,
  runExchange,
} from '@ledgerstone/exchange/client'
import type { ExchangeAssurance } from '@ledgerstone/exchange/exchange-state'
import { keepIn, keptAt } from '@ledgerstone/exchange/kept-keys'
import type { Way } from '@ledgerstone/exchange/way'
import type { DataFolder } from './data-folder.ts'
import { createExchangeKeys, inPlaceOf, type KeyFile, usualKeys } from './exchange-keys.ts'
import { type FoundKey, findRegistered, missingOf } from './exchange-registered.ts'
import { fileMemory } from './file-memory.ts'

/** In the order of the events; `text` is for people. */
export type ExchangeStep =
  | AccountStep
  | { readonly step: 'registry' | 'keys' | 'verified'; readonly text: string }

export type ExchangeOptions = {
  /** Of this side: its keys, what it remembers, and what it learns. */
  readonly folder: DataFolder
  /** Where the sealer is. */
  readonly server: string
  /** Where the ledger is, when it is not at the same place. */
  readonly ledger?: string
  /** With `manage:exchanges` for the sealer and, unless the log is public, `read:keys` for the ledger. */
  readonly token: TokenSource
  /** The pinned one of this side. */
  readonly trust: Trust
  readonly owner: string
  readonly assurance: ExchangeAssurance
  /** Absent: a new key to receive, a new key to sign, as files in `folder.ownKeys`. */
  readonly keys?: readonly ClientKey[]
  /** Absent `keys`: a new key in the place of each of these, and no others. */
  readonly replaces?: readonly OwnKey[]
  /** For new keys. */
  readonly passphrase?: string
  readonly way: Way
  readonly identity?: Identity
  /** The id of an exchange that somebody has scheduled for this owner and assurance; absent: asks for one. */
  readonly join?: string
  /** `2026-11-23T03:17:00.000Z`; absent: at once. */
  readonly openAt?: string
  readonly port?: number
  /** Whether the other person sees this string. Not asked for the assurance `token`. */
  readonly compare: (string: string) => Promise<boolean>
  readonly onStep: (step: ExchangeStep) => void
  readonly signal?: AbortSignal
}

export type ExchangeOutcome = {
  readonly exchange: string
  readonly owner: string
  readonly assurance: ExchangeAssurance
  readonly string: string
  readonly keys: readonly (Pick<AnnouncedKey, 'kid' | 'kind' | 'purpose'> & {
    /** The private key's, where it was made now. */
    readonly file?: string
    /** The block of `keys` that registers it. */
    readonly index: number
    readonly hash: string
  })[]
  /** Registrars who must still approve before the keys count. */
  readonly approvalsMissing: number
  readonly serverKeys: readonly Pick<AnnouncedKey, 'kid' | 'kind' | 'purpose' | 'owner'>[]
  /** Where they are, as PEM files. */
  readonly serverKeysFolder: string
}

const reach: Fetch = (url, init) => fetch(url, init)

/**
 * Throws why not, as `runExchange` does, and what the registry is refused for. New key files are removed
 * again when it fails before this side has proven them; later they stay, for they may have been registered.
 */
export async function exchangeKeys(options: ExchangeOptions): Promise<ExchangeOutcome> {
  const { folder, passphrase, onStep } = options
  const owner = checkOwnerName(options.owner)
  const follower = await openRegistry(options)
  const { registry } = follower.view
  const wanted = options.replaces?.map((key) => inPlaceOf(key, owner, registry)) ?? usualKeys
  const made =
    options.keys === undefined ? await createExchangeKeys(folder, owner, wanted, passphrase) : undefined
  const keys = options.keys ?? made?.keys ?? []
  onStep({ step: 'keys', text: accountOfKeys(keys, made?.files) })
  let isProven = false
  try {
    const exchanged = await runExchange({
      ...runOf(options, follower, keys),
      onStep(step) {
        if (step.step === 'proven') isProven = true
        onStep(step)
      },
    })
    const found = await verifyRegistered(options, follower, keys, exchanged)
    return outcomeOf(options, found, made?.files ?? [], exchanged)
  } catch (error) {
    if (!isProven) made?.discard()
    else if (made !== undefined) {
      const paths = made.files.map(({ path }) => path).join(', ')
      onStep({ step: 'keys', text: `the new private keys stay, for they may have been registered: ${paths}` })
    }
    throw error
  }
}

/** The registry as this side replays it from the pinned genesis: the server's keys must stand in it. */
async function openRegistry(options: ExchangeOptions): Promise<RegistryFollower> {
  const { folder, server, ledger = server, token, trust, onStep } = options
  const reader = ledgerApi({ url: ledger, token, fetch: reach }).log(keysBucket)
  const follower = new RegistryFollower({ trust, reader, memory: fileMemory(folder.memory), now: Date.now })
  try {
    const { registry } = await follower.refresh()
    const size = `${registry.size} blocks, verified from the pinned genesis`
    onStep({ step: 'registry', text: `the key registry of ${trust.ledger} has ${size}` })
  } catch (cause) {
    if (!(cause instanceof Refused) || cause.code !== 'unknown-route') throw cause
    throw new Refused('bad-config', `there is no ledger at ${ledger}: say where it is`, { cause })
  }
  return follower
}

function runOf(
  options: ExchangeOptions,
  follower: RegistryFollower,
  keys: readonly ClientKey[],
): Omit<ExchangeRun, 'onStep'> {
  const { folder, server, token, trust, owner, assurance, way } = options
  const { identity, join, openAt, port, signal } = options
  const keep = keepIn(folder.peerKeys)
  return {
    ...{ api: exchangesApi({ url: server, token, fetch: reach }), way, owner, assurance, keys },
    ...{ origin: originOf(trust.ledger, keysBucket), compare: options.compare, now: Date.now, pollMs: 250 },
    async keep(serverKeys, exchange) {
      await checkServerKeys(follower, serverKeys)
      return keep(serverKeys, exchange)
    },
    ...(identity !== undefined && { identity }),
    ...(join !== undefined && { join }),
    ...(openAt !== undefined && { openAt }),
    ...(port !== undefined && { port }),
    ...(signal !== undefined && { signal }),
  }
}

/**
 * Proven is that the server has these keys; whose they are, the pinned registry says. Throws `unknown-key`,
 * `key-revoked`, `key-expired`, `wrong-key`.
 */
async function checkServerKeys(follower: RegistryFollower, keys: readonly AnnouncedKey[]): Promise<void> {
  const isKnown = keys.every(({ kid }) => follower.view.registry.isRegistered(kid))
  const { registry } = isKnown ? follower.view : await follower.refresh()
  for (const { kid, owner, purpose } of keys) {
    const registered = registry.keyAt(kid, registry.size)
    checkValidity(registered, Date.now())
    if (registered.owner !== owner || registered.purpose !== purpose) {
      throw new Refused('wrong-key', `the server claims other things of its key ${kid} than the registry`)
    }
  }
}

/** What the server says of blocks counts for nothing: the own replay has them, or nobody does. */
async function verifyRegistered(
  { owner, assurance, onStep }: ExchangeOptions,
  follower: RegistryFollower,
  keys: readonly ClientKey[],
  { registered }: Exchanged,
): Promise<readonly FoundKey[]> {
  const size = 1 + Math.max(...registered.blocks.map(({ index }) => index))
  const { registry, checkpoint } = await follower.atLeast(size)
  const found = findRegistered(registry, { owner, assurance, keys })
  const what = missingOf(found) === 0 ? `keys of ${owner}` : 'requests'
  const blocksNow = `the registry of ${checkpoint.head.size} blocks`
  onStep({ step: 'verified', text: `${blocksNow} has them as ${what}, verified like the first ones` })
  return found
}

function outcomeOf(
  { folder, owner, assurance }: ExchangeOptions,
  found: readonly FoundKey[],
  files: readonly KeyFile[],
  { exchange, string, serverKeys }: Exchanged,
): ExchangeOutcome {
  return {
    ...{ exchange, owner, assurance, string, approvalsMissing: missingOf(found) },
    keys: found.map(({ kid, kind, purpose, index, hash }) => {
      const file = files.find((each) => each.kid === kid)?.path
      return { kid, kind, purpose, index, hash, ...(file !== undefined && { file }) }
    }),
    serverKeys: serverKeys.map(({ kid, kind, purpose, owner: whose }) => ({
      ...{ kid, kind, purpose, owner: whose },
    })),
    serverKeysFolder: keptAt(folder.peerKeys, serverKeys, exchange),
  }
}

function accountOfKeys(keys: readonly ClientKey[], files: readonly KeyFile[] = []): string {
  const list = keys.map(({ key, purpose }) => {
    const path = files.find(({ kid }) => kid === key.kid)?.path
    return `${checkSpki(key.spki)} ${key.kid} (${purpose}${path === undefined ? '' : `, new: ${path}`})`
  })
  return `we hold ${list.join(', ')}`
}
