// A new ledger in a data folder: keys, the registry's first blocks, an OAuth service. One operator runs it
// all.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { initAuth } from '@ledgerstone/auth/init'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { changeStatement } from '@ledgerstone/client/registry-changes'
import type { Bytes, Hash } from '@ledgerstone/core/bytes'
import { createKey, type KeyKind, type OwnKey } from '@ledgerstone/core/key-pair'
import { checkLedgerName, keysBucket, originOf } from '@ledgerstone/core/names'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import { checkOwner } from '@ledgerstone/core/registration'
import { registrationBody } from '@ledgerstone/core/registration-body'
import { formatTrust, type Trust } from '@ledgerstone/core/trust'
import { vkeysOf } from '@ledgerstone/log/checkpoint'
import { createLedger } from '@ledgerstone/log/genesis'
import type { Log } from '@ledgerstone/log/log'
import { submissionOf } from '@ledgerstone/log/submission'
import { formatRetryKey } from '@ledgerstone/sealer/keys'
import { FileStore } from '@ledgerstone/stores/file/store'
import { type DataFolder, dataFolder, keepFromGit, makeFolder } from '../data-folder.ts'
import { writeClients } from './clients.ts'
import { readLogSigner, readOwnKey } from './keys.ts'
import { openLog } from './open-log.ts'

/** The business buckets of a new ledger. */
export const defaultBuckets: readonly string[] = [
  'payments',
  'orders',
  'customers',
  'cancellations',
  'refunds',
]

export type NewDataFolder = {
  readonly path: string
  /** Made up when absent, so that two fresh starts are never the same ledger. */
  readonly name?: string
  /** Where the services will be: `http://127.0.0.1:8400`. */
  readonly url: string
  readonly buckets: readonly string[]
  /** Owners of registrar keys beside the sealer's own; their key files are to be handed to them. */
  readonly registrars?: readonly string[]
  /** How many registrars must approve a change; 1 when absent. */
  readonly threshold?: number
  readonly now: () => number
}

/**
 * Makes the data folder, whole or not at all: it is built beside its place and renamed. Throws
 * `bucket-exists` when there is a ledger already, `bad-name`.
 */
