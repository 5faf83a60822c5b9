// The exchanges of one server: asked for under a token, carried out at their time, confirmed, registered.
// HTTP is elsewhere.
import { randomUUID } from 'node:crypto'
import net from 'node:net'
import { limits } from '@ledgerstone/core/limits'
import { Refused } from '@ledgerstone/core/refused'
import { checkPeerCertificate, createIdentity, describeCertificate, type Identity } from './certificate.ts'
import { Exchange, type Joined } from './exchange.ts'
import { type ExchangeAssurance, type ExchangeRecord, isOver, type Person } from './exchange-state.ts'
import type { ExchangesOptions } from './exchanges-options.ts'
import { type Journal, noJournal } from './journal.ts'
import { parseShortString } from './sas.ts'
import { portsOf } from './tls-server.ts'

export type AskedExchange = {
  readonly owner: string
  readonly assurance: ExchangeAssurance
  /** PEM. Absent: the client's side joins later. */
  readonly clientCertificate?: string
  /** Milliseconds since 1970, by the server's clock; absent: now. */
  readonly openAt?: number
  /** Absent: a random one of the range. */
  readonly port?: number
  readonly by: Person
}

const keptMax = 200

export class Exchanges implements AsyncDisposable {
  readonly #options: ExchangesOptions
  readonly #journal: Journal
  readonly #exchanges = new Map<string, Exchange>()
  #turn: Promise<unknown> = Promise.resolve()
  #stopped = false

  private constructor(options: ExchangesOptions) {
    const { windowMs = 0, joinMs = 0 } = options
    if (windowMs > limits.exchangeWindowMsMax) {
      throw new Refused('bad-config', `an exchange is open for ${limits.exchangeWindowMsMax} ms at most`)
    }
    if (joinMs > limits.exchangeAheadMsMax) {
      throw new Refused('bad-config', `a client is waited for ${limits.exchangeAheadMsMax} ms at most`)
    }
    this.#options = options
    this.#journal = options.journal ?? noJournal()
  }

