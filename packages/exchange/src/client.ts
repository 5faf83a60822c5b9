// The client's side of an exchange, in one call: asked for over REST, reached by a way, talked, compared,
// kept. Each step is told as it happens, in words for people.
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { JsonObject } from '@ledgerstone/core/canonical'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { randomBytes } from '@ledgerstone/core/primitives/node'
import { type RefusalCode, Refused, refusalCodes } from '@ledgerstone/core/refused'
import { type AnnouncedKey, announcedKeysMax } from './announced-key.ts'
import { beginCeremony, type Ceremony, step } from './ceremony.ts'
import { createIdentity, describeCertificate, type Identity } from './certificate.ts'
import { secretBytes } from './challenge.ts'
import { converse } from './conversation.ts'
import { describeBlocks, type ExchangeAssurance, isOver, type Registered } from './exchange-state.ts'
import { type ExchangeView, parseAsked, parseView } from './exchange-view.ts'
import { nonceBytes } from './message.ts'
import { type ProvingKey, provingKey, type Wanted } from './own-key.ts'
import { connect, exporterOf } from './tls-client.ts'
import type { Reached, Way } from './way.ts'

/** The sealer's REST interface, under the caller's token. */
export type ExchangeApi = {
  create(asked: JsonObject): Promise<JsonObject>
  /** `{certificate}` */
  join(id: string, client: JsonObject): Promise<JsonObject>
  get(id: string): Promise<JsonObject>
  cancel(id: string): Promise<JsonObject>
}

/**
 * The server's keys on this side's disk: written before this side proves its own, valid once it is committed.
 */
export type Kept = { commit(): Promise<void>; discard(): Promise<void> }

export type ClientKey = Omit<Wanted, 'owner' | 'assurance'> & { readonly key: OwnKey }

export type AccountStep = {
  readonly step:
    | 'asked'
    | 'joined'
    | 'reached'
    | 'waiting'
    | 'handshake'
    | 'mutual'
    | 'proven'
    | 'string'
    | 'closed'
    | 'registered'
  readonly text: string
  /** With `asked` and `joined`: its id. */
  readonly exchange?: string
  /** With `string`: what people compare. */
  readonly string?: string
}

export type ExchangeRun = {
  readonly api: ExchangeApi
  readonly way: Way
  /** Of the bucket `keys`, out of the pinned trust file. */
  readonly origin: string
  readonly owner: string
  readonly assurance: ExchangeAssurance
  readonly keys: readonly ClientKey[]
  /** Self-signed for this exchange when absent. */
  readonly identity?: Identity
  /** The id of an exchange that somebody has scheduled; absent: this side asks for one. */
  readonly join?: string
  /** RFC 3339, by the server's clock; absent: at once. */
  readonly openAt?: string
  readonly port?: number
  /**
   * Writes the server's proven keys down, not yet for use. What it throws ends the exchange before anything
   * is registered.
   */
  readonly keep: (keys: readonly AnnouncedKey[], exchange: string) => Promise<Kept>
  /** Whether the other person sees this string at the server. Not asked when the assurance is `token`. */
  readonly compare: (string: string) => Promise<boolean>
  readonly onStep: (step: AccountStep) => void
  readonly signal?: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly messageTimeoutMs?: number
  /** How often the server is asked whether the keys are registered. */
  readonly pollMs?: number
}

export type Exchanged = {
  readonly exchange: string
  readonly string: string
  readonly serverKeys: readonly AnnouncedKey[]
  readonly registered: Registered
}

/**
 * Throws why not: `bad-config` when what is joined was scheduled for something else, `unknown-exchange` when
 * the server answers with another one, `wrong-certificate`, `peer-lost`, `wrong-string`, the code by which
 * either side refused, or what the network or the disk says.
 * The exchange is then cancelled at the server, the way taken down, and nothing of the server's is kept.
 */
export async function runExchange(run: ExchangeRun): Promise<Exchanged> {
  const identity =
    run.identity ?? (await createIdentity({ name: 'ledgerstone client', now: run.now(), days: 2 }))
  const keys = await Promise.all(
    run.keys.map(({ key, ...wanted }) => provingKey(key, { ...wanted, ...ownedBy(run) })),
  )
  const view = parseView(await asked(run, identity))
  checkJoined(view.id, run)
  let kept: Kept | undefined
  try {
    checkAnnounced(view)
    if (isOver(view.state)) throw endOf(view)
    const begun = run.join === undefined ? 'asked' : 'joined'
    run.onStep({ step: begun, text: accountOf(view, run.assurance), exchange: view.id })
    const { ceremony, held } = await meet(run, view, identity, keys)
    kept = held
    const string = ceremony.string as string
    await agree(run, ceremony, string)
    const registered = await untilRegistered(run, view)
    await kept?.commit()
    tell(run, 'registered', accountOfBlocks(registered))
    return { exchange: view.id, string, serverKeys: ceremony.peerKeys, registered }
  } catch (error) {
    await kept?.discard()
    await run.api.cancel(view.id).catch(() => undefined)
    throw error
  }
}

