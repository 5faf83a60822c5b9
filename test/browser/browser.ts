// A real browser for tests: Chromium without a window, and pages that remember what went wrong in them.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const program = places.find((path) => existsSync(path))

/** Why tests in a browser are skipped; false when there is one. The tests' setup installs it where it may. */
export const noBrowser: string | false =
  program === undefined ? 'there is no Chromium: apt-get install chromium' : false

/**
 * Chromium without its calls home; as root it starts only without its sandbox.
 */
export async function startBrowser(): Promise<Browser & AsyncDisposable> {
  if (program === undefined) throw new Error(noBrowser as string)
  const args = [
    ...['--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ]
  const browser = await chromium.launch({ executablePath: program, args })
  return Object.assign(browser, { [Symbol.asyncDispose]: () => browser.close() })
}

export type Watched = {
  readonly page: Page
  /**
   * Errors in the console, uncaught ones, violations of the Content-Security-Policy, and requests to other
   * origins than those given. A test that provokes some takes them out.
   */
  readonly troubles: string[]
}

/** A page in a context of its own: nothing is stored that another one sees. */
export async function openPage(
  browser: Browser,
  { origins, ...options }: BrowserContextOptions & { readonly origins: readonly string[] },
): Promise<Watched> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const troubles: string[] = []
  page.on('console', (message) => {
    // The answers that are refused on purpose are looked at where they are shown.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      troubles.push(`console: ${message.text()}`)
    }
  })
  page.on('pageerror', (error) => troubles.push(`uncaught: ${error.stack ?? error.message}`))
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    const isLocal = ['blob:', 'data:', 'about:'].includes(protocol)
    if (!isLocal && !origins.includes(origin)) troubles.push(`asks ${origin}`)
  })
  return { page, troubles }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

type Violation = {
  readonly id: string
  readonly help: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

/** WCAG 2.2 A and AA, as far as axe-core can tell, of the page as it is shown now, in both colour schemes. */
export async function checkAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Evaluated by the debugger, so that the page's policy need not allow it.
    await page.evaluate(axe)
    const violations = await page.evaluate(async () => {
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
      const { axe } = globalThis as unknown as {
        axe: { run(options: object): Promise<{ violations: Violation[] }> }
      }
      return (await axe.run({ runOnly: { type: 'tag', values: tags } })).violations
    })
    const said = violations.map(({ id, help, nodes }) => {
      const places = nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`)
      return [`${id}: ${help}`, ...places].join('\n')
    })
    assert.equal(said.join('\n'), '', `${colorScheme}: ${page.url()}`)
  }
  await page.emulateMedia({ colorScheme: null })
}
