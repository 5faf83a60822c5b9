/*
 * `ledgerstone desk`: the explorer's build, served from the person's own computer on a loopback address, with
 * the trust file pinned and the private keys kept here. What the page asks of the services is forwarded, so
 * that the page has one origin.
 *
 *     everybody        the public build                                  Host, Origin
 *     the session      /explorer/configuration.json, /v1, /log, /api     + cookie
 *     the page         /desk/keys, /desk/open, ...                       + the page's word
 */
import type { AddressInfo } from 'node:net'
import { createApp } from '@ledgerstone/border/app'
import type { Logger } from '@ledgerstone/border/logger'
import { formatTrust, type Trust } from '@ledgerstone/core/trust'
import { addExplorer, type ExplorerConfiguration } from '@ledgerstone/ledger/explorer'
import { protectAnswers } from '@ledgerstone/ledger/headers'
import type { DataFolder } from '../data-folder.ts'
import { explorerFolder } from '../explorer-folder.ts'
import { addChanges } from './change-keys.ts'
import { addExchangeRuns } from './exchange-routes.ts'
import { ExchangeRuns } from './exchange-runs.ts'
import { addForwarding, type Upstream } from './forward.ts'
import { createGate, guard } from './gate.ts'
import { addOpening } from './open-record.ts'
import { deskService } from './service.ts'

export type DeskOptions = {
  readonly folder: DataFolder
  readonly trust: Trust
  /** Of the server; what it says of trust counts for nothing. */
  readonly configuration: ExplorerConfiguration
  readonly upstream: Omit<Upstream, 'stopping'>
  /** 0: any that is free. */
  readonly port: number
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type Desk = AsyncDisposable & {
  /** `http://127.0.0.1:8410` */
  readonly url: string
  /** The address that opens it, once. */
  readonly entrance: string
  /** Settled when it was opened. */
  readonly entered: Promise<void>
}

/** Listens on 127.0.0.1 until it is disposed of. */
export async function startDesk(options: DeskOptions): Promise<Desk> {
  const { folder, trust, logger, port, now } = options
  const stopping = new AbortController()
  const upstream = { ...options.upstream, stopping: stopping.signal }
  const app = await createApp({ logger })
  const url = (): string => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const gate = createGate(url)
  const desk = deskService({ folder, trust, upstream, now })
  const runs = new ExchangeRuns(now)

  guard(app, gate)
  protectAnswers(app, 'http://127.0.0.1')
  app.get('/desk/enter', (request, reply) => gate.enter(request, reply))
  await app.register(async (session) => {
    session.addHook('onRequest', gate.checkSession)
    await session.register(async (forwarded) => addForwarding(forwarded, upstream))
    await session.register(async (own) => {
      own.addHook('onRequest', gate.checkPage)
      addOpening(own, desk)
      addChanges(own, desk)
      addExchangeRuns(own, desk, runs)
    })
  })
  addExplorer(app, { folder: explorerFolder, configuration: configurationOf(options) })
  await app.listen({ host: '127.0.0.1', port })
  return {
    url: url(),
    entrance: `${url()}${gate.entrance}`,
    entered: gate.entered,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      runs.close()
      await app.close()
    },
  }
}

function configurationOf({ configuration, trust }: DeskOptions): ExplorerConfiguration {
  const { issuer, clientId, audiences, scopes, oneOperator } = configuration
  return {
    ...{ ledger: trust.ledger, issuer, clientId, audiences, oneOperator },
    ...(scopes !== undefined && { scopes }),
    ...{ servedBy: 'desk', trust: formatTrust(trust), opening: true },
  }
}
