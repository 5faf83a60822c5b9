// What the desk starts a browser with. No browser is started here: programs are names.
import assert from 'node:assert/strict'
import { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findBrowser, openWindow, type Platform } from '../../src/desk/window.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const secret = 'S'.repeat(43)
const entrance = `http://127.0.0.1:8410/desk/enter?secret=${secret}`

type Started = { readonly program: string; readonly args: readonly string[] }

/** A computer with a screen on which only the named programs can be started. */
function computer(
  programs: readonly string[],
  path: string,
  environment: Platform['environment'] = { DISPLAY: ':0' },
): { readonly platform: Platform; readonly started: Started[] } {
  mkdirSync(path, { recursive: true })
  for (const name of programs) writeFileSync(`${path}/${name}`, '', { mode: 0o755 })
  const started: Started[] = []
  const platform: Platform = {
    name: 'linux',
    environment: { ...environment, PATH: path },
    async start(program, args) {
      if (!programs.includes(program.split('/').at(-1) as string)) throw new Error('ENOENT')
      started.push({ program, args })
      return new ChildProcess()
    },
  }
  return { platform, started }
}

test('the installed browser gets a profile of its own, and no secret in its arguments', async () => {
  using folder = temporaryFolder()
  const { platform, started } = computer(['google-chrome', 'xdg-open'], folder.at('bin'))
  const window = await openWindow(entrance, folder.at('desk'), platform)
  assert.equal(started.length, 1)
  const { program, args } = started[0] as Started
  assert.equal(program, folder.at('bin/google-chrome'))
  assert.ok(args.includes(`--user-data-dir=${folder.at('desk/profile')}`))
  assert.ok(!args.some((arg) => arg.includes(secret) || /no-sandbox|disable-web-security/.test(arg)))
  const file = fileURLToPath(args.find((arg) => arg.startsWith('--app='))?.slice(6) ?? '')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.match(readFileSync(file, 'utf8'), new RegExp(`url=${entrance.replace('?', '\\?')}`))
  window?.forget()
  assert.ok(!existsSync(file))
})

test('without such a browser, the default one is asked', async () => {
  using folder = temporaryFolder()
  const { platform, started } = computer(['xdg-open'], folder.at('bin'))
  const window = await openWindow(entrance, folder.at('desk'), platform)
  assert.equal(window?.shown, 'the default browser')
  assert.equal(started[0]?.program, 'xdg-open')
  assert.ok(!started[0]?.args.some((arg) => arg.includes(secret)))
})

test('with nothing to open it, or no screen, the address is printed and no file is left', async () => {
  using folder = temporaryFolder()
  const none = computer([], folder.at('bin'))
  assert.equal(await openWindow(entrance, folder.at('desk'), none.platform), undefined)
  const blind = computer(['chromium', 'xdg-open'], folder.at('more'), {})
  assert.equal(await openWindow(entrance, folder.at('desk'), blind.platform), undefined)
  assert.deepEqual(blind.started, [])
  assert.ok(!existsSync(folder.at('desk/open.html')))
})

test('Chromium is preferred to others', () => {
  using folder = temporaryFolder()
  const { platform } = computer(['microsoft-edge', 'chromium'], folder.at('bin'))
  assert.equal(findBrowser(platform), folder.at('bin/chromium'))
})
