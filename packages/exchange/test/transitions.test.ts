import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { transitions } from '../src/transitions.ts'

test('spec/ceremony.md shows the table that is followed', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../spec/ceremony.md'), 'utf8')
  const [, ...rows] =
    page
      .split('## Transitions')[1]
      ?.split('\n## ')[0]
      ?.match(/^\|.*\|$/gm)
      ?.filter((line) => !line.startsWith('|---')) ?? []
  const expected = transitions.map(({ role, from, event, to, sends = '', checks = '' }) => {
    return `| ${role} | ${from} | ${event} | ${to} | ${sends} | ${checks} |`
  })
  assert.ok(rows.length > 0)
  assert.deepEqual(rows, expected)
})
