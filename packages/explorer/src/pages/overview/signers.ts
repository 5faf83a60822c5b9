// Who signed a checkpoint, and when, as it stands in the note. For showing: the signatures are checked
// elsewhere.
import { type Bytes, Reader } from '@ledgerstone/core/bytes'
import { parseCheckpoint } from '@ledgerstone/core/checkpoint'

export type Signers = {
  readonly size: number
  /** Milliseconds since 1970: the newest time that a signature carries. */
  readonly at?: number
  readonly log: readonly string[]
  readonly witnesses: readonly string[]
}

/** Throws `malformed`. */
export function readSigners(checkpoint: string): Signers {
  const { origin, head, note } = parseCheckpoint(checkpoint)
  const lines = note.signatures.map(({ name, signature }) => ({
    name,
    isLog: name === origin,
    algorithm: signature.length <= ed25519Bytes + timeBytes ? 'Ed25519' : 'ML-DSA-44',
    seconds: signature.length === ed25519Bytes ? undefined : secondsOf(signature),
  }))
  const times = lines.flatMap(({ seconds }) => (seconds === undefined ? [] : [seconds * 1000]))
  return {
    size: head.size,
    ...(times.length > 0 && { at: Math.max(...times) }),
    log: lines.filter(({ isLog }) => isLog).map(({ algorithm }) => algorithm),
    witnesses: lines.filter(({ isLog }) => !isLog).map(({ name }) => name),
  }
}

const ed25519Bytes = 64
const timeBytes = 8

/** A cosignature begins with its time (C2SP tlog-cosignature). */
function secondsOf(signature: Uint8Array): number | undefined {
  return signature.length < timeBytes ? undefined : new Reader(signature as Bytes, 'a cosignature').uint64()
}
