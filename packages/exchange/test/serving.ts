// A server of exchanges and a client of it, on loopback, with a registry that keeps the contract: all or
// none, and the same answer when it is asked again.
import type { JsonObject } from '@ledgerstone/core/canonical'
import { parseRegistration } from '@ledgerstone/core/registration'
import type { AnnouncedKey } from '../src/announced-key.ts'
import { type ExchangeApi, type ExchangeRun, type Kept, runExchange } from '../src/client.ts'
import type { ExchangeEvent, ExchangeRecord, Person } from '../src/exchange-state.ts'
import { formatView } from '../src/exchange-view.ts'
import { type AskedExchange, Exchanges } from '../src/exchanges.ts'
import type { ExchangesOptions } from '../src/exchanges-options.ts'
import { directWay } from '../src/ways/direct.ts'
import { keys, origin } from './ceremonies.ts'

export const admin: Person = { id: 'https://auth.example sub ann', isPerson: true }
export const second: Person = { id: 'https://auth.example sub ben', isPerson: true }

export type Served = AsyncDisposable & {
  readonly exchanges: Exchanges
  readonly events: ExchangeEvent[]
  /** What stands in the registry: by kid. */
  readonly registered: Map<string, JsonObject>
  /** Thrown by the next registrations, one each. */
  readonly trouble: unknown[]
  api(by?: Person): ExchangeApi
}

let nextPort = 21_000 + (process.pid % 300) * 40

/** `troubles`: from the beginning, for what is taken up at the start. */
export async function serve(
  more: Partial<ExchangesOptions> = {},
  troubles: readonly unknown[] = [],
): Promise<Served> {
  const events: ExchangeEvent[] = []
  const registered = new Map<string, JsonObject>()
  const trouble: unknown[] = [...troubles]
  const from = nextPort
  nextPort += 4
  const exchanges = await Exchanges.open({
    ...{ origin, host: '127.0.0.1', ports: { from, to: from + 3 }, windowMs: 5000, now: Date.now },
    keys: async () => keys.server,
    admit: async () => undefined,
    async register(registrations) {
      const next = trouble.shift()
      if (next !== undefined) throw next
      const parsed = await Promise.all(
        registrations.map((body) =>
          parseRegistration(origin, body, Object.hasOwn(body, 'replaces') ? rotation : []),
        ),
      )
      parsed.forEach(({ kid }, i) => {
        registered.set(kid, registrations[i] as JsonObject)
      })
      return {
        blocks: parsed.map(({ kid }, index) => ({ kid, index, hash: 'ab'.repeat(32) })),
        approvalsMissing: 0,
      }
    },
    report: (event) => void events.push(event),
    ...more,
  })
  return {
    ...{ exchanges, events, registered, trouble },
    api: (by = admin) => apiOf(exchanges, by),
    [Symbol.asyncDispose]: () => exchanges[Symbol.asyncDispose](),
  }
}

const rotation = ['replaces', 'replacesProof']

/** The REST interface without HTTP. */
export function apiOf(exchanges: Exchanges, by: Person): ExchangeApi {
  const view = (record: ExchangeRecord): JsonObject => formatView(record, Date.now(), by)
  return {
    async create({ openAt, ...asked }) {
      const at = typeof openAt === 'string' ? { openAt: Date.parse(openAt) } : {}
      return view(await exchanges.create({ ...(asked as unknown as AskedExchange), ...at, by }))
    },
    join: async (id, { certificate }) => view(await exchanges.join(id, String(certificate), by)),
    get: async (id) => view(exchanges.get(id)),
    cancel: async (id) => view(await exchanges.cancel(id, by)),
  }
}

/** What the client keeps of the server's keys. */
export class Keeping {
  readonly staged: AnnouncedKey[] = []
  readonly committed: AnnouncedKey[] = []
  trouble: unknown

  readonly keep = async (peerKeys: readonly AnnouncedKey[]): Promise<Kept> => {
    if (this.trouble !== undefined) throw this.trouble
    this.staged.push(...peerKeys)
    return {
      commit: async () => void this.committed.push(...this.staged.splice(0)),
      discard: async () => void this.staged.splice(0),
    }
  }
}

export type Ran = ExchangeRun & { readonly keeping: Keeping; readonly steps: string[] }

export function runOf(served: Pick<Served, 'api'>, more: Partial<ExchangeRun> = {}): Ran {
  const keeping = new Keeping()
  const steps: string[] = []
  return {
    ...{ api: served.api(), way: directWay('127.0.0.1'), origin, owner: 'auditor', assurance: 'token' },
    keys: [
      { key: keys.clientSign, purpose: 'sign' },
      { key: keys.clientReceive, purpose: 'receive' },
    ],
    keep: keeping.keep,
    compare: async () => true,
    onStep: ({ step, text }) => void steps.push(`${step}: ${text}`),
    ...{ now: Date.now, pollMs: 10, keeping, steps },
    ...more,
  }
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
  throw new Error('it was not refused')
}

export function exchanged(served: Served, more: Partial<ExchangeRun> = {}): ReturnType<typeof runExchange> {
  return runExchange(runOf(served, more))
}
