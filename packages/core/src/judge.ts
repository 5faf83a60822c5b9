// The one written rule by which a block outside `keys` may stand. Admission, audit, verifiers and mirrors all
// call it.
import type { Block } from './block.ts'
import { membersOf } from './canonical.ts'
import type { EnvelopeHeader, WrappedKey } from './envelope.ts'
import { isReservedType, keysBucket, originOf } from './names.ts'
import { Refused } from './refused.ts'
import type { RegisteredKey } from './registered-key.ts'
import type { Registration } from './registration.ts'
import { checkHeader, checkSignature, checkValidity, hasRole, type Registry } from './registry.ts'
import { parseStatement, type Statement } from './statement.ts'
import { suiteNamed } from './suites.ts'
import { checkIssued } from './window.ts'

/** Where a statement stands, or is to stand. */
export type Place = Pick<Block, 'bucket' | 'index' | 'time' | 'keys'>

/** What the judgement looks at: of a statement, and of an envelope. */
export type Claim = Pick<Statement, 'header'> & {
  readonly payload: Pick<Statement['payload'], 'log' | 'type' | 'issued' | 'body'>
}
export type Sealing = Pick<EnvelopeHeader, 'suite' | 'signer'> & {
  readonly receivers: readonly Pick<WrappedKey, 'kid'>[]
}

/** A statement that the registry, as of the block's `keys`, allows in its place. Its signature is checked. */
export type JudgedStatement = {
  readonly statement: Statement
  readonly key: RegisteredKey
}

/** The judged statement of a block. Throws the reason why it may not stand. */
export async function judgeBlock(block: Block, registry: Registry): Promise<JudgedStatement> {
  const statement = parseStatement(block.statement)
  const key = judgeStatement(statement, block, registry)
  await checkSignature(statement, await registry.verifier(key))
  return { statement, key }
}

/**
 * Everything about a statement but its signature: log, time, key, role. Throws `wrong-log`,
 * `stale-statement`, `unknown-key`, `key-revoked`, `key-expired`, `wrong-key`, `wrong-ledger`, `reserved`,
 * `gap`.
 */
export function judgeStatement(statement: Claim, place: Place, registry: Registry): RegisteredKey {
  const { bucket, index, time, keys } = place
  const { payload, header } = statement
  if (bucket === keysBucket) throw new Refused('reserved', 'blocks of keys are judged by the registry itself')
  if (payload.log !== originOf(registry.ledger, bucket))
    throw new Refused('wrong-log', 'the statement is for another log')
  checkIssued(payload.issued, time)
  if (keys > registry.size)
    throw new Refused('gap', `the registry ends at ${registry.size}, the block names ${keys}`)
  const key = registry.keyAt(header.kid, keys)
  checkValidity(key, time)
  checkHeader(statement, key)
  const genesis = payload.type === 'ledgerstone.genesis'
  if (genesis !== (index === 0))
    throw new Refused('reserved', 'block 0 is the genesis, and no other block is one')
  if (genesis) checkGenesis(statement, key, bucket, registry)
  else if (isReservedType(payload.type))
    throw new Refused('reserved', `${payload.type} is not taken in this bucket`)
  else if (key.roles.length > 0)
    throw new Refused('wrong-key', `a key with the role ${key.roles[0]} signs no records`)
  return key
}

/**
 * Whether the envelope may stand under its statement: the key signature's key and the statement's key have
 * one owner, and every receiver is registered and in force. (That the envelope is the one that the statement
 * names is `checkContent`.) Throws `unknown-key`, `key-revoked`, `key-expired`, `wrong-key`.
 */
export function judgeEnvelope(envelope: Sealing, key: RegisteredKey, place: Place, registry: Registry): void {
  const signer = registry.keyAt(envelope.signer, place.keys)
  checkValidity(signer, place.time)
  const { signerKind = signer.kind } = suiteNamed(envelope.suite)
  if (signer.owner !== key.owner || signer.purpose !== 'sign' || signer.kind !== signerKind) {
    throw new Refused('wrong-key', 'the key signature is not by a signing key of the owner of the statement')
  }
  for (const { kid } of envelope.receivers) checkReceiver(registry.keyAt(kid, place.keys), place.time)
}

/** Throws `wrong-key` or `key-expired` unless records may be sealed for this key at that time. */
export function checkReceiver(key: Registration, time: number): void {
  if (key.purpose !== 'receive') throw new Refused('wrong-key', `key ${key.kid} is not a receiving key`)
  checkValidity(key, time)
}

function checkGenesis(statement: Claim, key: RegisteredKey, bucket: string, registry: Registry): void {
  const body = membersOf(statement.payload.body, 'the genesis', ['bucket', 'ledger'])
  if (!hasRole(key, 'ledger')) throw new Refused('wrong-key', 'a genesis is signed by the ledger key')
  if (body['ledger'] !== registry.ledger || body['bucket'] !== bucket) {
    throw new Refused('wrong-ledger', 'the genesis names another ledger or bucket')
  }
}
