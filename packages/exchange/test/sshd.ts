// A real OpenSSH server on loopback, with keys of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { until } from '../../core/test/until.ts'

const sshd = '/usr/sbin/sshd'

export type Sshd = AsyncDisposable & {
  readonly port: number
  readonly destination: string
  readonly identityFile: string
  readonly knownHostsFile: string
  readonly folder: string
  readonly process: ChildProcess
}

/** What to do for tests through a real SSH server; false when there is one. The setup may install it. */
export const noSshd: string | false = existsSync(sshd)
  ? false
  : `there is no ${sshd}: apt-get install openssh-server`

export async function startSshd(port: number): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'sshd-'))
  const path = (name: string): string => join(folder, name)
  for (const name of ['host', 'user', 'stranger']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path(name)])
  }
  writeFileSync(path('authorized'), readFileSync(path('user.pub')), { mode: 0o600 })
  const [type, key] = readFileSync(path('host.pub'), 'utf8').split(' ')
  writeFileSync(path('known'), `[127.0.0.1]:${port} ${type} ${key}\n`)
  writeFileSync(
    path('config'),
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${path('host')}
AuthorizedKeysFile ${path('authorized')}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding local
`,
  )
  // Where Debian's sshd separates privileges.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const child = spawn(sshd, ['-D', '-e', '-f', path('config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = (): void => void child.kill('SIGTERM')
  // Also when the run of the tests is ended from outside.
  const ended = (): never => process.exit(143)
  process.once('exit', kill)
  process.once('SIGTERM', ended)
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  await until(() => said.includes('Server listening') || child.exitCode !== null, 'sshd listens')
  if (child.exitCode !== null) throw new Error(`sshd: ${said}`)
  return {
    ...{ port, folder, process: child, destination: `${userInfo().username}@127.0.0.1` },
    ...{ identityFile: path('user'), knownHostsFile: path('known') },
    async [Symbol.asyncDispose]() {
      process.off('exit', kill)
      process.off('SIGTERM', ended)
      child.kill('SIGTERM')
      await until(() => child.exitCode !== null || child.signalCode !== null, 'sshd has ended')
      rmSync(folder, { recursive: true })
    },
  }
}
