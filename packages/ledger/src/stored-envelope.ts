// Envelopes as the store gives them back. What is shown of one is the one that the block's statement names.
import type { Block } from '@ledgerstone/core/block'
import type { Bytes } from '@ledgerstone/core/bytes'
import {
  checkContent,
  decodeEnvelope,
  decodeHeader,
  type Envelope,
  type EnvelopeHeader,
  splitEnvelope,
} from '@ledgerstone/core/envelope'
import { Refused } from '@ledgerstone/core/refused'
import { parseStatement } from '@ledgerstone/core/statement'

/** The header, without hashing the ciphertext. Throws `damaged-store` when it is not what was written. */
export function storedHeader(block: Block, bytes: Bytes): EnvelopeHeader {
  return stored(block, () => {
    const { header: encoded, ciphertext } = splitEnvelope(bytes)
    const header = decodeHeader(encoded)
    if (ciphertext.length !== header.ciphertextBytes) throw new Error('the ciphertext is cut off')
    return header
  })
}

/** The whole envelope. Throws `damaged-store` when it is not what was written. */
export function storedEnvelope(block: Block, bytes: Bytes): Envelope {
  return stored(block, () => decodeEnvelope(bytes))
}

function stored<T extends EnvelopeHeader>(block: Block, decode: () => T): T {
  try {
    const envelope = decode()
    const { content } = parseStatement(block.statement).payload
    if (content === undefined) throw new Error('the statement names no envelope')
    checkContent(content, envelope)
    return envelope
  } catch (cause) {
    const what = `the envelope of block ${block.index} of ${block.bucket}`
    throw new Refused('damaged-store', `${what} is not what was written`, { cause })
  }
}
