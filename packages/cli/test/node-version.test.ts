import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const command = join(import.meta.dirname, '..', 'bin', 'ledgerstone.mjs')

/** Runs it under a Node that says that it is of this version. */
function runAs(version: string): {
  readonly status: number | null
  readonly told: readonly [string, string]
} {
  const pretend = `
    Object.defineProperty(process, 'version', { value: 'v${version}' })
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', preload, command, '--version'],
    {
      encoding: 'utf8',
    },
  )
  return { status, told: [stdout, stderr] }
}

test('an older Node is told which one is needed, and how to run it, in one line', () => {
  for (const version of ['20.19.2', '25.9.0']) {
    const { status, told } = runAs(version)
    assert.equal(status, 1)
    assert.equal(told[0], '')
    const line =
      /^ledgerstone needs Node 26 or later, and this is (v\S+): .*`npx ledgerstone`.*`npm start`.*\n$/
    assert.equal(line.exec(told[1])?.[1], `v${version}`, told[1])
  }
})

test('a Node that is new enough runs it', () => {
  for (const version of ['26.0.0', '100.0.0']) {
    assert.deepEqual(runAs(version), { status: 0, told: ['0.1.0\n', ''] })
  }
})
