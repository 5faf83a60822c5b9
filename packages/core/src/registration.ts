/*
 * Bodies of the statements in the `keys` bucket.
 *
 *     ledgerstone.genesis       {bucket, ledger, ledgerKey, logKeys: [vkey, ...], policy: <64 hex>,
 *                                registrars: [registration, ...], threshold}              block 0 of keys
 *     ledgerstone.genesis       {bucket, ledger}                                  block 0 of any other bucket
 *     ledgerstone.log-keys      {log: <origin>, logKeys: [vkey, ...]}
 *     ledgerstone.policy        {policy: <64 hex>}
 *     ledgerstone.key.register  registration
 *     ledgerstone.key.rotate    registration + {replaces: <kid>, replacesProof: <base64url>}
 *     ledgerstone.key.revoke    {kid, reason, suspectFrom?: <time>}
 *     ledgerstone.key.approve   {}                              refs: [block hash of the request]
 *
 *     registration = {assurance, key: <base64url SPKI>, notAfter?, notBefore?, owner, proof, purpose,
 *                     roles?: [...]}
 *     proof        = {signature: <base64url>} by a signing key, {answered: <uuid>} by a receiving key
 */
import { type Verify, verifierOf } from '#primitives'
import { type Bytes, formatBase64url, formatHex, parseBase64url, parseHex, utf8 } from './bytes.ts'
import {
  formatCanonical,
  integerMember,
  type Json,
  type JsonObject,
  listMember,
  membersOf,
  textMember,
} from './canonical.ts'
import { checkUuid } from './names.ts'
import { Refused } from './refused.ts'
import { checkSpki, keyIdOf, type PublicKeyKind } from './spki.ts'
import type { StatementAlgorithm } from './statement.ts'
import { formatTime, parseTime } from './time.ts'
import { parseVkey } from './vkey.ts'

export type Purpose = 'sign' | 'receive'
/** `ledger` signs geneses, `registrar` changes the registry, `erase` erases envelopes. */
export type Role = 'ledger' | 'registrar' | 'erase'
/**
 * How sure the registrar was of whose key it is: made on its own machine, a token, a compared string, two
 * people.
 */
export type Assurance = 'local' | 'token' | 'sas' | 'two-person'

export type Registration = {
  readonly kid: string
  readonly spki: Bytes
  readonly kind: PublicKeyKind
  readonly owner: string
  readonly purpose: Purpose
  readonly roles: readonly Role[]
  readonly assurance: Assurance
  /** Milliseconds since 1970; absent: no bound. */
  readonly notBefore?: number
  readonly notAfter?: number
}

const ownerName = /^[a-z0-9][a-z0-9._@-]{0,126}$/
const purposes: readonly string[] = ['sign', 'receive'] satisfies Purpose[]
const roles: readonly string[] = ['ledger', 'registrar', 'erase'] satisfies Role[]
const assurances: readonly string[] = ['local', 'token', 'sas', 'two-person'] satisfies Assurance[]

const required = ['assurance', 'key', 'owner', 'purpose']
const optional = ['notAfter', 'notBefore', 'roles']

/** A name that keys can be registered for. Throws `bad-name`. */
export function checkOwnerName(name: string): string {
  if (!ownerName.test(name))
    throw new Refused('bad-name', `not an owner name: ${JSON.stringify(name.slice(0, 80))}`)
  return name
}

/** The algorithm that a key of this kind signs statements with; undefined for kinds that do not sign them. */
export function statementAlgorithmOf(kind: PublicKeyKind): StatementAlgorithm | undefined {
  return (
    {
      Ed25519: 'Ed25519',
      'P-256': 'ES256',
      RSA: 'PS256',
      'ML-DSA-65': 'ML-DSA-65',
      'ML-DSA-44': undefined,
    } as const
  )[kind]
}

/** Throws `bad-name` unless it may be an owner's name. */
export function checkOwner(owner: string): string {
  if (!ownerName.test(owner)) throw new Refused('bad-name', 'not an owner name')
  return owner
}

