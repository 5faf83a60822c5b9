// What the explorer proves, in a real browser at the real services: a block verified and opened, evidence
// taken away and verified offline, stored bytes changed, an older copy put back.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { encryptedPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { createKey } from '@ledgerstone/core/key-pair'
import { formatPrivateKeyPem, parsePrivateKeyPem } from '@ledgerstone/core/pem'
import type { Browser, Page } from 'playwright-core'
import { commandsOf, LedgerProcess, temporaryFolder } from '../e2e/ledger-process.ts'
import { adminOf, checkAccessible, launchChromium, openPage, signIn, type Watched } from './browser.ts'

const place = await temporaryFolder()
const data = join(place.path, 'data')
const older = join(place.path, 'older')
const command = commandsOf(data)
const { ledger: stored, trust, receiverKey } = dataFolder(data)
const vectors = join(import.meta.dirname, '..', '..', 'vectors', 'article.json')
const hostile = '<img src=x onerror=alert(1)>\u202egpj.exe'
const record = `{"amount": 1.10, "serial": 12345678901234567890, "word": "${'W'.repeat(900)}",
  "note": ${JSON.stringify(hostile)}}`

let ledger: LedgerProcess
let browser: Browser
let watched: Watched
let page: Page
/** The address stays when the ledger is started again: what the browser stores belongs to it. */
let url: string

async function push(count: number): Promise<void> {
  const path = join(place.path, 'record.json')
  writeFileSync(path, record)
  for (let i = 0; i < count; i++) {
    await command.text('push', 'payments', path, '--type', 'payment.captured', '--meta', `order=${hostile}`)
  }
}

async function restart(): Promise<void> {
  ledger = await LedgerProcess.start(data, '--port', new URL(url).port)
}

before(async () => {
  ledger = await LedgerProcess.start(data)
  url = ledger.url
  await push(3)
  await ledger.settled()
  assert.equal(await ledger.stop(), 0)
  cpSync(stored, older, { recursive: true })
  await restart()
  await push(2)
  browser = await launchChromium()
  watched = await openPage(browser)
  page = watched.page
  page.on('dialog', () => assert.fail('a text of a record was executed'))
  // Any page remembers the heads of all buckets: the first that is opened is the block's.
  await signIn(page, url, adminOf(data), '/buckets/payments/blocks/2')
})
after(async () => {
  await browser?.close()
  await ledger?.kill()
  await place[Symbol.asyncDispose]()
})

/** Where a block is shown, once it is there. */
async function goToBlock(index: number): Promise<void> {
  await page.goto(`${url}/buckets/payments/blocks/${index}`)
  await page.getByRole('heading', { name: 'Verify', exact: true }).waitFor()
}

async function verify(): Promise<string> {
  await page.getByRole('button', { name: /^Verify( again)?$/ }).click()
  await page.locator('.verification .verdict-title').waitFor()
  return page.locator('.verification .verdict-title').innerText()
}

/** The state of a step of the verification. */
function step(title: string): Promise<string | null> {
  return page.locator('.steps > li', { hasText: title }).getAttribute('data-state')
}

async function openWith(pem: string, passphrase?: string): Promise<void> {
  const buffer = Buffer.from(pem)
  await page.locator('input[type=file]').setInputFiles({ name: 'key.pem', mimeType: 'text/plain', buffer })
  if (passphrase !== undefined) await page.getByRole('textbox', { name: 'Passphrase' }).fill(passphrase)
  await page.getByRole('button', { name: 'Open', exact: true }).click()
}

