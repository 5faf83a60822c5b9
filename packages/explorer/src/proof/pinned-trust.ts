// The trust file: from the desk's configuration, or chosen by the person and kept in this browser.
import { formatHex, utf8 } from '@ledgerstone/core/bytes'
import { describePolicy } from '@ledgerstone/core/policy'
import { Refused } from '@ledgerstone/core/refused'
import { parseTrust, type Trust } from '@ledgerstone/core/trust'
import type { Database } from './database.ts'

/** `desk`: it comes with the program on this computer. `browser`: the person has chosen it here. */
export type PinnedTrust = {
  readonly trust: Trust
  readonly text: string
  readonly source: 'desk' | 'browser'
}

export type TrustView = {
  readonly source: PinnedTrust['source']
  readonly ledger: string
  /** Hexadecimal. */
  readonly genesis: string
  readonly keysVkey: string
  readonly policy: string
  /** SHA-256 of the file, hexadecimal, as `sha256sum` shows it. */
  readonly fingerprint: string
}

/** A file that is not in its exact form is refused, and never taken for none. */
export async function readPinned(
  database: Database | undefined,
  fromDesk: string | undefined,
): Promise<PinnedTrust | undefined> {
  if (fromDesk !== undefined) return { trust: parseTrust(fromDesk), text: fromDesk, source: 'desk' }
  const text = await database?.get('settings', 'trust')
  return text === undefined ? undefined : { trust: parseTrust(text), text, source: 'browser' }
}

/** Throws what `parseTrust` refuses, and `wrong-ledger` for the trust file of another ledger. */
export async function pin(database: Database, ledger: string, text: string): Promise<void> {
  const trust = parseTrust(text)
  if (trust.ledger !== ledger) {
    throw new Refused('wrong-ledger', `the trust file is of ${trust.ledger}, this page shows ${ledger}`)
  }
  await database.put('settings', text, 'trust')
}

export async function unpin(database: Database): Promise<void> {
  await database.delete('settings', 'trust')
}

export async function viewTrust({ trust, text, source }: PinnedTrust): Promise<TrustView> {
  const digest = await crypto.subtle.digest('SHA-256', utf8(text))
  return {
    source,
    ledger: trust.ledger,
    genesis: formatHex(trust.genesis),
    keysVkey: trust.keysVkey.text,
    policy: describePolicy(trust.policy),
    fingerprint: formatHex(new Uint8Array(digest)),
  }
}
