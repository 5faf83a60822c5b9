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

/** Plans an exchange; returns the words of the command that the page shows. */
async function plan(page: Page, owner: string, assurance: string): Promise<readonly string[]> {
  await page.getByRole('link', { name: 'Exchange', exact: true }).click()
  await page.getByLabel('Owner of the keys').fill(owner)
  await page.getByLabel('Assurance').selectOption(assurance)
  const shown = page.locator('code', { hasText: 'ledgerstone exchange' })
  await shown.filter({ hasText: `--owner ${owner}` }).waitFor()
  return (await shown.innerText()).split(' ').slice(1)
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

test('it is run on the other machine by the command that is shown, and watched step by step', async () => {
  const { page, checkQuiet } = admin
  const words = await plan(page, 'treasury', 'sas')
  await using other = await otherMachine(words, 'other')
  await page.getByRole('link', { name: 'Keys of treasury' }).click()
  await page.getByRole('region', { name: 'The short string at the server' }).waitFor()
  await step(page, 'Mutual TLS').getByText('done').waitFor()
  await step(page, 'The short string is compared').getByText('now').waitFor()
  await checkAccessible(page)
  const string = await stringIn(page)
  assert.match(string, /^[0-9A-HJKMNP-TV-Z]{4}.?[0-9A-HJKMNP-TV-Z]{4}$/)
  await page.getByLabel('What the other person read out').fill(string.toLowerCase())
  await page.getByRole('button', { name: 'Confirm' }).click()
  await step(page, 'Registered in the bucket keys').getByText('done').waitFor()
  assert.equal(await other.ended(), 0, other.stderr)
  assert.ok(other.stderr.includes(string), 'both sides show one string')
  await step(page, 'Registered in the bucket keys').getByRole('link').first().click()
  await page.getByRole('heading', { name: 'Key of treasury' }).waitFor()
  checkQuiet()
})

test('another person confirms what one has asked for, where two are demanded', async () => {
  const { page, checkQuiet } = admin
  const words = await plan(page, 'vault', 'two-person')
  assert.ok(words.includes('--two-person'))
  await using other = await otherMachine(words, 'vault')
  await page.getByRole('link', { name: 'Keys of vault' }).click()
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
  await using other = await otherMachine(await plan(page, 'mallory', 'sas'), 'mallory')
  await page.getByRole('link', { name: 'Keys of mallory' }).click()
  await page.getByLabel('What the other person read out').fill('0000-0000')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('It ended as refused; nothing was registered.').waitFor()
  assert.equal(await other.ended(), 3)
  await checkAccessible(page)
})

test('it is cancelled from the page', async () => {
  const { page } = admin
  await using other = await otherMachine(await plan(page, 'nobody', 'sas'), 'nobody')
  await page.getByRole('link', { name: 'Keys of nobody' }).click()
  await page.getByRole('region', { name: 'The short string at the server' }).waitFor()
  await page.getByRole('button', { name: 'Cancel the exchange' }).click()
  await page.getByText('It ended as cancelled; nothing was registered.').waitFor()
  assert.notEqual(await other.ended(), 0)
})
