// Bodies of registrations and rotations with their proofs of possession, made where the private keys are.
import { randomBytes, unwrapperOf, wrapperOf } from '#primitives'
import { equalBytes, formatBase64url } from './bytes.ts'
import type { JsonObject } from './canonical.ts'
import { type OwnKey, statementSignerOf } from './key-pair.ts'
import { Refused } from './refused.ts'
import { formatRegistration, proofMessage, type Registration, replacesMessage } from './registration.ts'
import { checkSpki } from './spki.ts'
import { liveId } from './uuid.ts'

/** What is said of a key that is to be registered. */
export type Claims = Pick<Registration, 'owner' | 'purpose' | 'assurance'> &
  Partial<Pick<Registration, 'roles' | 'notBefore' | 'notAfter'>>

/** Where a registration is to stand: the origin of `keys`; now, in milliseconds since 1970. */
export type At = { readonly origin: string; readonly now: number }

/**
 * The body of `ledgerstone.key.register`. A receiving key, which signs nothing, answers a challenge here and
 * now. Throws `wrong-key` for a key that does not serve the purpose.
 */
export async function registrationBody(key: OwnKey, claims: Claims, at: At): Promise<JsonObject> {
  return proven(claimed(key, claims), key, claims, at)
}

/** The body of `ledgerstone.key.rotate`: signed by the key that is replaced, too. Throws `wrong-key`. */
export async function rotationBody(old: OwnKey, key: OwnKey, claims: Claims, at: At): Promise<JsonObject> {
  const body = { ...claimed(key, claims), replaces: old.kid }
  const { sign } = await statementSignerOf(old)
  const replacesProof = formatBase64url(await sign(replacesMessage(at.origin, body)))
  return proven({ ...body, replacesProof }, key, claims, at)
}

function claimed({ kid, spki }: OwnKey, claims: Claims): JsonObject {
  return formatRegistration({ roles: [], ...claims, kid, spki, kind: checkSpki(spki) })
}

async function proven(body: JsonObject, key: OwnKey, { purpose }: Claims, at: At): Promise<JsonObject> {
  if (purpose === 'receive') {
    await checkAnswers(key)
    return { ...body, proof: { answered: liveId(at.now) } }
  }
  const { sign } = await statementSignerOf(key)
  return { ...body, proof: { signature: formatBase64url(await sign(proofMessage(at.origin, body))) } }
}

/** Throws `wrong-key` unless the private key opens what is wrapped for the public one. */
async function checkAnswers({ kid, spki, pkcs8 }: OwnKey): Promise<void> {
  const challenge = randomBytes(32)
  try {
    const [wrap, unwrap] = [await wrapperOf(spki), await unwrapperOf(pkcs8)]
    if (equalBytes(await unwrap(await wrap(challenge)), challenge)) return
  } catch (cause) {
    throw new Refused('wrong-key', `key ${kid} does not open what is sealed for it`, { cause })
  }
  throw new Refused('wrong-key', `key ${kid} does not open what is sealed for it`)
}
