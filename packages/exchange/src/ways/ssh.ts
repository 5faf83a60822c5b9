import { type ChildProcess, spawn } from 'node:child_process'
import net from 'node:net'
import { Refused } from '@ledgerstone/core/refused'
import { type Reached, type Way, WayFailed } from '../way.ts'

export type SshOptions = {
  /** `user@host`, or a name of the user's OpenSSH configuration. */
  readonly destination: string
  readonly port?: number
  readonly identityFile?: string
  readonly knownHostsFile?: string
  /** Where the exchange server is, seen from the SSH server: 127.0.0.1. */
  readonly remoteHost?: string
  /** 10,000. */
  readonly timeoutMs?: number
}

/** Of a host name, a user and a remote address; a leading hyphen would be an option of ssh. */
const plainName = /^[A-Za-z0-9_][A-Za-z0-9._@-]{0,254}$/

/**
 * A tunnel by the system's OpenSSH client, from a random port of this machine to the exchange server. It asks
 * nothing: the host key must be known, the user's key in the agent or a file. Throws `bad-config` for names
 * that could be options.
 */
export function sshWay(options: SshOptions): Way {
  const { destination, remoteHost = '127.0.0.1' } = options
  for (const name of [destination, remoteHost]) {
    if (!plainName.test(name)) throw new Refused('bad-config', `not a name for ssh: ${JSON.stringify(name)}`)
  }
  return {
    name: 'ssh',
    async open({ port }) {
      const local = await freePort()
      const tunnel = spawn('ssh', argumentsOf(options, local, `${remoteHost}:${port}`), {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      return openTunnel(tunnel, options, local)
    },
  }
}

function argumentsOf(options: SshOptions, local: number, remote: string): readonly string[] {
  const { destination, port, identityFile, knownHostsFile } = options
  const settings = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ExitOnForwardFailure=yes',
    'ServerAliveInterval=5',
    'ServerAliveCountMax=2',
    // A connection of our own: a shared one would live on.
    'ControlMaster=no',
    'ControlPath=none',
    'ForwardAgent=no',
    'ForwardX11=no',
    'PermitLocalCommand=no',
    ...(identityFile === undefined ? [] : [`IdentityFile=${identityFile}`, 'IdentitiesOnly=yes']),
    ...(knownHostsFile === undefined ? [] : [`UserKnownHostsFile=${knownHostsFile}`]),
  ]
  return [
    // It says on stderr when the tunnel stands.
    '-v',
    '-N',
    ...settings.flatMap((setting) => ['-o', setting]),
    ...['-L', `127.0.0.1:${local}:${remote}`],
    ...(port === undefined ? [] : ['-p', String(port)]),
    '--',
    destination,
  ]
}

async function openTunnel(tunnel: ChildProcess, options: SshOptions, port: number): Promise<Reached> {
  const kill = (): void => void tunnel.kill('SIGKILL')
  process.once('exit', kill)
  const close = async (): Promise<void> => {
    process.off('exit', kill)
    await end(tunnel)
  }
  try {
    await stands(tunnel, options, port)
  } catch (error) {
    await close()
    throw error
  }
  const account = `ssh tunnel from 127.0.0.1:${port} through ${options.destination}`
  return { host: '127.0.0.1', port, account: [account], close }
}

/** Resolves when ssh listens; rejects with its own words when it ends before. */
function stands(tunnel: ChildProcess, { timeoutMs = 10_000 }: SshOptions, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const late = setTimeout(() => reject(new WayFailed('ssh did not get through in time')), timeoutMs)
    const failed = (error: Error): void => {
      clearTimeout(late)
      reject(error)
    }
    tunnel.once('error', (cause) => failed(new WayFailed('the OpenSSH client cannot be started', { cause })))
    tunnel.once('exit', () => failed(new WayFailed(`ssh: ${reasonIn(said)}`)))
    tunnel.stderr?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-65_536)
      if (!said.includes(`Local forwarding listening on 127.0.0.1 port ${port}`)) return
      clearTimeout(late)
      resolve()
    })
  })
}

/** What ssh says without being asked for details, on one line. */
function reasonIn(said: string): string {
  const lines = said
    .split(/\r?\n/)
    .filter((line) => line !== '' && !/^(?:debug\d|OpenSSH_|Authenticated)/.test(line))
  return (
    lines
      .slice(-3)
      .join('; ')
      .replaceAll(/[^\x20-\x7e]/g, ' ')
      .slice(0, 300) || 'it ended without a word'
  )
}

async function end(tunnel: ChildProcess): Promise<void> {
  if (tunnel.exitCode !== null || tunnel.signalCode !== null || tunnel.pid === undefined) return
  const ended = new Promise((resolve) => tunnel.once('exit', resolve))
  tunnel.kill('SIGTERM')
  const stubborn = setTimeout(() => tunnel.kill('SIGKILL'), 2000)
  await ended
  clearTimeout(stubborn)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.once('error', reject)
    probe.listen({ host: '127.0.0.1', port: 0 }, () => {
      const { port } = probe.address() as net.AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
