// What one statement of the `keys` bucket asks for, and whether it counts: rules of registrars, owners and
// thresholds.
import { formatHex, type Hash, parseBase64url, parseHex } from './bytes.ts'
import { isObject, type JsonObject, membersOf, textMember } from './canonical.ts'
import { bucketOfOrigin } from './names.ts'
import { Refused } from './refused.ts'
import type { RegisteredKey } from './registered-key.ts'
import {
  parseLogKeys,
  parseRegistration,
  type Registration,
  replacesMessage,
  statementAlgorithmOf,
  statementVerifierOf,
} from './registration.ts'
import type { Statement } from './statement.ts'
import { parseTime } from './time.ts'
import { parseVkey } from './vkey.ts'

/** Something asked of the registry, and the owners of the registrar keys that asked for or approved it. */
export type Request = (
  | { readonly kind: 'register'; readonly registration: Registration; readonly replaces?: string }
  | { readonly kind: 'revoke'; readonly kid: string; readonly reason: string; readonly suspectFrom?: number }
  | { readonly kind: 'log-keys'; readonly log: string; readonly keys: readonly string[] }
  | { readonly kind: 'policy'; readonly digest: Hash }
) & {
  /** The block of `keys` that asks. */
  readonly index: number
  readonly owners: readonly string[]
}

/** The keys that a request is about: none for log keys and policies. */
export function keysOf(request: Request): readonly string[] {
  if (request.kind === 'revoke') return [request.kid]
  if (request.kind !== 'register') return []
  const { registration, replaces } = request
  return replaces === undefined ? [registration.kid] : [registration.kid, replaces]
}

/** The effect of one block of `keys`. */
export type RegistryChange = {
  readonly index: number
  readonly hash: Hash
  readonly time: number
  /** The key that signed it. */
  readonly signer: string
  readonly request: Request
  /** The block hash (hex) of the request that this block approves; absent when it is the request. */
  readonly approves?: string
  /** Whether the request takes effect with this block. */
  readonly counts: boolean
  /** Of the statement (identity.ts), in hexadecimal: no statement counts twice. */
  readonly identity: string
  /** Bytes of the entry. */
  readonly bytes: number
}

/** What a statement of `keys` does. */
type Effect = Pick<RegistryChange, 'request' | 'approves' | 'counts'>

/** The parts of the registry that a change is judged by. */
export type RegistryView = {
  readonly ledger: string
  readonly origin: string
  readonly threshold: number
  key(kid: string): RegisteredKey
  keyAt(kid: string, size: number): RegisteredKey
  isRegistered(kid: string): boolean
  /** The log that ever announced this key (a vkey's public key), if any did. */
  logOfKey(publicKey: Uint8Array): string | undefined
  requests(): ReadonlyMap<string, Request>
}

export async function changeOf(
  statement: Statement,
  signer: RegisteredKey,
  index: number,
  view: RegistryView,
): Promise<Effect> {
  const { type, body = {}, content } = statement.payload
  if (content !== undefined) throw new Refused('reserved', 'keys takes registry statements only')
  if (type === 'ledgerstone.key.approve') return approvalOf(statement, signer, index, view)
  const asked = await requestOf(type, body, index, view)
  checkPossible(asked, index, view)
  const request: Request = { ...asked, index, owners: [signer.owner] }
  if (asked.kind === 'revoke' && asked.kid === signer.kid) return { request, counts: true }
  if (
    asked.kind === 'revoke' &&
    view.key(asked.kid).owner === signer.owner &&
    !signer.roles.includes('registrar')
  ) {
    throw new Refused('wrong-key', 'an owner revokes a key with that key alone')
  }
  checkRegistrar(signer)
  return { request, counts: view.threshold <= 1 }
}

/**
 * A receiving key signs nothing but its own revocation, so that whoever holds it can stop it without anyone
 * else. Throws `wrong-key`.
 */
export function checkMaySign({ header, payload }: Statement, signer: RegisteredKey): void {
  const { type, body } = payload
  const isOwnRevocation = type === 'ledgerstone.key.revoke' && isObject(body) && body['kid'] === signer.kid
  const mayPurpose = signer.purpose === 'sign' || isOwnRevocation
  if (!mayPurpose || header.alg !== statementAlgorithmOf(signer.kind)) {
    throw new Refused('wrong-key', `key ${signer.kid} is not registered for this ${header.alg} signature`)
  }
}

type Asked =
  | { readonly kind: 'register'; readonly registration: Registration; readonly replaces?: string }
  | { readonly kind: 'revoke'; readonly kid: string; readonly reason: string; readonly suspectFrom?: number }
  | { readonly kind: 'log-keys'; readonly log: string; readonly keys: readonly string[] }
  | { readonly kind: 'policy'; readonly digest: Hash }

