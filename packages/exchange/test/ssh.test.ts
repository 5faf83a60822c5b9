// The tunnel of the system's OpenSSH client, through a real OpenSSH server.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runExchange } from '../src/client.ts'
import { sshWay } from '../src/ways/ssh.ts'
import { listening } from './listening.ts'
import { runOf, serve } from './serving.ts'
import { noSshd, type Sshd, startSshd } from './sshd.ts'

describe('through a real SSH server', () => {
  let sshd: Sshd
  before(async () => {
    assert.ok(noSshd === false, String(noSshd))
    sshd = await startSshd(20_000 + (process.pid % 9000))
  })
  after(async () => {
    await sshd[Symbol.asyncDispose]()
    assert.deepEqual(tunnels(), [])
    assert.deepEqual(listening(), [])
  })

  /** Children of this process that are ssh. */
  function tunnels(): readonly string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const [, name, , parent] =
            /^\d+ \((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
          return name === 'ssh' && Number(parent) === process.pid
        } catch {
          return false // it has just ended
        }
      })
  }

  test('an exchange goes through the tunnel, and the tunnel is gone after it', async () => {
    await using served = await serve()
    const run = runOf(served, { way: sshWay(sshd) })
    await runExchange(run)
    assert.equal(served.registered.size, 2)
    assert.match(
      run.steps.join('\n'),
      /by ssh: 127\.0\.0\.1:\d+\n.*ssh tunnel from 127\.0\.0\.1:\d+ through .*@127\.0\.0\.1/,
    )
    assert.deepEqual(tunnels(), [])
  })

  test('a tunnel comes down with an exchange that fails', async () => {
    await using served = await serve()
    const run = runOf(served, { way: sshWay(sshd) })
    run.keeping.trouble = new Error('no space')
    await assert.rejects(runExchange(run), /no space/)
    assert.deepEqual(tunnels(), [])
  })

  test('an unknown host key, a key that is not let in, and an absent server are refused', async () => {
    await using served = await serve()
    const unknown = { ...sshd, knownHostsFile: '/dev/null' }
    const stranger = { ...sshd, identityFile: join(sshd.folder, 'stranger') }
    const nobody = { ...sshd, port: 1 }
    const cases = [
      [unknown, /Host key verification failed/],
      [stranger, /Permission denied/],
      [nobody, /Connection refused/],
    ] as const
    for (const [options, words] of cases) {
      await assert.rejects(runExchange(runOf(served, { way: sshWay(options) })), words)
      assert.equal(served.exchanges.list()[0]?.state, 'cancelled')
    }
    assert.deepEqual([served.registered.size, tunnels()], [0, []])
  })

  test('names that could be options or commands of ssh are refused', () => {
    for (const destination of ['-oProxyCommand=id', '', 'a b', 'a;b', 'host:22']) {
      assert.throws(() => sshWay({ destination }), { code: 'bad-config' })
    }
    assert.throws(() => sshWay({ destination: 'a', remoteHost: '-R' }), { code: 'bad-config' })
  })
})