function ownedBy({ owner, assurance }: ExchangeRun): Pick<Wanted, 'owner' | 'assurance'> {
  return { owner, assurance }
}

function requestOf({ owner, assurance, openAt, port }: ExchangeRun, { certificate }: Identity): JsonObject {
  return {
    ...{ owner, assurance, clientCertificate: certificate },
    ...(openAt !== undefined && { openAt }),
    ...(port !== undefined && { port }),
  }
}

/** The server's word for what was scheduled is not taken: this side has been told it, too, and says it. */
async function asked(run: ExchangeRun, identity: Identity): Promise<JsonObject> {
  if (run.join === undefined) return run.api.create(requestOf(run, identity))
  const { id, owner, assurance } = parseAsked(await run.api.get(run.join))
  checkJoined(id, run)
  if (owner !== run.owner || assurance !== run.assurance) {
    const [there, here] = [`${owner}, assurance ${assurance}`, `${run.owner}, assurance ${run.assurance}`]
    throw new Refused('bad-config', `exchange ${id} is for keys of ${there}; here it is said: ${here}`)
  }
  return run.api.join(id, { certificate: identity.certificate })
}

/** Another one would be joined with this side's certificate, and its id be read to the other person. */
function checkJoined(id: string, { join }: ExchangeRun): void {
  if (join === undefined || join === id) return
  throw new Refused('unknown-exchange', `asked for exchange ${join}, the server answers with ${id}`)
}

/** The hash is what the answer promises; the certificate beside it only spares a second request. */
function checkAnnounced({ certificate, fingerprint }: ExchangeView): void {
  if (describeCertificate(certificate).fingerprint !== fingerprint) {
    throw new Refused('wrong-certificate', "the server's certificate does not have the announced fingerprint")
  }
}

type Met = { readonly ceremony: Ceremony; readonly held: Kept | undefined }

/** The way, the connection and the ceremony; all closed again when it returns. */
async function meet(
  run: ExchangeRun,
  view: ExchangeView,
  identity: Identity,
  keys: readonly ProvingKey[],
): Promise<Met> {
  const { id: exchange, port, instance } = view
  const target = { exchange, port, expiresAt: view.closesAt, ...(instance !== undefined && { instance }) }
  const reached = await run.way.open(target)
  try {
    tell(run, 'reached', `by ${run.way.name}: ${reached.host}:${reached.port}`)
    for (const line of reached.account) tell(run, 'reached', line)
    return await talk(run, view, reached, identity, keys)
  } finally {
    await reached.close()
    tell(run, 'closed', 'the connection is closed, and nothing is left of the way to it')
  }
}

/**
 * Connections that end before the server's first message do not spend the attempt: it is tried again, a few
 * times.
 */
async function talk(
  run: ExchangeRun,
  view: ExchangeView,
  reached: Reached,
  identity: Identity,
  keys: readonly ProvingKey[],
): Promise<Met> {
  const deadline = run.now() + (view.closesAt - view.now)
  await waitUntilOpen(run, view)
  for (let tries = 1; ; tries++) {
    const socket = await connectInTime(run, view, reached, identity, deadline)
    let held: Kept | undefined
    try {
      tell(run, 'handshake', accountOfHandshake(socket, view, identity))
      const keep = async ({ peerKeys }: Ceremony): Promise<void> => {
        held = await run.keep(peerKeys, view.id)
      }
      const ceremony = await ceremonyOver(socket, run, view, keys, keep)
      if (ceremony.state === 'awaiting') return { ceremony, held }
      await held?.discard()
      if (ceremony.messages.length >= 2 || tries === 3) throw refusalOf(ceremony)
      await pause(500, run.signal)
    } finally {
      socket.destroy()
    }
  }
}

async function waitUntilOpen(run: ExchangeRun, { openAt, now }: ExchangeView): Promise<void> {
  // By the server's clock: this side's may be wrong.
  const waitMs = openAt - now
  if (waitMs <= 0) return
  tell(run, 'waiting', `the port opens in ${Math.ceil(waitMs / 1000)} s`)
  await pause(waitMs, run.signal)
}

/** Of a quarter of a second each, between two questions how the exchange stands. */
const triesPerQuestion = 8

async function connectInTime(
  run: ExchangeRun,
  view: ExchangeView,
  reached: Reached,
  identity: Identity,
  deadline: number,
): Promise<TLSSocket> {
  const { host, port, servername, settles = false } = reached
  for (let tries = 1; ; tries++) {
    run.signal?.throwIfAborted()
    try {
      const name = servername === undefined ? {} : { servername }
      return await connect({ host, port, identity, peer: view, ...name })
    } catch (error) {
      const trouble = reached.trouble?.()
      if (trouble !== undefined) throw trouble
      const isFinal = error instanceof Refused && !settles
      if (isFinal || run.now() > deadline) throw error
      if (tries % triesPerQuestion === 0) await checkNotOver(run, view)
      await pause(250, run.signal)
    }
  }
}

