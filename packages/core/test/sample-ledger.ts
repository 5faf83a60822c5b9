// A small ledger with real keys, in memory: what the log engine does, without storage. Time stands still
// unless told.
import { signerOf } from '#primitives'
import { type Block, formatEntry, noHash } from '../src/block.ts'
import { type Bytes, formatBase64url, formatHex, type Hash, parseBase64, utf8 } from '../src/bytes.ts'
import type { JsonObject } from '../src/canonical.ts'
import { signCheckpoint } from '../src/checkpoint.ts'
import type { NoteSigner } from '../src/cosignature.ts'
import { encodeEnvelope } from '../src/envelope.ts'
import type { Evidence } from '../src/evidence.ts'
import { type KeyKind, type OwnKey, ownKeyOf, statementSignerOf } from '../src/key-pair.ts'
import { originOf } from '../src/names.ts'
import { formatReceipt } from '../src/receipt.ts'
import { formatRegistration, proofMessage, type Registration, replacesMessage } from '../src/registration.ts'
import { Registry } from '../src/registry.ts'
import { type Draft, receiverOf, type Sender, sealRecord } from '../src/seal.ts'
import type { Sealed } from '../src/sealed.ts'
import { senderOf } from '../src/sender.ts'
import { checkSpki } from '../src/spki.ts'
import { type StatementPayload, signStatement } from '../src/statement.ts'
import { Frontier, inclusionRanges, leafHash } from '../src/tree.ts'
import { createTrust, type Trust } from '../src/trust.ts'
import { vkeyOf } from '../src/vkey.ts'
import { readVectors } from './vectors.ts'

export const ledger = 'ledger.example.com/log'
/** 2026-11-23T03:17:00.000Z */
export const now = 1_795_403_820_000

type KeyRow = { name: string; kind: KeyKind; pkcs8: string }
const keyRows = readVectors<{ keys: KeyRow[] }>('keys').keys

/** A key of vectors/keys.json. */
export async function keyNamed(name: string): Promise<OwnKey> {
  const row = keyRows.find((candidate) => candidate.name === name)
  if (row === undefined) throw new Error(`no key ${name} in vectors/keys.json`)
  return ownKeyOf(parseBase64(row.pkcs8, name))
}

let ids = 0

/** A new UUID each time, the same ones in every run. */
export function newId(): string {
  ids++
  return `019ab123-4567-7000-8000-${ids.toString(16).padStart(12, '0')}`
}

/** What may be said of a key when it is asked to be registered; the rest is the usual. */
export type Claims = Partial<Pick<Registration, 'roles' | 'notBefore' | 'notAfter' | 'purpose' | 'assurance'>>

/** A registration's body with its proof of possession. */
export async function registrationOf(key: OwnKey, owner: string, claims: Claims = {}): Promise<JsonObject> {
  const purpose = claims.purpose ?? 'sign'
  const registration: Registration = {
    ...{ roles: [], assurance: 'local', ...claims, purpose },
    ...{ kid: key.kid, spki: key.spki, kind: checkSpki(key.spki), owner },
  }
  return withProof(formatRegistration(registration), key, purpose)
}

async function withProof(body: JsonObject, key: OwnKey, purpose: 'sign' | 'receive'): Promise<JsonObject> {
  if (purpose === 'receive') return { ...body, proof: { answered: newId() } }
  const { sign } = await statementSignerOf(key)
  const signature = await sign(proofMessage(originOf(ledger, 'keys'), body))
  return { ...body, proof: { signature: formatBase64url(signature) } }
}

/** A rotation's body: the new key's registration, proved by both keys. */
export async function rotationOf(
  old: OwnKey,
  key: OwnKey,
  owner: string,
  claims: Claims = {},
): Promise<JsonObject> {
  const { proof: _, ...claimed } = await registrationOf(key, owner, claims)
  const body = { ...claimed, replaces: old.kid }
  const { sign } = await statementSignerOf(old)
  const replacesProof = formatBase64url(await sign(replacesMessage(originOf(ledger, 'keys'), body)))
  return withProof({ ...body, replacesProof }, key, claims.purpose ?? 'sign')
}

