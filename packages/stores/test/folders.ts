import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const memory = '/dev/shm'

/**
 * A folder for one test; in memory, where the system has that, for tests that simulate the disk themselves.
 */
export async function temporaryFolder(
  place: 'disk' | 'memory' = 'disk',
): Promise<AsyncDisposable & { readonly path: string }> {
  const parent = place === 'memory' && existsSync(memory) ? memory : tmpdir()
  const path = await mkdtemp(join(parent, 'ledgerstone-stores-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
