/*
 * What the main thread and a verifying worker say to each other. One message carries many jobs in one buffer:
 *
 *     job = u32 key number | u32 n | signed bytes | u16 n | signature
 *
 * and is answered by one byte per job, 1 for a good signature.
 */
import type { StatementAlgorithm } from '@ledgerstone/core/statement'

export type Job = { readonly key: number; readonly signed: Uint8Array; readonly signature: Uint8Array }

/** A key that the worker has not seen yet; jobs name it by its number. */
export type NewKey = {
  readonly number: number
  readonly algorithm: StatementAlgorithm
  readonly spki: Uint8Array
}

/** Sent before the jobs that need it, seldom. `forget`: the worker forgets all earlier keys first. */
export type KeysMessage = { readonly forget: boolean; readonly keys: readonly NewKey[] }

/** Jobs go as plain bytes: a third of the cost of an object that holds them. */
export type VerifyMessage = KeysMessage | Uint8Array<ArrayBuffer>

export function encodeJobs(jobs: readonly Job[]): Uint8Array<ArrayBuffer> {
  let bytes = 0
  for (const { signed, signature } of jobs) bytes += 10 + signed.length + signature.length
  const out = new Uint8Array(bytes)
  const view = new DataView(out.buffer)
  let at = 0
  for (const { key, signed, signature } of jobs) {
    view.setUint32(at, key)
    view.setUint32(at + 4, signed.length)
    out.set(signed, at + 8)
    at += 8 + signed.length
    view.setUint16(at, signature.length)
    out.set(signature, at + 2)
    at += 2 + signature.length
  }
  return out
}

/** Views of the message, no copies. */
export function decodeJobs(bytes: Uint8Array<ArrayBuffer>): readonly Job[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const jobs: Job[] = []
  for (let at = 0; at < bytes.length; ) {
    const key = view.getUint32(at)
    const signedEnd = at + 8 + view.getUint32(at + 4)
    const end = signedEnd + 2 + view.getUint16(signedEnd)
    jobs.push({
      key,
      signed: bytes.subarray(at + 8, signedEnd),
      signature: bytes.subarray(signedEnd + 2, end),
    })
    at = end
  }
  return jobs
}
