// `ledgerstone desk` as a process of its own, over the data folder of an administrator who runs no service.
import { chmod, copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../bench/children.ts'
import { Program } from '../e2e/program.ts'

export class DeskProcess implements AsyncDisposable {
  readonly data: string
  readonly url: string
  /** The address that works once. */
  readonly entrance: string
  readonly #program: Program

  private constructor(data: string, url: string, entrance: string, program: Program) {
    this.data = data
    this.url = url
    this.entrance = entrance
    this.#program = program
  }

  /** With the trust file, and copies of some of the service's keys, each as `name: place of its own`. */
  static async start(
    data: string,
    service: { readonly url: string; readonly data: string },
    keys: Readonly<Record<string, string>>,
  ): Promise<DeskProcess> {
    await mkdir(data, { recursive: true, mode: 0o700 })
    await copyFile(join(service.data, 'ledgerstone.trust'), join(data, 'ledgerstone.trust'))
    for (const [from, to] of Object.entries(keys)) {
      await mkdir(join(data, to, '..'), { recursive: true, mode: 0o700 })
      await copyFile(join(service.data, from), join(data, to))
      await chmod(join(data, to), 0o600)
    }
    const port = await freePort()
    const args = ['desk', '--server', service.url, '--data', data, '--port', `${port}`, '--no-open']
    const program = Program.spawn(args)
    await program.prints('Ctrl-C stops it.')
    const url = `http://127.0.0.1:${port}`
    const entrance = /http:\S+\/desk\/enter\?secret=\S+/.exec(program.stdout)?.[0]
    if (entrance === undefined) throw new Error(program.stdout)
    return new DeskProcess(data, url, entrance, program)
  }

  /** Ctrl-C. Returns its exit code. */
  async stop(): Promise<number | null> {
    this.#program.signal('SIGINT')
    return this.#program.ended()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }
}