/** The two log signers of a bucket: Ed25519 and ML-DSA-44; or the first alone, where files must be small. */
export async function logSignersOf(bucket: string, count = 2): Promise<readonly NoteSigner[]> {
  const [ed25519, mldsa] = [await keyNamed(`log-${bucket}`), await keyNamed(`log-${bucket}-mldsa`)]
  const origin = originOf(ledger, bucket)
  const signers: NoteSigner[] = [
    { vkey: vkeyOf(origin, 'note', ed25519.spki), sign: await signerOf('Ed25519', ed25519.pkcs8) },
    { vkey: vkeyOf(origin, 'mldsa', mldsa.spki), sign: await signerOf('ML-DSA-44', mldsa.pkcs8) },
  ]
  return signers.slice(0, count)
}

/** One bucket: its entries, and the proofs over them. */
export class SampleLog {
  readonly bucket: string
  readonly entries: Bytes[] = []
  readonly #signers: readonly NoteSigner[]

  constructor(bucket: string, signers: readonly NoteSigner[]) {
    this.bucket = bucket
    this.#signers = signers
  }

  get origin(): string {
    return originOf(ledger, this.bucket)
  }
  get last(): Hash {
    const entry = this.entries.at(-1)
    return entry === undefined ? noHash : leafHash(entry)
  }

  /** The next block, not yet appended. */
  next(statement: string, keys: number, place: Partial<Block> = {}): Block {
    const index = this.entries.length
    return { bucket: this.bucket, index, time: now, prev: this.last, keys, statement, ...place }
  }

  frontier(start = 0, end = this.entries.length): Frontier {
    const frontier = new Frontier()
    for (const entry of this.entries.slice(start, end)) frontier.append(leafHash(entry))
    return frontier
  }

  async checkpoint(size = this.entries.length): Promise<string> {
    return signCheckpoint(this.origin, this.frontier(0, size).head(), this.#signers, Math.floor(now / 1000))
  }

  async receipt(index: number, size = this.entries.length): Promise<string> {
    const proof = inclusionRanges(index, size).map(({ start, end }) => this.frontier(start, end).root())
    return formatReceipt({ index, proof, checkpoint: await this.checkpoint(size) })
  }
}

export type Signer = OwnKey | string

/**
 * `logKeys`: 2, or 1 for the Ed25519 ones alone. `registrars`: their owners. `quorum`: more lines of the
 * policy.
 */
export type Shape = {
  readonly logKeys?: 1 | 2
  readonly registrars?: readonly string[]
  readonly quorum?: string
}

/** `keys` with its registry, and any other buckets. */
export class SampleLedger {
  readonly keys: SampleLog
  registry!: Registry
  readonly policyText: string
  readonly #signers: readonly NoteSigner[]

  readonly #registrars: readonly string[]

  private constructor(policyText: string, signers: readonly NoteSigner[], registrars: readonly string[]) {
    this.policyText = policyText
    this.#signers = signers
    this.#registrars = registrars
    this.keys = new SampleLog('keys', signers)
  }

  /** A ledger of one block: ledger key, registrars, log keys of `keys`. */
  static async create(threshold = 1, shape: Shape = {}): Promise<SampleLedger> {
    const { logKeys = 2, registrars = ['ann', 'ben', 'cyd'], quorum = 'quorum none\n' } = shape
    const signers = await logSignersOf('keys', logKeys)
    const sample = new SampleLedger(`log ${signers[0]?.vkey.text}\n${quorum}`, signers, registrars)
    const entry = formatEntry(
      sample.keys.next(
        await sample.statement('keys', 'ledger', 'ledgerstone.genesis', await sample.genesis(threshold)),
        0,
      ),
    )
    sample.registry = await Registry.open(ledger, entry)
    sample.keys.entries.push(entry)
    return sample
  }

  /** Body of block 0 of `keys`. */
  async genesis(threshold: number): Promise<JsonObject> {
    const registrars: JsonObject[] = []
    for (const owner of this.#registrars) {
      const roles = { roles: ['registrar'] } as const
      registrars.push(await registrationOf(await keyNamed(`registrar-${owner}`), owner, roles))
    }
    return {
      bucket: 'keys',
      ledger,
      ledgerKey: formatBase64url((await keyNamed('ledger')).spki),
      logKeys: this.#signers.map(({ vkey }) => vkey.text),
      policy: formatHex(await policyDigest(this.policyText)),
      registrars,
      threshold,
    }
  }

  get trust(): Trust {
    return createTrust(ledger, this.registry.genesis, this.policyText)
  }

