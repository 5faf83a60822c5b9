// A new ledger in a data folder: keys, the registry's first blocks, an OAuth service. One operator runs it
// all.
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { initAuth } from '@ledgerstone/auth/init'
import { createKeyFile } from '@ledgerstone/border/key-file'
import { type Bytes, formatBase64url } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { createKey, type KeyKind, type OwnKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { checkLedgerName, keysBucket, originOf } from '@ledgerstone/core/names'
import { formatPrivateKeyPem } from '@ledgerstone/core/pem'
import { Refused } from '@ledgerstone/core/refused'
import { formatRegistration, proofMessage, type Registration } from '@ledgerstone/core/registration'
import { checkSpki } from '@ledgerstone/core/spki'
import { formatTrust, type Trust } from '@ledgerstone/core/trust'
import { vkeysOf } from '@ledgerstone/log/checkpoint'
import { bodyStatement, createLedger } from '@ledgerstone/log/genesis'
import type { Log } from '@ledgerstone/log/log'
import { formatRetryKey } from '@ledgerstone/sealer/keys'
import { FileStore } from '@ledgerstone/stores/file/store'
import { type DataFolder, dataFolder, makeFolder } from '../data-folder.ts'
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
  readonly now: () => number
}

/**
 * Makes the data folder, whole or not at all: it is built beside its place and renamed. Throws
 * `bucket-exists` when there is a ledger already, `bad-name`.
 */
export async function createDataFolder(options: NewDataFolder): Promise<Trust> {
  const { path, name = `local-${randomBytes(4).toString('hex')}/log`, url, buckets, now } = options
  checkLedgerName(name)
  const place = dataFolder(path).root
  if (existsSync(place)) throw new Refused('bucket-exists', `${place} exists already`)
  makeFolder(dirname(place))
  const draft = mkdtempSync(join(dirname(place), '.ledgerstone-'))
  try {
    const trust = await fill(dataFolder(draft), { name, url, buckets, now })
    renameSync(draft, place)
    return trust
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
}

type Filling = {
  readonly name: string
  readonly url: string
  readonly buckets: readonly string[]
  readonly now: () => number
}

async function fill(folder: DataFolder, { name, url, buckets, now }: Filling): Promise<Trust> {
  const registrar = await keep(folder.registrarKey, 'Ed25519')
  const ledgerKey = await keep(folder.ledgerKey, 'Ed25519')
  for (const bucket of [keysBucket, ...buckets]) {
    await keep(folder.logKey(bucket, 'ed25519'), 'Ed25519')
    await keep(folder.logKey(bucket, 'mldsa44'), 'ML-DSA-44')
  }
  const trust = await found(folder, name, registrar, ledgerKey, now)
  writeFileSync(folder.trust, formatTrust(trust), { flag: 'wx', mode: 0o600 })
  const log = await openLog(folder, trust, { now })
  try {
    await registerFirstKeys(folder, log.log, registrar, now)
    for (const bucket of buckets) await log.log.createBucket(bucket, { registrar, ledgerKey })
  } finally {
    await log[Symbol.asyncDispose]()
  }
  await makeClients(folder, url)
  return trust
}

/** Block 0 of `keys`, under policy `none` until there are witnesses. */
async function found(
  folder: DataFolder,
  ledger: string,
  registrar: OwnKey,
  ledgerKey: OwnKey,
  now: () => number,
): Promise<Trust> {
  await using store = await FileStore.open(folder.ledger)
  const origin = originOf(ledger, keysBucket)
  const signer = readLogSigner(folder, keysBucket)
  return await createLedger({
    ledger,
    store,
    signer,
    ledgerKey,
    registrars: [await registrationOf(origin, registrar, 'registrar', 'sign', ['registrar'])],
    threshold: 1,
    policyText: `log ${vkeysOf(origin, signer)[0]?.text}\nquorum none\n`,
    now,
    report: () => undefined,
  })
}

/** The keys of the sealer, of the first receiver and of the importer, as blocks that everyone can check. */
async function registerFirstKeys(
  folder: DataFolder,
  log: Log,
  registrar: OwnKey,
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
    const body = await registrationOf(keys.origin, await keep(path, kind), owner, purpose)
    const statement = await bodyStatement(keys.origin, 'ledgerstone.key.register', body, registrar, now())
    await keys.append({ statement }, registrar.kid)
  }
}

/**
 * A registration with its proof of possession; a receiving key of this machine has nobody else to answer to.
 */
async function registrationOf(
  origin: string,
  key: OwnKey,
  owner: string,
  purpose: Registration['purpose'],
  roles: Registration['roles'] = [],
): Promise<JsonObject> {
  const { kid, spki } = key
  const kind = checkSpki(spki)
  const body = formatRegistration({ kid, spki, kind, owner, purpose, roles, assurance: 'local' })
  if (purpose === 'receive') return { ...body, proof: { answered: randomUUID() } }
  const { sign } = await statementSignerOf(key)
  return { ...body, proof: { signature: formatBase64url(await sign(proofMessage(origin, body))) } }
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
