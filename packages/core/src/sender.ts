import { signerOf } from '#primitives'
import { type OwnKey, statementSignerOf } from './key-pair.ts'
import { Refused } from './refused.ts'
import type { Sender } from './seal.ts'
import { checkSpki } from './spki.ts'

/**
 * A sender out of its private keys: `statement` signs the JWS, `key` (RSA) makes the key signatures. A sender
 * of imports alone has no RSA key: its statement key stands as the envelope's signer. Throws `wrong-key`.
 */
export async function senderOf(
  statement: OwnKey,
  key: OwnKey | undefined,
  retryKey: Uint8Array | undefined,
): Promise<Sender> {
  const signer = await statementSignerOf(statement)
  const retry = retryKey === undefined ? {} : { retryKey }
  if (key === undefined)
    return { statement: signer, key: { kid: statement.kid, sign: refuseToSign }, ...retry }
  if (checkSpki(key.spki) !== 'RSA') throw new Refused('wrong-key', 'key signatures are made by an RSA key')
  return { statement: signer, key: { kid: key.kid, sign: await signerOf('RS256', key.pkcs8) }, ...retry }
}

function refuseToSign(): never {
  throw new Refused('wrong-key', 'this sender has no RSA key to sign content keys with')
}
