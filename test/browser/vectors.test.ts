// A verdict must not depend on where it is reached: the vectors, by the primitives of a real browser.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { build } from 'vite'
import { launchChromium, openPage, type Watched } from './browser.ts'
import type { Count } from './vectors-in-page.ts'

/** A place of its own, never asked for: Web Crypto wants a secure context. */
const address = 'http://127.0.0.1:1/'

let watched: Watched
let close: () => Promise<void>

before(async () => {
  const script = await bundle(join(import.meta.dirname, 'vectors-in-page.ts'))
  const browser = await launchChromium()
  close = () => browser.close()
  watched = await openPage(browser)
  const { page } = watched
  await page.route(`${address}**`, (route) => {
    const isScript = route.request().url().endsWith('.js')
    return route.fulfill({
      contentType: isScript ? 'text/javascript' : 'text/html',
      body: isScript
        ? script
        : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="a.js"></script>',
    })
  })
  await page.goto(address)
})

after(() => close())

const suites = [
  ...['ed25519, valid', 'ed25519, invalid'],
  ...['statement, valid', 'statement, invalid', 'statement, forged'],
  ...['receipt, valid', 'receipt, invalid', 'evidence, valid', 'evidence, invalid'],
  ...['encrypted-key, valid', 'encrypted-key, invalid'],
]

for (const name of suites) {
  test(`the browser agrees with the vectors of ${name}`, async () => {
    const count = (await watched.page.evaluate(`runSuite(${JSON.stringify(name)})`)) as Count
    assert.ok(count.run > 0, 'no cases')
    assert.deepEqual(count.failures, [])
  })
}

test('no vectors of the page are left out here', async () => {
  assert.deepEqual(await watched.page.evaluate('suiteNames'), suites)
  watched.checkQuiet()
})

/** As the explorer is built: the core's primitives for browsers, nothing of Node's. */
async function bundle(entry: string): Promise<string> {
  const output = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: false,
      target: 'es2024',
      lib: { entry, formats: ['es'] },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  })
  const [first] = [output].flat()
  assert(first !== undefined && 'output' in first)
  const { code } = first.output[0]
  assert.doesNotMatch(code, /from\s*["']node:/)
  return code
}
