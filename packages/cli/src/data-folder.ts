// Where things are in the data folder of an embedded ledger. Folders 0700, files 0600.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

export type DataFolder = ReturnType<typeof dataFolder>

export function dataFolder(path: string): {
  readonly root: string
  readonly trust: string
  readonly memory: string
  readonly ledger: string
  readonly documents: string
  readonly ledgerKey: string
  logKey(bucket: string, kind: 'ed25519' | 'mldsa44'): string
  readonly registrarKey: string
  registrarKeyOf(owner: string): string
  readonly statementKey: string
  readonly sealerKey: string
  readonly retryKey: string
  /** For whom records are sealed; without it, for everyone with a receiving key. */
  readonly receiverNames: string
  readonly exchangeJournal: string
  readonly receiverKey: string
  readonly importerKey: string
  readonly importerRetryKey: string
  readonly auth: string
  readonly sealerClient: string
  readonly localClient: string
  readonly firstPerson: string
  /** Of somebody who exchanges keys with a sealer: his own, and the sealer's public ones. */
  readonly ownKeys: string
  readonly peerKeys: string
  readonly ca: string
} {
  const root = resolve(path)
  const at = (...parts: readonly string[]): string => join(root, ...parts)
  return {
    root,
    trust: at('ledgerstone.trust'),
    memory: at('memory.json'),
    ledger: at('ledger'),
    documents: at('ledger', 'documents.sqlite'),
    ledgerKey: at('ledger', 'keys', 'ledger.pem'),
    logKey: (bucket, kind) => at('ledger', 'keys', `log-${bucket}-${kind}.pem`),
    registrarKey: at('sealer', 'registrar.pem'),
    registrarKeyOf: (owner) => at('registrars', `${owner}.pem`),
    statementKey: at('sealer', 'statement.pem'),
    sealerKey: at('sealer', 'key.pem'),
    retryKey: at('sealer', 'retry.key'),
    receiverNames: at('sealer', 'receivers.json'),
    exchangeJournal: at('sealer', 'exchanges.jsonl'),
    receiverKey: at('receivers', 'auditor.pem'),
    importerKey: at('clients', 'importer.pem'),
    importerRetryKey: at('clients', 'importer-retry.key'),
    auth: at('auth'),
    sealerClient: at('sealer', 'client.json'),
    localClient: at('clients', 'local.json'),
    firstPerson: at('clients', 'admin-password.txt'),
    ownKeys: at('keys'),
    peerKeys: at('peers'),
    ca: at('ca'),
  }
}

/** How a command that is to be typed names it: ` --data 'my ledger'`; the usual one is not named. */
export function dataOption(path: string): string {
  if (path === 'data') return ''
  const word = /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
  return ` --data ${word}`
}

/**
 * Makes a folder that only its owner may enter; says whether it has. One that is there stays as it is: others
 * may use it.
 */
export function makeFolder(path: string): boolean {
  return mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined
}

/**
 * As `makeFolder`, for a folder of secrets: it may stand in somebody's repository, and git is to take nothing
 * of a new one.
 */
export function makeSecretFolder(path: string): void {
  if (makeFolder(path) && !isKeptFromGit(dirname(path))) keepFromGit(path)
}

const ignoreAll = '*\n'

/** The file ignores itself, too. */
export function keepFromGit(folder: string): void {
  writeFileSync(join(folder, '.gitignore'), ignoreAll, { flag: 'wx', mode: 0o600 })
}

function isKeptFromGit(folder: string): boolean {
  const path = join(folder, '.gitignore')
  return existsSync(path) && readFileSync(path, 'utf8') === ignoreAll
}
