// `npm run torture`: the ledger is killed with kill -9, 200 times, under load, while it starts and while it
// stops; no block that was acknowledged may be lost, changed or doubled.
//
//     npm run torture -- --runs 50 --seed 7 --folder DIR
//
// The seed brings back what is sent and where the kill falls; the machine decides what that meets.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CrashingLedger } from './crash/crashing.ts'
import { randomOf } from './crash/random.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    folder: { type: 'string', default: tmpdir() },
  },
})
const [runs, seed] = [Number(values.runs), Number(values.seed)]
const folder = await mkdtemp(join(values.folder, 'ledgerstone-torture-'))
console.log(`${runs} runs, --seed ${seed}, in ${folder}`)

await using ledger = await CrashingLedger.create(join(folder, 'data'), randomOf(seed))
try {
  for (let run = 1; run <= runs; run++) console.log(`${run}: ${await ledger.crash()}`)
  console.log(`stopped; ${await ledger.finish()}: all there, nothing twice, every signed head kept`)
} catch (error) {
  console.log(`the data stays in ${folder}`)
  throw error
}
await rm(folder, { recursive: true })
