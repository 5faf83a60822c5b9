// One exchange at the server, from its schedule to its end: a port, a conversation, a confirmation, a
// registration.
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { randomBytes } from '@ledgerstone/core/primitives/node'
import { Refused } from '@ledgerstone/core/refused'
import { announcedKeysMax } from './announced-key.ts'
import { beginCeremony, type Ceremony, step } from './ceremony.ts'
import type { Identity } from './certificate.ts'
import { secretBytes } from './challenge.ts'
import { converse } from './conversation.ts'
import {
  describeAsked,
  describeBlocks,
  type ExchangeEvent,
  type ExchangeRecord,
  type ExchangeState,
  isInvolved,
  isOver,
  type Person,
} from './exchange-state.ts'
import { mayBecome } from './exchange-transitions.ts'
import type { ExchangesOptions } from './exchanges-options.ts'
import type { Journal } from './journal.ts'
import { nonceBytes } from './message.ts'
import { registerWhenPossible } from './registering.ts'
import { exporterOf } from './tls-client.ts'
import { type Listener, listen, type RefusedConnection } from './tls-server.ts'

export type ExchangeParts = { readonly options: ExchangesOptions; readonly journal: Journal }

/** The two sides of the connection, and who brought the client's. */
export type Joined = {
  readonly identity: Identity
  /** PEM. */
  readonly clientCertificate: string
  readonly known: Required<
    Pick<ExchangeRecord, 'certificate' | 'fingerprint' | 'clientFingerprint' | 'joinedBy'>
  >
}

const refusedEventsMax = 100
const farewellMs = 1000

export class Exchange {
  readonly #parts: ExchangeParts
  #record: ExchangeRecord
  /** None before it has been asked for. */
  #reached: ExchangeState | undefined
  #joined: Joined | undefined
  #ceremony: Ceremony | undefined
  #listener: Listener | undefined
  #timer: NodeJS.Timeout | undefined
  /** Everything that is still to be done before nothing of this exchange is left running. */
  #work: Promise<unknown> = Promise.resolve()
  readonly #stopping = new AbortController()

  constructor(record: ExchangeRecord, parts: ExchangeParts) {
    this.#record = record
    this.#parts = parts
  }

  get record(): ExchangeRecord {
    return this.#record
  }

  /** Nothing but a line of the journal until the client's side joins. */
  async await(): Promise<void> {
    await this.#begin('awaiting-client', { by: this.#record.createdBy, detail: describeAsked(this.#record) })
    this.#expectClient()
  }

  /** Opens the port at its time; at once when that has come, and then the port is open when this returns. */
  async schedule(joined: Joined): Promise<void> {
    this.#joined = joined
    const { clientFingerprint } = joined.known
    const detail = `${describeAsked(this.#record)}, client certificate SHA-256 ${clientFingerprint}`
    await this.#begin('scheduled', { by: joined.known.joinedBy, detail }, joined.known)
    const waitMs = this.#record.openAt - this.#parts.options.now()
    if (waitMs <= 0) await this.#open()
    else this.#at(waitMs, () => this.#open())
  }

  /** One certificate, once. Throws `exchange-over`. */
  async join(joined: Joined): Promise<void> {
    this.checkAwaitsClient(joined.known.joinedBy)
    const { opensOnJoin = false } = this.#record
    const { now, windowMs = 120_000 } = this.#parts.options
    if (opensOnJoin) this.#record = { ...this.#record, openAt: now(), closesAt: now() + windowMs }
    await this.schedule(joined)
  }

  /** Throws `exchange-over` when nobody can join, or somebody has. */
  checkAwaitsClient(by: Person): void {
    const { state, closesAt, clientFingerprint, id } = this.#record
    const isLate = this.#parts.options.now() >= closesAt
    if (state === 'awaiting-client' && !isLate) return
    const isJoined = clientFingerprint !== undefined
    const why = isJoined ? 'a client has joined it already' : isLate ? 'its time is over' : `it is ${state}`
    this.#tell('join-refused', { by, detail: why })
    throw new Refused('exchange-over', `exchange ${id} takes no client: ${why}`)
  }

