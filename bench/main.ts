// `npm run bench`: the numbers of docs/PERFORMANCE.md, each with what it depends on.
//
//     npm run bench                         everything, about ten minutes
//     npm run bench -- single batch         parts of it: single, batch, seal, verify, start
//     npm run bench -- --rounds 5 --folder DIR
//
// Medians of rounds that are run in turns, with the range. Durations depend on the machine: nothing here is a test.
import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measureAppends } from './append.ts'
import { describeMachine } from './machine.ts'

type Part = (folder: string, rounds: number) => Promise<void>

const parts: Readonly<Record<string, Part>> = {
  single: (folder, rounds) =>
    measureAppends({
      ...{ folder, rounds, connections: 64, batch: 1, records: 48_000, postgresShare: 0.25 },
      goal: '8,000/s, p99 25 ms',
    }),
  batch: (folder, rounds) =>
    measureAppends({
      ...{ folder, rounds, connections: 8, batch: 100, records: 80_000, postgresShare: 0.5 },
      goal: '12,000/s',
    }),
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, folder: { type: 'string', default: temporary() } },
})
const unknown = positionals.filter((name) => !(name in parts))
if (unknown.length > 0)
  throw new Error(`no part is called ${unknown.join(', ')}: ${Object.keys(parts).join(', ')}`)
const wanted = positionals.length === 0 ? Object.keys(parts) : positionals

const folder = await mkdtemp(join(values.folder, 'ledgerstone-bench-'))
try {
  console.log(await describeMachine(folder))
  for (const name of wanted) await parts[name]?.(folder, Number(values.rounds))
} finally {
  await rm(folder, { recursive: true, force: true })
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