/** The body of a registration, without its proof. */
export function formatRegistration(registration: Registration): JsonObject {
  const { spki, owner, purpose, assurance, notBefore, notAfter } = registration
  return {
    assurance,
    key: formatBase64url(spki),
    owner,
    purpose,
    ...(registration.roles.length > 0 && { roles: [...registration.roles] }),
    ...(notBefore !== undefined && { notBefore: formatTime(notBefore) }),
    ...(notAfter !== undefined && { notAfter: formatTime(notAfter) }),
  }
}

/**
 * What a new signing key signs to prove that its holder asks for this registration, here; `body` less its
 * proofs.
 */
export function proofMessage(origin: string, body: JsonObject): Bytes {
  return proofText('ledgerstone key proof v1', origin, body)
}

/** What the old key signs to hand over to the new one. */
export function replacesMessage(origin: string, body: JsonObject): Bytes {
  return proofText('ledgerstone key rotation v1', origin, body)
}

function proofText(label: string, origin: string, body: JsonObject): Bytes {
  const { proof: _, replacesProof: __, ...claims } = body
  return utf8(`${label}\n${origin}\n${formatCanonical(claims)}\n`)
}

/**
 * A registration with its proof of possession checked. `extra` names further members that the body may have.
 * Throws `malformed`, `wrong-key` or `bad-signature`.
 */
export async function parseRegistration(
  origin: string,
  body: Json,
  extra: readonly string[] = [],
): Promise<Registration> {
  const registration = parseClaims(body, ['proof', ...extra])
  const { proof = null } = body as JsonObject
  await checkProof(registration, origin, body as JsonObject, proof)
  return registration
}

/**
 * What is claimed of a key, without any proof. `extra` as above. Throws `malformed`, `bad-name`, `wrong-key`.
 */
export function parseClaims(body: Json, extra: readonly string[] = []): Registration {
  const m = membersOf(body, 'the registration', [...required, ...extra], optional)
  const spki = parseBase64url(textMember(m['key'], 'key'), 'key')
  const owner = checkOwnerName(textMember(m['owner'], 'owner'))
  const registration: Registration = {
    kid: keyIdOf(spki),
    spki,
    kind: checkSpki(spki),
    owner,
    purpose: oneOf(purposes, m['purpose'], 'purpose') as Purpose,
    roles: m['roles'] === undefined ? [] : (parseRoles(m['roles']) as Role[]),
    assurance: oneOf(assurances, m['assurance'], 'assurance') as Assurance,
    ...(m['notBefore'] !== undefined && {
      notBefore: parseTime(textMember(m['notBefore'], 'notBefore'), 'notBefore'),
    }),
    ...(m['notAfter'] !== undefined && {
      notAfter: parseTime(textMember(m['notAfter'], 'notAfter'), 'notAfter'),
    }),
  }
  checkUse(registration)
  return registration
}

export type GenesisOfKeys = {
  readonly ledgerKey: Bytes
  readonly logKeys: readonly string[]
  /** SHA-256 of the policy text. */
  readonly policy: Bytes
  readonly registrars: readonly Registration[]
  readonly threshold: number
}

export async function parseGenesisOfKeys(ledger: string, origin: string, body: Json): Promise<GenesisOfKeys> {
  const names = ['bucket', 'ledger', 'ledgerKey', 'logKeys', 'policy', 'registrars', 'threshold']
  const m = membersOf(body, 'the genesis of keys', names)
  if (m['ledger'] !== ledger || m['bucket'] !== 'keys')
    throw new Refused('wrong-ledger', 'the genesis is of another ledger')
  const ledgerKey = parseBase64url(textMember(m['ledgerKey'], 'ledgerKey'), 'ledgerKey')
  checkSpki(ledgerKey)
  const registrars: Registration[] = []
  for (const item of listMember(m['registrars'], 'registrars'))
    registrars.push(await parseRegistration(origin, item))
  const threshold = integerMember(m['threshold'], 'threshold')
  const owners = new Set(registrars.map(({ owner }) => owner))
  const kids = new Set([keyIdOf(ledgerKey), ...registrars.map(({ kid }) => kid)])
  if (kids.size !== 1 + registrars.length) throw new Refused('wrong-key', 'the genesis names one key twice')
  if (owners.size !== registrars.length || threshold < 1 || threshold > owners.size) {
    throw new Refused('bad-policy', 'the threshold must be reachable by registrars of different owners')
  }
  if (registrars.some(({ roles: held }) => !held.includes('registrar') || held.includes('ledger'))) {
    throw new Refused('wrong-key', "a registrar of the genesis lacks the role, or has the ledger key's")
  }
  const policy = parseHex(textMember(m['policy'], 'policy'), 'policy', 32)
  return { ledgerKey, logKeys: parseLogKeys(origin, m['logKeys']), policy, registrars, threshold }
}

