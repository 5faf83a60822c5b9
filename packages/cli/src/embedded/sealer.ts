// The sealer of one data folder: the process that it shares with the ledger it calls over the port of both.
import { existsSync } from 'node:fs'
import { grantScopes } from '@ledgerstone/auth/clients'
import { authFilesIn, ledgerAudience, sealerAudience } from '@ledgerstone/auth/config'
import { sealerScopes } from '@ledgerstone/auth/init'
import type { App } from '@ledgerstone/border/app'
import { createBearer } from '@ledgerstone/border/bearer'
import type { Logger } from '@ledgerstone/border/logger'
import type { OpenKey } from '@ledgerstone/border/private-key'
import { ledgerApi } from '@ledgerstone/client/api'
import type { Fetch } from '@ledgerstone/client/http'
import { clientCredentials } from '@ledgerstone/client/token'
import { Refused } from '@ledgerstone/core/refused'
import type { Trust } from '@ledgerstone/core/trust'
import type { Exchanges } from '@ledgerstone/exchange/exchanges'
import { readReceiverNames } from '@ledgerstone/sealer/config'
import { addExchanges } from '@ledgerstone/sealer/exchange-routes'
import { type ExchangeSettings, logExchanges, openExchanges } from '@ledgerstone/sealer/exchange-server'
import type { KeyFiles } from '@ledgerstone/sealer/keys'
import { createSealer, logKeys, registrarIn } from '@ledgerstone/sealer/main'
import { OwnKeys } from '@ledgerstone/sealer/own-keys'
import { keepFresh } from '@ledgerstone/sealer/refresh'
import { sealRoutes } from '@ledgerstone/sealer/routes'
import type { Sealer } from '@ledgerstone/sealer/seal'
import type { DataFolder } from '../data-folder.ts'
import { readClient } from './clients.ts'
import { drainable } from './drain.ts'

export type Ports = { readonly from: number; readonly to: number }

export type EmbeddedSealerOptions = {
  readonly folder: DataFolder
  readonly trust: Trust
  /** Opens private key files. */
  readonly open: OpenKey
  /** Where ledger, sealer and OAuth service are. */
  readonly url: string
  /** On which keys are exchanged. */
  readonly exchangePorts: Ports
  readonly logger: Logger
  readonly now: () => number
}

/** A sealer whose routes are there, but not yet what needs the ledger. */
export type EmbeddedSealer = AsyncDisposable & {
  /** Reads the key registry, from then on again and again, and takes up the journal of exchanges. */
  begin(): Promise<void>
}

/** A folder that an older version has made: its sealer could not register keys. */
export function grantSealer(folder: DataFolder): void {
  grantScopes(authFilesIn(folder.auth).clients, readClient(folder.sealerClient).client_id, sealerScopes)
}

/** Adds the routes of sealing and of exchanges. */
export async function addSealer(app: App, options: EmbeddedSealerOptions): Promise<EmbeddedSealer> {
  const { folder, url, open, logger, now } = options
  const keys = await OwnKeys.open(keyFiles(folder), { open, now, report: logKeys(logger) })
  const sealer = sealerOf(options, keys)
  const bearer = createBearer({
    audience: sealerAudience,
    issuers: [{ issuer: `${url}/auth` }],
    publicUrls: [url],
    now,
  })
  const settings = exchangeSettings(options)
  let exchanges: Exchanges | undefined
  const stopping: (() => void)[] = []
  const seals = drainable(sealRoutes({ sealer, bearer }))
  await app.register(seals.plugin)
  addExchanges(app, {
    ...{ sealer, bearer, rules: settings.clients, least: settings.least },
    exchanges() {
      if (exchanges === undefined) throw new Refused('keys-stale', 'the key registry has not been read yet')
      return exchanges
    },
  })
  return {
    async begin() {
      await sealer.follower.refresh()
      const onFailure = (err: unknown): void => logger.warn({ err }, 'the key registry cannot be read')
      stopping.push(keepFresh(sealer.follower, { everyMs: 60_000, onFailure }), keys.watch(sealer.follower))
      exchanges = await openExchanges({
        ...{ sealer, settings, registrar: await registrarIn(folder.registrarKey, open) },
        ownKeys: () => keys.signing,
        report: logExchanges(logger),
      })
    },
    async [Symbol.asyncDispose]() {
      await exchanges?.[Symbol.asyncDispose]()
      await seals.drain()
      for (const stop of stopping) stop()
    },
  }
}

function sealerOf({ folder, trust, url, now }: EmbeddedSealerOptions, keys: OwnKeys): Sealer {
  const { client_id: clientId, client_secret: clientSecret } = readClient(folder.sealerClient)
  const reach: Fetch = (input, init) => fetch(input, init)
  const token = clientCredentials({
    ...{ issuer: `${url}/auth`, clientId, clientSecret, resource: ledgerAudience, fetch: reach, now },
    scope: 'append:* read:keys manage:keys',
  })
  return createSealer({
    ...{ trust, now, keys, receivers: receiversOf(folder) },
    clients: [{ client: '*', types: ['*'] }],
    api: ledgerApi({ url, fetch: reach, token }),
    ledgerUrl: url,
  })
}

/** One operator, to whom all this belongs: whoever may manage exchanges may do so for everybody. */
function exchangeSettings({ folder, exchangePorts }: EmbeddedSealerOptions): ExchangeSettings {
  return {
    ...{ host: '127.0.0.1', ports: exchangePorts },
    ...{ windowMs: 120_000, joinMs: 600_000, confirmMs: 600_000 },
    journal: folder.exchangeJournal,
    clients: [{ client: '*', owners: ['*'] }],
    least: { sign: 'token', receive: 'token' },
  }
}

function receiversOf({ receiverNames }: DataFolder): ReturnType<typeof readReceiverNames> {
  return existsSync(receiverNames) ? readReceiverNames(receiverNames) : { '*': ['auditor', '*'] }
}

function keyFiles(folder: DataFolder): KeyFiles {
  return { statement: folder.statementKey, key: folder.sealerKey, retry: folder.retryKey }
}
