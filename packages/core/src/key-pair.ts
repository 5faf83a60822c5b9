import { generateKeyPair, type KeyKind, publicOf, type Sign, signerOf } from '#primitives'
import type { Bytes } from './bytes.ts'
import { Refused } from './refused.ts'
import { statementAlgorithmOf } from './registration.ts'
import { checkSpki, keyIdOf } from './spki.ts'
import type { StatementAlgorithm } from './statement.ts'

export type { KeyKind }

/** A private key with its public half and id. `pkcs8` must never be printed or sent. */
export type OwnKey = { readonly kid: string; readonly spki: Bytes; readonly pkcs8: Bytes }

export async function createKey(kind: KeyKind): Promise<OwnKey> {
  const { spki, pkcs8 } = await generateKeyPair(kind)
  return { kid: keyIdOf(spki), spki, pkcs8 }
}

export async function ownKeyOf(pkcs8: Bytes): Promise<OwnKey> {
  const spki = await publicOf(pkcs8)
  return { kid: keyIdOf(spki), spki, pkcs8 }
}

/** The key as a signer of statements and of proofs of possession. Throws `wrong-key`. */
export async function statementSignerOf(
  key: OwnKey,
): Promise<{ readonly kid: string; readonly alg: StatementAlgorithm; readonly sign: Sign }> {
  const alg = statementAlgorithmOf(checkSpki(key.spki))
  if (alg === undefined) throw new Refused('wrong-key', 'a key of this kind does not sign statements')
  return { kid: key.kid, alg, sign: await signerOf(alg, key.pkcs8) }
}
