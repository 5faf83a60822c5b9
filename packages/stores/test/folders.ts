import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
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

/** Every file below a folder, with its size and the hash of its content. */
export async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((file) => join(file.parentPath, file.name))
  return await Promise.all(
    files.sort().map(async (path) => {
      const bytes = await readFile(path)
      return `${path} ${bytes.length} ${hash('sha256', bytes)}`
    }),
  )
}