/** A port that is taken at its time never opens. Throws why the exchange is over, if the server says so. */
async function checkNotOver(run: ExchangeRun, { id }: ExchangeView): Promise<void> {
  const told = await run.api.get(id).catch(() => undefined)
  if (told === undefined) return
  const view = parseView(told)
  if (isOver(view.state)) throw endOf(view)
}

function ceremonyOver(
  socket: TLSSocket,
  run: ExchangeRun,
  view: ExchangeView,
  keys: readonly ProvingKey[],
  keep: (ceremony: Ceremony) => Promise<void>,
): Promise<Ceremony> {
  const ceremony = beginCeremony({
    ...{ role: 'client', origin: run.origin, keys, nonce: randomBytes(nonceBytes) },
    binding: { exchange: view.id, exporter: exporterOf(socket) },
    secrets: Array.from({ length: announcedKeysMax }, () => randomBytes(secretBytes)),
  })
  return converse({
    ...{ stream: socket, ceremony, keep },
    ...(run.messageTimeoutMs !== undefined && { timeoutMs: run.messageTimeoutMs }),
    onStep(after, { sent, received }) {
      const traffic = `${sent} bytes sent, ${received} received`
      if (after.state === 'revealed')
        tell(run, 'mutual', `the server has taken our certificate, too; ${traffic}`)
      if (after.state === 'proven') tell(run, 'proven', `${accountOfKeys(after.peerKeys)}; ${traffic}`)
      const { state, string = '' } = after
      if (state !== 'awaiting') return
      const text = `short string ${string}; both sides have proven their keys; ${traffic}`
      run.onStep({ step: 'string', text, string })
    },
  })
}

async function agree(run: ExchangeRun, ceremony: Ceremony, string: string): Promise<void> {
  const compared = run.assurance === 'token' || (await run.compare(string))
  if (!compared) throw new Refused('wrong-string', 'the other person does not see this string')
  const { ceremony: confirmed } = await step(ceremony, { type: 'confirm' })
  if (confirmed.state !== 'confirmed') throw refusalOf(confirmed)
}

/** The server registers once it is confirmed there, too. */
async function untilRegistered(run: ExchangeRun, { id }: ExchangeView): Promise<Registered> {
  for (;;) {
    const view = parseView(await run.api.get(id))
    if (view.state === 'registered' && view.registered !== undefined) return view.registered
    if (isOver(view.state)) throw endOf(view)
    await pause(run.pollMs ?? 1000, run.signal)
  }
}

function endOf({ state, code = 'exchange-over', detail = '' }: ExchangeView): Refused {
  return new Refused(knownCode(code), `at the server the exchange is ${state}: ${detail}`)
}

function refusalOf({ state, refusal }: Ceremony): Refused {
  if (refusal === undefined) {
    const why = state === 'lost' ? 'the server ended the connection, or fell silent' : `it ended as ${state}`
    return new Refused('peer-lost', why)
  }
  return new Refused(knownCode(refusal.code), refusal.detail)
}

/** A newer server may have codes of its own. */
function knownCode(code: string): RefusalCode {
  return refusalCodes.find((known) => known === code) ?? 'exchange-over'
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal })
}

function tell(run: ExchangeRun, name: AccountStep['step'], text: string): void {
  run.onStep({ step: name, text })
}

function accountOf({ id, port, openAt, closesAt, fingerprint }: ExchangeView, assurance: string): string {
  const seconds = Math.round((closesAt - openAt) / 1000)
  return (
    `exchange ${id}, assurance ${assurance}: port ${port} opens at ${new Date(openAt).toISOString()} for ` +
    `${seconds} s; server certificate SHA-256 ${fingerprint}`
  )
}

function accountOfHandshake(socket: TLSSocket, { certificate }: ExchangeView, identity: Identity): string {
  const [server, client] = [describeCertificate(certificate), describeCertificate(identity.certificate)]
  return (
    `${socket.getProtocol()} ${socket.getCipher().name} with ${socket.remoteAddress}:${socket.remotePort}; ` +
    `server ${server.subject}, client ${client.subject}, SHA-256 ${client.fingerprint}`
  )
}

function accountOfKeys(keys: readonly AnnouncedKey[]): string {
  return `the server holds ${keys.map(({ kid, kind, purpose }) => `${kind} ${kid} (${purpose})`).join(', ')}`
}

function accountOfBlocks(registered: Registered): string {
  const { approvalsMissing } = registered
  const registrars = approvalsMissing === 1 ? 'registrar' : 'registrars'
  const missing = approvalsMissing === 0 ? '' : `; ${approvalsMissing} more ${registrars} must approve`
  return `${describeBlocks(registered)}${missing}`
}
