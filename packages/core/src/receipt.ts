// Receipts: proof, for use without the ledger, that a block is in a checkpoint. C2SP tlog-proof, without
// `extra`.
//
//     c2sp.org/tlog-proof@v1
//     index <decimal>
//     <base64 of 32 bytes>      the inclusion proof, from the leaf's sibling up; none for a tree of one entry
//     <empty line>
//     <checkpoint>
import type { Hash } from './bytes.ts'
import { formatBase64, parseBase64 } from './bytes.ts'
import type { CheckpointExpected, VerifiedCheckpoint } from './checkpoint.ts'
import { parseCheckpoint, parseSize, verifyCheckpoint } from './checkpoint.ts'
import { limits } from './limits.ts'
import { Refused } from './refused.ts'
import { verifyInclusion } from './tree.ts'

/** A receipt as it reads. Nothing in it is true before `verifyReceipt`. */
export type Receipt = {
  readonly index: number
  readonly proof: readonly Hash[]
  /** The text of the checkpoint, with its signatures. */
  readonly checkpoint: string
}

export type VerifiedReceipt = {
  readonly index: number
  /** The leaf hash, which is the block hash, that the receipt proves to be in the log. */
  readonly leaf: Hash
  readonly checkpoint: VerifiedCheckpoint
}

const version = 'c2sp.org/tlog-proof@v1'
const proofHashesMax = 64

/** Strict; does not check the proof. Throws `malformed`, `unknown-version`, `unknown-field`, `too-large`. */
export function parseReceipt(text: string): Receipt {
  const split = text.indexOf('\n\n')
  if (split === -1)
    throw new Refused('malformed', 'a receipt is an index, a proof, an empty line, a checkpoint')
  if (text.length > limits.noteBytesMax + 64 * proofHashesMax)
    throw new Refused('too-large', 'the receipt is too large')
  const [first = '', second = '', ...lines] = text.slice(0, split).split('\n')
  if (first !== version) throw new Refused('unknown-version', `a receipt begins with ${version}`)
  if (second.startsWith('extra '))
    throw new Refused('unknown-field', 'extra data of a receipt are not authenticated')
  if (!second.startsWith('index ')) throw new Refused('malformed', 'the receipt lacks its index line')
  if (lines.length > proofHashesMax) throw new Refused('too-large', 'the proof of the receipt is too long')
  const receipt = {
    index: parseSize(second.slice('index '.length)),
    proof: lines.map((line) => parseBase64(line, 'a hash of the receipt', 32)),
    checkpoint: text.slice(split + 2),
  }
  parseCheckpoint(receipt.checkpoint)
  if (formatReceipt(receipt) !== text)
    throw new Refused('malformed', 'the receipt is not spelled canonically')
  return receipt
}

export function formatReceipt({ index, proof, checkpoint }: Receipt): string {
  const hashes = proof.map((hash) => `${formatBase64(hash)}\n`).join('')
  return `${version}\nindex ${index}\n${hashes}\n${checkpoint}`
}

/**
 * Checks that the entry with this leaf hash is in the log, at the index that the receipt names.
 * Throws what `parseReceipt` and `verifyCheckpoint` throw, and `bad-proof`.
 */
export async function verifyReceipt(
  text: string,
  leaf: Hash,
  expected: CheckpointExpected,
): Promise<VerifiedReceipt> {
  const { index, proof, checkpoint } = parseReceipt(text)
  const verified = await verifyCheckpoint(checkpoint, expected)
  verifyInclusion(leaf, index, verified.head.size, proof, verified.head.root)
  return { index, leaf, checkpoint: verified }
}
