// A receiver's private key in this browser: out of a PEM file for one use, or kept by the browser so that not
// even this page can read it again. It is sent nowhere.
import { openPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { type Opener, openerOf } from '@ledgerstone/core/open'
import { oaep, oaepUnwrapper } from '@ledgerstone/core/primitives/web-oaep'
import { Refused } from '@ledgerstone/core/refused'
import type { Database } from './database.ts'

export type KeyChoice =
  | { readonly kind: 'pem'; readonly pem: string; readonly passphrase?: string }
  | { readonly kind: 'kept'; readonly kid: string }

export type KeptKey = { readonly kid: string; readonly name: string; readonly at: number }

/**
 * The opener of the chosen key. Throws `malformed` for a damaged file, `wrong-passphrase`, `wrong-key` for a
 * key of another kind.
 */
export async function openerFor(choice: KeyChoice, database: Database | undefined): Promise<Opener> {
  if (choice.kind === 'pem') return openerOf(await pkcs8Of(choice.pem, choice.passphrase))
  const kept = await database?.get('keys', choice.kid)
  if (kept === undefined) throw new Refused('unknown-key', 'this browser does not keep that key any more')
  return { kid: kept.kid, unwrap: oaepUnwrapper(kept.key) }
}

/** Keeps the key of a PEM file as one that cannot be extracted. Throws as `openerFor`. */
export async function keepKey(
  database: Database,
  given: { readonly pem: string; readonly passphrase?: string; readonly name: string },
  at: number,
): Promise<KeptKey> {
  const pkcs8 = await pkcs8Of(given.pem, given.passphrase)
  const { kid } = await openerOf(pkcs8)
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, oaep, false, ['decrypt'])
  await database.put('keys', { kid, name: given.name, key, at })
  return { kid, name: given.name, at }
}

export async function keptKeys(database: Database | undefined): Promise<readonly KeptKey[]> {
  const keys = (await database?.getAll('keys')) ?? []
  return keys.map(({ kid, name, at }) => ({ kid, name, at }))
}

async function pkcs8Of(pem: string, passphrase: string | undefined): Promise<Uint8Array<ArrayBuffer>> {
  return openPrivateKeyPem(pem, () => {
    if (passphrase === undefined || passphrase === '') {
      throw new Refused('wrong-passphrase', 'the key is encrypted: its passphrase is needed')
    }
    return passphrase
  })
}
