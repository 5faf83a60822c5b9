// A real Chromium at the real services: pages that report what they complain of, and people who sign in.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const places = [
  process.env['CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Throws, and says what to install, when there is none. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = places.find((path) => path !== '' && existsSync(path))
  assert(
    executablePath !== undefined,
    'there is no Chromium: `apt-get install chromium`, or name one in the variable CHROMIUM',
  )
  // Chromium's own sandbox needs rights that a container's root has not.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

export type Watched = {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page has complained of so far: exceptions, console errors, violations of its policy. */
  readonly complaints: readonly string[]
  /** Fails when the page has complained of anything that is not expected. */
  checkQuiet(expected?: RegExp): void
}

export type WatchOptions = {
  readonly colorScheme?: 'light' | 'dark'
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly reducedMotion?: 'reduce'
  readonly permissions?: readonly string[]
}

/** A fresh person's browser, with one page. */
export async function openPage(browser: Browser, options: WatchOptions = {}): Promise<Watched> {
  const { permissions = [], viewport = { width: 1280, height: 900 }, ...rest } = options
  const context = await browser.newContext({
    ...rest,
    ...{ viewport, permissions: [...permissions], locale: 'en-GB', timezoneId: 'Europe/Berlin' },
  })
  context.setDefaultTimeout(30_000)
  const complaints: string[] = []
  await context.exposeBinding('reportViolation', (_source, text: string) => void complaints.push(text))
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const { reportViolation } = globalThis as unknown as { reportViolation(text: string): void }
      reportViolation(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ''}`)
    })
  })
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} ${message.location().url}`)
  })
  function checkQuiet(expected?: RegExp): void {
    const unexpected = complaints.filter((text) => expected?.test(text) !== true)
    assert.deepEqual(unexpected, [])
  }
  return { page, context, complaints, checkQuiet }
}

export type Person = { readonly name: string; readonly password: string }

/** The first person of a data folder. */
export function adminOf(data: string): Person {
  const password = readFileSync(join(data, 'clients', 'admin-password.txt'), 'utf8').trim()
  return { name: 'admin', password }
}

/** A person signs in at the explorer, and is back at `path`. */
export async function signIn(page: Page, url: string, { name, password }: Person, path = '/'): Promise<void> {
  await page.goto(`${url}${path}`)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
}

const axeSource = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

type AxeResults = {
  readonly violations: readonly {
    readonly id: string
    readonly help: string
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
  }[]
  readonly passes: readonly unknown[]
}

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** WCAG 2.2 A and AA, in light and in dark. From the top, where the header that stays covers nothing. */
export async function checkAccessible(page: Page): Promise<void> {
  await page.evaluate(() => scrollTo(0, 0))
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Through the protocol, not as a script of the page, whose policy allows only its own.
    const results = (await page.evaluate(`${axeSource}
      axe.run(document, { runOnly: ${JSON.stringify(rules)} })`)) as AxeResults
    assert(results.passes.length > 5, 'nothing was checked')
    const found = results.violations.map(({ id, help, nodes }) => {
      const where = nodes.map(({ html, failureSummary }) => `${html}\n    ${failureSummary}`)
      return `${colorScheme} ${id}: ${help}\n  ${where.join('\n  ')}`
    })
    assert.deepEqual(found, [], found.join('\n'))
  }
  await page.emulateMedia({ colorScheme: null })
}
