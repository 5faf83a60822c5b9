// A block as people and programs read it. For showing: what is verified is the entry's bytes.
import type { Block } from '@ledgerstone/core/block'
import { type Bytes, formatHex, type Hash, parseBase64url, textOf } from '@ledgerstone/core/bytes'
import { type Json, parseJson } from '@ledgerstone/core/canonical'
import type { EnvelopeHeader } from '@ledgerstone/core/envelope'
import { labelsJson } from '@ledgerstone/core/labels'
import { formatTime } from '@ledgerstone/core/time'
import { storedHeader } from './stored-envelope.ts'

export type BlockView = {
  readonly bucket: string
  readonly index: number
  readonly hash: string
  readonly prevhash: string
  /** null for the newest block. */
  readonly nexthash: string | null
  readonly time: string
  /** Size of the key registry that judged the statement. */
  readonly keys: number
  readonly final: boolean
  /** kid of the statement's key. */
  readonly sender: string
  /** The statement's payload, for reading. */
  readonly payload: Json
  /** The JWS, as signed. */
  readonly statement: string
  /** null: there is none (the statement has a body), or it was erased (the statement has content). */
  readonly envelope: EnvelopeView | null
}

export type EnvelopeView = {
  readonly suite: string
  readonly signer: string
  readonly labels: Json
  /** kids. */
  readonly receivers: readonly string[]
  /** Of ciphertext. */
  readonly bytes: number
}

/** What is shown of a block beside its own members. */
export type Around = {
  readonly hash: Hash
  /** Hash of the block that follows, if there is one. */
  readonly next: Hash | undefined
  /** Empty when there is none, or when it was erased. */
  readonly envelope: Bytes
  readonly final: boolean
}

/** Throws `damaged-store` when the stored envelope is not what was written. */
export function viewBlock(block: Block, { hash, next, envelope, final }: Around): BlockView {
  const { bucket, index, time, prev, keys, statement } = block
  const [header = '', payload = ''] = statement.split('.')
  return {
    bucket,
    index,
    hash: formatHex(hash),
    prevhash: formatHex(prev),
    nexthash: next === undefined ? null : formatHex(next),
    time: formatTime(time),
    keys,
    final,
    sender: (jsonOf(header) as { kid: string }).kid,
    payload: jsonOf(payload),
    statement,
    envelope: envelope.length === 0 ? null : viewEnvelope(storedHeader(block, envelope)),
  }
}

function viewEnvelope({ suite, signer, labels, receivers, ciphertextBytes }: EnvelopeHeader): EnvelopeView {
  const kids = receivers.map(({ kid }) => kid)
  return { suite, signer, labels: labelsJson(labels), receivers: kids, bytes: ciphertextBytes }
}

/** A part of a JWS that was parsed when the block was admitted. */
function jsonOf(part: string): Json {
  return parseJson(textOf(parseBase64url(part, 'a part'), 'a part'), 'a part')
}
