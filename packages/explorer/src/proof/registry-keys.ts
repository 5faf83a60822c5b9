// The key registry as this browser has replayed it: what the page Keys shows, and changes signed with the
// person's own keys. Nothing here is believed because the ledger says it.
import { pinnedOf, type Standing, standingOf } from '@ledgerstone/client/anchor'
import { type ChangeRequest, carryOut } from '@ledgerstone/client/change-request'
import type { BlockReader } from '@ledgerstone/client/open'
import { type ChangePosted, registryChanges } from '@ledgerstone/client/registry-changes'
import { formatHex } from '@ledgerstone/core/bytes'
import { openPrivateKeyPem } from '@ledgerstone/core/encrypted-key'
import { keyHistory, keyLives, pendingChanges } from '@ledgerstone/core/key-life'
import { type OwnKey, ownKeyOf } from '@ledgerstone/core/key-pair'
import {
  type EventView,
  type KeyView,
  type PendingView,
  viewEvent,
  viewKey,
  viewPending,
} from '@ledgerstone/core/key-view'
import { describePolicy } from '@ledgerstone/core/policy'
import { Refused } from '@ledgerstone/core/refused'

export type KeysReading = {
  readonly standing: Standing
  /** Of the trust file; absent without one. */
  readonly policy?: string
  /** Of block 0, in hexadecimal. */
  readonly genesis: string
  /** Blocks of `keys` that were replayed. */
  readonly size: number
  /** Distinct registrars who must approve a change. */
  readonly threshold: number
  /** Milliseconds since 1970: later changes may be missing. */
  readonly asOf: number
  readonly keys: readonly KeyView[]
  readonly pending: readonly PendingView[]
}

export type PemKey = { readonly pem: string; readonly passphrase?: string }

/** Throws what the registry, its checkpoint or a proof is refused for. */
export async function readKeys({ trust, follower }: BlockReader, now: number): Promise<KeysReading> {
  const { registry, checkpoint, asOf } = await follower.refresh()
  const pinned = pinnedOf(trust)
  return {
    standing: standingOf(pinned !== undefined, checkpoint.quorum),
    ...(pinned !== undefined && { policy: describePolicy(pinned.policy) }),
    genesis: formatHex(registry.genesis),
    ...{ size: registry.size, threshold: registry.threshold, asOf },
    keys: keyLives(registry, now).map(viewKey),
    pending: pendingChanges(registry).map(viewPending),
  }
}

export async function readKeyHistory({ follower }: BlockReader, kid: string): Promise<readonly EventView[]> {
  const { registry } = await follower.refresh()
  return keyHistory(registry, kid).map(viewEvent)
}

/** Signs a change with keys out of PEM files, and posts it; they are sent nowhere. */
export function changeKeys(
  { api, follower }: BlockReader,
  change: ChangeRequest<PemKey>,
  by: PemKey,
  now: () => number,
): Promise<ChangePosted> {
  const changes = registryChanges({ api, follower, now })
  return readPem(by).then((signer) => carryOut(changes, change, signer, readPem))
}

/** Throws `wrong-passphrase`, `malformed`, `wrong-key`. */
async function readPem({ pem, passphrase }: PemKey): Promise<OwnKey> {
  const pkcs8 = await openPrivateKeyPem(pem, () => {
    if (passphrase !== undefined && passphrase !== '') return passphrase
    throw new Refused('wrong-passphrase', 'the key is encrypted: its passphrase is needed')
  })
  try {
    return await ownKeyOf(pkcs8)
  } catch (cause) {
    throw new Refused('malformed', 'the key is damaged, or of an unknown kind', { cause })
  }
}
