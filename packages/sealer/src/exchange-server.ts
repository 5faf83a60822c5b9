// The exchanges of a sealer: its own keys on one side, the key registry behind it.
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { readKeyFile } from '@ledgerstone/border/key-file'
import type { Logger } from '@ledgerstone/border/logger'
import type { JsonObject } from '@ledgerstone/core/canonical'
import type { OwnKey } from '@ledgerstone/core/key-pair'
import { keysBucket, originOf } from '@ledgerstone/core/names'
import { Refused } from '@ledgerstone/core/refused'
import { parseClaims } from '@ledgerstone/core/registration'
import type { Identity } from '@ledgerstone/exchange/certificate'
import type { ExchangeEvent } from '@ledgerstone/exchange/exchange-state'
import { Exchanges } from '@ledgerstone/exchange/exchanges'
import { openJournal } from '@ledgerstone/exchange/journal'
import { type ProvingKey, provingKey } from '@ledgerstone/exchange/own-key'
import { checkAssurance, checkExchangeable, type LeastAssurance, type OwnerRule } from './exchange-rules.ts'
import type { Added } from './receivers.ts'
import { admitKeys, type Registrar, registerKeys } from './registrar.ts'
import type { Sealer } from './seal.ts'

export type ExchangeSettings = {
  /** Where the ports are opened: `127.0.0.1`; `0.0.0.0` in a pod. */
  readonly host: string
  readonly ports: { readonly from: number; readonly to: number }
  readonly windowMs: number
  /** How long an exchange without a time waits for its client. */
  readonly joinMs: number
  readonly confirmMs: number
  /** A file for what must survive a stop; without it a stop ends what was under way. */
  readonly journal?: string
  /** Of several replicas: this one's pod. `@hostname`: this machine's name, which in a pod is the pod's. */
  readonly instance?: string
  /** PEM files of this side's certificate; absent: a self-signed one for each exchange. */
  readonly certificate?: string
  readonly certificateKey?: string
  readonly clients: readonly OwnerRule[]
  readonly least: LeastAssurance
}

export type ExchangeParts = {
  readonly sealer: Sealer
  readonly settings: ExchangeSettings
  /** Signs registrations. Its owner is not the sealer's. */
  readonly registrar: () => Promise<OwnKey>
  /** The sealer's keys that clients are given: those that it signs with. */
  readonly ownKeys: () => readonly OwnKey[]
  readonly report: (event: ExchangeEvent) => void
}

/** What had been confirmed when the service stopped is registered now. */
export function openExchanges({
  sealer,
  settings,
  registrar: key,
  ownKeys,
  report,
}: ExchangeParts): Promise<Exchanges> {
  const { ledger, api, follower, now } = sealer
  const { host, ports, windowMs, joinMs, confirmMs, journal, instance, least } = settings
  if (ports.from > ports.to) throw new Refused('bad-config', 'exchange.ports is no range')
  const registrar: Registrar = { ledger, key, api, follower, now }
  return Exchanges.open({
    ...{ origin: originOf(ledger, keysBucket), host, ports, windowMs, joinMs, confirmMs, now, report },
    ...(instance !== undefined && { instance: instance === '@hostname' ? hostname() : instance }),
    ...(journal !== undefined && { journal: openJournal(journal) }),
    ...identityIn(settings),
    keys: () => announcedKeys(sealer, ownKeys()),
    async admit(registrations, { id, owner }) {
      // Up to a day has passed since it was asked for.
      const { registry } = await follower.refresh()
      checkExchangeable(owner, registry, registry.key(sealer.sender.statement.kid).owner)
      const added = registrations.map(addedBy)
      for (const { purpose, assurance } of added) checkAssurance(least, purpose, assurance)
      sealer.receivers.checkRoom(added)
      await admitKeys(registrar, registrations, id)
    },
    async register(registrations, { id }) {
      const registered = await registerKeys(registrar, registrations, id)
      // From the next record on they count, here too: the registry is waited for until it is final with them.
      const size = 1 + Math.max(...registered.blocks.map(({ index }) => index))
      await follower.atLeast(size).catch(() => undefined)
      return registered
    },
  })
}

/** Read for each exchange, so that a renewed certificate counts. Throws `bad-config`. */
function identityIn({ certificate, certificateKey }: ExchangeSettings): {
  readonly identity?: () => Promise<Identity>
} {
  if (certificate === undefined && certificateKey === undefined) return {}
  if (certificate === undefined || certificateKey === undefined) {
    throw new Refused('bad-config', 'exchange.certificate and exchange.certificateKey go together')
  }
  return {
    identity: async () => ({
      certificate: readFileSync(certificate, 'utf8'),
      key: readKeyFile(certificateKey),
    }),
  }
}

function addedBy({ proof: _, replacesProof: __, replaces, ...claims }: JsonObject): Added {
  return { ...parseClaims(claims), ...(typeof replaces === 'string' && { replaces }) }
}

/** As they stand in the registry, so that the client can find them there. */
async function announcedKeys(
  { follower }: Sealer,
  ownKeys: readonly OwnKey[],
): Promise<readonly ProvingKey[]> {
  const registry = follower.fresh()
  return Promise.all(
    ownKeys.map((key) => {
      const { owner, purpose, assurance, notBefore, notAfter } = registry.keyAt(key.kid, registry.size)
      return provingKey(key, {
        ...{ owner, purpose, assurance },
        ...(notBefore !== undefined && { notBefore }),
        ...(notAfter !== undefined && { notAfter }),
      })
    }),
  )
}

/** The audit trail: every step of every exchange is a line of the log, however little else is logged. */
export function logExchanges(logger: Logger): (event: ExchangeEvent) => void {
  const audit = logger.child({}, { level: 'info' })
  return ({ time: _, event, ...rest }) => {
    const unusual = [
      'connection-refused',
      'refused',
      'failed',
      'journal-failed',
      'approval-refused',
      'join-refused',
    ]
    audit[unusual.includes(event) ? 'warn' : 'info']({ audit: event, ...rest }, `key exchange: ${event}`)
  }
}
