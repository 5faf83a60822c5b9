// Starting: from the start of the process to the first answer of `/health/ready`, and the memory it then has.
import { readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { freePort, ledgerstone, Server } from './children.ts'
import { bucket, createTemplate } from './ledger.ts'
import { millionBlocks } from './million.ts'
import { interleave, medianOf } from './rounds.ts'

const blocks = 1_000_000

type Start = { readonly ms: number; readonly megabytes: number }

/** `cache` keeps the million blocks for the next time. */
export async function measureStart(folder: string, cache: string, rounds: number): Promise<void> {
  const million = join(cache, `ledgerstone-${blocks}-blocks-v1`)
  await mkdir(cache, { recursive: true })
  await millionBlocks(million, blocks)
  const empty = join(folder, 'empty')
  await createTemplate(empty)
  const [all = [], ledger = [], allEmpty = [], ledgerEmpty = []] = await interleave(rounds, [
    () => startAll(million),
    () => startLedger(million, folder),
    () => startAll(empty),
    () => startLedger(empty, folder),
  ])
  await rm(empty, { recursive: true })
  console.log(
    `start with ${blocks.toLocaleString('en')} blocks, closed before, in the page cache: from the start of ` +
      `the process to its first answer, resident memory then; ${rounds} starts each`,
  )
  print('ledgerstone ledger', ledger, ledgerEmpty, 'goal 0.5 s, 200 MB')
  print('ledgerstone start', all, allEmpty, 'ledger, sealer and OAuth service in one process')
}

async function startAll(data: string): Promise<Start> {
  const port = await freePort()
  return time(port, ['start', '--data', data, '--port', `${port}`, '--no-sample', '--log-level', 'error'])
}

/** The ledger alone, as in a pod of its own. */
async function startLedger(data: string, folder: string): Promise<Start> {
  const { ledger, trust, documents } = dataFolder(data)
  const port = await freePort()
  const config = join(folder, 'ledger.json')
  const url = `http://127.0.0.1:${port}`
  const settings = {
    ...{ trust, store: ledger, documents, keys: join(ledger, 'keys'), buckets: [bucket], logLevel: 'error' },
    ...{ listen: { port }, publicUrls: [url], issuers: [{ issuer: `${url}/auth` }] },
  }
  await writeFile(config, JSON.stringify(settings))
  return time(port, ['ledger', '--config', config])
}

async function time(port: number, args: readonly string[]): Promise<Start> {
  const began = performance.now()
  await using server = await Server.start(port, '/health/ready', [ledgerstone, ...args])
  return { ms: performance.now() - began, megabytes: residentBytes(server.pid) / 1e6 }
}

function residentBytes(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

function print(name: string, starts: readonly Start[], empty: readonly Start[], remark: string): void {
  const seconds = starts.map(({ ms }) => ms / 1000)
  const range = `${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)}`
  const memory = medianOf(starts.map(({ megabytes }) => megabytes)).toFixed(0)
  const less = medianOf(empty.map(({ ms }) => ms / 1000)).toFixed(2)
  const lessMemory = medianOf(empty.map(({ megabytes }) => megabytes)).toFixed(0)
  console.log(
    `  ${name.padEnd(24)}${medianOf(seconds).toFixed(2)} s (${range}), ${memory} MB; ` +
      `with one block ${less} s, ${lessMemory} MB; ${remark}`,
  )
}
