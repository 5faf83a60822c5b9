// The operator's manual is true: its tables are those of the code.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { authConfigSchema, readAuthConfig } from '@ledgerstone/auth/config'
import { dataFolder } from '@ledgerstone/cli/data-folder'
import { refusalCodes } from '@ledgerstone/core/refused'
import { ledgerConfigSchema, readLedgerConfig } from '@ledgerstone/ledger/config'
import { createLedgerMetrics } from '@ledgerstone/ledger/metrics'
import { readSealerConfig, sealerConfigSchema } from '@ledgerstone/sealer/config'

const root = join(import.meta.dirname, '..')
const manual = readFileSync(join(root, 'docs', 'OPERATIONS.md'), 'utf8')

/** The rows of the first table under a heading, as cells. */
function tableUnder(heading: string): readonly (readonly string[])[] {
  const from = manual.indexOf(`\n${heading}\n`)
  assert(from !== -1, `there is no ${heading}`)
  const table = /(?:^\|.*\n)+/m.exec(manual.slice(from))?.[0] ?? ''
  const rows = table.trimEnd().split('\n').slice(2)
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

type Schema = {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly default?: unknown
}

/** Every key of a schema with what stands in the manual's second column. */
function keysOf(schema: Schema, at = '', isRequired = true): readonly (readonly [string, string])[] {
  const { properties, items, required = [] } = schema
  if (properties !== undefined) {
    return Object.entries(properties).flatMap(([name, value]) =>
      keysOf(value, at === '' ? name : `${at}.${name}`, required.includes(name)),
    )
  }
  if (items?.properties !== undefined) return keysOf(items, `${at}[]`)
  if ('default' in schema) return [[`\`${at}\``, `\`${JSON.stringify(schema.default)}\``]]
  return [[`\`${at}\``, isRequired ? 'required' : 'optional']]
}

describe('the manual has every key of the configuration, with its default', () => {
  for (const [service, schema] of [
    ['ledger', ledgerConfigSchema],
    ['sealer', sealerConfigSchema],
    ['auth', authConfigSchema],
  ] as const) {
    test(`of ${service}`, () => {
      const told = tableUnder(`### ${service}`).map(([key, value]) => [key, value])
      assert.deepEqual(told, keysOf(schema as Schema))
    })
  }
})

test('the examples of configurations are accepted', () => {
  const examples = join(root, 'examples', 'config')
  assert.deepEqual(readdirSync(examples).sort(), ['auth.json', 'ledger.json', 'sealer.json'])
  const ports = [
    readLedgerConfig(join(examples, 'ledger.json')),
    readSealerConfig(join(examples, 'sealer.json')),
    readAuthConfig(join(examples, 'auth.json')),
  ].map(({ listen }) => listen.port)
  assert.deepEqual(ports, [8400, 8401, 8402])
})

test('the manual has a cause and a remedy for every code, in the order of the flow', () => {
  const rows = tableUnder('## When something is refused')
  assert.deepEqual(
    rows.map(([code]) => code),
    refusalCodes.map((code) => `\`${code}\``),
  )
  for (const [code, cause, remedy] of rows) assert(cause !== '' && remedy !== '', `${code}`)
})

test('the manual has every metric of the ledger', () => {
  const { registry } = createLedgerMetrics()
  const own = registry.getMetricsAsArray().filter(({ name }) => name.startsWith('ledgerstone_'))
  const told = new Set(tableUnder('## Watch it').map(([name]) => name?.replaceAll('`', '')))
  assert(own.length > 5)
  for (const { name } of own) assert(told.has(name), name)
})

test('the manual has every file of the data folder', () => {
  const told = tableUnder('## Files and permissions').flatMap(([paths = '']) => [
    ...paths.matchAll(/`([^`]+)`/g),
  ])
  const covered = told.map(([, path]) => `/data/${path}`)
  const paths = Object.values(dataFolder('/data')).filter((path) => typeof path === 'string')
  assert(paths.length > 10)
  for (const path of paths) {
    const isTold = covered.some((each) => `${path}/`.startsWith(each) || each.startsWith(`${path}/`))
    assert(isTold, path)
  }
})