/**
 * The verifier keys of a log, as texts: one to four different ones under its origin's name, one of them of
 * type `note` (without one no checkpoint of the log could be verified). Throws `malformed`, `wrong-key`.
 */
export function parseLogKeys(origin: string, value: Json | undefined): readonly string[] {
  const list = listMember(value, 'logKeys')
  if (list.length === 0 || list.length > 4) throw new Refused('malformed', 'a log has one to four keys')
  const vkeys = list.map((item) => parseVkey(textMember(item, 'a log key')))
  if (vkeys.some(({ name, type }) => name !== origin || type === 'cosignature')) {
    throw new Refused('wrong-key', `a key given for ${origin} is not a log key of it`)
  }
  const distinct = new Set(vkeys.map(({ publicKey }) => formatHex(publicKey)))
  if (distinct.size !== vkeys.length || !vkeys.some(({ type }) => type === 'note')) {
    throw new Refused('wrong-key', `the log keys of ${origin} repeat one, or lack an Ed25519 key`)
  }
  return vkeys.map(({ text }) => text)
}

/** The check of a signing key. A point outside its curve, say, shows here first. Throws `wrong-key`. */
export async function statementVerifierOf(spki: Uint8Array, kind: PublicKeyKind): Promise<Verify> {
  const algorithm = statementAlgorithmOf(kind)
  if (algorithm === undefined)
    throw new Refused('wrong-key', `a key of kind ${kind} does not sign statements`)
  try {
    return await verifierOf(algorithm, spki)
  } catch (cause) {
    throw new Refused('wrong-key', `not a public key of kind ${kind}`, { cause })
  }
}

function parseRoles(value: Json): readonly string[] {
  const list = listMember(value, 'roles').map((item) => oneOf(roles, item, 'role'))
  if (list.length === 0 || new Set(list).size !== list.length)
    throw new Refused('malformed', 'roles are empty or repeated')
  return list
}

function checkUse({ kind, purpose, roles: held, notBefore, notAfter }: Registration): void {
  if (purpose === 'receive' && kind !== 'RSA') throw new Refused('wrong-key', 'a receiving key is an RSA key')
  if (purpose === 'sign' && statementAlgorithmOf(kind) === undefined) {
    throw new Refused('wrong-key', `a key of kind ${kind} does not sign statements`)
  }
  if (purpose === 'receive' && held.length > 0) throw new Refused('wrong-key', 'a receiving key has no roles')
  if (notBefore !== undefined && notAfter !== undefined && notBefore > notAfter) {
    throw new Refused('malformed', 'notBefore is later than notAfter')
  }
}

async function checkProof(
  registration: Registration,
  origin: string,
  body: JsonObject,
  proof: Json,
): Promise<void> {
  if (registration.purpose === 'receive') {
    const { answered } = membersOf(proof, 'the proof', ['answered'])
    checkUuid(textMember(answered, 'answered'), 'answered')
    return
  }
  const { signature } = membersOf(proof, 'the proof', ['signature'])
  const bytes = parseBase64url(textMember(signature, 'the proof'), 'the proof')
  const verify = await statementVerifierOf(registration.spki, registration.kind)
  if (!(await verify(proofMessage(origin, body), bytes))) {
    throw new Refused('bad-signature', 'the new key did not sign its registration')
  }
}

function oneOf(allowed: readonly string[], value: Json | undefined, what: string): string {
  if (typeof value !== 'string' || !allowed.includes(value)) {
    throw new Refused('malformed', `${what} is none of ${allowed.join(', ')}`)
  }
  return value
}
