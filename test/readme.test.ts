// The README's commands, typed as they stand there, in a folder of their own.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { freePort } from '../bench/children.ts'
import { temporaryFolder } from './e2e/ledger-process.ts'
import { Program } from './e2e/program.ts'
import { isAsPrinted, type Step, stepsOf } from './readme/console.ts'

const root = join(import.meta.dirname, '..')

// What is typed differently here, and why.
const instead: readonly (readonly [string, string])[] = [
  // All 25,943 invoices take minutes; the same import of some more lines than the sample has takes seconds.
  ['examples/online-retail-invoices.csv.gz', 'examples/online-retail-invoices.csv.gz --limit 450'],
]
/** Steps that are not run: the tests themselves. */
const notRun = ['npm test']
/** Steps whose output depends on how much was imported. */
const countsDiffer = /^npx ledgerstone (?:import|verify payments refunds)/

test('a page is as printed, or it is not', () => {
  assert.ok(isAsPrinted('a 17 b\n\nc\nd\n', ['a … b', '…', 'd']))
  assert.ok(!isAsPrinted('a 17 c\n', ['a … b']))
  assert.ok(!isAsPrinted('a\nb\n', ['a']))
  assert.ok(!isAsPrinted('', ['a']))
})

describe('the README', async () => {
  const steps = stepsOf(await readFile(join(root, 'README.md'), 'utf8'))

  test('says what is printed when its commands are typed', { timeout: 300_000 }, async () => {
    assert.ok(steps.length > 10, `${steps.length} steps`)
    await using session = await Session.open()
    for (const step of steps) await session.take(step)
  })
})

/** One terminal for `npm start`, and another one for the rest. */
class Session implements AsyncDisposable {
  readonly #folder: Awaited<ReturnType<typeof temporaryFolder>>
  readonly #port: number
  readonly #variables: NodeJS.ProcessEnv = {}
  #running: Program | undefined

  private constructor(folder: Awaited<ReturnType<typeof temporaryFolder>>, port: number) {
    this.#folder = folder
    this.#port = port
  }

  static async open(): Promise<Session> {
    const folder = await temporaryFolder()
    await symlink(join(root, 'examples'), join(folder.path, 'examples'))
    // npx would look for the project from here upwards.
    const main = join(root, 'packages/cli/src/main.ts')
    await writeFile(join(folder.path, 'npx'), `#!/bin/sh\nshift\nexec node ${main} "$@"\n`, { mode: 0o755 })
    return new Session(folder, await freePort())
  }

  async take({ typed, printed }: Step): Promise<void> {
    if (notRun.includes(typed)) return
    if (typed === '^C') return this.#stop()
    const text = typed === 'npm start' ? await this.#start() : await this.#run(typed)
    if (countsDiffer.test(typed)) return
    const there = printed.map((line) => this.#here(line))
    assert.ok(isAsPrinted(text, there), `${typed}\nprints\n${text}\nand not\n${printed.join('\n')}`)
  }

  async #start(): Promise<string> {
    this.#running = Program.spawn([
      'start',
      '--data',
      join(this.#folder.path, 'data'),
      '--port',
      `${this.#port}`,
    ])
    await this.#running.prints('Ctrl-C stops it.')
    return this.#running.stdout
  }

  async #stop(): Promise<void> {
    this.#running?.signal('SIGINT')
    assert.equal(await this.#running?.ended(), 0)
    this.#running = undefined
  }

  async #run(typed: string): Promise<string> {
    const assignment = /^([A-Z]+)=\$\((.*)\)$/.exec(typed)
    const text = await this.#shell(assignment?.[2] ?? typed)
    if (assignment === null) return text
    this.#variables[assignment[1] as string] = text.trim()
    return ''
  }

  async #shell(typed: string): Promise<string> {
    const { path: cwd } = this.#folder
    const PATH = `${cwd}:${dirname(process.execPath)}:${process.env['PATH']}`
    const child = spawn('sh', ['-c', `${this.#here(typed)} 2>&1`], {
      cwd,
      env: { ...process.env, ...this.#variables, PATH },
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    await new Promise((resolve) => child.once('close', resolve))
    return text
  }

  /** Another port, for the one of the page may be taken here; and what is typed differently. */
  #here(text: string): string {
    let here = text.replaceAll('127.0.0.1:8400', `127.0.0.1:${this.#port}`)
    for (const [page, test] of instead) here = here.replaceAll(page, test)
    return here
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]()
    await this.#folder[Symbol.asyncDispose]()
  }
}
