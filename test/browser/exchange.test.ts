// The page Exchange as the ledger serves it, while another process is the other machine.
import assert from 'node:assert/strict'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Program } from '../e2e/program.ts'
import { checkAccessible, type Watched } from './browser.ts'
import { ExplorerService } from './explorer-service.ts'

let service: ExplorerService
let admin: Watched

before(async () => {
  service = await ExplorerService.start()
  admin = await service.signedIn('/exchange')
})

after(async () => {
  await service?.[Symbol.asyncDispose]()
})

/** Fills in the form. */
async function plan(page: Page, owner: string, assurance: string): Promise<void> {
  await page.getByRole('link', { name: 'Exchange', exact: true }).click()
  await page.getByLabel('Owner of the keys').fill(owner)
  await page.getByLabel('Assurance').selectOption(assurance)
}

/** The words of the command that the page shows. */
async function command(page: Page, owner: string): Promise<readonly string[]> {
  const shown = page.locator('code', { hasText: `--owner ${owner}` })
  return (await shown.innerText()).split(' ').slice(1)
}

/** Schedules an exchange, whose page is then shown; returns the words of the command. */
async function schedule(page: Page, owner: string, assurance: string): Promise<readonly string[]> {
  await plan(page, owner, assurance)
  await page.getByRole('button', { name: 'Schedule', exact: true }).click()
  await page.getByRole('heading', { name: `Exchange of keys of ${owner}` }).waitFor()
  return command(page, owner)
}

/** The other machine: a folder of its own with nothing but the trust file, and a token for this. */
async function otherMachine(words: readonly string[], name: string): Promise<Program> {
  const data = join(service.data, '..', name)
  await mkdir(data, { mode: 0o700 })
  await cp(join(service.data, 'ledgerstone.trust'), join(data, 'ledgerstone.trust'))
  const token = (await service.command.text('token', '--scope', 'manage:exchanges read:keys')).trim()
  return Program.spawn([...words, '--data', data, '--token', token], 'yes\n')
}

function stringIn(page: Page): Promise<string> {
  return page
    .getByRole('region', { name: 'The short string at the server' })
    .locator('[aria-hidden]')
    .innerText()
}

function step(page: Page, text: string): ReturnType<Page['locator']> {
  return page.getByRole('listitem').filter({ hasText: text })
}

test('there is none at first, and the page says how one begins', async () => {
  const { page, checkQuiet } = admin
  await page.getByText('No exchange yet').waitFor()
  await page.getByText('Say whose keys are to be exchanged.').waitFor()
  await page.getByLabel('Port (random, when empty)').fill('70000')
  await page.getByLabel('Owner of the keys').fill('Treasury!')
  await page.getByText('An owner is written in small letters').waitFor()
  await page.getByLabel('Owner of the keys').fill('treasury')
  await page.getByText('That is no port.').waitFor()
  await page.getByLabel('Port (random, when empty)').fill('')
  await checkAccessible(page)
  checkQuiet()
})

test('it is scheduled, joined by the command that is shown, and watched step by step', async () => {
  const { page, checkQuiet } = admin
  const words = await schedule(page, 'treasury', 'sas')
  const { pathname } = new URL(page.url())
  assert.equal(words[words.indexOf('--join') + 1], pathname.split('/').at(-1))
  await step(page, 'Scheduled').getByText('now').waitFor()
  await step(page, 'Scheduled')
    .getByText(/by http\S+ sub admin/)
    .waitFor()
  await page.getByText('as soon as the other machine has joined').waitFor()
  await checkAccessible(page)
  await using other = await otherMachine(words, 'other')
  await page.getByRole('region', { name: 'The short string at the server' }).waitFor()
  await step(page, 'The other machine has joined')
    .getByText(/by http\S+ client local/)
    .waitFor()
  await step(page, 'Mutual TLS').getByText('done').waitFor()
  await step(page, 'The short string is compared').getByText('now').waitFor()
  await checkAccessible(page)
  // Both are in sight at once, without scrolling.
  const field = await page.getByLabel('What the other person read out').boundingBox()
  assert(field !== null && field.y + field.height < 900, `the field ends at ${field?.y}`)
  const string = await stringIn(page)
  assert.match(string, /^[0-9A-HJKMNP-TV-Z]{4}.?[0-9A-HJKMNP-TV-Z]{4}$/)
  await page.getByLabel('What the other person read out').fill(string.toLowerCase())
  await page.getByRole('button', { name: 'Confirm' }).click()
  await step(page, 'Registered in the bucket keys').getByText('done').waitFor()
  assert.equal(await other.ended(), 0, other.stderr)
  assert.ok(other.stderr.includes(string), 'both sides show one string')
  assert.match(other.stderr, /^joined {5}exchange /m)
  await step(page, 'Registered in the bucket keys').getByRole('link').first().click()
  await page.getByRole('heading', { name: 'Key of treasury' }).waitFor()
  checkQuiet()
})