  #expectClient(): void {
    const expire = (): Promise<void> => this.#end('expired', 'peer-lost', 'nobody joined in time')
    this.#at(this.#record.closesAt - this.#parts.options.now(), expire)
  }

  /**
   * `typed` is the string that the client's side shows, as the person who confirms has heard it. Another one
   * than the server's own ends the exchange. Throws `exchange-over`, `not-approved`, `wrong-string`.
   */
  async confirm(typed: string, by: Person): Promise<void> {
    const { assurance, id } = this.#record
    const awaiting = this.#awaiting()
    if (assurance === 'two-person' && (!by.isPerson || isInvolved(by, this.#record))) {
      this.#tell('approval-refused', { by, detail: 'a second person has to confirm' })
      throw new Refused(
        'not-approved',
        `exchange ${id} is confirmed by a person who neither asked for it nor joined it`,
      )
    }
    // One string, also of several that are typed at the same moment.
    this.#ceremony = undefined
    const { ceremony } = await step(awaiting, { type: 'confirm', string: typed })
    this.#checkAwaiting()
    if (ceremony.state !== 'confirmed') {
      const { code = 'wrong-string', detail = '' } = ceremony.refusal ?? {}
      await this.#end('refused', code, detail, by)
      throw new Refused(
        'wrong-string',
        'the string is not the one that this side shows; the exchange is over',
      )
    }
    await this.#confirmed(ceremony, by)
  }

  #awaiting(): Ceremony {
    this.#checkAwaiting()
    if (this.#ceremony === undefined) throw new Refused('exchange-over', 'a string has been typed already')
    return this.#ceremony
  }

  #checkAwaiting(): void {
    const { state } = this.#record
    if (state === 'awaiting-confirmation') return
    throw new Refused('exchange-over', `the exchange is ${state}, not awaiting confirmation`)
  }

  /** Throws `exchange-over` when it is at an end, or the registration has begun. */
  async cancel(by: Person): Promise<void> {
    const { state } = this.#record
    if (isOver(state) || state === 'confirmed') {
      throw new Refused('exchange-over', `the exchange is ${state}`)
    }
    await this.#end('cancelled', undefined, undefined, by)
  }

  /**
   * Ends it, and waits until its port is closed and nothing runs any more. What is confirmed, or waits for
   * its client, goes on after the next start.
   */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const { state } = this.#record
    if (state === 'awaiting-client') clearTimeout(this.#timer)
    else if (!isOver(state) && state !== 'confirmed')
      await this.#end('failed', 'stopping', 'the service stopped')
    for (let seen: unknown; seen !== this.#work; await this.#work) seen = this.#work
  }

  /** Goes on where a stop of the service left an exchange. */
  resume(): void {
    const { state, port } = this.#record
    const { from, to } = this.#parts.options.ports
    this.#reached = state
    if (state === 'confirmed') void this.#during(this.#register(true))
    else if (state === 'awaiting-client' && port >= from && port <= to) this.#expectClient()
    else if (state === 'awaiting-client')
      void this.#end('failed', 'no-port', `port ${port} is not configured`)
    else if (!isOver(state)) void this.#end('failed', 'stopping', 'the service stopped')
  }

  /** What cannot be written down does not happen. */
  async #begin(state: ExchangeState, told: Told, more: Partial<ExchangeRecord> = {}): Promise<void> {
    try {
      this.#to(state, told, more)
    } catch (error) {
      await this.#fail(error)
      throw error
    }
  }

  async #open(): Promise<void> {
    const { options } = this.#parts
    const { port, closesAt, state } = this.#record
    if (state !== 'scheduled' || this.#joined === undefined) return
    const { identity, clientCertificate, known } = this.#joined
    try {
      const listener = await listen({
        ...{ host: options.host, ports: [port], identity },
        peer: { certificate: clientCertificate, fingerprint: known.clientFingerprint },
        onConnection: (socket) => this.#during(this.#talk(socket)),
        onRefused: (refused) => this.#refusedConnection(refused),
        ...(options.handshakeTimeoutMs !== undefined && { handshakeTimeoutMs: options.handshakeTimeoutMs }),
      })
      this.#listener = listener
      // It may have been cancelled while the port was being opened.
      if (isOver(this.#record.state)) return await listener.close()
      this.#to('open', { detail: `port ${listener.port}` })
    } catch (error) {
      return this.#fail(error)
    }
    this.#at(closesAt - options.now(), () => this.#closeWindow())
  }

  /** While somebody talks, the window waits for him: his time is bounded by that of each message. */
  async #closeWindow(): Promise<void> {
    if (this.#record.state === 'open') await this.#end('expired', 'peer-lost', 'nobody came in time')
  }

  async #talk(socket: TLSSocket): Promise<void> {
    if (this.#record.state !== 'open') return
    try {
      this.#to('talking', { detail: `${socket.remoteAddress}:${socket.remotePort}` })
      const ceremony = await this.#converse(socket)
      if (!isOver(this.#record.state)) await this.#afterTalk(ceremony, socket)
    } catch (error) {
      await this.#fail(error)
    }
  }

  async #afterTalk(ceremony: Ceremony, socket: TLSSocket): Promise<void> {
    if (ceremony.state === 'awaiting') return this.#awaitConfirmation(ceremony, socket)
    const { code = 'peer-lost', detail = 'the client fell silent' } = ceremony.refusal ?? {}
    // The attempt is spent once the server has shown its nonce.
    if (ceremony.messages.length >= 2) return this.#end('refused', code, detail)
    this.#to('open', { detail: `not a client that begins the ceremony: ${code}` })
    if (this.#parts.options.now() >= this.#record.closesAt) await this.#closeWindow()
  }

  async #converse(socket: TLSSocket): Promise<Ceremony> {
    const { options } = this.#parts
    const { id, owner, assurance } = this.#record
    // Before anything is waited for: the connection may be gone by then.
    const binding = { exchange: id, exporter: exporterOf(socket) }
    const ceremony = beginCeremony({
      ...{ role: 'server', origin: options.origin, binding, keys: await options.keys() },
      nonce: randomBytes(nonceBytes),
      secrets: Array.from({ length: announcedKeysMax }, () => randomBytes(secretBytes)),
      expected: { owner, assurance },
    })
    return converse({
      ...{ stream: socket, ceremony },
      ...(options.messageTimeoutMs !== undefined && { timeoutMs: options.messageTimeoutMs }),
      keep: ({ registrations }) => options.admit(registrations, this.#record),
      onStep: ({ state, string }, { received, sent }) => {
        if (string !== undefined) this.#record = { ...this.#record, string }
        this.#tell('message', { detail: `${state}, ${received} bytes received, ${sent} sent` })
      },
    })
  }

  async #awaitConfirmation(ceremony: Ceremony, socket: TLSSocket): Promise<void> {
    this.#ceremony = ceremony
    const { registrations, string } = ceremony
    const keys = ceremony.peerKeys.map(({ kid, purpose }) => `${kid} (${purpose})`).join(', ')
    const known = { registrations, ...(string !== undefined && { string }) }
    this.#to('awaiting-confirmation', { detail: keys }, known)
    // The client's turn to hang up; then the port closes for good.
    socket.end()
    await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(farewellMs)])
    await this.#close()
    // It may have been confirmed, or cancelled, meanwhile.
    if (this.#record.state !== 'awaiting-confirmation') return
    if (this.#record.assurance === 'token') {
      const { createdBy, joinedBy = createdBy } = this.#record
      return this.#confirmed((await step(ceremony, { type: 'confirm' })).ceremony, joinedBy)
    }
    const { confirmMs = 600_000 } = this.#parts.options
    this.#at(confirmMs, () => this.#end('expired', 'wrong-string', 'nobody confirmed in time'))
  }

  /** The point of no return: from here on the keys are registered, or it fails. */
  async #confirmed(ceremony: Ceremony, by: Person): Promise<void> {
    if (ceremony.state !== 'confirmed')
      throw new Error(`a ceremony that is ${ceremony.state} registers nothing`)
    // Nothing waits for a confirmation any more; the timer would keep a stopped service from ending.
    clearTimeout(this.#timer)
    try {
      this.#to('confirmed', { by }, { confirmedBy: by })
    } catch (error) {
      return this.#fail(error)
    }
    // Whoever has confirmed is answered, however long it takes then.
    const late = sleep(this.#registerMs, undefined, { ref: false })
    await Promise.race([this.#during(this.#register(false)), late])
  }

  /** Asking twice registers once, so a ledger that is away, or a stop of the service, only delays it. */
  async #register(mayStand: boolean): Promise<void> {
    const { options } = this.#parts
    const { registrations = [] } = this.#record
    try {
      const registered = await registerWhenPossible({
        ...{ mayStand, registerMs: this.#registerMs, now: options.now, signal: this.#stopping.signal },
        register: () => options.register(registrations, this.#record),
        onDelay: (error) => this.#tell('registration-delayed', { detail: messageOf(error) }),
      })
      if (registered !== undefined)
        this.#to('registered', { detail: describeBlocks(registered) }, { registered })
    } catch (error) {
      await this.#fail(error)
    }
  }

  get #registerMs(): number {
    return this.#parts.options.registerMs ?? 60_000
  }

  #fail(error: unknown): Promise<void> {
    return this.#end('failed', error instanceof Refused ? error.code : 'internal', messageOf(error))
  }

  async #end(
    state: 'expired' | 'refused' | 'cancelled' | 'failed',
    code?: string,
    detail?: string,
    by?: Person,
  ): Promise<void> {
    if (isOver(this.#record.state)) return
    const why = { ...(code !== undefined && { code }), ...(detail !== undefined && { detail }) }
    const more = { ...(by !== undefined && { by }), ...(detail !== undefined && { detail }) }
    try {
      this.#to(state, more, why)
    } catch (error) {
      // It is over all the same; after a stop the journal says that the service stopped.
      this.#tell('journal-failed', { detail: messageOf(error) })
    }
    await this.#close()
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer)
    const listener = this.#listener
    this.#listener = undefined
    if (listener !== undefined) await this.#during(listener.close())
  }

  #refusedConnection({ from, why, detail }: RefusedConnection): void {
    const refusedConnections = this.#record.refusedConnections + 1
    this.#record = { ...this.#record, refusedConnections }
    if (refusedConnections <= refusedEventsMax) {
      this.#tell('connection-refused', { detail: `${from}: ${why}: ${detail}` })
    }
  }

  /** Throws what the journal's disk says; the state stands in memory then. */
  #to(state: ExchangeState, told: Told, more: Partial<ExchangeRecord> = {}): void {
    const from = this.#reached
    // The same once more: the disk would not take it the first time.
    if (from !== state && !mayBecome(from, state)) {
      throw new Error(`an exchange that is ${from ?? 'new'} does not become ${state}`)
    }
    this.#reached = state
    this.#record = { ...this.#record, ...more, state }
    this.#tell(state, told)
    this.#parts.journal.append(this.#record)
  }

  #tell(event: ExchangeEvent['event'], { by, detail }: Told): void {
    const { options } = this.#parts
    options.report({
      ...{ time: options.now(), exchange: this.#record.id, event },
      ...(by !== undefined && { by: by.id }),
      ...(detail !== undefined && { detail }),
    })
  }

  #at(ms: number, then: () => Promise<void>): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#during(then()), Math.max(0, ms))
  }

  /** The work, and a note that it is under way. */
  #during<T>(work: Promise<T>): Promise<T> {
    const before = this.#work
    this.#work = Promise.allSettled([before, work])
    return work
  }
}

type Told = { readonly by?: Person; readonly detail?: string }

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 300)
}
