// The page Keys as the ledger serves it, over a registry that two registrars must change together.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hashPassword, putUser } from '@ledgerstone/auth/users'
import type { Page } from 'playwright-core'
import { adminOf, checkAccessible, openPage, signIn, type Watched } from './browser.ts'
import { ExplorerService } from './explorer-service.ts'

let service: ExplorerService
let admin: Watched

before(async () => {
  service = await ExplorerService.start('--registrar', 'bob', '--threshold', '2')
  for (const name of ['clerk', 'teller', 'stranger'])
    await service.command.text('keys', 'new', at(`${name}.pem`))
  admin = await service.signedIn('/keys')
})

after(async () => {
  await service?.[Symbol.asyncDispose]()
})

const at = (name: string): string => join(service.data, '..', name)
const registrar = (): string => join(service.data, 'sealer', 'registrar.pem')
const bob = (): string => join(service.data, 'registrars', 'bob.pem')

async function register(page: Page, key: string, owner: string, by: string, until = ''): Promise<void> {
  await page.getByRole('button', { name: 'Register a key…' }).click()
  await page.getByLabel('Key to register (PEM file)').setInputFiles(key)
  await page.getByLabel('Owner', { exact: true }).fill(owner)
  await page.getByRole('region', { name: 'Register a key' }).getByLabel('Purpose').selectOption('sign')
  if (until !== '') await page.getByLabel(/^Valid until \(CES?T; optional\)$/).fill(until)
  await page.getByLabel("Registrar's key (PEM file)").setInputFiles(by)
  await page.getByRole('button', { name: 'Register the key' }).click()
}

async function approve(page: Page, by: string): Promise<void> {
  const pending = page.getByRole('region', { name: 'Waiting for approval' })
  await pending.getByRole('button', { name: 'Approve…' }).click()
  await pending.getByLabel("Registrar's key (PEM file)").setInputFiles(by)
  await pending.getByRole('button', { name: 'Approve', exact: true }).click()
}

describe('the registry', () => {
  test('is replayed in the page, which says what that is worth without a trust file', async () => {
    const { page, checkQuiet } = admin
    await page.getByText('Consistent, not pinned').waitFor()
    await page.getByText('2 registrars must sign a change.').waitFor()
    for (const owner of ['auditor', 'sealer', 'importer']) {
      await page.getByRole('link', { name: owner, exact: true }).first().waitFor()
    }
    await checkAccessible(page)
    checkQuiet()
  })

  test('fits on a phone', async () => {
    const { page } = admin
    await page.setViewportSize({ width: 360, height: 740 })
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= 360, `${width}`)
    await page.setViewportSize({ width: 1280, height: 900 })
  })

  test('that is served with one byte changed is refused, and no key of it shown', async () => {
    const { page, context } = await openPage(service.browser)
    await context.route('**/log/keys/tile/entries/**', async (route) => {
      const answer = await route.fetch()
      const body = await answer.body()
      body[200] = (body[200] ?? 0) ^ 1
      await route.fulfill({ response: answer, body })
    })
    await signIn(page, service.url, adminOf(service.data), '/keys')
    await page.getByRole('alert').first().waitFor()
    assert.equal(await page.getByRole('link', { name: 'auditor' }).count(), 0)
    // The page goes on asking: what is on its way is let go.
    await context.unrouteAll({ behavior: 'ignoreErrors' })
    await context.close()
  })
})

describe('a change', () => {
  test('counts when the registrars of two owners have signed it', async () => {
    const { page, checkQuiet } = admin
    const soon = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 16)
    await register(page, at('clerk.pem'), 'clerk', registrar(), soon)
    await page.getByText('it counts when another registrar has approved it').waitFor()
    await page.getByText(/Register a key to sign for clerk/).waitFor()
    await page.getByText('1 of 2 approved').waitFor()
    await checkAccessible(page)

    await approve(page, registrar())
    await page.getByText('This was refused').waitFor()
    await page.getByText('this owner has approved already').waitFor()
    await page.getByLabel("Registrar's key (PEM file)").first().setInputFiles(bob())
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.getByRole('link', { name: 'clerk', exact: true }).waitFor()
    await page.getByText('One key expires within 30 days').waitFor()
    checkQuiet()
  })

  test('is told in the history of the key, block by block', async () => {
    const { page, checkQuiet } = admin
    await page.getByRole('link', { name: 'clerk', exact: true }).click()
    await page.getByText(/It expires/).waitFor()
    const history = page.getByRole('region', { name: 'History' })
    await history.getByText('Registration asked for; 1 more approval is needed').waitFor()
    await history.getByText('Approved, and with that registered').waitFor()
    await checkAccessible(page)
    checkQuiet()
  })

  test('by the key itself needs nobody: it revokes itself, for a reason that nobody executes', async () => {
    const { page, checkQuiet } = admin
    const reason = '<img src=x onerror="document.title=1"> \u202eevil'
    await page.getByRole('button', { name: 'Revoke…' }).click()
    await page.getByLabel('Reason, for everybody to read').fill(reason)
    await page.getByLabel("Registrar's key, or the key itself (PEM file)").setInputFiles(at('clerk.pem'))
    await page.getByRole('button', { name: 'Revoke the key' }).click()
    await page.getByText('U+202E').first().waitFor()
    assert.equal(await page.locator('main img').count(), 0)
    assert.notEqual(await page.title(), '1')
    checkQuiet()
  })
})

