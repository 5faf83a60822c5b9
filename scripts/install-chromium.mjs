// The tests in a browser need Chromium, which no package registry of ours carries: Debian's is taken, where that
// can be done without asking anybody. Plain JavaScript for the same reason as setup.mjs.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Where test/browser/browser.ts looks, too. */
const places = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Says what to install when it cannot install it: only the tests in a browser will fail. */
export function installChromium() {
  if (places.some((path) => path !== '' && existsSync(path))) return
  const canInstall = existsSync('/usr/bin/apt-get') && process.getuid?.() === 0
  if (!canInstall) return console.error(advice)
  console.log("Installing Debian's Chromium for the tests in a browser (once) ...")
  const update = apt('update')
  const install = apt('install', '-y', '--no-install-recommends', 'chromium')
  if (install.status === 0 && existsSync('/usr/bin/chromium')) return console.log('Installed.')
  const said = `${update.stderr}${install.stdout}${install.stderr}`.trim().split('\n').slice(-6).join('\n')
  console.error(`apt-get could not install it:\n${said}\n${advice}`)
}

const advice =
  '\nThe tests in a browser need Chromium: `apt-get install chromium` as root, or Google Chrome,\n' +
  'or name the program in the variable CHROMIUM. Everything else works without it.\n'

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('/usr/bin/apt-get', ['-q', ...args], {
    encoding: 'utf8',
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
}
