// Writes a journal until the disk (a limit of this process) is full, and once more when there is room again.
import { spawnSync } from 'node:child_process'
import type { ExchangeRecord } from '../src/exchange-state.ts'
import { openJournal } from '../src/journal.ts'

const [, , path = ''] = process.argv
const journal = openJournal(path)
const acknowledged: string[] = []

function write(id: string): void {
  journal.append({
    ...{ id, state: 'confirmed', owner: 'auditor', assurance: 'token', port: 1, refusedConnections: 0 },
    ...{ createdBy: { id: 'ann', isPerson: true }, openAt: 0, closesAt: 0 },
  } satisfies ExchangeRecord)
  acknowledged.push(id)
}

let failure = 'none'
try {
  for (let count = 0; count < 1000; count++) write(`before-${count}`)
} catch (error) {
  failure = (error as NodeJS.ErrnoException).code ?? String(error)
}
const { status } = spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited'])
write('after')
process.stdout.write(JSON.stringify({ failure, status, acknowledged }))
