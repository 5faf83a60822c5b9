// A block for reading: the ledger's view of it, and its parts in the article's words, out of the very bytes
// that Verify checks. Nothing here is verified.
import type { BlockView, LedgerApi } from '@ledgerstone/client/api'
import { type ArticleBlock, articleBlockOf } from '@ledgerstone/core/article'
import { parseEntry } from '@ledgerstone/core/block'
import { type Bytes, formatHex } from '@ledgerstone/core/bytes'
import { decodeEnvelope, type Envelope } from '@ledgerstone/core/envelope'
import { Refused } from '@ledgerstone/core/refused'
import { leafHash } from '@ledgerstone/core/tree'

/** `objectb` is cut; `ciphertextBytes` says how long it is. */
export type Payload = {
  readonly article: ArticleBlock
  readonly ciphertextBytes: number
  readonly suite: string | undefined
  readonly signer: string | undefined
  /** Every receiver's `objectc`, hexadecimal. */
  readonly receivers: readonly { readonly kid: string; readonly objectc: string }[]
}

/** Each part on its own: what is damaged must not hide the rest. */
export type BlockReading = {
  readonly view?: BlockView
  readonly payload?: Payload
  /** Why a part is not there. */
  readonly damaged?: string
}

const shownHexMax = 2 * 512

/** Throws when nothing answers, the token does not do, or there is no such block. */
export async function readBlock(api: LedgerApi, bucket: string, index: number): Promise<BlockReading> {
  const parts = await Promise.allSettled([api.block(bucket, index), readPayload(api, bucket, index)])
  const failures = parts.flatMap((part) => (part.status === 'rejected' ? [part.reason as unknown] : []))
  for (const failure of failures) {
    if (!(failure instanceof Refused) || !ofDamage.includes(failure.code)) throw failure
  }
  const [view, payload] = parts
  return {
    ...(view.status === 'fulfilled' && { view: view.value }),
    ...(payload.status === 'fulfilled' && { payload: payload.value }),
    ...(failures.length > 0 && {
      damaged: failures.map((failure) => (failure as Refused).message).join('; '),
    }),
  }
}

const ofDamage: readonly string[] = [
  'damaged-store',
  'malformed',
  'wrong-digest',
  'unknown-version',
  'too-large',
]

async function readPayload(api: LedgerApi, bucket: string, index: number): Promise<Payload> {
  const [entry, envelope] = await Promise.all([api.entry(bucket, index), readSealed(api, bucket, index)])
  const article = articleBlockOf(parseEntry(entry), leafHash(entry), envelope)
  return {
    article: { ...article, objectb: article.objectb.slice(0, shownHexMax) },
    ciphertextBytes: envelope?.ciphertext.length ?? 0,
    suite: envelope?.suite,
    signer: envelope?.signer,
    receivers: (envelope?.receivers ?? []).map(({ kid, wrapped }) => ({ kid, objectc: formatHex(wrapped) })),
  }
}

async function readSealed(api: LedgerApi, bucket: string, index: number): Promise<Envelope | undefined> {
  let bytes: Bytes
  try {
    bytes = await api.envelope(bucket, index)
  } catch (error) {
    // A statement with a body has none, and an erased one is gone.
    if (error instanceof Refused && (error.code === 'unknown-block' || error.code === 'erased'))
      return undefined
    throw error
  }
  return decodeEnvelope(bytes)
}
