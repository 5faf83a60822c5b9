// Appending over HTTP: the ledger, and on the same bodies what a team would write instead, in turns.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, Server } from './children.ts'
import { bucket, createTemplate, Ledger } from './ledger.ts'
import { loadFromChild, type Measured, requestOf } from './load.ts'
import { Postgres } from './postgres.ts'
import { recordBytes, sealRecords } from './records.ts'
import { formatRates, formatRatios, interleave, medianOf } from './rounds.ts'

export type AppendOptions = {
  readonly folder: string
  readonly rounds: number
  /** Measured per run; an eighth of it more warms up. */
  readonly records: number
  readonly connections: number
  /** 1: one record per request. */
  readonly batch: number
  /** PostgreSQL gets fewer records, or it would take all day. */
  readonly postgresShare: number
  readonly goal: string
  /** What verifying one Ed25519 signature takes ledgerstone on this machine. */
  readonly verifyUs: number
  /** For the ledger's Node: a profile, say. */
  readonly nodeArgs: readonly string[]
}

type Run = {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Processor time of the server for one record, all threads: what a busy machine changes least. */
  readonly cpuUs: number
}

export async function measureAppends(options: AppendOptions): Promise<void> {
  const { folder, rounds, connections, batch } = options
  const template = join(folder, 'template')
  const { folder: data, trust } = await createTemplate(template)
  const texts = await sealRecords(trust.ledger, bucket, data, options.records + warmupOf(options))
  await using postgres = await Postgres.start(folder)

  const [ours = [], bare = [], database = []] = await interleave(rounds, [
    () => runLedger(options, template, texts),
    () => runBare(options, texts),
    () => runPostgres(options, postgres, texts),
  ])
  await rm(template, { recursive: true })

  const what = batch === 1 ? 'single appends' : `appends in batches of ${batch}`
  const bytes = Math.round((texts[0] as string).length / 100) / 10
  console.log(
    `${what}: ${connections} connections, records of ${recordBytes} bytes (${bytes} kB of JSON), ` +
      `${options.records} in each of ${rounds} runs, one sender, one token, decoded and Ed25519 ` +
      `statements verified by 2 threads, ML-DSA-44 on each published checkpoint, document store filled ` +
      `alongside; every answer was a new block, and the size grew by as many`,
  )
  const cap = Math.round(2e6 / options.verifyUs).toLocaleString('en')
  print(
    'ledgerstone',
    ours,
    `(${options.verifyUs.toFixed(0)} of them for its signature: two cores that do nothing else verify ` +
      `${cap}/s)  goal ${options.goal}`,
  )
  print('Fastify and a file', bare, `ledgerstone is ${ratio(ours, bare)} of it`)
  print(
    'Fastify and PostgreSQL',
    database,
    `(PostgreSQL's own not counted)  ledgerstone is ${ratio(ours, database)} of it`,
  )
}

async function runLedger(options: AppendOptions, template: string, texts: readonly string[]): Promise<Run> {
  const path = join(options.folder, 'data')
  const ledger = await Ledger.start(template, path, options.nodeArgs)
  try {
    const before = await ledger.size()
    const run = await send(options, ledger.server, ledger.token, texts)
    checkKept((await ledger.size()) - before, texts.length)
    return run
  } finally {
    await ledger[Symbol.asyncDispose]()
    await rm(path, { recursive: true })
  }
}

async function runBare(options: AppendOptions, texts: readonly string[]): Promise<Run> {
  const path = join(options.folder, 'blocks')
  try {
    return await runPeer(options, ['file', path], texts)
  } finally {
    await rm(path)
  }
}

async function runPostgres(
  options: AppendOptions,
  postgres: Postgres,
  texts: readonly string[],
): Promise<Run> {
  await postgres.clear()
  const records = Math.round((options.records * options.postgresShare) / options.batch) * options.batch
  const fewer = { ...options, records }
  return runPeer(fewer, ['postgres', postgres.url], texts.slice(0, records + warmupOf(fewer)))
}

async function runPeer(
  options: AppendOptions,
  args: readonly string[],
  texts: readonly string[],
): Promise<Run> {
  const port = await freePort()
  const program = join(import.meta.dirname, 'peer.ts')
  await using server = await Server.start(port, '/size', [program, `${port}`, ...args])
  const run = await send(options, server, 'none', texts)
  const response = await fetch(`http://127.0.0.1:${port}/size`)
  checkKept(((await response.json()) as { size: number }).size, texts.length)
  return run
}

/** Sends every record once. Throws unless each was answered as a new one. */
async function send(
  { connections, batch, ...options }: AppendOptions,
  server: Server,
  token: string,
  texts: readonly string[],
): Promise<Run> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const path = `/v1/buckets/${bucket}/blocks${batch === 1 ? '' : '/batch'}`
  const bodies = batch === 1 ? texts : batchesOf(texts, batch)
  const requests = bodies.map((body) => requestOf('POST', path, headers, body))
  const warmupRequests = warmupOf({ batch, ...options }) / batch
  const before = server.cpuUs()
  const measured = await loadFromChild({ port: server.port, connections, warmupRequests }, requests)
  const cpuUs = (server.cpuUs() - before) / texts.length
  checkAnswers(measured, batch === 1 ? '201' : '200', requests.length)
  return { ...measured, perSecond: measured.perSecond * batch, cpuUs }
}

/** A whole number of requests. */
function warmupOf({ records, batch }: Pick<AppendOptions, 'records' | 'batch'>): number {
  return Math.ceil(records / 8 / batch) * batch
}

function batchesOf(texts: readonly string[], batch: number): readonly string[] {
  const bodies: string[] = []
  for (let at = 0; at < texts.length; at += batch)
    bodies.push(`{"records":[${texts.slice(at, at + batch).join(',')}]}`)
  return bodies
}

function checkAnswers({ statuses, errors }: Measured, status: string, requests: number): void {
  if (errors === 0 && statuses[status] === requests) return
  throw new Error(`not all of ${requests} were answered ${status}: ${JSON.stringify({ statuses, errors })}`)
}

/** In a batch a refused record hides behind the 200 of the whole; the size tells. */
function checkKept(kept: number, sent: number): void {
  if (kept !== sent) throw new Error(`${sent} records were sent and acknowledged, ${kept} are there`)
}

function print(name: string, runs: readonly Run[], remark: string): void {
  const [p50, p99] = [medianOf(runs.map((run) => run.p50)), medianOf(runs.map((run) => run.p99))]
  const cpu = medianOf(runs.map(({ cpuUs }) => cpuUs)).toFixed(0)
  const costs = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${cpu} us of processor a record`
  console.log(`  ${name.padEnd(24)}${formatRates(ratesOf(runs)).padEnd(30)}${costs.padEnd(58)}${remark}`)
}

function ratio(runs: readonly Run[], others: readonly Run[]): string {
  return formatRatios(ratesOf(runs), ratesOf(others))
}

function ratesOf(runs: readonly Run[]): readonly number[] {
  return runs.map(({ perSecond }) => perSecond)
}