export async function createDataFolder(options: NewDataFolder): Promise<Trust> {
  const { path, name = `local-${randomBytes(4).toString('hex')}/log` } = options
  checkLedgerName(name)
  const place = dataFolder(path).root
  if (existsSync(place)) throw new Refused('bucket-exists', `${place} exists already`)
  makeFolder(dirname(place))
  const draft = mkdtempSync(join(dirname(place), '.ledgerstone-'))
  try {
    keepFromGit(draft)
    const trust = await fill(dataFolder(draft), { registrars: [], threshold: 1, ...options, name })
    renameSync(draft, place)
    return trust
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
}

type Filling = Required<Omit<NewDataFolder, 'path'>>

/** The keys that change the registry: the first asks, the others approve, as far as the threshold wants. */
type Registrars = { readonly first: OwnKey; readonly approving: readonly OwnKey[] }

async function fill(folder: DataFolder, filling: Filling): Promise<Trust> {
  const { url, buckets, now, threshold } = filling
  const first = await keep(folder.registrarKey, 'Ed25519')
  const others: OwnKey[] = []
  for (const name of filling.registrars)
    others.push(await keep(folder.registrarKeyOf(checkOwner(name)), 'Ed25519'))
  const registrars = { first, approving: others.slice(0, threshold - 1) }
  const ledgerKey = await keep(folder.ledgerKey, 'Ed25519')
  for (const bucket of [keysBucket, ...buckets]) {
    await keep(folder.logKey(bucket, 'ed25519'), 'Ed25519')
    await keep(folder.logKey(bucket, 'mldsa44'), 'ML-DSA-44')
  }
  const trust = await found(folder, filling, [first, ...others], ledgerKey)
  writeFileSync(folder.trust, formatTrust(trust), { flag: 'wx', mode: 0o600 })
  const log = await openLog(folder, trust, { now })
  try {
    await registerFirstKeys(folder, log.log, registrars, now)
    for (const bucket of buckets) await createBucket(log.log, bucket, registrars, ledgerKey, now)
  } finally {
    await log[Symbol.asyncDispose]()
  }
  await makeClients(folder, url)
  return trust
}

/** Block 0 of `keys`, under policy `none` until there are witnesses. */
async function found(
  folder: DataFolder,
  { name, registrars: names, threshold, now }: Filling,
  keys: readonly OwnKey[],
  ledgerKey: OwnKey,
): Promise<Trust> {
  await using store = await FileStore.open(folder.ledger)
  const origin = originOf(name, keysBucket)
  const signer = await readLogSigner(folder, keysBucket)
  const claims = { purpose: 'sign', roles: ['registrar'], assurance: 'local' } as const
  const owners = ['registrar', ...names]
  const registrars = keys.map((key, i) =>
    registrationBody(key, { owner: owners[i] as string, ...claims }, { origin, now: now() }),
  )
  return await createLedger({
    ...{ ledger: name, store, signer, ledgerKey, threshold, now },
    registrars: await Promise.all(registrars),
    policyText: `log ${vkeysOf(origin, signer)[0]?.text}\nquorum none\n`,
    report: () => undefined,
  })
}

/** The keys of the sealer, of the first receiver and of the importer, as blocks that everyone can check. */
async function registerFirstKeys(
  folder: DataFolder,
  log: Log,
  registrars: Registrars,
  now: () => number,
): Promise<void> {
  createKeyFile(folder.retryKey, formatRetryKey(new Uint8Array(randomBytes(32)) as Bytes))
  makeFolder(dirname(folder.receiverKey))
  makeFolder(dirname(folder.importerKey))
  createKeyFile(folder.importerRetryKey, formatRetryKey(new Uint8Array(randomBytes(32)) as Bytes))
  const first = [
    { path: folder.statementKey, kind: 'Ed25519', owner: 'sealer', purpose: 'sign' },
    { path: folder.sealerKey, kind: 'RSA-2048', owner: 'sealer', purpose: 'sign' },
    { path: folder.receiverKey, kind: 'RSA-2048', owner: 'auditor', purpose: 'receive' },
    { path: folder.importerKey, kind: 'Ed25519', owner: 'importer', purpose: 'sign' },
  ] as const
  const keys = log.bucket(keysBucket)
  for (const { path, kind, owner, purpose } of first) {
    const at = { origin: keys.origin, now: now() }
    const body = await registrationBody(await keep(path, kind), { owner, purpose, assurance: 'local' }, at)
    const asked = { type: 'ledgerstone.key.register', body }
    const statement = await changeStatement(log.ledger, asked, registrars.first, now())
    const { hash } = await keys.append(submissionOf({ statement }), registrars.first.kid)
    await approve(log, hash, registrars, now)
  }
}

/** A bucket is announced by the first registrar; it begins when the others have approved that. */
async function createBucket(
  log: Log,
  bucket: string,
  registrars: Registrars,
  ledgerKey: OwnKey,
  now: () => number,
): Promise<void> {
  const makers = { registrar: registrars.first, ledgerKey }
  if (registrars.approving.length > 0) {
    const isMissing = (error: unknown): boolean => error instanceof Refused && error.code === 'not-approved'
    await log.createBucket(bucket, makers).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
    await approve(log, log.registry.last.hash, registrars, now)
  }
  await log.createBucket(bucket, makers)
}

async function approve(log: Log, request: Hash, { approving }: Registrars, now: () => number): Promise<void> {
  for (const key of approving) {
    const asked = { type: 'ledgerstone.key.approve', body: {}, refs: [request] }
    const statement = await changeStatement(log.ledger, asked, key, now())
    await log.bucket(keysBucket).append(submissionOf({ statement }), key.kid)
  }
}

async function makeClients(folder: DataFolder, url: string): Promise<void> {
  const made = await initAuth(folder.auth, { explorerUrl: `${url}/`, passwordFile: folder.firstPerson })
  writeClients(folder, `${url}/auth`, { local: made.local, sealer: made.sealer })
}

async function keep(path: string, kind: KeyKind): Promise<OwnKey> {
  makeFolder(dirname(path))
  const key = await createKey(kind)
  createKeyFile(path, formatPrivateKeyPem(key.pkcs8))
  return readOwnKey(path)
}
