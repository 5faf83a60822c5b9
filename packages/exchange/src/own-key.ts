// A key that this side announces, and what it proves it with. Private halves stay inside the functions.
import { type Bytes, formatBase64url, Reader, Writer } from '@ledgerstone/core/bytes'
import type { JsonObject } from '@ledgerstone/core/canonical'
import { type OwnKey, statementSignerOf } from '@ledgerstone/core/key-pair'
import { unwrapperOf } from '@ledgerstone/core/primitives/node'
import {
  formatRegistration,
  parseRegistration,
  proofMessage,
  type Registration,
  replacesMessage,
} from '@ledgerstone/core/registration'
import { checkSpki } from '@ledgerstone/core/spki'
import { type AnnouncedKey, announcedKey } from './announced-key.ts'
import type { Unwrap } from './challenge.ts'

type Signer = Awaited<ReturnType<typeof statementSignerOf>>

export type ProvingKey = AnnouncedKey & {
  /** Of a signing key. */
  readonly signer?: Signer
  /** Of a receiving key. */
  readonly unwrap?: Unwrap
  /** Of the key that this one replaces. */
  readonly replaced?: Signer
}

/**
 * What is asked for a key. `replaces` is the old private key, whose signature a rotation needs in addition.
 */
export type Wanted = Pick<Registration, 'owner' | 'purpose' | 'assurance'> &
  Partial<Pick<Registration, 'notBefore' | 'notAfter'>> & { readonly replaces?: OwnKey }

/** Throws `wrong-key` for a key that does not serve the purpose, `bad-name` for the owner. */
export async function provingKey(key: OwnKey, { replaces, ...wanted }: Wanted): Promise<ProvingKey> {
  const { kid, spki } = key
  const body = formatRegistration({ ...wanted, kid, spki, kind: checkSpki(spki), roles: [] })
  const announced = announcedKey(replaces === undefined ? body : { ...body, replaces: replaces.kid })
  return {
    ...announced,
    ...(wanted.purpose === 'sign'
      ? { signer: await statementSignerOf(key) }
      : { unwrap: unwrapperOf(key.pkcs8) }),
    ...(replaces !== undefined && { replaced: await statementSignerOf(replaces) }),
  }
}

/*
 * What a registration needs beside the ceremony: signatures by the new key and the one that it replaces.
 * Everyone checks them who replays the registry.
 *
 *     registration proof = u16 n | signature, empty for a receiving key
 *                        | u16 n | signature of the old key, or empty
 */
export async function proveRegistration(key: ProvingKey, origin: string): Promise<Bytes> {
  const writer = new Writer()
  writer.bytes16((await key.signer?.sign(proofMessage(origin, key.claims))) ?? new Uint8Array(0))
  writer.bytes16((await key.replaced?.sign(replacesMessage(origin, key.claims))) ?? new Uint8Array(0))
  return writer.finish()
}

/**
 * The body of the registration of a key whose proofs are sound; that of the old key is judged by the
 * registry. The proof of a receiving key is the exchange in which it answered. Throws `malformed`,
 * `wrong-key`, `bad-signature`.
 */
export async function provenRegistration(
  { claims, purpose, replaces }: AnnouncedKey,
  proof: Bytes,
  where: { readonly origin: string; readonly exchange: string },
): Promise<JsonObject> {
  const reader = new Reader(proof, 'a registration proof')
  const [signature, old] = [reader.bytes16(), reader.bytes16()]
  reader.finish()
  const body = {
    ...claims,
    proof: purpose === 'receive' ? { answered: where.exchange } : { signature: formatBase64url(signature) },
    ...(replaces !== undefined && { replacesProof: formatBase64url(old) }),
  }
  await parseRegistration(where.origin, body, replaces === undefined ? [] : ['replaces', 'replacesProof'])
  return body
}
