// `ledgerstone start` as a process that can be killed, over a data folder that outlives it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, ledgerstone } from '../../bench/children.ts'

const readyMsMax = 60_000
const stopMsMax = 30_000

export class LedgerProcess {
  readonly url: string
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #output: string

  private constructor(url: string, child: ChildProcess, output: string) {
    this.url = url
    this.#child = child
    this.#exited = once(child, 'exit')
    this.#output = output
  }

  /** Starts it, and does not wait until it is ready. What it prints goes to a file beside the data folder. */
  static async spawn(data: string): Promise<LedgerProcess> {
    const port = await freePort()
    const args = ['start', '--data', data, '--port', `${port}`, '--no-sample', '--log-level', 'warn']
    const output = `${data}.log`
    const file = openSync(output, 'a')
    const child = spawn(process.execPath, [ledgerstone, ...args], { stdio: ['ignore', file, file] })
    closeSync(file)
    return new LedgerProcess(`http://127.0.0.1:${port}`, child, output)
  }

  static async start(data: string): Promise<LedgerProcess> {
    const started = await LedgerProcess.spawn(data)
    await started.ready()
    return started
  }

  /** Throws, with what it has printed, when it does not get ready. */
  async ready(): Promise<void> {
    const until = performance.now() + readyMsMax
    while (!(await this.#isReady())) {
      const ended = this.#child.exitCode !== null || this.#child.signalCode !== null
      if (ended || performance.now() > until) {
        await this.kill()
        throw new Error(`the ledger does not start:\n${readFileSync(this.#output, 'utf8').slice(-4000)}`)
      }
      await sleep(5)
    }
  }

  /** kill -9. Returns when there is nothing left of it. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Asks it to stop. */
  terminate(): void {
    this.#child.kill('SIGTERM')
  }

  /** Stops it as an operator does. Throws unless it ends well. */
  async stop(): Promise<void> {
    this.terminate()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMsMax)
    await this.#exited
    clearTimeout(timer)
    if (this.#child.exitCode === 0) return
    const how = this.#child.exitCode ?? this.#child.signalCode
    throw new Error(`the ledger stopped with ${how}:\n${readFileSync(this.#output, 'utf8').slice(-4000)}`)
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/health/ready`)
      await response.arrayBuffer()
      return response.status === 200
    } catch {
      return false
    }
  }
}