describe('a block', () => {
  test('is verified step by step, and is consistent at the most while nothing is pinned', async () => {
    await page.getByText('First sight').waitFor()
    assert.equal(await verify(), 'Consistent, not pinned')
    assert.deepEqual(
      await page.locator('.steps > li').evaluateAll((items) => items.map((item) => item.dataset['state'])),
      ['sound', 'sound', 'sound', 'sound', await step('Same history'), 'sound', 'sound', 'sound'],
    )
    assert.notEqual(await step('Same history'), 'failed')
    const genesis = /genesis ([0-9a-f]{64})/.exec(readFileSync(trust, 'utf8'))?.[1] ?? 'none'
    await page.getByLabel('Fingerprints to compare').getByText(genesis).waitFor()
    await page.getByRole('img', { name: /hashes lead from block 2 to the root of 6 blocks/ }).waitFor()
    await checkAccessible(page)
  })

  test('is verified against the trust file that a person pins in this browser', async () => {
    await page.goto(`${url}/verify`)
    await page.locator('section', { hasText: 'Trust file' }).locator('input[type=file]').setInputFiles(trust)
    await page.getByText('Pinned in this browser, where').waitFor()
    await goToBlock(2)
    await page.getByText('would notice a rollback, since').waitFor()
    assert.match(await verify(), /^Verified against the pinned trust file, log-signed only$/)
  })

  test('shows hostile labels as text', async () => {
    await goToBlock(2)
    await page.getByText('<img src=x onerror=alert(1)>', { exact: false }).first().waitFor()
    assert.equal(await page.locator('img').count(), 0)
    assert.equal(await page.getByText('\u202e').count(), 0)
  })

  test('that is not there is said to be so', async () => {
    await page.goto(`${url}/buckets/payments/blocks/1000`)
    await page.getByText('There is no such block').waitFor()
    await page.goto(`${url}/buckets/payments/blocks/x`)
    await page.getByText('an index is a number').waitFor()
  })
})

describe('a record', () => {
  test('is opened with the person’s key, and shown exactly as it was sealed', async () => {
    await goToBlock(2)
    await openWith(readFileSync(receiverKey, 'utf8'))
    const row = (name: string) => page.getByRole('row', { name })
    assert.match(await row('amount').innerText(), /1\.10$/)
    assert.match(await row('serial').innerText(), /12345678901234567890$/)
    await checkAccessible(page)
    // A very long word leaves the names their place, on a phone, too.
    await page.setViewportSize({ width: 390, height: 844 })
    const name = await row('word').getByRole('rowheader').boundingBox()
    assert(name !== null && name.width > 80, `the names have ${name?.width} pixels`)
    await page.setViewportSize({ width: 1280, height: 900 })
    await page.getByRole('tab', { name: 'Exact text' }).click()
    assert.equal(await page.locator('.record pre').innerText(), record.replace('\u202e', 'U+202E'))
    await page.getByRole('button', { name: 'Close the record' }).click()
    assert.equal(await page.getByText('12345678901234567890').count(), 0)
  })

  test('stays closed to other keys and to damaged ones, each with its reason', async () => {
    const sound = readFileSync(receiverKey, 'utf8')
    const encrypted = await encryptedPrivateKeyPem(parsePrivateKeyPem(sound), 'a passphrase')
    const problem = page.locator('.key-chooser .problem')
    for (const [pem, passphrase, said] of [
      [
        formatPrivateKeyPem((await createKey('RSA-2048')).pkcs8),
        undefined,
        /the record is sealed for .* wrong-key/,
      ],
      [formatPrivateKeyPem((await createKey('Ed25519')).pkcs8), undefined, /not a private RSA key/],
      [sound.slice(0, 400), undefined, /is not in PEM/],
      [encrypted, 'another', /the passphrase of the private key is wrong/],
    ] as const) {
      await goToBlock(2)
      await openWith(pem, passphrase)
      await problem.waitFor()
      assert.match(await problem.innerText(), said)
    }
    await page.getByRole('textbox', { name: 'Passphrase' }).fill('a passphrase')
    await page.getByRole('button', { name: 'Open', exact: true }).click()
    await page.locator('.record').waitFor()
  })

  test('is opened with a key that the browser keeps and does not give away', async () => {
    await goToBlock(3)
    await page.getByText('Keep this key in this browser').click()
    await openWith(readFileSync(receiverKey, 'utf8'))
    await page.locator('.record').waitFor()
    await goToBlock(4)
    await page.getByRole('radio', { name: /kept in this browser/ }).check({ force: true })
    await page.getByRole('button', { name: 'Open', exact: true }).click()
    await page.locator('.record').waitFor()
    const extractable = await page.evaluate(async () => {
      const request = indexedDB.open('ledgerstone')
      const database = await new Promise<IDBDatabase>((resolve) => {
        request.onsuccess = () => resolve(request.result)
      })
      const all = database.transaction('keys').objectStore('keys').getAll()
      await new Promise((resolve) => {
        all.onsuccess = resolve
      })
      database.close()
      return (all.result as { key: CryptoKey }[]).map(({ key }) => key.extractable)
    })
    assert.deepEqual(extractable, [false])
    await goToBlock(4)
    await page.getByRole('button', { name: 'Forget' }).click()
    await page.getByRole('radio', { name: /kept in this browser/ }).waitFor({ state: 'detached' })
  })
})

