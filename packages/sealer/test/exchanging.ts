// A sealer that exchanges keys, with a real ledger behind it and its REST interface in front.
import { createApp } from '@ledgerstone/border/app'
import { createBearer } from '@ledgerstone/border/bearer'
import { createLogger } from '@ledgerstone/border/logger'
import { ledgerApi } from '@ledgerstone/client/api'
import { type ExchangesApi, exchangesApi } from '@ledgerstone/client/exchanges'
import { createKey } from '@ledgerstone/core/key-pair'
import { bodyStatement } from '@ledgerstone/log/genesis'
import { submissionOf } from '@ledgerstone/log/submission'
import { issuerUrl, mint } from '../../border/test/tokens.ts'
import { keys, registrationOf } from '../../log/test/sample.ts'
import { addExchanges } from '../src/exchange-routes.ts'
import { type ExchangeSettings, logExchanges, openExchanges } from '../src/exchange-server.ts'
import type { SealerParts } from '../src/main.ts'
import { audience, type Running, run, untilKeysFinal } from './running.ts'

export const origin = 'test.example/log/keys'

export type Exchanging = Running & {
  api(claims?: Record<string, unknown>, scope?: string): ExchangesApi
  /** The registry as everybody replays it. */
  registry(): Promise<ReturnType<Running['sealer']['follower']['fresh']>>
}

let nextPort = 33_000 + (process.pid % 300) * 40

export async function exchanging(
  more: Partial<ExchangeSettings> = {},
  parts: Partial<SealerParts> = {},
): Promise<Exchanging> {
  const running = await run(parts)
  const { ledger, lines } = running
  // Certificates are judged by OpenSSL's clock.
  ledger.clock.ms = Date.now()
  const now = (): number => ledger.clock.ms
  const token = async (): Promise<string> =>
    (await ledger.bearer('manage:keys read:keys append:*')).authorization.slice('Bearer '.length)
  const api = ledgerApi({ url: running.ledgerUrl, fetch: (url, init) => fetch(url, init), token })
  await newCheckpoint(running)
  nextPort += 4
  const settings: ExchangeSettings = {
    ...{ host: '127.0.0.1', ports: { from: nextPort, to: nextPort + 3 }, windowMs: 3000 },
    ...{ joinMs: 3000, confirmMs: 3000 },
    clients: [{ client: 'shop', owners: ['auditor', 'team-*', 'sealer', 'registrar'] }],
    least: { sign: 'token', receive: 'token' },
    ...more,
  }
  const logger = createLogger({ name: 'sealer' }, { write: (line) => void lines.push(line) })
  const sealer = { ...running.sealer, api }
  const ownKeys = [keys.statement, keys.rsa]
  const exchanges = await openExchanges({
    ...{
      sealer,
      settings,
      registrar: async () => keys.registrar,
      ownKeys: () => ownKeys,
      report: logExchanges(logger),
    },
  })
  const app = await createApp({ logger })
  const bearer = createBearer({
    ...{ audience, now, publicUrls: ['https://sealer.example.com'] },
    issuers: [{ issuer: issuerUrl, fetch: ledger.issuer.fetch }],
  })
  const { clients: rules, least } = settings
  addExchanges(app, { sealer, bearer, rules, least, exchanges: () => exchanges })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    ...running,
    api: (claims = {}, scope = 'manage:exchanges') =>
      exchangesApi({
        ...{ url, fetch: (at, init) => fetch(at, init), sleep: async () => undefined },
        token: () => mint(ledger.issuerKey, ledger.clock.ms, { aud: audience, scope, sub: 'ann', ...claims }),
      }),
    async registry() {
      await untilKeysFinal(ledger)
      await running.sealer.follower.refresh()
      return running.sealer.follower.fresh()
    },
    async [Symbol.asyncDispose]() {
      await exchanges[Symbol.asyncDispose]()
      await app.close()
      await running[Symbol.asyncDispose]()
    },
  }
}

/** The registry's view is as old as its checkpoint, and a new block of `keys` makes a new one. */
async function newCheckpoint({ ledger, sealer }: Running): Promise<void> {
  const body = await registrationOf(await createKey('Ed25519'), { owner: 'extra', purpose: 'sign' })
  const type = 'ledgerstone.key.register'
  const statement = await bodyStatement(origin, type, body, keys.registrar, ledger.clock.ms)
  await ledger.log.bucket('keys').append(submissionOf({ statement }), 'registrar')
  await untilKeysFinal(ledger)
  await sealer.follower.refresh()
}
