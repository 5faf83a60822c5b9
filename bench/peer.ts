// What the ledger is compared with: a Fastify route that parses the same body and keeps it, and does nothing
// else of what the ledger does: no token, no signature, no strict decoding, no proof, no id looked up.
//
// node bench/peer.ts PORT file PATH             appended to one file, fdatasync for all that came in
// meanwhile
// node bench/peer.ts PORT postgres URL          a table whose trigger chains hashes under an advisory lock
import { fdatasync, openSync, writevSync } from 'node:fs'
import { promisify } from 'node:util'
import { fastify } from 'fastify'
import { Pool } from 'pg'

/** Keeps texts durably, in their order; the index of the first. */
type Keep = (texts: readonly string[]) => Promise<number>

const sync = promisify(fdatasync)
const connectionsMax = 16

const [port = '', kind = '', place = ''] = process.argv.slice(2)
await serve(Number(port), kind === 'file' ? keepInFile(place) : keepInPostgres(place))

async function serve(
  at: number,
  { keep, count }: { keep: Keep; count: () => Promise<number> },
): Promise<void> {
  const app = fastify({ bodyLimit: 8 * 1024 * 1024 })
  app.get('/size', async () => ({ size: await count() }))
  app.post('/v1/buckets/:bucket/blocks', async (request, reply) => {
    const index = await keep([JSON.stringify(request.body)])
    reply.code(201)
    return { index }
  })
  app.post<{ Body: { records: unknown[] } }>('/v1/buckets/:bucket/blocks/batch', async ({ body }) => {
    const from = await keep(body.records.map((record) => JSON.stringify(record)))
    return { results: body.records.map((_, i) => ({ status: 201, index: from + i })) }
  })
  await app.listen({ port: at, host: '127.0.0.1' })
}

/** Group commit: what comes in during one fdatasync is written and synced by the next. */
function keepInFile(path: string): { keep: Keep; count: () => Promise<number> } {
  const file = openSync(path, 'a', 0o600)
  let waiting: { readonly texts: readonly string[]; readonly done: (from: number) => void }[] = []
  let size = 0
  let isRunning = false

  async function run(): Promise<void> {
    isRunning = true
    while (waiting.length > 0) {
      const taken = waiting
      waiting = []
      writevSync(
        file,
        taken.flatMap(({ texts }) => texts.map((text) => Buffer.from(`${text}\n`))),
      )
      await sync(file)
      for (const { texts, done } of taken) {
        done(size)
        size += texts.length
      }
    }
    isRunning = false
  }

  const keep: Keep = async (texts) => {
    const { promise, resolve } = Promise.withResolvers<number>()
    waiting.push({ texts, done: resolve })
    if (!isRunning) queueMicrotask(() => void (isRunning || run()))
    return promise
  }
  return { keep, count: async () => size }
}

function keepInPostgres(url: string): { keep: Keep; count: () => Promise<number> } {
  const pool = new Pool({ connectionString: url, max: connectionsMax })
  return {
    async keep(texts) {
      const { rows } = await pool.query<{ index: string }>({
        name: 'keep',
        text: 'INSERT INTO blocks (body) SELECT unnest($1::text[]) RETURNING index',
        values: [texts],
      })
      return Number(rows[0]?.index)
    },
    /** Counts what follows the row before it, so that a fork of the chain is a loss. */
    async count() {
      const { rows } = await pool.query<{ chained: string }>(
        'SELECT count(*) AS chained FROM blocks b ' +
          'LEFT JOIN blocks a ON a.index = b.index - 1 WHERE b.prev = ' +
          "coalesce(a.hash, sha256('')) AND b.hash = sha256(b.prev || convert_to(b.body, 'UTF8'))",
      )
      return Number(rows[0]?.chained)
    },
  }
}
