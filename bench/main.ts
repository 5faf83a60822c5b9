// `npm run bench`: the numbers of docs/PERFORMANCE.md, each with what it depends on.
//
//     npm run bench                         everything, about ten minutes
//     npm run bench -- single batch         parts of it: single, batch, seal, verify, start, explorer
//     npm run bench -- single --rounds 1 --records 8000 --profile DIR       CPU profiles of the ledger
//     npm run bench -- --folder DIR         on another disk than the temporary folder's
//
// Medians of rounds that are run in turns, with the range. Durations depend on the machine: nothing here is a
// test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type AppendOptions, measureAppends } from './append.ts'
import { describeMachine } from './machine.ts'
import { describePrimitives, measurePrimitives } from './primitives.ts'
import { measureSealing } from './seal.ts'
import { measureStart } from './start.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: temporary() },
    records: { type: 'string' },
    profile: { type: 'string' },
  },
})

const parts: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  single: (folder) =>
    measureAppends({
      ...appending(folder, 48_000),
      ...{ connections: 64, batch: 1, postgresShare: 0.25, goal: '8,000/s, p99 25 ms' },
    }),
  batch: (folder) =>
    measureAppends({
      ...appending(folder, 80_000),
      ...{ connections: 8, batch: 100, postgresShare: 0.5, goal: '12,000/s' },
    }),
  seal: () => measureSealing(Number(values.rounds)),
  verify: runVerify,
  start: (folder) => measureStart(folder, join(values.folder, 'ledgerstone-bench'), Number(values.rounds)),
  explorer: runExplorer,
}

const primitives = measurePrimitives()
const unknown = positionals.filter((name) => !(name in parts))
if (unknown.length > 0) throw new Error(`no part is called ${unknown.join(', ')}`)

const folder = await mkdtemp(join(values.folder, 'ledgerstone-bench-'))
try {
  console.log(await describeMachine(folder))
  console.log(describePrimitives(primitives))
  for (const name of positionals.length === 0 ? Object.keys(parts) : positionals) await parts[name]?.(folder)
} finally {
  await rm(folder, { recursive: true, force: true })
}

function appending(
  path: string,
  records: number,
): Pick<AppendOptions, 'folder' | 'rounds' | 'records' | 'nodeArgs' | 'verifyUs'> {
  const nodeArgs = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]
  return {
    folder: path,
    rounds: Number(values.rounds),
    records: Number(values.records ?? records),
    nodeArgs,
    verifyUs: 1e6 / primitives.statementVerify,
  }
}

/** A program of its own, with threads of its own. */
async function runVerify(): Promise<void> {
  console.log(
    'verifying, without a network (goals: 250,000/s on one thread, 20,000/s with signatures on two)',
  )
  await runProgram('verify.ts')
}

/** With a browser, and in the words of the tests in a browser. */
async function runExplorer(): Promise<void> {
  await runProgram('../test/browser/measure.ts', '--cache', join(values.folder, 'ledgerstone-bench'))
}

async function runProgram(path: string, ...more: readonly string[]): Promise<void> {
  const args = [join(import.meta.dirname, path), '--rounds', values.rounds, ...more]
  const [code] = (await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'close')) as [number]
  if (code !== 0) throw new Error(`bench/${path} ended with ${code}`)
}

/** PostgreSQL does not run as root but as somebody who must be able to reach his folder. */
function temporary(): string {
  return [tmpdir(), '/var/tmp'].find(isOpenToAll) ?? tmpdir()
}

function isOpenToAll(path: string): boolean {
  const parent = dirname(resolve(path))
  const { mode } = statSync(path)
  return (mode & 0o001) !== 0 && (parent === path || isOpenToAll(parent))
}
