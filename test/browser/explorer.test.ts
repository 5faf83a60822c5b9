// The explorer in a real browser, against what `npm start` runs.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hashPassword, putUser } from '@ledgerstone/auth/users'
import type { Locator, Page } from 'playwright-core'
import { until } from '../../packages/core/test/until.ts'
import { checkAccessible, openPage, signIn, type Watched } from './browser.ts'
import { ExplorerService } from './explorer-service.ts'

let service: ExplorerService
let admin: Watched

before(async () => {
  service = await ExplorerService.start()
  for (let i = 1; i <= 12; i++) {
    await service.push('payments', { amount: i }, i % 2 === 0 ? 'payment.captured' : 'payment.failed', {
      invoice: `INV-${i}`,
    })
  }
  const users = join(service.data, 'auth', 'users.json')
  putUser(users, {
    name: 'bob',
    password: await hashPassword('a long password', 10),
    scopes: ['read:orders'],
  })
  admin = await service.signedIn()
})

after(async () => {
  await service[Symbol.asyncDispose]()
})

describe('signing in', () => {
  test('keeps no token in any store of the browser', async () => {
    const stored = await admin.page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
    )
    assert.doesNotMatch(stored, /eyJ|access|refresh|verifier|nonce/)
    assert.deepEqual(await admin.context.cookies().then((all) => all.filter(({ httpOnly }) => !httpOnly)), [])
  })

  test('lasts over a reload, without a page in between, and leads back to where the person was', async () => {
    const { page } = admin
    await page.goto(`${service.url}/buckets/payments?type=payment.failed`)
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
    assert.equal(page.url(), `${service.url}/buckets/payments?type=payment.failed`)
    await page.getByText('payment.failed').first().waitFor()
    admin.checkQuiet()
  })

  test('that is cancelled is said, and nothing is shown', async () => {
    const { page, checkQuiet, context } = await openPage(service.browser)
    await page.goto(`${service.url}/`)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('The sign-in was cancelled.').waitFor()
    await checkAccessible(page)
    checkQuiet()
    await context.close()
  })

  test('ends with signing out, also at the sign-in service and in other tabs', async () => {
    const { page, checkQuiet, context } = await service.signedIn()
    const other = await context.newPage()
    await other.goto(`${service.url}/`)
    await other.getByRole('link', { name: 'payments' }).first().waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.equal(new URL(page.url()).origin, service.url)
    await other.getByRole('button', { name: 'Sign in' }).waitFor()
    await page.goto(`${service.url}/buckets/payments`)
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.equal(await page.getByText('payment.captured').count(), 0)
    checkQuiet()
    await context.close()
  })

  test('an answer that this browser never asked for is refused', async () => {
    const { page, checkQuiet, context } = await openPage(service.browser)
    await page.goto(`${service.url}/?code=stolen&state=made-up&iss=${service.url}/auth`)
    await page.getByText('This sign-in was begun elsewhere').waitFor()
    assert.equal(page.url(), `${service.url}/`)
    checkQuiet()
    await context.close()
  })
})

