// What `npm start` runs, with a browser in front of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { type Commands, commandsOf, LedgerProcess } from '../e2e/ledger-process.ts'
import { adminOf, launchChromium, openPage, signIn, type Watched, type WatchOptions } from './browser.ts'

export class ExplorerService implements AsyncDisposable {
  readonly data: string
  readonly url: string
  readonly ledger: LedgerProcess
  readonly browser: Browser
  /** The commands of the service's own data folder. */
  readonly command: Commands
  readonly #folder: string

  private constructor(folder: string, ledger: LedgerProcess, browser: Browser) {
    this.#folder = folder
    this.data = join(folder, 'data')
    this.ledger = ledger
    this.url = ledger.url
    this.browser = browser
    this.command = commandsOf(this.data)
  }

  /** A new ledger without the sample, ready, and a browser. `init`: options of `ledgerstone init`. */
  static async start(...init: readonly string[]): Promise<ExplorerService> {
    const folder = await mkdtemp(join(tmpdir(), 'ledgerstone-browser-'))
    if (init.length > 0) await commandsOf(join(folder, 'data')).text('init', ...init)
    const browser = await launchChromium()
    const ledger = await LedgerProcess.start(join(folder, 'data'))
    return new ExplorerService(folder, ledger, browser)
  }

  /** A fresh browser profile, signed in as the first person, at a path. */
  async signedIn(path = '/', options: WatchOptions = {}): Promise<Watched> {
    const watched = await openPage(this.browser, options)
    await signIn(watched.page, this.url, adminOf(this.data), path)
    return watched
  }

  /** Appends a record through the sealer; returns the index of its block. */
  async push(
    bucket: string,
    record: unknown,
    type: string,
    meta: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    const labels = Object.entries(meta).flatMap(([name, value]) => ['--meta', `${name}=${value}`])
    const path = join(this.#folder, 'record.json')
    await writeFile(path, JSON.stringify(record))
    const { index } = await this.command.json<{ index: number }>(
      'push',
      bucket,
      path,
      '--type',
      type,
      ...labels,
    )
    return index
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close()
    await this.ledger[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
