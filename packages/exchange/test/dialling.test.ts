import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { until } from '../../core/test/until.ts'
import { codeOf, exchanged, serve } from './serving.ts'

test('a port that never opens is not dialled until its window is over', async () => {
  await using served = await serve({ windowMs: 60_000 })
  const squatter = net.createServer((socket) => socket.destroy())
  const running = codeOf(exchanged(served, { openAt: new Date(Date.now() + 3000).toISOString() }))
  await until(() => served.exchanges.list().length === 1, 'it is scheduled')
  squatter.listen(served.exchanges.list()[0]?.port, '127.0.0.1')
  await once(squatter, 'listening')
  assert.equal(await running, 'no-port')
  squatter.close()
})
