// The two sides of a key exchange: a service over its data folder, and an administrator's own folder, who was
// handed the trust file and a client's credentials.
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { type Commands, commandsOf, LedgerProcess, temporaryFolder } from './ledger-process.ts'

export type Sides = AsyncDisposable & {
  readonly path: string
  readonly data: string
  readonly laptop: string
  readonly server: Commands
  readonly client: Commands
  /** Ports of exchanges. */
  readonly ports: { readonly from: number; readonly to: number }
  running: LedgerProcess
  start(): Promise<void>
}

export type Done = {
  readonly exchange: string
  readonly string: string
  readonly keys: readonly {
    readonly kid: string
    readonly purpose: 'receive' | 'sign'
    readonly file: string
    readonly index: number
  }[]
  readonly serverKeys: readonly { readonly kid: string }[]
  readonly serverKeysFolder: string
}

let nextPort = 22_000 + (process.pid % 900) * 10

/** `init`: how the service's folder is made, when not by its first start. */
export async function openSides(...init: readonly string[]): Promise<Sides> {
  const place = await temporaryFolder()
  const [data, laptop] = [join(place.path, 'data'), join(place.path, 'laptop')]
  const ports = { from: nextPort, to: nextPort + 4 }
  nextPort += 5
  if (init.length > 0) await commandsOf(data).text('init', ...init)
  const start = (): Promise<LedgerProcess> =>
    LedgerProcess.start(data, '--exchange-ports', `${ports.from}-${ports.to}`)
  const sides: Sides = {
    ...{ path: place.path, data, laptop, ports, running: await start() },
    ...{ server: commandsOf(data), client: commandsOf(laptop) },
    async start() {
      sides.running = await start()
      // At another port, which a client's file names.
      handOver(data, laptop)
    },
    async [Symbol.asyncDispose]() {
      await sides.running.kill()
      await place[Symbol.asyncDispose]()
    },
  }
  handOver(data, laptop)
  return sides
}

/** What the operator hands to an administrator. */
export function handOver(data: string, laptop: string): void {
  const [from, to] = [dataFolder(data), dataFolder(laptop)]
  mkdirSync(dirname(to.localClient), { recursive: true, mode: 0o700 })
  copyFileSync(from.localClient, to.localClient)
  copyFileSync(from.trust, to.trust)
}

/** What `exchange --json` prints: steps, the last of which is the outcome. */
export function outcomeIn(stdout: string): Done {
  const lines = stdout.trim().split('\n')
  const last = JSON.parse(lines.at(-1) ?? '') as Done & { readonly step: string }
  if (last.step !== 'done') throw new Error(`not the end of an exchange: ${stdout}`)
  return last
}

/** The code by which `exchange --json` ended, after its steps. */
export function codeIn(stdout: string): string | undefined {
  return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { readonly code?: string }).code
}

export async function exchangesOf(server: Commands): Promise<readonly JsonObject[]> {
  return server.json<readonly JsonObject[]>('exchange', 'list')
}

/** Waits until the newest exchange has come to a state. Returns it. */
export async function untilState(server: Commands, state: string): Promise<JsonObject> {
  let newest: JsonObject | undefined
  for (let tries = 0; tries < 60; tries++) {
    newest = (await exchangesOf(server))[0]
    if (newest?.['state'] === state) return newest
  }
  throw new Error(`the exchange does not get ${state}: ${JSON.stringify(newest)}`)
}
