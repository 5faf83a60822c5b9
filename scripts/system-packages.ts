// The Debian packages that tests use and npm has not: a real browser, a real SSH server. Installed when they
// are missing and this may be done; otherwise it is said what to install, and the tests that need them fail.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const wanted = [
  { name: 'chromium', program: '/usr/bin/chromium', for: 'the explorer in a real browser' },
  { name: 'openssh-server', program: '/usr/sbin/sshd', for: 'the key exchange through a real SSH server' },
  { name: 'openssh-client', program: '/usr/bin/ssh', for: 'the key exchange through a real SSH server' },
]

const missing = wanted.filter(({ program }) => !existsSync(program))
if (missing.length > 0 && process.platform === 'linux') install(missing.map(({ name }) => name))
for (const { name, program, for: what } of missing) {
  if (!existsSync(program)) console.log(`Cannot be tested here for want of the package ${name}: ${what}.`)
}

function install(names: readonly string[]): void {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.log(`To test everything: sudo apt-get install ${names.join(' ')}`)
    return
  }
  console.log(`Installing Debian packages for the tests: ${names.join(', ')} ...`)
  const run = (...args: string[]): number | null =>
    spawnSync('apt-get', ['-qq', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300_000,
    }).status
  for (let tries = 0; tries < 2; tries++) {
    if (run('update') === 0 && run('install', '-y', '--no-install-recommends', ...names) === 0) return
  }
  console.log(`apt-get could not install ${names.join(' ')}.`)
}
