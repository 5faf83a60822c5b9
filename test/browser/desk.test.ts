// `ledgerstone desk` in a real browser, against a service that runs elsewhere.
import assert from 'node:assert/strict'
import { ChildProcess } from 'node:child_process'
import { chmod, copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openWindow } from '@ledgerstone/cli/desk/window'
import { adminOf, checkAccessible, openPage, signIn, type Watched } from './browser.ts'
import { DeskProcess } from './desk-process.ts'
import { ExplorerService } from './explorer-service.ts'

let folder: string
let service: ExplorerService
let desk: DeskProcess
let watched: Watched
let index: number

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledgerstone-desk-'))
  service = await ExplorerService.start()
  index = await service.push('payments', { amount: '12.50', currency: 'EUR' }, 'payment.captured')
  await service.ledger.settled()
  desk = await DeskProcess.start(join(folder, 'client'), service, {
    'receivers/auditor.pem': 'receivers/auditor.pem',
    'sealer/registrar.pem': 'keys/registrar.pem',
  })
  watched = await openPage(service.browser)
  // As the desk itself has a browser begin: with a file of this computer, which leads to the address.
  let address = ''
  await openWindow(desk.entrance, join(desk.data, 'desk'), {
    ...{ name: 'linux', environment: { DISPLAY: ':0' } },
    async start(_, args) {
      address = args.at(-1) ?? ''
      return new ChildProcess()
    },
  })
  await watched.page.goto(address)
  await watched.page.waitForURL(`${desk.url}/`)
  await signIn(watched.page, desk.url, adminOf(service.data))
})

after(async () => {
  await desk?.[Symbol.asyncDispose]()
  await service?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('the page has the desk for its only origin, and the trust file pinned', async () => {
  const { page, checkQuiet } = watched
  assert.equal(page.url(), `${desk.url}/`)
  await page.getByText('Served by the desk on this computer').first().waitFor()
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }))
  assert.doesNotMatch(stored, /eyJ/)
  assert.deepEqual(
    (await watched.context.cookies()).filter(({ httpOnly }) => !httpOnly),
    [],
  )
  await checkAccessible(page)
  checkQuiet()
})

test('the address that opened it opens nothing a second time', async () => {
  const { page, context } = await openPage(service.browser)
  const answer = await page.goto(desk.entrance)
  assert.equal(answer?.status(), 403)
  await page.goto(`${desk.url}/`)
  await page.getByText('This page was not opened by the desk').waitFor()
  await checkAccessible(page)
  await context.close()
})

test('a page of another origin reads nothing and changes nothing, even in the same browser', async () => {
  const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<p>evil</p>'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const page = await watched.context.newPage()
  try {
    await page.goto(`http://127.0.0.1:${port}/`)
    const found = await page.evaluate(async (url) => {
      const tried = async (path: string, init?: RequestInit): Promise<string> => {
        try {
          const answer = await fetch(`${url}${path}`, { credentials: 'include', ...init })
          return `${answer.type} ${answer.status}`
        } catch {
          return 'refused'
        }
      }
      return [
        await tried('/desk/keys'),
        await tried('/explorer/configuration.json', { mode: 'no-cors' }),
        await tried('/v1/buckets'),
        await tried('/desk/open', { method: 'POST', mode: 'no-cors', body: '{}' }),
      ]
    }, desk.url)
    assert.ok(
      found.every((answer) => answer === 'refused' || answer.startsWith('opaque')),
      found.join(),
    )
  } finally {
    await page.close()
    server.closeAllConnections()
    server.close()
  }
})

test('a record is opened with a key that stays at the desk', async () => {
  const { page, checkQuiet } = watched
  const shared = join(desk.data, 'receivers', 'shared.pem')
  await copyFile(join(desk.data, 'receivers', 'auditor.pem'), shared)
  await chmod(shared, 0o644)
  await page.getByRole('link', { name: 'payments' }).first().click()
  await page.getByRole('link', { name: `#${index}`, exact: true }).click()
  const open = page.getByRole('region', { name: 'Open' })
  const keys = open.getByLabel('Your private key, in the folder of this desk')
  await keys.selectOption('receivers/auditor.pem')
  await open.getByText('receivers/shared.pem is not used: ').waitFor()
  await open.getByRole('button', { name: 'Open', exact: true }).first().click()
  await page.getByText('12.50').waitFor()
  await checkAccessible(page)
  checkQuiet()
})

