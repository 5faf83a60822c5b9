import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { exchangeTransitions } from '../src/exchange-transitions.ts'
import { transitions } from '../src/transitions.ts'

const page = readFileSync(join(import.meta.dirname, '../../../spec/ceremony.md'), 'utf8')

/** The rows of the one table under a heading, without its head. */
function tableUnder(heading: string): readonly string[] {
  const [, ...rows] =
    page
      .split(`## ${heading}`)[1]
      ?.split('\n## ')[0]
      ?.match(/^\|.*\|$/gm)
      ?.filter((line) => !line.startsWith('|---')) ?? []
  assert.ok(rows.length > 0)
  return rows
}

describe('spec/ceremony.md shows the table that is followed', () => {
  test('by the two sides of a ceremony', () => {
    const expected = transitions.map(({ role, from, event, to, sends = '', checks = '' }) => {
      return `| ${role} | ${from} | ${event} | ${to} | ${sends} | ${checks} |`
    })
    assert.deepEqual(tableUnder('Transitions'), expected)
  })

  test('by an exchange at the server', () => {
    const expected = exchangeTransitions.map(
      ({ from, to, when }) => `| ${from.join(', ')} | ${to} | ${when} |`,
    )
    assert.deepEqual(tableUnder('Asking for it'), expected)
  })
})
