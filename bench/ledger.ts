// The ledger as `npm start` runs it: every service in a process of its own, over files, with its document
// store.
import { cp } from 'node:fs/promises'
import { readTrust, tokenSource } from '@ledgerstone/cli/connect'
import { type DataFolder, dataFolder } from '@ledgerstone/cli/data-folder'
import { createDataFolder } from '@ledgerstone/cli/embedded/create'
import type { Trust } from '@ledgerstone/core/trust'
import { freePort, ledgerstone, Server } from './children.ts'

export const bucket = 'payments'

/** A ledger without records, to be copied for every run. */
export async function createTemplate(path: string): Promise<{ folder: DataFolder; trust: Trust }> {
  await createDataFolder({ path, url: 'http://127.0.0.1:8400', buckets: [bucket], now: Date.now })
  return { folder: dataFolder(path), trust: readTrust({ data: path }) }
}

export class Ledger implements AsyncDisposable {
  readonly server: Server
  /** One for the whole run. */
  readonly token: string

  private constructor(server: Server, token: string) {
    this.server = server
    this.token = token
  }

  /** Starts the services over a copy of the template; `nodeArgs` go to Node. */
  static async start(template: string, path: string, nodeArgs: readonly string[] = []): Promise<Ledger> {
    await cp(template, path, { recursive: true })
    return Ledger.open(path, nodeArgs)
  }

  static async open(path: string, nodeArgs: readonly string[] = []): Promise<Ledger> {
    const port = await freePort()
    const args = ['start', '--data', path, '--port', `${port}`, '--no-sample', '--log-level', 'warn']
    const server = await Server.start(port, '/health/ready', [...nodeArgs, ledgerstone, ...args])
    const folder = dataFolder(path)
    const source = tokenSource({ data: path }, folder, `append:${bucket} read:${bucket}`)
    return new Ledger(server, await source())
  }

  /** Blocks in the bucket. */
  async size(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.server.port}/v1/buckets/${bucket}`, {
      headers: { authorization: `Bearer ${this.token}` },
    })
    return ((await response.json()) as { size: number }).size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}