  /**
   * Takes up the journal: what had been confirmed when the service stopped is registered now, what waited for
   * its client waits on, and everything else that was not over has failed.
   */
  static async open(options: ExchangesOptions): Promise<Exchanges> {
    const exchanges = new Exchanges(options)
    for (const record of exchanges.#journal.records) exchanges.#resume(record)
    return exchanges
  }

  /**
   * Throws `exchange-over` when there are too many, `bad-query` for the time or the port,
   * `wrong-certificate`, `no-port`, `stopping`.
   */
  create(asked: AskedExchange): Promise<ExchangeRecord> {
    return this.#inTurn(() => this.#create(asked))
  }

  /**
   * The client's side of an exchange that was asked for without its certificate (PEM). The same one from the
   * same caller again is answered like the first time. Throws `unknown-exchange`, `exchange-over`,
   * `wrong-certificate`, `stopping`.
   */
  join(id: string, certificate: string, by: Person): Promise<ExchangeRecord> {
    return this.#inTurn(() => this.#join(id, certificate, by))
  }

  /** Newest first. */
  list(): readonly ExchangeRecord[] {
    return [...this.#exchanges.values()].map(({ record }) => record).reverse()
  }

  /** Throws `unknown-exchange`. */
  get(id: string): ExchangeRecord {
    return this.#find(id).record
  }

  /**
   * `string`: as the person typed it. Throws `unknown-exchange`, `malformed`, and what `Exchange.confirm`
   * throws.
   */
  async confirm(id: string, string: string, by: Person): Promise<ExchangeRecord> {
    const exchange = this.#find(id)
    await exchange.confirm(parseShortString(string), by)
    return exchange.record
  }

  /** Throws `unknown-exchange`, `exchange-over`. */
  async cancel(id: string, by: Person): Promise<ExchangeRecord> {
    const exchange = this.#find(id)
    await exchange.cancel(by)
    return exchange.record
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#turn
    await Promise.all([...this.#exchanges.values()].map((exchange) => exchange.stop()))
    this.#journal.close()
  }

  async #create(asked: AskedExchange): Promise<ExchangeRecord> {
    const options = this.#options
    const live = this.#live()
    if (this.#stopped) throw new Refused('stopping', 'the service is stopping')
    if (live.length >= limits.exchangesMax) {
      throw new Refused('exchange-over', `there are ${live.length} exchanges that are not over`)
    }
    const now = options.now()
    const joined = asked.clientCertificate && (await this.#joinedBy(asked.clientCertificate, asked.by))
    const exchange = new Exchange(
      {
        ...{ id: randomUUID(), state: joined ? 'scheduled' : 'awaiting-client', createdBy: asked.by },
        ...{ owner: asked.owner, assurance: asked.assurance, ...timesOf(asked, now, options) },
        ...{ port: await this.#pickPort(asked.port, live), refusedConnections: 0 },
        ...(options.instance !== undefined && { instance: options.instance }),
      },
      { options, journal: this.#journal },
    )
    this.#keep(exchange)
    await (joined ? exchange.schedule(joined) : exchange.await())
    return exchange.record
  }

  async #join(id: string, certificate: string, by: Person): Promise<ExchangeRecord> {
    const exchange = this.#find(id)
    if (this.#stopped) throw new Refused('stopping', 'the service is stopping')
    const { fingerprint } = checkPeerCertificate(certificate, this.#options.now())
    const { clientFingerprint, joinedBy, state } = exchange.record
    const isAgain = fingerprint === clientFingerprint && by.id === joinedBy?.id && !isOver(state)
    if (!isAgain) {
      exchange.checkAwaitsClient(by)
      await exchange.join(await this.#joinedBy(certificate, by))
    }
    return exchange.record
  }

  /** This side's certificate is made when it is needed: its key is in memory alone. */
  async #joinedBy(clientCertificate: string, by: Person): Promise<Joined> {
    const { identity: own, now } = this.#options
    const client = checkPeerCertificate(clientCertificate, now())
    const identity = await (own ?? (() => ownIdentity(now())))()
    const { certificate } = identity
    const { fingerprint } = describeCertificate(certificate)
    if (fingerprint === client.fingerprint) {
      throw new Refused('wrong-certificate', 'the two sides have certificates of their own')
    }
    const known = { certificate, fingerprint, clientFingerprint: client.fingerprint, joinedBy: by }
    return { identity, clientCertificate, known }
  }

  /** One after the other, so that two do not pick one port, or join one exchange. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }

  /** A port of the range that is free now, and that no other exchange waits for. */
  async #pickPort(wanted: number | undefined, live: readonly ExchangeRecord[]): Promise<number> {
    const { host, ports } = this.#options
    if (wanted !== undefined && (wanted < ports.from || wanted > ports.to)) {
      throw new Refused('bad-query', `the port must lie between ${ports.from} and ${ports.to}`)
    }
    const taken = new Set(live.map(({ port }) => port))
    const candidates = wanted === undefined ? portsOf(ports.from, ports.to) : [wanted]
    for (const port of candidates) if (!taken.has(port) && (await isFree(host, port))) return port
    if (wanted !== undefined) throw new Refused('no-port', `port ${wanted} is taken`)
    throw new Refused('no-port', `no port from ${ports.from} to ${ports.to} is free`)
  }

  #live(): readonly ExchangeRecord[] {
    return this.list().filter(({ state }) => !isOver(state))
  }

  #find(id: string): Exchange {
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined) throw new Refused('unknown-exchange', 'there is no such exchange here')
    return exchange
  }

  #keep(exchange: Exchange): void {
    this.#exchanges.set(exchange.record.id, exchange)
    for (const [id, { record }] of this.#exchanges) {
      if (this.#exchanges.size <= keptMax) break
      if (isOver(record.state)) this.#exchanges.delete(id)
    }
  }

  #resume(record: ExchangeRecord): void {
    const { instance } = this.#options
    // The replica that goes on with it may have another name than the one that stopped.
    const here = { ...record, ...(instance !== undefined && !isOver(record.state) && { instance }) }
    const exchange = new Exchange(here, { options: this.#options, journal: this.#journal })
    this.#keep(exchange)
    exchange.resume()
  }
}

/** Without a time and a client there is no window yet, only how long the client is waited for. */
function timesOf(
  { openAt, clientCertificate }: AskedExchange,
  now: number,
  { windowMs = 120_000, joinMs = 600_000 }: ExchangesOptions,
): Pick<ExchangeRecord, 'openAt' | 'closesAt' | 'opensOnJoin'> {
  const window = windowOf(openAt ?? now, now, windowMs)
  if (window.openAt > now || clientCertificate !== undefined) return window
  return { openAt: now, closesAt: now + joinMs, opensOnJoin: true }
}

/**
 * Throws `bad-query` for a time that is long over or far ahead: the clocks of the two sides may differ a
 * little.
 */
function windowOf(openAt: number, now: number, windowMs: number): { openAt: number; closesAt: number } {
  if (openAt < now - limits.exchangeWindowMsMax || openAt > now + limits.exchangeAheadMsMax) {
    throw new Refused('bad-query', 'openAt is long over or too far ahead by the clock of this service')
  }
  const from = Math.max(openAt, now)
  return { openAt: from, closesAt: from + windowMs }
}

function ownIdentity(now: number): Promise<Identity> {
  return createIdentity({ name: 'ledgerstone key exchange', now, days: 2 })
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
