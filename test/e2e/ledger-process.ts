// `ledgerstone start` over a data folder, and the commands that are used with it.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../bench/children.ts'
import { Program, type Ran, run } from './program.ts'

/** A folder that goes with its owner. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'ledgerstone-e2e-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

export class LedgerProcess implements AsyncDisposable {
  readonly url: string
  readonly #program: Program

  private constructor(url: string, program: Program) {
    this.url = url
    this.#program = program
  }

  /** Starts it, and does not wait until it is ready. */
  static async spawn(data: string, ...options: readonly string[]): Promise<LedgerProcess> {
    const port = await freePort()
    const program = Program.spawn(['start', '--data', data, '--port', `${port}`, ...options])
    return new LedgerProcess(`http://127.0.0.1:${port}`, program)
  }

  /** Running and ready, without the sample. */
  static async start(data: string, ...options: readonly string[]): Promise<LedgerProcess> {
    const started = await LedgerProcess.spawn(data, '--no-sample', ...options)
    await started.ready()
    return started
  }

  get pid(): number {
    return this.#program.pid
  }

  get printed(): string {
    return this.#program.stdout
  }

  async ready(): Promise<void> {
    await this.#program.prints('Ctrl-C stops it.')
  }

  /** Ctrl-C. Returns its exit code. */
  async stop(): Promise<number | null> {
    this.#program.signal('SIGINT')
    return await this.#program.ended()
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }

  /** Waits until a bucket has so many blocks. */
  async grown(bucket: string, size: number): Promise<void> {
    await this.#until(`${bucket} grows to ${size}`, (sizes) => (sizes.head.get(bucket) ?? 0) >= size)
  }

  /** Waits until all that is committed is final: what `verify` then sees is all that there is. */
  async settled(): Promise<void> {
    await this.#until('all is final', ({ head, final }) => {
      return head.size > 0 && [...head].every(([bucket, size]) => final.get(bucket) === size)
    })
  }

  async #until(
    what: string,
    isSo: (sizes: Record<'head' | 'final', Map<string, number>>) => boolean,
  ): Promise<void> {
    for (let tries = 0; tries < 3000; tries++) {
      const response = await fetch(`${this.url}/metrics`).catch(() => undefined)
      const metrics = (await response?.text()) ?? ''
      if (isSo({ head: sizesIn(metrics, 'head'), final: sizesIn(metrics, 'final') })) return
      await sleep(10)
    }
    throw new Error(`not in time: ${what}\n${this.#program.stdout}\n${this.#program.stderr}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

function sizesIn(metrics: string, kind: 'head' | 'final'): Map<string, number> {
  const lines = metrics.matchAll(new RegExp(`^ledgerstone_${kind}_size\\{bucket="([^"]+)".* ([0-9]+)$`, 'gm'))
  return new Map([...lines].map(([, bucket, size]) => [bucket as string, Number(size)]))
}

export type Refusal = { readonly code: string; readonly error: string }

/** What `verify` says of one bucket that it refuses. */
export type Unverified = Refusal & { readonly bucket: string }

/** The commands of one data folder. */
export type Commands = {
  (...args: readonly string[]): Promise<Ran>
  /** Standard output of a command that must succeed. */
  text(...args: readonly string[]): Promise<string>
  /** The value that a command prints with `--json`; it must succeed. */
  json<T>(...args: readonly string[]): Promise<T>
  /** What a command says with `--json` when it refuses; it must exit with 3. */
  refusal(...args: readonly string[]): Promise<Refusal>
  /** The buckets that `verify --json` refuses; it must exit with 3. */
  unverified(...args: readonly string[]): Promise<readonly Unverified[]>
}

export function commandsOf(data: string): Commands {
  const command = (...args: readonly string[]): Promise<Ran> => run(['--data', data, ...args])
  async function expecting(expected: number, args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await command(...args)
    assert.equal(code, expected, `${args.join(' ')}\n${stdout}\n${stderr}`)
    return stdout
  }
  return Object.assign(command, {
    text: (...args: readonly string[]) => expecting(0, args),
    json: async <T>(...args: readonly string[]) => JSON.parse(await expecting(0, ['--json', ...args])) as T,
    refusal: async (...args: readonly string[]) => {
      return JSON.parse(await expecting(3, ['--json', ...args])) as Refusal
    },
    unverified: async (...args: readonly string[]) => {
      const text = await expecting(3, ['--json', 'verify', ...args])
      const verdicts = JSON.parse(text) as readonly (Unverified & { readonly verdict: string })[]
      return verdicts.filter(({ verdict }) => verdict === 'refused')
    },
  })
}
