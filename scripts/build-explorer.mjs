// Builds the explorer's pages when its sources have changed since the last build. Plain JavaScript for the
// same reason as setup.mjs; the build itself runs under the pinned Node.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** All that goes into the build; the lock file stands for the libraries. */
const sources = [
  'package-lock.json',
  'packages/client/src',
  'packages/core/package.json',
  'packages/core/src',
  'packages/explorer/index.html',
  'packages/explorer/package.json',
  'packages/explorer/src',
  'packages/explorer/vite.config.ts',
]

/**
 * Returns what went wrong, or undefined when the build in `packages/explorer/dist` is that of the sources.
 */
export function buildExplorer(root, node) {
  const folder = join(root, 'packages', 'explorer', 'dist')
  const stamp = stampOf(root)
  if (isCurrent(folder, stamp)) return undefined

  const since = Date.now()
  console.log('Building the explorer (once, and when its sources change) ...')
  const draft = join(root, 'node_modules', `.explorer-${process.pid}`)
  try {
    const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
    const args = [vite, 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', draft]
    const { status, error, stdout, stderr } = spawnSync(node, args, {
      cwd: join(root, 'packages', 'explorer'),
      encoding: 'utf8',
    })
    if (status !== 0)
      return `the explorer cannot be built.\n\n${error?.message ?? `${stdout}${stderr}`.trim()}`
    writeFileSync(join(draft, '.stamp'), stamp)
    replace(folder, draft, stamp)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  console.log(`Built in ${((Date.now() - since) / 1000).toFixed(1)} s.`)
  return undefined
}

function isCurrent(folder, stamp) {
  const path = join(folder, '.stamp')
  return existsSync(path) && readFileSync(path, 'utf8') === stamp
}

/** Two commands may build at once; whichever comes second finds the work done. */
function replace(folder, draft, stamp) {
  const old = `${draft}-old`
  try {
    if (existsSync(folder)) renameSync(folder, old)
    renameSync(draft, folder)
  } catch (error) {
    if (!isCurrent(folder, stamp)) throw error
  } finally {
    rmSync(old, { recursive: true, force: true })
  }
}

function stampOf(root) {
  const hash = createHash('sha256')
  for (const path of sources.flatMap((source) => filesOf(root, source))) {
    const bytes = readFileSync(join(root, path))
    hash.update(`${path} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

function filesOf(root, source) {
  if (!statSync(join(root, source)).isDirectory()) return [source]
  return readdirSync(join(root, source), { recursive: true })
    .map((name) => `${source}/${name}`)
    .filter((path) => statSync(join(root, path)).isFile() && !path.endsWith('.tsbuildinfo'))
    .sort()
}