describe('the overview', () => {
  test('shows each bucket with its size, growth, checkpoint and signers', async () => {
    const { page } = admin
    await page.goto(`${service.url}/`)
    const card = page.getByRole('article', { name: 'payments' })
    await card.getByText('all final').waitFor()
    await card.getByText('log: Ed25519, ML-DSA-44').waitFor()
    await card.getByText('no witness').waitFor()
    assert.match(await card.innerText(), /13\s+blocks/) // with the genesis
    assert.match((await card.getByRole('img').getAttribute('aria-labelledby')) ?? '', /./)
    await card.getByRole('img', { name: /13 blocks between .* and .*; half of them by/ }).waitFor()
    for (const name of ['orders', 'customers', 'cancellations', 'refunds', 'keys']) {
      await page.getByRole('article', { name }).waitFor()
    }
    await checkAccessible(page)
    admin.checkQuiet()
  })

  test('follows what is appended', async () => {
    const { page } = admin
    await service.push('orders', { order: 1 }, 'order.placed')
    await page.getByRole('article', { name: 'orders' }).getByText('order.placed').waitFor()
    admin.checkQuiet()
  })

  test('comes without jumps', async () => {
    const { page } = admin
    for (const path of ['/', '/buckets/payments', '/keys', '/exchange', '/buckets/payments/blocks/3']) {
      await page.goto(`${service.url}${path}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.waitForTimeout(1000)
      const shift = await page.evaluate(layoutShift)
      assert.ok(shift < 0.1, `${path}: ${shift}`) // "good" by web.dev/cls
    }
    admin.checkQuiet()
  })

  test('says that one operator runs it all, and what this copy cannot find', async () => {
    const footer = admin.page.getByRole('contentinfo')
    await footer.getByText('Log-signed only: one operator runs it all.').waitFor()
    await footer.getByText('does not protect against a dishonest operator').waitFor()
  })
})

describe('the keyboard', () => {
  test('leads past the navigation, into a bucket, and to a block', async () => {
    const { page } = admin
    await page.goto(`${service.url}/`)
    const link = page.getByRole('link', { name: 'payments', exact: true })
    await link.waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to the page')
    await page.keyboard.press('Enter')
    await tabTo(page, link)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${service.url}/buckets/payments`)
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main')
    await tabTo(page, page.getByLabel('Go to an index, a hash or a date'))
    await page.keyboard.type('3')
    await page.keyboard.press('Enter')
    await page.waitForURL(/at=3$/)
    await tabTo(page, page.getByRole('link', { name: '#3', exact: true }))
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Block 3 of payments' }).waitFor()
    admin.checkQuiet()
  })
})

describe('the chain', () => {
  test('shows linked blocks, newest first, and is accessible, also on a phone', async () => {
    const { page } = admin
    await page.goto(`${service.url}/buckets/payments`)
    const newest = page.getByRole('article', { name: 'Block 12', exact: true })
    await newest.getByText('INV-12').waitFor()
    const view = await viewOf(12)
    await newest.getByText(`${view.hash.slice(0, 8)}…${view.hash.slice(-8)}`).waitFor()
    await newest.getByRole('button', { name: `Copy ${view.prevhash.slice(0, 8)}…` }).waitFor()
    await newest.getByText('from sealer').waitFor()
    await checkAccessible(page)
    await page.setViewportSize({ width: 390, height: 800 })
    await newest.getByText('INV-12').waitFor()
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the phone`)
    await checkAccessible(page)
    await page.setViewportSize({ width: 1280, height: 900 })
    admin.checkQuiet()
  })

  test('shows the same block to a person who turns the phone', async () => {
    const { page } = admin
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
    const block = page.getByRole('article', { name: 'Block 4', exact: true })
    await block.waitFor()
    const before = await block.boundingBox()
    assert(before !== null && before.y < 300, `the block is at ${before?.y}`)
    await page.setViewportSize({ width: 390, height: 800 })
    await page.waitForFunction(() => {
      const { top } = document.querySelector('[data-index="4"]')?.getBoundingClientRect() ?? { top: -1 }
      return top > 0 && top < 300
    })
    await page.evaluate(() => scrollTo(0, 0))
    await page.getByRole('article', { name: 'Block 12', exact: true }).waitFor()
    await page.setViewportSize({ width: 1280, height: 900 })
    await page.waitForFunction(() => (document.querySelector('.chain-row')?.clientHeight ?? 1000) < 200)
    assert.equal(await page.evaluate(() => scrollY), 0)
  })

  test('shows a new block by itself', async () => {
    const index = await service.push('payments', { amount: 13 }, 'payment.captured', { invoice: 'INV-13' })
    await admin.page
      .getByRole('article', { name: `Block ${index}`, exact: true })
      .getByText('INV-13')
      .waitFor()
    admin.checkQuiet()
  })

  test('tells of new blocks whoever looks at older ones, and moves nothing under their eyes', async () => {
    const { page } = admin
    const card = page.getByRole('article', { name: 'Block 6', exact: true })
    await page.evaluate(() => scrollTo(0, 500))
    const before = await card.boundingBox()
    await service.push('payments', { amount: 14 }, 'payment.captured', { invoice: 'INV-14' })
    const news = page.getByRole('button', { name: '1 new block: to the newest' })
    await news.waitFor()
    const after = await card.boundingBox()
    assert.ok(before !== null && after !== null && Math.abs(after.y - before.y) < 1)
    await news.click()
    await page.getByRole('article', { name: 'Block 14', exact: true }).getByText('INV-14').waitFor()
    await news.waitFor({ state: 'detached' })
    admin.checkQuiet()
  })

  test('is jumped to by index, by hash and by date, and says what is none', async () => {
    const { page } = admin
    const field = page.getByLabel('Go to an index, a hash or a date')
    const go = async (text: string): Promise<void> => {
      await field.fill(text)
      await field.press('Enter')
    }
    await go('#3')
    await page.waitForURL(/\?at=3$/)
    await page.getByRole('article', { name: 'Block 3', exact: true }).waitFor()
    await go((await viewOf(5)).hash)
    await page.waitForURL(/\?at=5$/)
    await go('2020-01-01')
    await page.waitForURL(/\?at=0$/)
    for (const [text, said] of [
      ['99', 'The newest block is #14.'],
      ['f'.repeat(64), 'No block of this bucket has that hash.'],
      ['2999-01-01', 'There is no block at that time or after it.'],
      ['nonsense', 'Write an index, a hash of 64 characters, or a date.'],
    ] as const) {
      await go(text)
      await page.getByText(said).waitFor()
    }
    admin.checkQuiet(/the server responded with a status of 404/)
  })

  test('is filtered by type, sender and time, by its address too', async () => {
    const { page } = admin
    await page.goto(`${service.url}/buckets/payments`)
    await page.getByLabel('Type').fill('payment.failed')
    await page.getByLabel('Type').press('Enter')
    await page.waitForURL(/type=payment\.failed/)
    await page.getByRole('article', { name: 'Block 11', exact: true }).waitFor()
    assert.equal(await page.getByRole('article', { name: 'Block 12', exact: true }).count(), 0)
    await page.getByLabel('From (UTC)').fill('2999-01-01')
    await page.getByLabel('From (UTC)').press('Enter')
    await page.getByText('No block matches').waitFor()
    await checkAccessible(page)
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByRole('article', { name: 'Block 12', exact: true }).waitFor()
    admin.checkQuiet(/404/)
  })
})

describe('what goes wrong', () => {
  test('a person without the scope is told which one is missing', async () => {
    const { page, checkQuiet, context } = await openPage(service.browser)
    await signIn(page, service.url, { name: 'bob', password: 'a long password' })
    await page.getByRole('article', { name: 'orders' }).waitFor()
    assert.equal(await page.getByRole('article', { name: 'payments' }).count(), 0)
    await page.goto(`${service.url}/buckets/payments`)
    await page.getByText('You have no permission for this').waitFor()
    await page.getByText('insufficient-scope').waitFor()
    await checkAccessible(page)
    checkQuiet(/the server responded with a status of 403/)
    await context.close()
  })

  test('texts of strangers are shown as texts', async () => {
    const hostile = {
      html: '<img src=x onerror="document.title=1"><script>document.title=2</script>',
      bidi: '\u202Egnp.exe \u2066 \u200B',
      long: 'W'.repeat(2000),
    }
    const index = await service.push('refunds', { a: 1 }, 'refund.issued', hostile)
    const { page } = admin
    await page.goto(`${service.url}/buckets/refunds`)
    const card = page.getByRole('article', { name: `Block ${index}`, exact: true })
    await card.getByText('<img src=x onerror=').waitFor()
    await card.getByText('U+202E').waitFor()
    assert.equal(await page.title(), 'refunds · Ledgerstone')
    assert.equal(await page.locator('main img').count(), 0)
    const box = await card.boundingBox()
    assert.ok(box !== null && box.width < 1280 && box.height < 200)
    await checkAccessible(page)
    admin.checkQuiet(/404/)
  })

  test('a sign-in that has ended is said, with a way to go on', async () => {
    const { page, context } = await service.signedIn()
    await page.getByRole('article', { name: 'payments' }).waitFor()
    await page.route('**/auth/token', (route) =>
      route.fulfill({ status: 400, json: { error: 'invalid_grant' } }),
    )
    const problem = {
      type: 'about:blank',
      status: 401,
      code: 'token-expired',
      detail: 'the token has expired',
    }
    await page.route('**/v1/**', (route) =>
      route.fulfill({ status: 401, contentType: 'application/problem+json', body: JSON.stringify(problem) }),
    )
    await page.getByText('Your sign-in has ended. What you see stays as it was.').waitFor()
    await checkAccessible(page)
    await page.unrouteAll()
    await page.getByRole('button', { name: 'Sign in again' }).first().click()
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
    await context.close()
  })

  test('a bucket without blocks', async () => {
    const { page } = admin
    const empty = {
      name: 'customers',
      origin: 'x/customers',
      size: 0,
      vkeys: [],
      head: '',
      final: null,
      state: {},
    }
    await page.route('**/v1/buckets/customers', (route) => route.fulfill({ json: empty }))
    await page.goto(`${service.url}/buckets/customers`)
    await page.getByText('No blocks yet').waitFor()
    await checkAccessible(page)
    await page.unrouteAll({ behavior: 'ignoreErrors' })
  })

  test('a page that does not exist, a bucket that does not exist', async () => {
    const { page } = admin
    await page.goto(`${service.url}/buckets/nowhere`)
    await page.getByText('There is no such bucket').waitFor()
    await page.evaluate(() => history.pushState(null, '', '/nowhere'))
    await page.getByText('There is no such page').waitFor()
    admin.checkQuiet(/404/)
  })

  test('the policy lets no code in that is not of the build, and the tests would see it', async () => {
    const { page, complaints, context } = await openPage(service.browser)
    await page.goto(`${service.url}/`)
    const ran = await page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'globalThis.ran = true'
      document.body.append(script)
      return 'ran' in globalThis
    })
    assert.equal(ran, false)
    await until(() => complaints.some((text) => text.startsWith('policy: script-src')), 'it is reported')
    await context.close()
  })

  test('a service that is away is said, and what was seen stays', async () => {
    const { page } = admin
    await page.goto(`${service.url}/`)
    await page.getByRole('article', { name: 'payments' }).getByText('all final').waitFor()
    await service.ledger.kill()
    await page.getByText('The service cannot be reached').first().waitFor()
    await page.getByRole('article', { name: 'payments' }).waitFor()
    await checkAccessible(page)
  })
})

async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (await target.evaluate((element) => element === document.activeElement).catch(() => false)) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`${target} is not reached`)
}

/** What has moved since the page was opened, as Chromium sums it up. Runs in the page. */
function layoutShift(): Promise<number> {
  type Shift = PerformanceEntry & { readonly value: number }
  return new Promise((resolve) => {
    let sum = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) sum += (entry as Shift).value
    }).observe({ type: 'layout-shift', buffered: true })
    setTimeout(() => resolve(sum), 100)
  })
}

async function viewOf(index: number): Promise<{ hash: string; prevhash: string }> {
  return service.command.json('get', 'payments', String(index))
}