describe('evidence', () => {
  const path = join(place.path, 'payments-2.evidence.json')

  test('is downloaded', async () => {
    await goToBlock(2)
    const downloading = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download the evidence' }).click()
    const download = await downloading
    assert.equal(download.suggestedFilename(), 'payments-2.evidence.json')
    await download.saveAs(path)
  })

  test('is verified in a second browser without a network, with and without the trust file', async () => {
    const second = await openPage(browser)
    const { page: other, context } = second
    await other.goto(`${url}/verify`)
    await other.getByText('None is pinned in this browser').waitFor()
    await context.setOffline(true)
    const title = other.locator('.file-result .verdict-title')

    await drop(other, trust)
    await other.getByText('There is nothing to hold against it').waitFor()
    await drop(other, path)
    await title.waitFor()
    assert.equal(await title.innerText(), 'Consistent, not pinned')
    const files = other.locator('.drop-zone input[type=file]')
    await files.setInputFiles([path, trust])
    await other.getByText('given together with it').waitFor()
    assert.equal(await title.innerText(), 'Consistent, not pinned')
    await checkAccessible(other)

    await other.getByRole('region', { name: 'Trust file' }).locator('input[type=file]').setInputFiles(trust)
    await other.getByText('Pinned in this browser, where').waitFor()
    // What is shown is held against it at once.
    await title.filter({ hasText: 'Verified against the pinned trust file' }).waitFor()
    await drop(other, path)
    await title.filter({ hasText: 'Verified against the pinned trust file' }).waitFor()

    await other.getByText('Open the record').click()
    await other.locator('.key-chooser input[type=file]').setInputFiles(receiverKey)
    await other.getByRole('button', { name: 'Open', exact: true }).click()
    await other.getByRole('row', { name: 'serial 12345678901234567890' }).waitFor()

    const text = readFileSync(path, 'utf8')
    const at = text.indexOf('"entry":"') + 400
    const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
    writeFileSync(join(place.path, 'changed.json'), changed)
    await drop(other, join(place.path, 'changed.json'))
    await other.getByRole('heading', { name: 'changed.json' }).waitFor()
    assert.match(await title.innerText(), /^Failed: /)
    second.checkQuiet()
    await context.close()
  })

  test('of 100 MB is refused without being read', async () => {
    const large = join(place.path, 'large.json')
    writeFileSync(large, Buffer.alloc(100 * 1_048_576, 0x20))
    await page.goto(`${url}/verify`)
    await page.locator('.drop-zone input[type=file]').setInputFiles(large)
    await page.getByText('the file has 100 MiB; evidence has at most 32 MiB. It was not read.').waitFor()
    rmSync(large)
  })

  test('and chains of the article are verified by their own rule, which is weak', async () => {
    const { chains } = JSON.parse(readFileSync(vectors, 'utf8')) as { chains: readonly { chain: unknown }[] }
    const [first] = chains
    const text = typeof first?.chain === 'string' ? first.chain : JSON.stringify(first?.chain)
    const files = page.locator('.drop-zone input[type=file]')
    await files.setInputFiles({ name: 'chain.json', mimeType: 'application/json', buffer: Buffer.from(text) })
    await page.getByText("consistent by the article's rule (weak)").waitFor()
    assert.equal(await page.locator('.file-result .verdict').getAttribute('data-tone'), 'fair')
  })

  /** As from the person's file manager. */
  async function drop(target: Page, file: string): Promise<void> {
    const session = await target.context().newCDPSession(target)
    const zone = target.locator('.drop-zone')
    await zone.evaluate((element) => element.scrollIntoView({ block: 'center' }))
    const box = await zone.boundingBox()
    assert(box !== null)
    const at = { x: box.x + box.width / 4, y: box.y + box.height / 2 }
    const given = { items: [], files: [file], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await session.send('Input.dispatchDragEvent', { type, ...at, data: given })
    }
  }
})

