// `ledgerstone exchange`: the client's side of a key exchange, in one command.
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { readKeyFile } from '@ledgerstone/border/key-file'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { Refused } from '@ledgerstone/core/refused'
import { formatTime } from '@ledgerstone/core/time'
import { createIdentity, type Identity, issueIdentity } from '@ledgerstone/exchange/certificate'
import type { ClientKey } from '@ledgerstone/exchange/client'
import type { ExchangeAssurance } from '@ledgerstone/exchange/exchange-state'
import { parseAsked } from '@ledgerstone/exchange/exchange-view'
import { readCa } from '../ca-folder.ts'
import { dataFolder } from '../data-folder.ts'
import { purposeOf } from '../exchange-keys.ts'
import { checkLasts, exchangesOf, type PlaceOptions, pinnedTrust, placeOf } from '../exchange-place.ts'
import { type ExchangeOutcome, type ExchangeStep, exchangeKeys } from '../exchange-run.ts'
import { type WayOptions, wayOf } from '../exchange-way.ts'
import { counted, type Output, outputOf } from '../output.ts'
import { choosePassphrase, openOwnKey, type PassphraseOptions } from '../private-key.ts'

export type ExchangeCommandOptions = PlaceOptions &
  WayOptions &
  PassphraseOptions & {
    readonly ledger?: string
    readonly owner?: string
    /** `file`, or `receive=file`, `sign=file`. */
    readonly key?: readonly string[]
    /** Files of own keys in whose place new ones are put. */
    readonly replaces?: readonly string[]
    /** Puts new keys under a passphrase. */
    readonly encrypt?: boolean
    /** The id of an exchange that was scheduled elsewhere. */
    readonly join?: string
    readonly at?: number
    readonly port?: number
    readonly yes?: boolean
    readonly twoPerson?: boolean
    /** A folder, or that of the data folder. */
    readonly ca?: string | true
    readonly certificate?: string
    readonly certificateKey?: string
  }

export async function exchange(options: ExchangeCommandOptions): Promise<void> {
  const output = outputOf(options)
  const owner = options.owner ?? ownName()
  const { trust, isNew } = pinnedTrust(options)
  const { folder, server, token } = placeOf(options)
  const openAt = options.join === undefined ? options.at : await joinedAt(options.join, options)
  if (openAt !== undefined) checkLasts(options, openAt + 60_000)
  if (isNew) tell(output, { step: 'pinned', text: `the trust file of ${trust.ledger}, in ${folder.trust}` })
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
  let asked = ''
  try {
    const identity = await identityOf(options, owner)
    const outcome = await exchangeKeys({
      ...{ folder, server, token, trust, owner, identity, assurance: assuranceOf(options) },
      way: await wayOf(options, server),
      ...(options.ledger !== undefined && { ledger: options.ledger }),
      ...(options.key !== undefined && { keys: await readKeys(options.key, options) }),
      ...(options.replaces !== undefined && { replaces: await readReplaced(options) }),
      ...(options.encrypt === true && { passphrase: await choosePassphrase(folder.ownKeys, options) }),
      ...(options.join !== undefined && { join: options.join }),
      ...(options.at !== undefined && { openAt: formatTime(options.at) }),
      ...(options.port !== undefined && { port: options.port }),
      signal: stopping.signal,
      onStep(step) {
        if ('exchange' in step && step.exchange !== undefined) asked = step.exchange
        tell(output, step)
      },
      compare: (string) => compare(string, asked, output, stopping.signal),
    })
    if (output.json) line({ step: 'done', ...outcome })
    else output.result(outcome, accountOf(outcome))
  } catch (error) {
    if (stopping.signal.aborted) throw new Refused('stopping', 'interrupted; the exchange is cancelled')
    throw error
  }
}

/** When its port opens, by this computer's clock; absent: as soon as this side has joined. */
async function joinedAt(id: string, options: ExchangeCommandOptions): Promise<number | undefined> {
  const { at, port } = options
  if (at !== undefined || port !== undefined) {
    throw new Refused('bad-config', '--at and --port are for whoever schedules an exchange; --join runs it')
  }
  const { openAt, now } = parseAsked(await exchangesOf(options).get(id))
  return openAt > now ? Date.now() + openAt - now : undefined
}

/** With --json each step is one line of JSON. */
function tell(output: Output, step: ExchangeStep | { readonly step: 'pinned'; readonly text: string }): void {
  if (output.json) line(step)
  else output.note(`${step.step.padEnd(10)} ${step.text}`)
}