test('an exchange runs from the page, and both sides compare before anything is registered', async () => {
  const { page, checkQuiet } = watched
  await page.getByRole('link', { name: 'Exchange', exact: true }).click()
  await page.getByLabel('Owner of the keys').fill('treasury')
  await page.getByRole('button', { name: 'Run it from this computer' }).click()
  const mine = page.getByRole('region', { name: 'Compare the short string' })
  const string = await mine.locator('.short-string > [aria-hidden]').innerText()
  await checkAccessible(page)
  // Somebody else sees the server's side.
  const other = await service.signedIn('/exchange')
  await other.page.getByRole('link', { name: 'Keys of treasury' }).click()
  const theirs = other.page.getByRole('region', { name: 'The short string at the server' })
  assert.equal(await theirs.locator('.short-string > [aria-hidden]').innerText(), string)
  await checkAccessible(other.page)
  await mine.getByRole('button', { name: 'Yes, the same' }).click()
  await page.getByText("After a yes it goes on when the server's side is confirmed, too.").waitFor()
  await other.page.getByLabel('What the other person read out').fill(string)
  await other.page.getByRole('button', { name: 'Confirm' }).click()
  await other.page
    .getByRole('listitem')
    .filter({ hasText: 'Registered in the bucket keys' })
    .getByText('done')
    .waitFor()
  await page.getByText("Done: both sides hold each other's keys.").waitFor()
  assert.ok((await readdir(join(desk.data, 'keys'))).includes('treasury-receive.pem'))
  await other.context.close()
  checkQuiet()
})

test('an exchange that is scheduled is joined from the desk, by a way that is chosen', async () => {
  const { page, checkQuiet } = watched
  await page.getByRole('link', { name: 'Exchange', exact: true }).click()
  await page.getByLabel('Owner of the keys').fill('archive')
  await page.getByLabel('Assurance').selectOption('token')
  await page.getByRole('button', { name: 'Schedule', exact: true }).click()
  await page.getByText(`--server ${service.url} --owner archive --join`).waitFor()
  const way = page.getByLabel('Way to the port')
  await way.selectOption('openshift-route')
  await page.getByLabel("Host name of the route (the router's choice, when empty)").waitFor()
  await checkAccessible(page)
  await way.selectOption('port-forward')
  await page.getByLabel('Context of kubectl (the current one, when empty)').fill('nowhere')
  await way.selectOption('direct')
  await page.getByRole('button', { name: 'Join from this computer' }).click()
  await page.getByText("Done: both sides hold each other's keys.").waitFor()
  const registered = page.getByRole('listitem').filter({ hasText: 'Registered in the bucket keys' })
  await registered.getByText('done').waitFor()
  checkQuiet()
})

test('a key is rotated with keys of the desk', async () => {
  const { page, checkQuiet } = watched
  await service.command.text('keys', 'new', join(desk.data, 'keys', 'next.pem'))
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.getByRole('link', { name: 'Keys', exact: true }).click()
  const row = page.getByRole('row').filter({ hasText: 'treasury' }).filter({ hasText: 'sign' })
  await row.getByRole('link', { name: 'treasury' }).click()
  await page.getByText('sas: two people compared a short string').waitFor()
  await page.getByRole('button', { name: 'Rotate…' }).click()
  await page.getByLabel('Key that is replaced').selectOption('keys/treasury-sign.pem')
  await page.getByLabel('New key').selectOption('keys/next.pem')
  await page.getByLabel("Registrar's key").selectOption('keys/registrar.pem')
  await checkAccessible(page)
  await page.getByRole('button', { name: 'Rotate the key' }).click()
  await page.getByText('and in force').waitFor()
  await page.getByRole('region', { name: 'About this key' }).getByText('replaced', { exact: true }).waitFor()
  await page.getByRole('region', { name: 'History' }).getByText('Rotated').waitFor()
  checkQuiet()
})

test('a key is revoked with keys of the desk', async () => {
  const { page, checkQuiet } = watched
  await page.getByRole('link', { name: 'Keys', exact: true }).click()
  const row = page.getByRole('row').filter({ hasText: 'treasury' }).filter({ hasText: 'receive' })
  await row.getByRole('link', { name: 'treasury' }).click()
  await page.getByRole('button', { name: 'Revoke…' }).click()
  await page.getByLabel('Reason, for everybody to read').fill('a test')
  await page.getByLabel("Registrar's key, or the key itself").selectOption('keys/registrar.pem')
  await checkAccessible(page)
  await page.getByRole('button', { name: 'Revoke the key' }).click()
  await page.getByText('Revoked: a test').waitFor()
  await page.getByRole('region', { name: 'History' }).getByText('Revoked').waitFor()
  checkQuiet()
})

test('Ctrl-C stops it cleanly, with a page open', async () => {
  assert.equal(await desk.stop(), 0)
})