describe('somebody with the rights of an administrator', () => {
  test('puts an older copy back: the alarm lasts until a person dismisses it', async () => {
    await goToBlock(2)
    await verify()
    assert.equal(await step('Same history'), 'sound')
    await ledger.stop()
    rmSync(stored, { recursive: true })
    cpSync(older, stored, { recursive: true })
    await restart()

    const alarm = page.getByRole('alert').filter({ hasText: 'rolled back' })
    await page.goto(`${url}/`)
    await alarm.waitFor()
    assert.match(await alarm.innerText(), /payments: the log has 4 blocks; it had 6 before/)
    await page.reload()
    await alarm.waitFor()
    await checkAccessible(page)
    await goToBlock(2)
    await alarm.waitFor()
    assert.match(await verify(), /^Failed: .*payments has 4 blocks; it had 6 before/)
    assert.equal(await step('Same history'), 'failed')

    // It has grown again past what is remembered, into another history.
    await push(3)
    await page.reload()
    await page.getByRole('heading', { name: 'Verify', exact: true }).waitFor()
    assert.match(await verify(), /^Failed: the first 6 blocks are not those of before/)
    await alarm.waitFor()

    await page.getByRole('button', { name: 'It was explained…' }).click()
    await page.getByRole('button', { name: 'End it' }).click()
    await alarm.waitFor({ state: 'detached' })
    await page.reload()
    await page.getByRole('heading', { name: 'Verify', exact: true }).waitFor()
    assert.match(await verify(), /^Verified/)
    assert.equal(await alarm.count(), 0)
  })

  test('changes stored bytes: the block is red, for the right reason', async () => {
    await ledger.stop()
    flip(join(stored, 'buckets', 'payments', 'entries'), 2, 2, 300)
    flip(join(stored, 'buckets', 'payments', 'envelopes'), 4, 1, 500)
    await restart()
    await goToBlock(2)
    assert.match(await verify(), /^Failed: the block served is not the one under the signed checkpoint/)
    assert.deepEqual(
      [await step('Links'), await step('Inclusion path'), await step('Checkpoint signatures')],
      ['failed', 'failed', 'sound'],
    )
    await page.getByRole('img', { name: /do not lead to the root/ }).waitFor()
    await checkAccessible(page)

    await goToBlock(1)
    assert.match(await verify(), /^Failed: /)
    assert.deepEqual([await step('Content digest'), await step('Inclusion path')], ['failed', 'sound'])
    await openWith(readFileSync(receiverKey, 'utf8'))
    await page.locator('.key-chooser .problem').waitFor()
    assert.equal(await page.locator('.record').count(), 0)
  })

  test('and the pages have complained of nothing else than answers that were refused', () => {
    watched.checkQuiet(/Failed to load resource/)
  })
})

/** Changes a bit of frame `index` of a file of frames with lengths of `width` bytes. */
function flip(path: string, width: 2 | 4, index: number, offset: number): void {
  const bytes = readFileSync(path)
  let at = 0
  for (let i = 0; i < index; i++) at += width + bytes.readUIntBE(at, width)
  bytes[at + width + offset] = (bytes[at + width + offset] as number) ^ 1
  writeFileSync(path, bytes)
}
