// `ledgerstone start`: all services in one process, over a data folder that is made on the first start.
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createLogger } from '@ledgerstone/border/logger'
import { sealerApi } from '@ledgerstone/client/sealer'
import { formatHex } from '@ledgerstone/core/bytes'
import { describePolicy } from '@ledgerstone/core/policy'
import { Refused } from '@ledgerstone/core/refused'
import type { Log } from '@ledgerstone/log/log'
import { readTrust, tokenSource } from '../connect.ts'
import { type DataFolder, dataFolder, dataOption } from '../data-folder.ts'
import { type Services, startServices } from '../embedded/all-in-one.ts'
import { createDataFolder, defaultBuckets } from '../embedded/create.ts'
import { pushInvoices, sampleFile, sampleLines } from '../embedded/sample.ts'
import type { Ports } from '../embedded/sealer.ts'
import { outputOf, type Progress } from '../output.ts'
import { type PassphraseOptions, unattendedOpener } from '../private-key.ts'

export type StartOptions = PassphraseOptions & {
  readonly data: string
  readonly port: number
  readonly host: string
  readonly name?: string
  readonly sample: boolean
  readonly exchangePorts: Ports
  readonly logLevel: string
}

/** Runs until SIGINT or SIGTERM, then drains and stops. */
export async function start(options: StartOptions): Promise<void> {
  checkLoopback(options.host)
  const stopping = signalled()
  const folder = dataFolder(options.data)
  const url = `http://${options.host}:${options.port}`
  const isNew = !existsSync(folder.trust)
  if (isNew) await createNew(options, folder, url)
  const trust = readTrust({ data: options.data })
  const logger = createLogger({ name: 'ledgerstone', level: options.logLevel })
  const open = unattendedOpener(options)
  const running = await startServices({ ...options, folder, trust, open, logger, now: Date.now })
  try {
    if (existsSync(sampleMark(folder))) await importSample(folder, running, stopping)
    if (!stopping.aborted) {
      process.stdout.write(welcome(options, folder, running, isNew))
      await once(stopping, 'abort')
    }
    process.stdout.write('\nstopping: no new requests, waiting for running ones\n')
  } finally {
    await running[Symbol.asyncDispose]()
  }
  process.stdout.write('stopped\n')
}

async function createNew(options: StartOptions, folder: DataFolder, url: string): Promise<void> {
  // Before anything is made: otherwise the next start would find a folder that nobody has ever used.
  await checkPortIsFree(options)
  process.stdout.write(`making a new ledger in ${folder.root}\n`)
  const name = options.name === undefined ? {} : { name: options.name }
  await createDataFolder({ path: options.data, url, buckets: defaultBuckets, now: Date.now, ...name })
  if (options.sample) writeFileSync(sampleMark(folder), '', { mode: 0o600 })
}

/** Throws what the system says of the port. */
async function checkPortIsFree({ host, port }: StartOptions): Promise<void> {
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}

/** Stands until the sample is in: a start that is interrupted goes on with it at the next. */
function sampleMark(folder: DataFolder): string {
  return join(folder.root, 'sample-pending')
}

/** What of it is there when it is stopped stays, and the next start goes on. */
async function importSample(folder: DataFolder, { url }: Services, stopping: AbortSignal): Promise<void> {
  const token = tokenSource({ data: folder.root }, folder, 'append:*')
  const sealer = sealerApi({ url, token, fetch: (at, init) => fetch(at, init), now: Date.now })
  const { progress } = outputOf({})
  const progressOf = (lines: number): Progress => progress('importing sample invoices', lines)
  try {
    await pushInvoices(sealer, { path: sampleFile, chosen: sampleLines(), signal: stopping }, progressOf)
  } catch (error) {
    if (stopping.aborted) return
    throw error
  }
  rmSync(sampleMark(folder))
}

/** Aborted by Ctrl-C or by whoever else ends the process; a second Ctrl-C does not wait. */
function signalled(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}

/** One process with every key, tokens over plain HTTP: nothing that may leave this computer. */
function checkLoopback(host: string): void {
  if (host !== '127.0.0.1' && host !== 'localhost') {
    throw new Refused(
      'bad-config',
      `start listens on loopback only, not on ${host}: run the services one by one for a network`,
    )
  }
}

function welcome(options: StartOptions, folder: DataFolder, { url, log }: Services, isNew: boolean): string {
  const { genesis, policy, ledger } = readTrust({ data: options.data })
  const buckets = log.buckets().map((bucket) => {
    const { name, state } = bucket
    return state.kind === 'open' ? `${name} ${bucket.head.size}` : `${name} READ-ONLY (${state.code})`
  })
  const gone = log.registry.bucketsBeside(log.buckets().map(({ name }) => name))
  const data = dataOption(options.data)
  return `
Ledgerstone is running at ${url}

  ledger    ${ledger}
  genesis   ${formatHex(genesis)}
  policy    ${describePolicy(policy)}
  buckets   ${[...buckets, ...gone.map((name) => `${name} MISSING`)].join(', ')}
  data      ${folder.root}${isNew ? ' (new; development keys, all in this one folder)' : ''}

  explorer  ${url}
  sign in   admin, password in ${folder.firstPerson}
  interface ${url}/docs

Try, in another terminal:

  ${isEmpty(log) ? pushOne : 'npx ledgerstone list payments --limit 3'}${data}
  npx ledgerstone open payments 1${data}
  npx ledgerstone verify payments${data}

Ctrl-C stops it.
`
}

const pushOne = `echo '{"amount":"1.10"}' | npx ledgerstone push payments --type payment.captured`

/** Whether there is no payment to be listed yet. */
function isEmpty(log: Log): boolean {
  const payments = log.buckets().find(({ name }) => name === 'payments')
  return payments === undefined || (payments.state.kind === 'open' && payments.head.size < 2)
}