describe('a key that has ended', () => {
  test('is marked as stolen by registrars, since a time that they name', async () => {
    const { page, checkQuiet } = admin
    await page.getByRole('button', { name: 'Mark as stolen…' }).click()
    await page.getByLabel('Reason, for everybody to read').fill('found in a dump')
    await page.getByLabel(/^Suspect from \(CES?T\)$/).fill('2026-01-01T00:00')
    await page.getByLabel("Registrar's key (PEM file)").setInputFiles(registrar())
    await checkAccessible(page)
    await page.getByRole('button', { name: 'Mark the key' }).click()
    await page.getByText('it counts when another registrar has approved it').waitFor()
    await page.getByText(/^Revocation asked for; 1 more approval is needed, suspect from /).waitFor()
    const address = page.url()
    await page.goto(`${service.url}/keys`)
    await page.getByText(/^Revoke .*, suspect from .*: found in a dump$/).waitFor()
    await approve(page, bob())
    await page.getByText(', and in force.').waitFor()
    await page.goto(address)
    await page.getByText(/^Approved, and with that revoked, suspect from /).waitFor()
    await page.getByRole('main').getByRole('note').getByText('Suspect from').waitFor()
    checkQuiet()
  })
})

describe('what goes wrong with a private key is said where it was chosen', () => {
  before(async () => {
    await admin.page.goto(`${service.url}/keys`)
    await admin.page.getByRole('button', { name: 'Register a key…' }).waitFor()
  })

  async function refused(key: string, by: string, message: RegExp): Promise<void> {
    const { page } = admin
    await page.goto(`${service.url}/keys`)
    await register(page, key, 'teller', by)
    await page.getByRole('region', { name: 'Register a key' }).getByText(message).waitFor()
  }

  test('a key of nobody who may change the registry', async () => {
    await refused(at('teller.pem'), at('stranger.pem'), /unknown-key/)
    admin.checkQuiet()
  })

  test('a damaged file', async () => {
    const pem = await readFile(at('teller.pem'), 'utf8')
    await writeFile(at('damaged.pem'), pem.replace(/\n.{10}/, '\n'))
    await refused(at('teller.pem'), at('damaged.pem'), /malformed/)
  })

  test('a key under a passphrase, without it and with a wrong one', async () => {
    await writeFile(at('passphrase'), 'correct horse\n', { mode: 0o600 })
    await service.command.text(
      'keys',
      'new',
      at('locked.pem'),
      '--encrypt',
      '--passphrase-file',
      at('passphrase'),
    )
    await refused(at('locked.pem'), registrar(), /wrong-passphrase/)
    const { page } = admin
    await page.getByLabel('Passphrase').fill('wrong horse')
    await page.getByRole('button', { name: 'Register the key' }).click()
    await page.getByText(/wrong-passphrase/).waitFor()
    await page.getByLabel('Passphrase').fill('correct horse')
    await page.getByRole('button', { name: 'Register the key' }).click()
    await page.getByText('it counts when another registrar has approved it').waitFor()
  })

  test('a person without the scope for it', async () => {
    const users = join(service.data, 'auth', 'users.json')
    const carol = { name: 'carol', password: 'a long password' }
    const password = await hashPassword(carol.password, 10)
    putUser(users, { name: carol.name, password, scopes: ['read:*', 'read:keys'] })
    const { page, context } = await openPage(service.browser)
    // The changed file counts within seconds.
    await new Promise((resolve) => setTimeout(resolve, 6000))
    await signIn(page, service.url, carol, '/keys')
    await register(page, at('teller.pem'), 'teller', registrar())
    await page.getByText('You have no permission for this').waitFor()
    await page.getByRole('link', { name: 'Exchange', exact: true }).click()
    await page.getByText('You have no permission for this').waitFor()
    await checkAccessible(page)
    await context.close()
  })
})
