// A server of exchanges in a process of its own, for tests that kill it. Writes one line for each event.
import { appendFileSync } from 'node:fs'
import { parseBase64url } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { keyIdOf } from '@ledgerstone/core/spki'
import type { ExchangeApi } from '../src/client.ts'
import { Exchanges } from '../src/exchanges.ts'
import { openJournal } from '../src/journal.ts'
import { keys, origin } from './ceremonies.ts'
import { admin, apiOf } from './serving.ts'

const [, , folder = '', from = '0', killedAt = ''] = process.argv

const exchanges = await Exchanges.open({
  ...{
    origin,
    host: '127.0.0.1',
    ports: { from: Number(from), to: Number(from) + 3 },
    now: Date.now,
    windowMs: 1500,
  },
  journal: openJournal(`${folder}/exchanges.jsonl`),
  keys: async () => keys.server,
  admit: async () => undefined,
  async register(registrations) {
    if (killedAt === 'register') process.kill(process.pid, 'SIGKILL')
    const blocks = registrations.map((body, index) => ({ kid: kidOf(body), index, hash: 'ab'.repeat(32) }))
    for (const { kid } of blocks) appendFileSync(`${folder}/registered`, `${kid}\n`)
    return { blocks, approvalsMissing: 0 }
  },
  report({ event, exchange }) {
    process.stdout.write(`${JSON.stringify({ event, exchange })}\n`)
    // In the middle of the step, before the journal knows of it.
    if (event === killedAt) process.kill(process.pid, 'SIGKILL')
  },
})

function kidOf(body: JsonObject): string {
  return keyIdOf(parseBase64url(String(body['key']), 'key'))
}

process.on(
  'message',
  async ({ id, call, argument }: { id: number; call: keyof ExchangeApi; argument: never }) => {
    const api = apiOf(exchanges, admin)
    const join = ({ id: joined, ...client }: JsonObject): Promise<JsonObject> =>
      api.join(String(joined), client)
    try {
      process.send?.({ id, answer: await { ...api, join }[call](argument) })
    } catch (error) {
      process.send?.({ id, error: (error as { code?: string }).code ?? String(error) })
    }
  },
)
process.send?.({ ready: true })
