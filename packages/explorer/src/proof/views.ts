// What was found, as plain texts and numbers that can go from the worker to the page. Hashes in hexadecimal.
import type { Standing } from '@ledgerstone/client/anchor'
import { publishedAt } from '@ledgerstone/client/final'
import type { Step } from '@ledgerstone/client/steps'
import { formatHex, type Hash } from '@ledgerstone/core/bytes'
import type { VerifiedCheckpoint } from '@ledgerstone/core/checkpoint'
import { originOf } from '@ledgerstone/core/names'
import type { Policy } from '@ledgerstone/core/policy'
import type { Receipt } from '@ledgerstone/core/receipt'
import { Refused } from '@ledgerstone/core/refused'
import type { RegisteredKey } from '@ledgerstone/core/registered-key'
import type { Registry } from '@ledgerstone/core/registry'
import { inclusionPath } from '@ledgerstone/core/tree'
import { parseVkey, type Vkey } from '@ledgerstone/core/vkey'

export type LogKeyView = {
  readonly name: string
  readonly algorithm: 'Ed25519' | 'ML-DSA-44'
  /** SHA-256 of the public key. */
  readonly fingerprint: string
  readonly vkey: string
}

/** What to compare with the trust file, or with somebody else by telephone. */
export type Fingerprints = { readonly genesis: string; readonly logKeys: readonly LogKeyView[] }

export type SignerView = {
  readonly name: string
  readonly kind: 'log' | 'witness'
  readonly algorithm: 'Ed25519' | 'ML-DSA-44'
  /** Milliseconds since 1970, by the signer's clock; absent for signatures that carry none. */
  readonly at?: number
}

export type CheckpointView = {
  readonly origin: string
  readonly size: number
  readonly root: string
  readonly quorum: VerifiedCheckpoint['quorum']
  readonly signers: readonly SignerView[]
  /** Milliseconds since 1970. */
  readonly publishedAt?: number
}

/** From the leaf up; the last node is the root that the proof gives, which ought to be the checkpoint's. */
export type PathView = {
  readonly index: number
  readonly size: number
  readonly leaf: string
  readonly root: string
  readonly steps: readonly {
    readonly sibling: string
    readonly side: 'left' | 'right'
    readonly node: string
  }[]
}

export type SenderView = { readonly kid: string; readonly owner: string; readonly kind: string }

export type BlockVerdict = {
  readonly standing: Standing | 'failed'
  readonly policy: string
  readonly steps: readonly Step[]
  readonly hash?: string
  readonly sender?: SenderView
  readonly checkpoint?: CheckpointView
  readonly path?: PathView
  readonly fingerprints?: Fingerprints
  readonly suspect: boolean
  /** How long it took, in milliseconds. */
  readonly tookMs: number
}

const algorithms = { note: 'Ed25519', cosignature: 'Ed25519', mldsa: 'ML-DSA-44' } as const

export function viewCheckpoint(checkpoint: VerifiedCheckpoint, policy: Policy | undefined): CheckpointView {
  const { origin, head, quorum, logKeys, logSeconds, cosigners } = checkpoint
  const log = logKeys.map(({ name, type }): SignerView => {
    const at = type === 'mldsa' && logSeconds !== undefined ? { at: logSeconds * 1000 } : {}
    return { name, kind: 'log', algorithm: algorithms[type], ...at }
  })
  const witnesses = cosigners.map(
    ({ witness, vkey, seconds }): SignerView => ({
      name: witness,
      kind: 'witness',
      algorithm: algorithms[vkey.type],
      at: seconds * 1000,
    }),
  )
  const published = publishedAt(checkpoint, policy)
  return {
    origin,
    size: head.size,
    root: formatHex(head.root),
    quorum,
    signers: [...log, ...witnesses],
    ...(published !== undefined && { publishedAt: published }),
  }
}

/** Undefined when the proof does not even have the length that such a tree asks for. */
export function viewPath(
  leaf: Hash,
  { index, proof }: Receipt,
  { head }: VerifiedCheckpoint,
): PathView | undefined {
  try {
    const steps = inclusionPath(leaf, index, head.size, proof).map(({ sibling, side, node }) => ({
      sibling: formatHex(sibling),
      side,
      node: formatHex(node),
    }))
    return { index, size: head.size, leaf: formatHex(leaf), root: formatHex(head.root), steps }
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}

export async function fingerprintsOf(registry: Registry, bucket: string): Promise<Fingerprints> {
  const origins = new Set([registry.origin, originOf(registry.ledger, bucket)])
  const known = registry.origins().filter((origin) => origins.has(origin))
  const vkeys = known
    .flatMap((origin) => registry.logKeysAt(origin, registry.size))
    .map((text) => parseVkey(text))
  return { genesis: formatHex(registry.genesis), logKeys: await Promise.all(vkeys.map(viewVkey)) }
}

async function viewVkey({ name, type, publicKey, text }: Vkey): Promise<LogKeyView> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', publicKey))
  return { name, algorithm: algorithms[type], fingerprint: formatHex(digest), vkey: text }
}

export function viewSender({ kid, owner, kind }: RegisteredKey): SenderView {
  return { kid, owner, kind }
}
