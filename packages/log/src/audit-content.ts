// The audit's look into one block whose bytes are sound: statement, signature, envelope, identity. A
// check throws what is wrong.
import { type Bytes, concat } from '@ledgerstone/core/bytes'
import { checkContent, decodeEnvelope } from '@ledgerstone/core/envelope'
import { caseKeyOf, identityOf } from '@ledgerstone/core/identity'
import { judgeEnvelope, judgeStatement, type Place } from '@ledgerstone/core/judge'
import { Refused } from '@ledgerstone/core/refused'
import type { RegisteredKey } from '@ledgerstone/core/registered-key'
import type { Registry } from '@ledgerstone/core/registry'
import type { Statement } from '@ledgerstone/core/statement'
import { parseTime } from '@ledgerstone/core/time'
import type { SoundBlock } from './audit-chain.ts'
import type { Verifiers } from './verify.ts'

/**
 * The key of a statement that may stand, its signature checked. Blocks of `keys` are judged by the registry
 * itself.
 */
export function auditStatement(
  { scanned }: SoundBlock,
  statement: Statement,
  registry: Registry,
  verifiers: Verifiers,
): Promise<RegisteredKey> {
  return new Promise((resolve, reject) => {
    const key = judgeStatement(statement, placeOf(scanned), registry)
    verifiers.verify(statement, key.spki, 'audit', (isGood, error) => {
      if (isGood) resolve(key)
      else
        reject(error ?? new Refused('bad-signature', 'the statement is not signed by the key that it names'))
    })
  })
}

/** These bytes are the envelope that the statement names, and its keys are those of the statement's owner. */
export function auditEnvelope(
  { scanned }: SoundBlock,
  { payload }: Statement,
  key: RegisteredKey | undefined,
  envelopeBytes: Bytes,
  registry: Registry | undefined,
): void {
  if (payload.content === undefined) {
    if (envelopeBytes.length > 0) throw new Refused('wrong-digest', 'a block without content has an envelope')
    return
  }
  if (envelopeBytes.length === 0) throw new Refused('gap', 'the envelope is missing')
  const envelope = decodeEnvelope(envelopeBytes)
  checkContent(payload.content, envelope)
  if (key !== undefined && registry !== undefined) judgeEnvelope(envelope, key, placeOf(scanned), registry)
}

/** The row that the statement should have among the identities: identity and case key. */
export function identityRowOf(owner: string, { payload }: Statement): Bytes {
  const caseKey = payload.case === undefined ? new Uint8Array(32) : caseKeyOf(payload.log, payload.case.id)
  return concat(identityOf(payload.log, owner, payload.id), caseKey)
}

function placeOf(scanned: SoundBlock['scanned']): Place {
  return {
    bucket: scanned.bucket,
    index: Number(scanned.index),
    time: parseTime(scanned.time, 'the block time'),
    keys: Number(scanned.keys),
  }
}
