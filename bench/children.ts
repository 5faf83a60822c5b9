// Processes that a benchmark starts: real ones, on loopback, ended with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The program `ledgerstone`. */
export const ledgerstone: string = join(import.meta.dirname, '../packages/cli/bin/ledgerstone.mjs')

const readyMsMax = 60_000
const stopMsMax = 20_000

/** A Node program that serves HTTP. What it prints goes nowhere, what it complains of to the terminal. */
export class Server implements AsyncDisposable {
  readonly port: number
  readonly pid: number
  readonly #child: ChildProcess

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.pid = child.pid ?? 0
    this.#child = child
  }

  /** Starts `node ...args` and waits until `path` is answered with 200. */
  static async start(port: number, path: string, args: readonly string[]): Promise<Server> {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    const server = new Server(port, child)
    const until = performance.now() + readyMsMax
    while (!(await isAnswered(`http://127.0.0.1:${port}${path}`))) {
      if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with ${child.exitCode}`)
      if (performance.now() > until) {
        child.kill('SIGKILL')
        throw new Error(`${args.join(' ')} is not ready after ${readyMsMax} ms`)
      }
      await sleep(2)
    }
    return server
  }

  /** Processor time of all its threads so far, in microseconds. */
  cpuUs(): number {
    if (process.platform !== 'linux') return Number.NaN
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
    // proc_pid_stat(5): utime and stime in hundredths of a second, the 14th and 15th field; the 2nd ends with
    // ")".
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  }

  /** Asks it to end, and waits until it has. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMsMax)
    await closed
    clearTimeout(timer)
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    const response = await fetch(url)
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}
