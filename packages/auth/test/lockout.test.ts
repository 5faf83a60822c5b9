import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createAttempts, createQueue } from '../src/attempts.ts'
import type { InitResult } from '../src/init.ts'
import { authorizeUrl, Browser, type Page } from './browser.ts'
import { createFolder, Service } from './service.ts'

const minute = 60_000

describe('failed sign-ins', () => {
  it('lock one name from one address for a quarter of an hour', () => {
    let now = 0
    const attempts = createAttempts(3, () => now)
    for (let i = 0; i < 3; i++) {
      attempts.check('ann', '10.0.0.1')
      attempts.failed('ann', '10.0.0.1')
    }
    assert.throws(() => attempts.check('ann', '10.0.0.1'), { code: 'rate-limited', message: /15 minutes/ })
    attempts.check('ann', '10.0.0.2')
    attempts.check('bob', '10.0.0.1')
    now += 15 * minute
    attempts.check('ann', '10.0.0.1')
  })

  it('are forgotten after a sign-in that worked', () => {
    const attempts = createAttempts(2, () => 0)
    attempts.failed('ann', '10.0.0.1')
    attempts.succeeded('ann', '10.0.0.1')
    attempts.failed('ann', '10.0.0.1')
    attempts.check('ann', '10.0.0.1')
  })

  it('lock a name that is guessed from many addresses', () => {
    const attempts = createAttempts(2, () => 0)
    for (let i = 0; i < 20; i++) attempts.failed('ann', `10.0.0.${i}`)
    assert.throws(() => attempts.check('ann', '10.0.1.1'), { code: 'rate-limited' })
    attempts.check('bob', '10.0.1.1')
  })

  it('lock an address that guesses many names', () => {
    const attempts = createAttempts(2, () => 0)
    for (let i = 0; i < 20; i++) attempts.failed(`name${i}`, '10.0.0.1')
    assert.throws(() => attempts.check('ann', '10.0.0.1'), { code: 'rate-limited' })
    attempts.check('ann', '10.0.0.2')
  })
})

describe('password checks', () => {
  it('run one at a time, a few may wait, and the rest are refused', async () => {
    const inTurn = createQueue(3)
    let running = 0
    let most = 0
    async function task(): Promise<void> {
      running++
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
    }
    const tasks = [inTurn(task), inTurn(task), inTurn(task)]
    assert.throws(() => inTurn(task), { code: 'rate-limited' })
    await Promise.all(tasks)
    assert.equal(most, 1)
    await inTurn(task)
  })

  it('go on after one that failed', async () => {
    const inTurn = createQueue(3)
    await assert.rejects(inTurn(async () => Promise.reject(new Error('no'))))
    assert.equal(await inTurn(async () => 7), 7)
  })
})

describe('the sign-in page', () => {
  let service: Service
  let made: InitResult
  let remove: () => void

  before(async () => {
    const created = await createFolder()
    made = created.made
    remove = created.remove
    service = await Service.open(created.folder, { loginFailuresMax: 3 })
  })

  after(async () => {
    await service.close()
    remove()
  })

  it('refuses even the right password after too many wrong ones, all at once or not', async () => {
    async function guess(password: string): Promise<Page> {
      const browser = new Browser(service)
      return browser.submit(await browser.get(authorizeUrl()), { name: 'admin', password })
    }
    const guesses = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(guess))
    assert.deepEqual(guesses.map((page) => page.status).sort(), [401, 401, 401, 429, 429])
    const page = await guess(made.admin.password)
    assert.equal(page.status, 429)
    assert.match(page.body, /Too many failed sign-ins/)
  })
})
