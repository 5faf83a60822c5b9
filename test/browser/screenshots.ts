// Pictures of every page, light and dark, of a fresh ledger with the sample: `npm run screenshots` writes
// them to docs/images.
import { copyFileSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { commandsOf, LedgerProcess, temporaryFolder } from '../e2e/ledger-process.ts'
import { Program } from '../e2e/program.ts'
import { adminOf, launchChromium, openPage, signIn, type WatchOptions } from './browser.ts'

const images = join(import.meta.dirname, '..', '..', 'docs', 'images')
const schemes = ['light', 'dark'] as const

type Picture = {
  readonly name: string
  readonly path: string
  readonly viewport?: { readonly width: number; readonly height: number }
  /** Until the page shows what it is about. */
  readonly ready: (page: Page) => Promise<unknown>
}

mkdirSync(images, { recursive: true })
await using folder = await temporaryFolder()
const data = join(folder.path, 'data')
await using ledger = await LedgerProcess.spawn(data)
await ledger.ready()
await ledger.settled()
const command = commandsOf(data)
const evidence = join(folder.path, 'payment-7.evidence.json')
await command.text('evidence', 'payments', '7', '--out', evidence)

// The other machine of an exchange, which waits until somebody confirms the short string.
const laptop = join(folder.path, 'laptop')
mkdirSync(laptop, { mode: 0o700 })
copyFileSync(join(data, 'ledgerstone.trust'), join(laptop, 'ledgerstone.trust'))
const token = (await command.text('token', '--scope', 'manage:exchanges read:keys')).trim()
const asked = ['exchange', '--server', ledger.url, '--owner', 'treasury', '--data', laptop, '--token', token]
await using _other = Program.spawn(asked, 'yes\n')

const shown = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor()

const pictures: readonly Picture[] = [
  {
    name: 'overview',
    path: '/',
    ready: async (page) => {
      await shown(page, 'all final')
      await shown(page, 'seen before')
    },
  },
  { name: 'chain', path: '/buckets/payments', ready: (page) => shown(page, 'payment.captured') },
  {
    name: 'chain-phone',
    path: '/buckets/orders',
    viewport: { width: 390, height: 844 },
    ready: (page) => shown(page, 'order.placed'),
  },
  {
    name: 'block',
    path: '/buckets/payments/blocks/7',
    ready: async (page) => {
      await page.getByRole('button', { name: 'Verify', exact: true }).click()
      await shown(page, 'Inclusion path')
      await page.getByRole('heading', { name: 'Verify' }).scrollIntoViewIfNeeded()
      await page.evaluate(() => {
        const heading = [...document.querySelectorAll('h2')].find((each) => each.textContent === 'Verify')
        scrollTo(0, (heading?.getBoundingClientRect().top ?? 0) + scrollY - 90)
      })
    },
  },
  {
    name: 'verify',
    path: '/verify',
    ready: async (page) => {
      await page.locator('input[type=file]').first().setInputFiles(evidence)
      await shown(page, /Consistent, not pinned|Verified against/)
    },
  },
  { name: 'keys', path: '/keys', ready: (page) => shown(page, 'auditor') },
  {
    name: 'exchange',
    path: '/exchange',
    ready: async (page) => {
      await page.getByRole('link', { name: 'Keys of treasury' }).click()
      await page.getByRole('region', { name: 'The short string at the server' }).waitFor()
    },
  },
]

const browser = await launchChromium()
for (const colorScheme of schemes) {
  const options: WatchOptions = { colorScheme, reducedMotion: 'reduce' }
  const watched = await openPage(browser, options)
  await signIn(watched.page, ledger.url, adminOf(data))
  await shown(watched.page, /first seen|seen before/)
  await watched.page.goto(`${ledger.url}/verify`)
  const trustInput = watched.page.getByRole('region', { name: 'Trust file' }).locator('input[type=file]')
  await trustInput.setInputFiles(join(data, 'ledgerstone.trust'))
  await shown(watched.page, 'where you have chosen it')
  for (const { name, path, viewport = { width: 1280, height: 900 }, ready } of pictures) {
    const { page } = watched
    await page.setViewportSize(viewport)
    await page.goto(`${ledger.url}${path}`)
    await ready(page)
    await page.evaluate(() => document.fonts.ready)
    const file = join(images, `${name}-${colorScheme}.png`)
    await page.screenshot({ path: file, animations: 'disabled', caret: 'hide' })
    console.log(`docs/images/${name}-${colorScheme}.png  ${Math.round(statSync(file).size / 1024)} KB`)
  }
  watched.checkQuiet()
  await watched.context.close()
}
await browser.close()