test('a time and a port that were chosen are kept, and it is cancelled before anybody joins', async () => {
  const { page, checkQuiet } = admin
  // Of the range that `ledgerstone start` takes.
  const port = 20_000 + (process.pid % 100)
  await plan(page, 'later', 'sas')
  const at = new Date(Date.now() + 3 * 3_600_000)
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
  await page.getByLabel(/^Time \(CES?T; now, when empty\)$/).fill(local)
  await page.getByLabel('Port (random, when empty)').fill(String(port))
  await page.getByRole('button', { name: 'Schedule', exact: true }).click()
  await page.getByText('It then waits for the port').waitFor()
  await step(page, 'The port is open').getByText(`${port}, from`).waitFor()
  await page.getByRole('link', { name: '← Key exchanges' }).click()
  const row = page.getByRole('listitem').filter({ hasText: 'Keys of later' })
  await row.getByText('the other machine has to join').waitFor()
  await row.getByRole('link').click()
  await page.getByRole('button', { name: 'Cancel the exchange' }).click()
  await page.getByText('It ended as cancelled; nothing was registered.').waitFor()
  checkQuiet()
})

test('what the sealer refuses is said at the form', async () => {
  const { page, context } = await service.signedIn('/exchange')
  await plan(page, 'sealer', 'sas')
  await page.getByRole('button', { name: 'Schedule', exact: true }).click()
  await page.getByText('keys of sealer are not registered by an exchange').waitFor()
  await context.close()
})

test('whoever scheduled an exchange of two persons is not the second one', async () => {
  const { page, checkQuiet } = admin
  await using other = await otherMachine(await schedule(page, 'vault', 'two-person'), 'vault')
  await page.getByText('You asked for this two-person exchange').waitFor()
  assert.equal(await page.getByLabel('What the other person read out').count(), 0)
  await page.getByRole('button', { name: 'Cancel the exchange' }).click()
  await page.getByText('It ended as cancelled; nothing was registered.').waitFor()
  assert.notEqual(await other.ended(), 0)
  checkQuiet()
})

test('another person confirms what a program has asked for by itself', async () => {
  const { page, checkQuiet } = admin
  await plan(page, 'archive', 'two-person')
  await page.getByText('Or have the other machine ask for it by itself').click()
  const words = await command(page, 'archive')
  assert.ok(words.includes('--two-person') && !words.includes('--join'))
  await using other = await otherMachine(words, 'archive')
  await page.getByRole('link', { name: 'Keys of archive' }).click()
  const string = await stringIn(page)
  await page.getByLabel('What the other person read out').fill(string)
  await page.getByRole('button', { name: 'Confirm' }).click()
  await step(page, 'Confirmed')
    .getByText(/sub admin/)
    .waitFor()
  assert.equal(await other.ended(), 0, other.stderr)
  checkQuiet()
})

test('a string that is not the one ends it, and nothing is registered', async () => {
  const { page } = admin
  await using other = await otherMachine(await schedule(page, 'mallory', 'sas'), 'mallory')
  await page.getByLabel('What the other person read out').fill('0000-0000')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('It ended as refused; nothing was registered.').waitFor()
  assert.equal(await other.ended(), 3)
  await checkAccessible(page)
})

test('it is cancelled from the page while both sides wait for people', async () => {
  const { page } = admin
  await using other = await otherMachine(await schedule(page, 'nobody', 'sas'), 'nobody')
  await page.getByRole('region', { name: 'The short string at the server' }).waitFor()
  await page.getByRole('button', { name: 'Cancel the exchange' }).click()
  await page.getByText('It ended as cancelled; nothing was registered.').waitFor()
  assert.notEqual(await other.ended(), 0)
})
