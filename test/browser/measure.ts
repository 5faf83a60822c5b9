// How fast the explorer is over a million blocks, in a real Chromium: `npm run bench -- explorer`. A program
// of its own; `--cache` is where the million blocks are kept, `--rounds` how often each is measured.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import type { Page } from 'playwright-core'
import { bucket } from '../../bench/ledger.ts'
import { millionBlocks } from '../../bench/million.ts'
import { medianOf } from '../../bench/rounds.ts'
import { commandsOf, LedgerProcess } from '../e2e/ledger-process.ts'
import { adminOf, launchChromium, openPage, signIn } from './browser.ts'

const blocks = 1_000_000
const scrollMs = 4000

const { values } = parseArgs({
  options: {
    cache: { type: 'string', default: '/var/tmp/ledgerstone-bench' },
    rounds: { type: 'string', default: '3' },
  },
})
const rounds = Number(values.rounds)
const data = join(values.cache, `ledgerstone-${blocks}-blocks-v1`)
await mkdir(values.cache, { recursive: true })
await millionBlocks(data, blocks)
await using ledger = await LedgerProcess.start(data)
const index = await pushOne()

const browser = await launchChromium()
const { page } = await openPage(browser, { viewport: { width: 1280, height: 900 } })
await signIn(page, ledger.url, adminOf(data))
console.log(
  `the explorer over ${blocks.toLocaleString('en')} blocks, Chromium ${browser.version()}, services and ` +
    `browser on this machine; the median of ${rounds}`,
)

await print('first paint of the page, nobody signed in, empty cache', 1500, firstVisit)
await print('a reload of the overview, sign-in renewed, until its numbers are there', 1500, () =>
  visit('/', page.getByRole('article', { name: bucket }).locator('.bucket-size')),
)
await print('the chain, sign-in renewed, until its newest blocks are there', 1500, () =>
  visit(`/buckets/${bucket}`, page.getByRole('article').first()),
)
await print('to block 500,000 of it', 1500, async () => {
  const began = performance.now()
  await page.getByLabel('Go to an index, a hash or a date').fill('500000')
  await page.getByLabel('Go to an index, a hash or a date').press('Enter')
  await page.getByRole('article', { name: 'Block 500000', exact: true }).waitFor()
  const took = performance.now() - began
  await page.goto(`${ledger.url}/buckets/${bucket}`)
  return took
})
const frames = await scroll(page)
const long = frames.filter((ms) => ms > 50)
console.log(
  `  scrolling ${scrollMs / 1000} s by wheel: ${frames.length} frames, ` +
    `median ${medianOf(frames).toFixed(1)} ms, longest ${Math.max(...frames).toFixed(0)} ms, ` +
    `${long.length} over 50 ms (goal 0)`,
)
await print('Verify of one block, by its button', 300, verify)
await print('Open of one block with a key file, until its record is shown', 300, open)
await browser.close()

async function print(what: string, goalMs: number, measure: () => Promise<number>): Promise<void> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) times.push(await measure())
  console.log(`  ${what}: ${medianOf(times).toFixed(0)} ms (goal ${goalMs} ms)`)
}

/** A person who was never here: until the first text is painted. */
async function firstVisit(): Promise<number> {
  const { page: fresh, context } = await openPage(browser)
  await fresh.goto(ledger.url)
  await fresh.getByRole('button', { name: 'Sign in' }).waitFor()
  const paint = await fresh.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
  )
  await context.close()
  return paint ?? Number.NaN
}

async function visit(path: string, shown: { waitFor(): Promise<void> }): Promise<number> {
  const began = performance.now()
  await page.goto(`${ledger.url}${path}`, { waitUntil: 'commit' })
  await shown.waitFor()
  return performance.now() - began
}

/** Milliseconds from frame to frame while the wheel turns. */
async function scroll(at: Page): Promise<readonly number[]> {
  await at.getByRole('article').first().waitFor()
  await at.waitForTimeout(1000)
  await at.mouse.move(640, 600)
  const measured = at.evaluate((durationMs) => {
    return new Promise<number[]>((resolve) => {
      const times: number[] = []
      let before = performance.now()
      const end = before + durationMs
      const step = (): void => {
        const now = performance.now()
        times.push(now - before)
        before = now
        if (now < end) requestAnimationFrame(step)
        else resolve(times)
      }
      requestAnimationFrame(step)
    })
  }, scrollMs)
  const end = performance.now() + scrollMs
  while (performance.now() < end) {
    await at.mouse.wheel(0, 240)
    await at.waitForTimeout(16)
  }
  return measured
}

async function verify(): Promise<number> {
  await page.goto(`${ledger.url}/buckets/${bucket}/blocks/${index}`)
  const button = page.getByRole('button', { name: /^Verify/ }).first()
  await button.click()
  await page.getByText(/In \d+ ms\./).waitFor()
  // The second time: the key registry has been replayed, as for whoever looks at more than one block.
  await button.click()
  await page.waitForTimeout(1000)
  const text = await page.getByText(/In \d+ ms\./).innerText()
  return Number(/\d+/.exec(text)?.[0])
}

/** From the click to the record in the page; the block is verified again before it is opened. */
async function open(): Promise<number> {
  await page.goto(`${ledger.url}/buckets/${bucket}/blocks/${index}`)
  await page.locator('.key-chooser input[type=file]').setInputFiles(dataFolder(data).receiverKey)
  const button = page.getByRole('button', { name: 'Open', exact: true })
  await button.waitFor()
  const began = performance.now()
  await button.click()
  await page.getByRole('region', { name: 'Record' }).waitFor()
  return performance.now() - began
}

/** A block whose signatures are real: those of the million are borrowed. */
async function pushOne(): Promise<number> {
  const file = join(import.meta.dirname, 'record.json')
  const pushed = await commandsOf(data).json<{ index: number }>(
    'push',
    bucket,
    file,
    '--type',
    'payment.captured',
  )
  await ledger.settled()
  return pushed.index
}