async function requestOf(type: string, body: JsonObject, index: number, view: RegistryView): Promise<Asked> {
  switch (type) {
    case 'ledgerstone.key.register': {
      return { kind: 'register', registration: await parseRegistration(view.origin, body) }
    }
    case 'ledgerstone.key.rotate':
      return rotationOf(body, index, view)
    case 'ledgerstone.key.revoke':
      return revocationOf(body)
    case 'ledgerstone.log-keys': {
      const m = membersOf(body, 'log-keys', ['log', 'logKeys'])
      const log = textMember(m['log'], 'log')
      bucketOfOrigin(log, view.ledger)
      return { kind: 'log-keys', log, keys: parseLogKeys(log, m['logKeys']) }
    }
    case 'ledgerstone.policy': {
      const m = membersOf(body, 'policy', ['policy'])
      return { kind: 'policy', digest: parseHex(textMember(m['policy'], 'policy'), 'policy', 32) }
    }
    default:
      throw new Refused('reserved', `keys takes no statements of type ${type}`)
  }
}

/** The same rules as a registration, and the old key's signature in addition. */
async function rotationOf(body: JsonObject, index: number, view: RegistryView): Promise<Asked> {
  const registration = await parseRegistration(view.origin, body, ['replaces', 'replacesProof'])
  const old = view.keyAt(textMember(body['replaces'], 'replaces'), index)
  if (old.owner !== registration.owner || old.purpose !== registration.purpose) {
    throw new Refused('wrong-key', 'a key is replaced by a key of the same owner and purpose')
  }
  const verify = await statementVerifierOf(old.spki, old.kind)
  const proof = parseBase64url(textMember(body['replacesProof'], 'replacesProof'), 'replacesProof')
  if (!(await verify(replacesMessage(view.origin, body), proof))) {
    throw new Refused('bad-signature', 'the old key did not sign its replacement')
  }
  return { kind: 'register', registration, replaces: old.kid }
}

function revocationOf(body: JsonObject): Asked {
  const m = membersOf(body, 'the revocation', ['kid', 'reason'], ['suspectFrom'])
  const kid = textMember(m['kid'], 'kid')
  const reason = textMember(m['reason'], 'reason')
  if (m['suspectFrom'] === undefined) return { kind: 'revoke', kid, reason }
  return {
    kind: 'revoke',
    kid,
    reason,
    suspectFrom: parseTime(textMember(m['suspectFrom'], 'suspectFrom'), 'suspectFrom'),
  }
}

function approvalOf(statement: Statement, signer: RegisteredKey, index: number, view: RegistryView): Effect {
  checkRegistrar(signer)
  membersOf(statement.payload.body, 'the approval', [])
  const [ref, more] = statement.payload.refs ?? []
  const approves = ref !== undefined && more === undefined ? formatHex(ref) : ''
  const request = view.requests().get(approves)
  if (request === undefined) throw new Refused('not-approved', 'the approval refers to no open request')
  if (request.owners.includes(signer.owner))
    throw new Refused('not-approved', 'this owner has approved already')
  checkPossible(request, index, view)
  const owners = [...request.owners, signer.owner]
  return { request: { ...request, owners }, approves, counts: owners.length >= view.threshold }
}

function checkRegistrar(signer: RegisteredKey): void {
  if (!signer.roles.includes('registrar'))
    throw new Refused('wrong-key', `key ${signer.kid} is not a registrar's`)
}

/**
 * Whether the registry can still do what is asked. Approvals ask again, because the registry moves on between
 * them: a late approval must not move the block at which a key was revoked or replaced.
 */
function checkPossible(asked: Asked, index: number, view: RegistryView): void {
  switch (asked.kind) {
    case 'register':
      checkNew(asked.registration, view)
      if (asked.replaces !== undefined) view.keyAt(asked.replaces, index)
      break
    case 'revoke':
      // A key ends once. Since when it is suspect may be found out later, and is only shown.
      if (asked.suspectFrom === undefined) view.keyAt(asked.kid, index)
      else view.key(asked.kid)
      break
    case 'log-keys':
      checkLogKeysFree(asked.log, asked.keys, view)
      break
    case 'policy':
  }
}

/** One kid per key, one registration per kid, whatever became of it. */
function checkNew({ kid, roles }: Registration, view: RegistryView): void {
  if (view.isRegistered(kid)) throw new Refused('id-reused', `key ${kid} is registered already`)
  if (roles.includes('ledger')) throw new Refused('wrong-key', 'the ledger key is named by the genesis alone')
}

/** Every origin has log keys of its own: a policy cannot hold one key for two logs. */
function checkLogKeysFree(log: string, keys: readonly string[], view: RegistryView): void {
  for (const key of keys) {
    const other = view.logOfKey(parseVkey(key).publicKey)
    if (other !== undefined && other !== log)
      throw new Refused('wrong-key', `a log key of ${log} is ${other}'s`)
  }
}
