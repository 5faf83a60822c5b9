// The `ledgerstone` command as a process of its own, as people and init systems run it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const main = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'bin', 'ledgerstone.mjs')
const waitMsMax = 180_000

export class Program implements AsyncDisposable {
  stdout = ''
  stderr = ''
  readonly #args: readonly string[]
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>

  private constructor(args: readonly string[], input: string | Uint8Array | null | undefined) {
    this.#args = args
    const { LEDGERSTONE_DATA: _, LEDGERSTONE_TOKEN: __, ...inherited } = process.env
    this.#child = spawn(process.execPath, [main, ...args], {
      env: inherited,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#closed = once(this.#child, 'close')
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    // A program that refuses its arguments does not read what it is given.
    this.#child.stdin?.on('error', () => undefined)
    if (input !== null) this.#child.stdin?.end(input)
  }

  static spawn(args: readonly string[], input?: string | Uint8Array): Program {
    return new Program(args, input)
  }

  /** One that is answered as it goes: its standard input stays open until `answer`. */
  static ask(args: readonly string[]): Program {
    return new Program(args, null)
  }

  /** Reads no more of what it prints. */
  stopReading(): void {
    this.#child.stdout?.destroy()
  }

  answer(text: string): void {
    this.#child.stdin?.end(text)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Its exit code; null when a signal has ended it. Throws when it does not end. */
  async ended(): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#error('does not end')), waitMsMax)
    })
    try {
      await Promise.race([this.#closed, late])
      return this.#child.exitCode
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Waits for something on standard output. Throws, with all that was printed, when the process ends before.
   */
  async prints(text: string): Promise<void> {
    await this.#prints('stdout', text)
  }

  /** The same on standard error. */
  async complains(text: string): Promise<void> {
    await this.#prints('stderr', text)
  }

  async #prints(where: 'stdout' | 'stderr', text: string): Promise<void> {
    const until = performance.now() + waitMsMax
    while (!this[where].includes(text)) {
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null
      if (hasEnded || performance.now() > until) throw this.#error(`does not print "${text}"`)
      await Promise.race([once(this.#child[where] as NodeJS.EventEmitter, 'data'), this.#closed])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  #error(what: string): Error {
    return new Error(`ledgerstone ${this.#args.join(' ')} ${what}\n${this.stdout}\n${this.stderr}`)
  }
}

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** Runs a command to its end. */
export async function run(args: readonly string[], input?: string | Uint8Array): Promise<Ran> {
  await using program = Program.spawn(args, input)
  const code = await program.ended()
  return { code, stdout: program.stdout, stderr: program.stderr }
}