  /** A signed statement with a body. */
  async statement(
    bucket: string,
    signer: Signer,
    type: string,
    body: JsonObject,
    more: Partial<StatementPayload> = {},
  ): Promise<string> {
    const key = typeof signer === 'string' ? await keyNamed(signer) : signer
    const payload = { log: originOf(ledger, bucket), id: newId(), type, issued: now, body, ...more }
    return signStatement(payload, await statementSignerOf(key))
  }

  /** Appends a statement to `keys`, when the registry takes it; the block's hash in hexadecimal. */
  async change(
    signer: Signer,
    type: string,
    body: JsonObject,
    more?: Partial<StatementPayload>,
  ): Promise<string> {
    return this.appendKeys(await this.statement('keys', signer, `ledgerstone.${type}`, body, more))
  }

  async appendKeys(statement: string, place: Partial<Block> = {}): Promise<string> {
    const entry = formatEntry(this.keys.next(statement, this.keys.entries.length, place))
    await this.registry.apply(entry)
    this.keys.entries.push(entry)
    return formatHex(this.keys.last)
  }

  approve(signer: Signer, request: string): Promise<string> {
    return this.change(signer, 'key.approve', {}, { refs: [Uint8Array.fromHex(request)] })
  }

  /** Registers a key of vectors/keys.json by registrar ann. */
  async register(name: string, owner: string, claims?: Claims): Promise<OwnKey> {
    const key = await keyNamed(name)
    await this.change('registrar-ann', 'key.register', await registrationOf(key, owner, claims))
    return key
  }

  async revoke(signer: Signer, key: OwnKey, more: JsonObject = {}): Promise<string> {
    return this.change(signer, 'key.revoke', { kid: key.kid, reason: 'stolen', ...more })
  }

  /** A bucket with announced log keys and its genesis block. */
  async bucket(name: string): Promise<SampleLog> {
    const signers = await logSignersOf(name, this.#signers.length)
    const logKeys = signers.map(({ vkey }) => vkey.text)
    await this.change('registrar-ann', 'log-keys', { log: originOf(ledger, name), logKeys })
    const log = new SampleLog(name, signers)
    const genesis = await this.statement(name, 'ledger', 'ledgerstone.genesis', { bucket: name, ledger })
    log.entries.push(formatEntry(log.next(genesis, this.registry.size)))
    return log
  }

  /** Appends a statement to another bucket, without a question. */
  append(log: SampleLog, statement: string, place: Partial<Block> = {}): Block {
    const block = log.next(statement, this.registry.size, place)
    log.entries.push(formatEntry(block))
    return block
  }

  async evidence(log: SampleLog, index: number, sealed?: Sealed): Promise<Evidence> {
    return {
      ledger,
      bucket: log.bucket,
      index,
      entry: log.entries[index] as Bytes,
      envelope: sealed === undefined ? undefined : encodeEnvelope(sealed.envelope),
      receipt: await log.receipt(index),
      keys: { entries: this.keys.entries, checkpoint: await this.keys.checkpoint() },
    }
  }
}

/** A ledger with sender alice, receivers bob and carol, and the bucket `payments`. */
export async function openSample(): Promise<{ sample: SampleLedger; payments: SampleLog; alice: Sender }> {
  const sample = await SampleLedger.create()
  const alice = await sample.register('alice', 'alice')
  const aliceRsa = await sample.register('alice-rsa', 'alice')
  await sample.register('bob-receive', 'bob', { purpose: 'receive' })
  await sample.register('carol-receive', 'carol', { purpose: 'receive' })
  const payments = await sample.bucket('payments')
  return { sample, payments, alice: await senderOf(alice, aliceRsa, undefined) }
}

export const record: Bytes = utf8('{"amount":"1.10","currency":"EUR"}')

export function draftOf(more: Partial<Draft> = {}): Draft {
  const labels = { media: 'application/json', meta: { invoice: '536365' } }
  const log = originOf(ledger, 'payments')
  return { log, id: newId(), type: 'payment.captured', issued: now, record, labels, ...more }
}

/** Seals for keys of vectors/keys.json. */
export async function sealFor(
  sender: Sender,
  names: readonly string[],
  more?: Partial<Draft>,
): Promise<Sealed> {
  const receivers = []
  for (const name of names) receivers.push(await receiverOf((await keyNamed(name)).spki))
  return sealRecord(draftOf(more), sender, receivers)
}

async function policyDigest(text: string): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text)))
}
