// What one statement of the `keys` bucket asks for, and whether it counts: rules of registrars, owners and thresholds.
import { verifierOf } from '#primitives'
import { formatHex, type Hash, parseBase64url, parseHex } from './bytes.ts'
import { type Json, type JsonObject, membersOf, textMember } from './canonical.ts'
import { bucketOfOrigin } from './names.ts'
import { Refused } from './refused.ts'
import {
  parseLogKeys,
  parseRegistration,
  type Registration,
  replacesMessage,
  statementAlgorithmOf,
} from './registration.ts'
import type { RegisteredKey } from './registry.ts'
import type { Statement } from './statement.ts'
import { parseTime } from './time.ts'

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

/** The effect of one block of `keys`. */
export type RegistryChange = {
  readonly index: number
  readonly hash: Hash
  readonly time: number
  readonly request: Request
  /** The block hash (hex) of the request that this block approves; absent when it is the request. */
  readonly approves?: string
  /** Whether the request takes effect with this block. */
  readonly counts: boolean
}

/** The parts of the registry that a change is judged by. */
export type RegistryView = {
  readonly ledger: string
  readonly origin: string
  readonly threshold: number
  key(kid: string): RegisteredKey
  keyAt(kid: string, size: number): RegisteredKey
  keys(): readonly RegisteredKey[]
  requests(): ReadonlyMap<string, Request>
}

export async function changeOf(
  statement: Statement,
  signer: RegisteredKey,
  index: number,
  view: RegistryView,
): Promise<Pick<RegistryChange, 'request' | 'approves' | 'counts'>> {
  const { type, body = {}, content } = statement.payload
  if (content !== undefined) throw new Refused('reserved', 'keys takes registry statements only')
  if (type === 'ledgerstone.key.approve') return approvalOf(statement, signer, view)
  const asked = await requestOf(type, body, index, view)
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

type Asked =
  | { readonly kind: 'register'; readonly registration: Registration; readonly replaces?: string }
  | { readonly kind: 'revoke'; readonly kid: string; readonly reason: string; readonly suspectFrom?: number }
  | { readonly kind: 'log-keys'; readonly log: string; readonly keys: readonly string[] }
  | { readonly kind: 'policy'; readonly digest: Hash }

async function requestOf(type: string, body: JsonObject, index: number, view: RegistryView): Promise<Asked> {
  switch (type) {
    case 'ledgerstone.key.register': {
      const registration = await parseRegistration(view.origin, body)
      checkNew(registration, view)
      return { kind: 'register', registration }
    }
    case 'ledgerstone.key.rotate':
      return rotationOf(body, index, view)
    case 'ledgerstone.key.revoke':
      return revocationOf(body, index, view)
    case 'ledgerstone.log-keys': {
      const m = membersOf(body, 'log-keys', ['log', 'logKeys'])
      const log = textMember(m['log'], 'log')
      bucketOfOrigin(log, view.ledger)
      return { kind: 'log-keys', log, keys: parseLogKeys(m['logKeys'] as Json) }
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
  checkNew(registration, view)
  const old = view.keyAt(textMember(body['replaces'], 'replaces'), index)
  if (old.owner !== registration.owner || old.purpose !== registration.purpose) {
    throw new Refused('wrong-key', 'a key is replaced by a key of the same owner and purpose')
  }
  const algorithm = old.purpose === 'receive' ? 'PS256' : statementAlgorithmOf(old.kind)
  if (algorithm === undefined) throw new Refused('wrong-key', 'the old key cannot sign')
  const verify = await verifierOf(algorithm, old.spki)
  const proof = parseBase64url(textMember(body['replacesProof'], 'replacesProof'), 'replacesProof')
  if (!(await verify(replacesMessage(view.origin, body), proof))) {
    throw new Refused('bad-signature', 'the old key did not sign its replacement')
  }
  return { kind: 'register', registration, replaces: old.kid }
}

function revocationOf(body: JsonObject, index: number, view: RegistryView): Asked {
  const m = membersOf(body, 'the revocation', ['kid', 'reason'], ['suspectFrom'])
  const { kid } = view.keyAt(textMember(m['kid'], 'kid'), index)
  const reason = textMember(m['reason'], 'reason')
  if (m['suspectFrom'] === undefined) return { kind: 'revoke', kid, reason }
  return {
    kind: 'revoke',
    kid,
    reason,
    suspectFrom: parseTime(textMember(m['suspectFrom'], 'suspectFrom'), 'suspectFrom'),
  }
}

function approvalOf(
  statement: Statement,
  signer: RegisteredKey,
  view: RegistryView,
): Pick<RegistryChange, 'request' | 'approves' | 'counts'> {
  checkRegistrar(signer)
  membersOf(statement.payload.body, 'the approval', [])
  const [ref, more] = statement.payload.refs ?? []
  const approves = ref !== undefined && more === undefined ? formatHex(ref) : ''
  const request = view.requests().get(approves)
  if (request === undefined) throw new Refused('not-approved', 'the approval refers to no open request')
  if (request.owners.includes(signer.owner))
    throw new Refused('not-approved', 'this owner has approved already')
  if (request.kind === 'register') checkNew(request.registration, view)
  const owners = [...request.owners, signer.owner]
  return { request: { ...request, owners }, approves, counts: owners.length >= view.threshold }
}

function checkRegistrar(signer: RegisteredKey): void {
  if (!signer.roles.includes('registrar'))
    throw new Refused('wrong-key', `key ${signer.kid} is not a registrar's`)
}

/** One kid per key, one registration per kid, whatever became of it. */
function checkNew({ kid, roles }: Registration, view: RegistryView): void {
  if (view.keys().some((key) => key.kid === kid))
    throw new Refused('id-reused', `key ${kid} is registered already`)
  if (roles.includes('ledger')) throw new Refused('wrong-key', 'the ledger key is named by the genesis alone')
}