function line(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

function assuranceOf({ yes, twoPerson }: ExchangeCommandOptions): ExchangeAssurance {
  if (yes !== true) return twoPerson === true ? 'two-person' : 'sas'
  if (twoPerson === true) throw new Refused('bad-config', '--yes and --two-person exclude each other')
  return 'token'
}

/** This computer's user, as an owner of keys may be called. */
function ownName(): string {
  const name = userInfo()
    .username.toLowerCase()
    .replaceAll(/[^a-z0-9._@-]/g, '-')
  if (!/^[a-z0-9]/.test(name)) throw new Refused('bad-config', 'whose keys are these? Say it with --owner')
  return name
}

async function identityOf(options: ExchangeCommandOptions, owner: string): Promise<Identity> {
  const { ca, certificate, certificateKey, data } = options
  const given = [ca, certificate].filter((each) => each !== undefined).length
  if (given > 1) throw new Refused('bad-config', '--ca and --certificate exclude each other')
  if ((certificate === undefined) !== (certificateKey === undefined)) {
    throw new Refused('bad-config', '--certificate and --certificate-key go together')
  }
  const wanted = { name: owner.slice(0, 64), now: Date.now(), days: 2 }
  if (ca !== undefined) return issueIdentity(readCa(ca === true ? dataFolder(data).ca : ca), wanted)
  if (certificate === undefined || certificateKey === undefined) return createIdentity(wanted)
  return { certificate: readFileSync(certificate, 'utf8'), key: readKeyFile(certificateKey) }
}

/** One after the other: each may ask for its passphrase. */
async function readKeys(files: readonly string[], options: PassphraseOptions): Promise<readonly ClientKey[]> {
  const keys: ClientKey[] = []
  for (const text of files) {
    const [, named, file = text] = /^(receive|sign)=(.+)$/.exec(text) ?? []
    const key = await openOwnKey(file, options)
    keys.push({ key, purpose: (named as ClientKey['purpose'] | undefined) ?? purposeOf(key) })
  }
  return keys
}

async function readReplaced({ key, replaces = [], ...options }: ExchangeCommandOptions): Promise<OwnKey[]> {
  if (key !== undefined) throw new Refused('bad-config', '--key and --replaces exclude each other')
  const keys: OwnKey[] = []
  for (const file of replaces) keys.push(await openOwnKey(file, options))
  return keys
}

/** Asks on the terminal, or whoever writes to standard input. Nobody's answer is no yes. */
async function compare(
  string: string,
  exchange: string,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  output.note(
    [
      '',
      `  ${string}`,
      '',
      'Read this to the person at the server, by telephone or face to face, who types it in on the page',
      `Exchange, or with: ledgerstone exchange confirm ${exchange} ${string}`,
      'Do they see the same there? [yes/no]',
    ].join('\n'),
  )
  const lines = createInterface({ input: process.stdin, terminal: false, signal })
  try {
    for await (const answer of lines) return /^\s*(?:y|yes)\s*$/i.test(answer)
  } finally {
    lines.close()
  }
  throw new Refused('wrong-string', 'nobody has said that the strings are the same; --yes goes without')
}

function accountOf(outcome: ExchangeOutcome): string {
  const {
    exchange: id,
    owner,
    assurance,
    string,
    keys,
    serverKeys,
    serverKeysFolder,
    approvalsMissing,
  } = outcome
  const missing =
    approvalsMissing === 0
      ? []
      : [
          `  WAITING   for ${counted(approvalsMissing, 'more registrar')}`,
          ...keys.map(({ hash }) => `            ledgerstone keys approve ${hash}`),
        ]
  return [
    `EXCHANGED  ${id}`,
    `  assurance ${assurance}, short string ${string}`,
    ...keys.toSorted(byBlock).map(({ kind, kid, purpose, index, file }) => {
      const kept = file === undefined ? '' : `, private key in ${file}`
      return `  ours      ${kind} ${kid} of ${owner} (${purpose}), block ${index} of keys${kept}`
    }),
    ...serverKeys.map((key) => `  theirs    ${key.kind} ${key.kid} of ${key.owner} (${key.purpose})`),
    `            kept in ${serverKeysFolder}`,
    ...missing,
  ].join('\n')
}

/** As the blocks stand in `keys`: a ceremony has its keys in the order of their kids. */
function byBlock(a: ExchangeOutcome['keys'][number], b: ExchangeOutcome['keys'][number]): number {
  return a.index - b.index
}
