// Keys exchanged through an SSH tunnel to a real OpenSSH server.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { until } from '../../packages/core/test/until.ts'
import { listening } from '../../packages/exchange/test/listening.ts'
import { noSshd, type Sshd, startSshd } from '../../packages/exchange/test/sshd.ts'
import { exchangesOf, openSides, type Sides } from './exchange-sides.ts'

let sides: Sides
let sshd: Sshd
before(async () => {
  assert.ok(noSshd === false, String(noSshd))
  sshd = await startSshd(31_100 + (process.pid % 900))
  sides = await openSides()
})
after(async () => {
  await sides[Symbol.asyncDispose]()
  await sshd[Symbol.asyncDispose]()
})

const exchange = (...more: readonly string[]): readonly string[] => [
  ...['exchange', '--server', sides.running.url, '--owner', 'treasury', '--yes', '--via', 'ssh'],
  ...['--ssh', sshd.destination, '--ssh-port', `${sshd.port}`, '--ssh-identity', sshd.identityFile],
  ...more,
]

/** OpenSSH clients that use this test's key. */
function tunnels(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [program, ...words] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return program === 'ssh' && words.some((word) => word.includes(sshd.folder))
      } catch {
        return false // it has just ended
      }
    })
}

test('through a tunnel that is gone afterwards, like the port behind it', async () => {
  const { code, stdout, stderr } = await sides.client(...exchange('--ssh-known-hosts', sshd.knownHostsFile))
  assert.equal(code, 0, stderr)
  assert.match(stderr, /reached {4}by ssh: 127\.0\.0\.1:\d+\n/)
  assert.match(stderr, /reached {4}ssh tunnel from 127\.0\.0\.1:\d+ through \S+@127\.0\.0\.1\n/)
  assert.match(stdout, /ours {6}RSA \S+ of treasury \(receive\), block 1[01] of keys/)
  assert.deepEqual(tunnels(), [])
  const { from, to } = sides.ports
  const open = (): boolean => listening(sides.running.pid).some((port) => port >= from && port <= to)
  await until(() => !open(), 'the port is closed')
})

test('not to a host whose key is unknown: the exchange is cancelled, and no key is left', async () => {
  const before = await sides.client('--json', 'list', 'keys', '--limit', '1')
  const { code, stderr } = await sides.client(...exchange('--ssh-known-hosts', '/dev/null'))
  assert.equal(code, 4)
  assert.match(stderr, /\nunreachable: ssh: .*Host key verification failed\.\n$/)
  const [newest] = await exchangesOf(sides.server)
  assert.equal(newest?.['state'], 'cancelled')
  assert.deepEqual(tunnels(), [])
  const keys = readdirSync(`${sides.laptop}/keys`).filter((name) => name.endsWith('.pem'))
  assert.deepEqual(keys.sort(), ['treasury-receive.pem', 'treasury-sign.pem'])
  assert.equal((await sides.client('--json', 'list', 'keys', '--limit', '1')).stdout, before.stdout)
})
