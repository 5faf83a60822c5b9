import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from '../src/logger.ts'
import { lazyChild } from '../src/request-logger.ts'

test('a lazy child is made once, when a line is loud enough, and writes with its bindings', () => {
  const lines: { level: number; msg: string; reqId?: string; extra?: number }[] = []
  const write = (text: string): void => void lines.push(JSON.parse(text))
  const parent = createLogger({ name: 'test', level: 'info' }, { write })
  let made = 0
  const child = lazyChild(parent, () => {
    made++
    return parent.child({ reqId: 'r-1' })
  })
  assert.equal(child.level, 'info')
  child.debug('unheard')
  child.trace('unheard')
  assert.equal(made, 0)
  child.info({ extra: 7 }, 'heard %s', 'well')
  child.warn('a warning')
  child.error('an error')
  child.fatal('the end')
  child.child({ extra: 8 }).info('a grandchild')
  assert.equal(made, 1)
  assert.deepEqual(
    lines.map(({ level, msg, reqId, extra }) => [level, msg, reqId, extra]),
    [
      [30, 'heard well', 'r-1', 7],
      [40, 'a warning', 'r-1', undefined],
      [50, 'an error', 'r-1', undefined],
      [60, 'the end', 'r-1', undefined],
      [30, 'a grandchild', 'r-1', 8],
    ],
  )
  parent.level = 'debug'
  child.debug('heard now')
  assert.equal(lines.at(-1)?.msg, 'heard now')
})
