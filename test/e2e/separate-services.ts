// Ledger, sealer and OAuth service as three processes, by the configuration files of examples/config.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../bench/children.ts'
import { type Commands, commandsOf, temporaryFolder } from './ledger-process.ts'
import { Program } from './program.ts'

export type Service = 'ledger' | 'sealer' | 'auth'
export type Config = Readonly<Record<string, unknown>>

const examples = join(import.meta.dirname, '..', '..', 'examples', 'config')

export class SeparateServices implements AsyncDisposable {
  readonly path: string
  readonly data: string
  readonly command: Commands
  readonly ports: Readonly<Record<Service, number>>
  readonly running: Partial<Record<Service, Program>> = {}
  readonly #place: AsyncDisposable

  private constructor(
    place: AsyncDisposable & { readonly path: string },
    ports: Readonly<Record<Service, number>>,
  ) {
    this.#place = place
    this.path = place.path
    this.data = join(place.path, 'data')
    this.command = commandsOf(this.data)
    this.ports = ports
  }

  /** A folder and ports; nothing runs yet. */
  static async open(): Promise<SeparateServices> {
    const place = await temporaryFolder()
    const ports = { ledger: await freePort(), sealer: await freePort(), auth: await freePort() }
    return new SeparateServices(place, ports)
  }

  urlOf(service: Service): string {
    return `http://127.0.0.1:${this.ports[service]}`
  }

  /** An example's configuration in this folder and these ports; with changes, under a name of its own. */
  configOf(service: Service, name: string = service, changes: Config = {}): string {
    const text = readFileSync(join(examples, `${service}.json`), 'utf8')
      .replaceAll('"data/', `"${this.data}/`)
      .replaceAll('8400', `${this.ports.ledger}`)
      .replaceAll('8401', `${this.ports.sealer}`)
      .replaceAll('8402', `${this.ports.auth}`)
    const path = join(this.path, `${name}.json`)
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(text) as Config), ...changes }))
    return path
  }

  start(service: Service, config: string = this.configOf(service)): void {
    this.running[service] = Program.spawn([service, '--config', config])
  }

  async ready(service: Service): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      const response = await fetch(`${this.urlOf(service)}/health/ready`).catch(() => undefined)
      if (response?.status === 200) return
      await sleep(100)
    }
    const { stdout, stderr } = this.running[service] ?? {}
    throw new Error(`${service} does not get ready\n${stdout}\n${stderr}`)
  }

  /** kill -9. */
  async kill(service: Service): Promise<void> {
    await this.running[service]?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of Object.values(this.running)) await program[Symbol.asyncDispose]()
    await this.#place[Symbol.asyncDispose]()
  }
}
